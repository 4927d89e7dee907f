"""The people who work with the product: they settle by hand what only a person may.

They see what a recruiter and a colleague would see: the product's list of messages in doubt and, beside it, the page on
which the provider shows what it took, which here is the receiver itself. A doubt about a mail that was taken is left to
the provider's events. One that is old and of which the receiver knows nothing is sent again: one of them presses, and
where a second person is asked for, so does the other. They approve anew what has failed, and resume what is paused.
"""

import threading
import time
from collections import Counter

from notifier.core.errors import DatabaseAway, NotFound, Refused
from notifier.core.message import Submission
from notifier.flow import doubts, settle
from notifier.store.views import list_messages
from notifier.store.workspaces import pauses
from tests.chaos.history import History
from tests.chaos.receiver import Receiver
from tests.chaos.system import System

#: Seconds between two looks at the lists.
LOOK = 1.0

#: Seconds a message is in doubt before they believe the receiver's page; a call is long over then.
OLD = 20.0

FIRST, SECOND = "usr_a", "usr_b"


class People:
    """Two people at the lists. `deeds` counts what they did."""

    def __init__(self, system: System, receiver: Receiver, history: History) -> None:
        self.deeds: Counter[str] = Counter()
        self._system = system
        self._receiver = receiver
        self._history = history
        self._seen: dict[str, float] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="people")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Go home."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(LOOK):
            try:
                self._look()
            except DatabaseAway:
                self.deeds["found the database away"] += 1

    def _look(self) -> None:
        with self._system.flow.db.read() as tx:
            views = list_messages(tx, None, states=[Submission.IN_DOUBT, Submission.FAILED], limit=10_000)
            states = {view.message.id: view.message.state for view in views}
            paused = bool(pauses(tx))
        if paused:
            self._note("resumed")
            self._system.notifier("resume", check=False)
        now = time.monotonic()
        doubtful = [one for one, state in states.items() if state is Submission.IN_DOUBT]
        self._seen = {one: self._seen.get(one, now) for one in doubtful}
        for message_id in doubtful:
            if now - self._seen[message_id] > OLD and not self._receiver.may_still_take(message_id):
                self._send_again(message_id)
        for message_id in states.keys() - set(doubtful):
            self._approve(message_id)

    def _send_again(self, message_id: str) -> None:
        """Both press, one after the other, if one is not enough. Should the doubt come back, it begins anew."""
        del self._seen[message_id]
        for person in (FIRST, SECOND):
            try:
                answer = doubts.send_again(self._system.flow, None, message_id, by=person)
            except (Refused, NotFound) as fault:
                self._note("refused to send again", message=message_id, by=person, why=str(fault))
                continue
            if answer == doubts.SCHEDULED:
                self._note("sent again", message=message_id, by=person)
                return
            self._note("second person asked", message=message_id, by=person)

    def _approve(self, message_id: str) -> None:
        try:
            settle.approve(self._system.flow, None, message_id, by=FIRST, now=True)
            self._note("approved a failed one", message=message_id)
        except (Refused, NotFound) as fault:
            self._note("refused to approve", message=message_id, why=str(fault))

    def _note(self, deed: str, **details: str) -> None:
        self.deeds[deed] += 1
        self._history.note("person", deed=deed, **details)
