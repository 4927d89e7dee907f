"""The receiver of the mails: the stand-in for SendGrid on a bad day.

It takes most mails and says so, some after a while; it refuses, fails, hangs and cuts lines, before and after it has
taken the mail; and it reports, in signed posts, what becomes of every mail that it took, whatever it had answered. Its
record is the truth of what left.
"""

import random
from collections import Counter
from pathlib import Path
from typing import Any

from tests.chaos.history import History
from tests.standins.behaviours import Behaviour, Cut, Delay, Hang, Refuse, Truncate
from tests.standins.sendgrid import Mail, SendGrid
from tests.standins.sendgrid_events import Events, Habits

#: Seconds before every answer, so that there is a call to be killed in.
SLOW = 0.05

#: (how often in a thousand, what the report calls it, what is done). The rest is answered well.
MISFORTUNES: tuple[tuple[int, str, Behaviour], ...] = (
    (60, "late answer", Delay(0.7)),
    (20, "very late answer", Delay(4.0)),
    (15, "429", Refuse(429, {"Retry-After": "1"})),
    (10, "429 without a time", Refuse(429)),
    (3, "401, everything pauses", Refuse(401)),
    (10, "503, not taken", Refuse(503)),
    (15, "503, taken", Refuse(503, taken=True)),
    (15, "500, taken", Refuse(500, taken=True)),
    (10, "cut, not taken", Cut()),
    (20, "cut, taken", Cut(taken=True)),
    (15, "truncated answer", Truncate()),
    (2, "silence, not taken", Hang(17.0)),
    (3, "silence, taken", Hang(17.0, taken=True)),
)

#: How its events come: late, often, in any order, and with new ids.
HABITS = Habits(late=4.0, copies=3, renamed=0.5, shuffled=True, batch=20, posters=2)


class Receiver(SendGrid):
    """The stand-in with misfortunes; `misfortunes` counts them. `taken` has the ids of the messages it has."""

    def __init__(self, record: Path, events_address: str, history: History, dice: random.Random) -> None:
        super().__init__(record=record, delay=SLOW, events=Events(events_address, HABITS, seed=dice.randrange(2**32)))
        self.misfortunes: Counter[str] = Counter()
        self.taken: set[str] = set()
        self._history = history
        self._dice = dice

    def behaviour(self) -> Behaviour | None:
        """What to do with the next request."""
        with self._lock:
            number = self._dice.randrange(1000)
            for share, words, behaviour in MISFORTUNES:
                number -= share
                if number < 0:
                    self.misfortunes[words] += 1
                    return behaviour
        return None

    def take(self, payload: dict[str, Any]) -> Mail:
        """Accept a mail, and note it."""
        mail = super().take(payload)
        self.taken.add(mail.custom_args["mid"])
        self._history.note("taken", to=mail.to, **mail.custom_args)
        return mail

    def may_still_take(self, message_id: str) -> bool:
        """Whether it has this message or is just about to decide; a person who looks must wait then."""
        # In this order: a request is in hand until after its mail was taken.
        return self.answering(message_id) or message_id in self.taken
