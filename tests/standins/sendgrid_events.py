"""The other half of the stand-in for SendGrid: it reports what became of the mails it took, in signed posts.

The bytes are SendGrid's: a JSON array without spaces, events separated by a comma and a line end, a line end after the
last bracket, "<" and ">" and "&" written as escapes; two headers with the time and an ECDSA P-256 signature over time
and raw bytes. So are its habits, where `Habits` asks for them: late, more than once, in any order, a copy under another
`sg_event_id`. A post that is refused or not answered is made again until it is taken: the same bytes, or, where copies
are renamed, new ones.

What happens to a mail is *processed* and *delivered* unless `say` told otherwise for its address.
"""

import base64
import heapq
import http.client
import itertools
import json
import random
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"

#: What is told of a mail whose address nothing else was said about.
USUAL = ("processed", "delivered")

#: What an event of each type has beside what all have.
DETAILS: Mapping[str, Mapping[str, Any]] = {
    "deferred": {"response": "450 4.2.1 try again later", "attempt": "1"},
    "delivered": {"response": "250 2.0.0 OK", "tls": 1, "ip": "192.0.2.17"},
    "bounce": {"reason": "550 5.1.1 unknown user", "status": "5.1.1", "type": "bounce", "tls": 1, "ip": "192.0.2.17"},
    "blocked": {"reason": "554 5.7.1 refused", "status": "5.7.1", "type": "blocked", "tls": 1, "ip": "192.0.2.17"},
    "dropped": {"reason": "Bounced Address", "status": "5.0.0"},
}

#: Seconds a post may take, and the pauses before it is made again.
PATIENCE = 10.0
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0

#: Events that are due within so many seconds leave in one post.
TOGETHER = 0.05


@dataclass(frozen=True)
class Habits:
    """How the posts are made: `late` is the most seconds after the mail was taken, `copies` the most times an event is
    told, `renamed` how often (0 to 1) a copy bears another `sg_event_id`, `posters` how many post at the same time."""

    late: float = 0.0
    copies: int = 1
    renamed: float = 0.0
    shuffled: bool = False
    batch: int = 50
    posters: int = 1


@dataclass(frozen=True)
class Post:
    """One post as it was made, and the status it was answered; 0 if nobody answered."""

    headers: Mapping[str, str]
    body: bytes
    status: int


class Signer:
    """A key pair made at the start. The private half stays in here."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def public_key(self) -> str:
        """As the provider's page shows it: base64 of the DER form, without a PEM frame."""
        form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(self._key.public_key().public_bytes(*form)).decode("ascii")

    def headers(self, body: bytes, moment: float) -> dict[str, str]:
        """The headers of a post that is signed at `moment`."""
        stamp = str(int(moment))
        signature = self._key.sign(stamp.encode("ascii") + body, ec.ECDSA(hashes.SHA256()))
        return {
            "Content-Type": "application/json;charset=utf-8",
            SIGNATURE: base64.b64encode(signature).decode("ascii"),
            TIMESTAMP: stamp,
        }


def written(events: Sequence[Mapping[str, Any]]) -> bytes:
    """The body of a post, byte for byte as SendGrid writes it."""
    each = [json.dumps(event, separators=(",", ":"), ensure_ascii=False) for event in events]
    text = "[" + ",\r\n".join(each) + "]\r\n"
    for sign, escape in (("&", "\\u0026"), ("<", "\\u003c"), (">", "\\u003e")):
        text = text.replace(sign, escape)
    return text.encode("utf-8")


def event_of(
    kind: str, number: int, x_message_id: str, to: str, custom_args: Mapping[str, str], moment: float
) -> dict[str, Any]:
    """The `number`-th event about a mail. Custom arguments lie between ours and never replace one of them."""
    named = f"{kind}-{number}-7654321-{x_message_id}-{number}".encode()
    own = {
        "email": to,
        "timestamp": int(moment),
        "smtp-id": f"<{x_message_id}@ismtpd0047p1iad1.sendgrid.net>",
        "event": "bounce" if kind == "blocked" else kind,
        "sg_event_id": base64.urlsafe_b64encode(named).decode("ascii").rstrip("="),
        "sg_message_id": f"{x_message_id}.filter0017p1iad2-5678-6914F6E5-7.0",
        **DETAILS.get(kind, {}),
    }
    return {**custom_args, **own}


