"""The nemesis: kills, empties and stops at random, for as long as there is something to disturb.

A *kill* is a SIGKILL to a process of the product, to redis-server or to PostgreSQL. Emptying Redis and letting a worker
stand still are counted apart. The pace follows the work: after each blow it waits until a mail was taken, or a quarter
of a minute, because processes that never get through their start prove nothing.
"""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from tests.chaos.history import History
from tests.chaos.parts import Part
from tests.chaos.system import System

#: What is struck how often.
TARGETS = {"worker": 50, "relay": 14, "web": 18, "redis": 7, "flushall": 6, "stopped": 5}

#: Blows that kill nobody.
HARMLESS = frozenset({"flushall", "stopped"})

#: PostgreSQL is killed after each so many kills, but at least so often in a run.
POSTGRESQL_EVERY, POSTGRESQL_LEAST = 25, 5

#: Seconds between two blows: at least, and at most while nothing goes on.
PAUSE = (0.1, 0.8)
LONGEST = 15.0

#: Seconds without blows after PostgreSQL was killed.
RECOVERY = 2.0

#: Seconds a worker stands still; less than a lease, which is all that a person who looks can rely on.
STILL = (1.0, 30.0)


class Nemesis:
    """Strikes until `wanted` kills are done. `progress` is any number that grows while work gets done."""

    def __init__(
        self, system: System, history: History, dice: random.Random, *, wanted: int, progress: Callable[[], int]
    ) -> None:
        self.blows: Counter[str] = Counter()
        self._system = system
        self._history = history
        self._dice = dice
        self._wanted = wanted
        self._progress = progress
        self._seen = 0
        self._stopped = threading.Event()
        self._sleepers: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._run, name="nemesis")
        every = min(POSTGRESQL_EVERY, max(1, wanted // POSTGRESQL_LEAST))
        self._postgresql_at = set(range(every, wanted + 1, every)) if system.postgres is not None else set()

    @property
    def kills(self) -> int:
        """How many processes, or groups of them, were killed."""
        return sum(number for kind, number in self.blows.items() if kind not in HARMLESS)

    @property
    def done(self) -> bool:
        """Whether it has ended, and nobody stands still any more: whoever wakes up may yet send something."""
        return not any(thread.is_alive() for thread in (self._thread, *self._sleepers))

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and let whoever stands still go on."""
        self._stopped.set()
        self._thread.join()
        for sleeper in self._sleepers:
            sleeper.join()

    def _run(self) -> None:
        while self.kills < self._wanted and self._wait_for_work():
            if self.kills + 1 in self._postgresql_at:
                self._postgresql_at.discard(self.kills + 1)
                self._kill_postgresql()
                continue
            kind = self._dice.choices(list(TARGETS), list(TARGETS.values()))[0]
            self._strike(kind)

    def _wait_for_work(self) -> bool:
        """Wait until something went on since the last blow, and a little longer; false at the end."""
        end = time.monotonic() + LONGEST
        while self._progress() == self._seen and time.monotonic() < end:
            if self._stopped.wait(0.02):
                return False
        ended = self._stopped.wait(self._dice.uniform(*PAUSE))
        self._seen = self._progress()
        return not ended

    def _note(self, kind: str, **details: object) -> None:
        self.blows[kind] += 1
        self._history.note("struck", target=kind, number=self.kills, **details)

    def _strike(self, kind: str) -> None:
        match kind:
            case "flushall":
                self._note(kind)
                self._system.redis.flush()
            case "stopped":
                self._let_stand_still(self._one_of("worker"))
            case "web":
                self._kill_web(self._one_of("web"))
            case _:
                part = self._one_of(kind)
                self._note(kind, part=part.name)
                part.signal_group(signal.SIGKILL)

    def _one_of(self, kind: str) -> Part:
        return self._dice.choice([part for part in self._system.parts if part.kind == kind])

    def _kill_web(self, part: Part) -> None:
        """The server with its children, only its first process, or only one that answers requests."""
        which = self._dice.choice(("all", "first", "child"))
        children = part.children()
        self._note("web", part=part.name, which=which)
        if which == "all" or (which == "child" and not children):
            part.signal_group(signal.SIGKILL)
        else:
            with suppress(OSError):
                os.kill(part.pid if which == "first" else self._dice.choice(children), signal.SIGKILL)

    def _let_stand_still(self, part: Part) -> None:
        seconds = self._dice.uniform(*STILL)
        pid = part.pid
        self._note("stopped", part=part.name, seconds=round(seconds, 1))
        part.signal_group(signal.SIGSTOP)

        def wake() -> None:
            self._stopped.wait(seconds)
            if part.pid == pid:
                part.signal_group(signal.SIGCONT)

        sleeper = threading.Thread(target=wake, name="sleeper")
        self._sleepers.append(sleeper)
        sleeper.start()

    def _kill_postgresql(self) -> None:
        assert self._system.postgres is not None
        self._note("postgresql")
        self._system.postgres.kill()
        self._history.note("recovered", target="postgresql")
        self._stopped.wait(RECOVERY)
