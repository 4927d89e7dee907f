"""The ATS: it tells of many applications, one message each, and does not stop before it was answered with 200.

Half of the applications enter a stage that is told, half are turned down. Many have an earlier event about which
nothing is said; some of these come after the later one. Some webhooks come again although they were answered.
"""

import http.client
import json
import queue
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from notifier.core.change import Delivery
from notifier.ingest.registry import adapters
from tests.chaos.history import History
from tests.world import Here

#: How many webhooks are under way at the same time.
POSTERS = 3

#: How often (0 to 1) an application has an earlier event, this comes late, and a webhook comes again.
EARLIER, OUT_OF_ORDER, AGAIN = 0.5, 0.3, 0.15

#: Seconds until an answer is not waited for any more, and before the webhook is posted again.
PATIENCE, PAUSE = 10.0, 0.2

#: Seconds a webhook that comes again, or late, may be put off.
LATE = 10.0


@dataclass(frozen=True, slots=True, order=True)
class Webhook:
    """What is to be posted, not before `due` (monotonic). `owes` is the address that gets a message because of it."""

    due: float
    event_id: str
    body: bytes
    owes: str = ""
    again: bool = False


def address(number: int) -> str:
    """Whom the message of the n-th application goes to."""
    return f"c{number}@example.org"


def body(number: int, moment: datetime, **happened: Any) -> bytes:
    """One change of the n-th application."""
    data = {
        "application": {"id": f"chaos-{number}"},
        "candidate": {"id": f"c-{number}", "first_name": "Ana", "email": address(number)},
        "job": {"id": "j1", "title": "Backend engineer"},
        "owner": {"id": "o1", "name": "Maria Lopez", "email": "maria@example.com"},
        **happened,
    }
    return json.dumps({"type": "application.changed", "timestamp": moment.isoformat(), "data": data}).encode()


def stage(kind: str) -> dict[str, str]:
    """A stage of this kind, by the same name."""
    return {"id": kind, "name": kind, "kind": kind}


def webhooks(number: int, dice: random.Random, moment: datetime, now: float) -> list[Webhook]:
    """All that is to be posted about the n-th application, whose message is due at `moment`."""
    happened = {"stage": stage("applied"), "outcome": "rejected"} if dice.random() < 0.5 else {"stage": stage("screen")}
    last = Webhook(now, f"{number}-last", body(number, moment, **happened), address(number))
    found = [last]
    if dice.random() < EARLIER:
        before = body(number, moment - timedelta(minutes=1), stage=stage("applied"))
        late = dice.uniform(0, LATE) if dice.random() < OUT_OF_ORDER else -1.0
        found.append(Webhook(now + late, f"{number}-first", before))
    if dice.random() < AGAIN:
        found.append(Webhook(now + dice.uniform(0, LATE), last.event_id, last.body, last.owes, again=True))
    return sorted(found)


class Ats:
    """Tells of `messages` applications; of the n-th as soon as `allowed()` is greater than n."""

    def __init__(
        self, port: int, here: Here, history: History, dice: random.Random, *, messages: int, allowed: Callable[[], int]
    ) -> None:
        self.answers: Counter[int] = Counter()
        self._port = port
        self._here = here
        self._history = history
        self._dice = dice
        self._messages = messages
        self._allowed = allowed
        self._waiting: queue.PriorityQueue[Webhook] = queue.PriorityQueue()
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._make, name="ats")]
        self._threads += [threading.Thread(target=self._post_all, name=f"ats-{n}") for n in range(POSTERS)]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    @property
    def done(self) -> bool:
        """Whether everything there is to tell has been answered with 200."""
        return not self._threads[0].is_alive() and self._waiting.unfinished_tasks == 0

    def stop(self) -> None:
        """End, whatever is left."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _make(self) -> None:
        began = datetime.now(UTC) - timedelta(minutes=10)
        for number in range(self._messages):
            while self._allowed() <= number:
                if self._stopped.wait(0.02):
                    return
            for webhook in webhooks(number, self._dice, began + timedelta(milliseconds=number), time.monotonic()):
                self._waiting.put(webhook)

    def _post_all(self) -> None:
        while not self._stopped.is_set():
            try:
                webhook = self._waiting.get(timeout=0.1)
            except queue.Empty:
                continue
            if webhook.due > time.monotonic():
                self._waiting.put(webhook)  # before `task_done`, or everything would seem to be done
                self._stopped.wait(0.02)
            else:
                self._until_acknowledged(webhook)
            self._waiting.task_done()

    def _until_acknowledged(self, webhook: Webhook) -> None:
        tries = 1
        while (status := self._post(webhook)) != 200:
            self._stopped.wait(PAUSE)
            if self._stopped.is_set():
                return
            tries += 1
        self._history.note(
            "acknowledged", event=webhook.event_id, owes=webhook.owes, tries=tries, again=webhook.again, status=status
        )

    def _post(self, webhook: Webhook) -> int:
        """The status; 0 if nobody answered."""
        adapter = adapters()[self._here.ats]
        delivery = adapter.signed(Delivery({}, webhook.body), self._here.secret, datetime.now(UTC), webhook.event_id)
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        status = 0
        try:
            connection.request("POST", f"/hooks/ats/{self._here.key}", delivery.body, delivery.headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            pass  # killed, or not there yet: it comes again
        finally:
            connection.close()
        self.answers[status] += 1
        return status