class Events:
    """Posts to `address` what becomes of the mails that `tell` is told about."""

    def __init__(self, address: str, habits: Habits | None = None, *, seed: int | None = None) -> None:
        self.posts: list[Post] = []
        self.signer = Signer()
        self._address = urlsplit(address)
        self._habits = habits or Habits()
        self._dice = random.Random(seed)  # made-up misfortune is no secret
        self._said: dict[str, tuple[str, ...]] = {}
        self._waiting: list[tuple[float, int, dict[str, Any]]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._posting = 0
        self._stopped = False
        self._threads: list[threading.Thread] = []

    @property
    def public_key(self) -> str:
        """What the receiver of the posts must know."""
        return self.signer.public_key

    def say(self, to: str, *kinds: str) -> None:
        """Tell these about the next mails to `to`, in this order, instead of the usual. None of them: say nothing."""
        self._said[to] = kinds

    def tell(self, x_message_id: str, to: str, custom_args: Mapping[str, str]) -> None:
        """A mail was taken: report in due time what becomes of it."""
        now = time.time()
        kinds = self._said.get(to, USUAL)
        with self._changed:
            delays = sorted(self._dice.uniform(0, self._habits.late) for _ in kinds)
            for number, (kind, delay) in enumerate(zip(kinds, delays, strict=True)):
                event = event_of(kind, number, x_message_id, to, custom_args, now + delay)
                for copy in range(self._dice.randint(1, self._habits.copies)):
                    again = self._dice.uniform(0, self._habits.late) if copy else 0.0
                    self._put(now + delay + again, self._copied(event) if copy else event)
            self._changed.notify_all()

    def idle(self, seconds: float) -> bool:
        """Wait, but not longer than `seconds`, until everything that is to be told has been taken."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._posting, seconds)

    def start(self) -> None:
        """Begin to post."""
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(self._habits.posters)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, whatever has not been told."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _put(self, due: float, event: dict[str, Any]) -> None:
        heapq.heappush(self._waiting, (due, next(self._numbers), event))

    def _copied(self, event: dict[str, Any]) -> dict[str, Any]:
        if self._dice.random() >= self._habits.renamed:
            return event
        return event | {"sg_event_id": base64.urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii")}

    def _run(self) -> None:
        while batch := self._next():
            self._until_taken(batch)
            with self._changed:
                self._posting -= 1
                self._changed.notify_all()

    def _next(self) -> list[dict[str, Any]]:
        """The events of the next post, when it is time; empty at the end."""
        with self._changed:
            while not self._stopped:
                wait = self._waiting[0][0] - time.time() if self._waiting else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
                batch: list[dict[str, Any]] = []
                until = time.time() + TOGETHER
                while self._waiting and self._waiting[0][0] <= until and len(batch) < self._habits.batch:
                    batch.append(heapq.heappop(self._waiting)[2])
                if self._habits.shuffled:
                    self._dice.shuffle(batch)
                self._posting += 1
                return batch
        return []

    def _until_taken(self, batch: list[dict[str, Any]]) -> None:
        body = written(batch)
        headers = self.signer.headers(body, time.time())
        pause = FIRST_PAUSE
        while not 200 <= self._post(headers, body) < 300:
            if self._sleep(pause):
                return
            pause = min(2 * pause, LONGEST_PAUSE)
            if self._habits.renamed:
                body = written([self._copied(event) for event in batch])
                headers = self.signer.headers(body, time.time())

    def _post(self, headers: Mapping[str, str], body: bytes) -> int:
        connection = http.client.HTTPConnection(self._address.hostname or "", self._address.port, timeout=PATIENCE)
        status = 0
        try:
            connection.request("POST", self._address.path, body, dict(headers))
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            pass  # nobody answered: it is told again
        finally:
            connection.close()
        self.posts.append(Post(headers, body, status))
        return status

    def _sleep(self, seconds: float) -> bool:
        """Wait; whether the end has come meanwhile."""
        with self._changed:
            return self._changed.wait_for(lambda: self._stopped, seconds)
