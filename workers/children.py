"""Child processes that are started again when they end, and stopped with patience."""

import math
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from workers.tether import tethered

#: Seconds: one that lived this long starts again at once, one that did not waits, longer each time.
SETTLED = 10.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0


@dataclass(frozen=True, slots=True)
class Role:
    """What a child is. `patience`: the seconds it gets to finish what is in hand before it is killed."""

    name: str
    command: Sequence[str]
    patience: float


class Child:
    """One child in its role. `say` is told in one line what happens to it."""

    def __init__(self, role: Role, say: Callable[[str], None], *, environ: Mapping[str, str] | None = None) -> None:
        self.role = role
        self._say = say
        self._environ = environ
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._start_at = 0.0
        self._pause = FIRST_PAUSE

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches it through us and in order."""
        self._started = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603 - our own command lines
            tethered(self.role.command), start_new_session=True, stdin=subprocess.DEVNULL, env=self._environ
        )
        self._say(f"{self.role.name}: started (pid {self._process.pid})")

    def look_after(self) -> None:
        """Start it again if it ended: at once if it had settled, else after a pause that doubles."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._start_at:
                self.start()
            return
        code = self._process.poll()
        if code is None:
            return
        self._process = None
        settled = now - self._started >= SETTLED
        pause = 0.0 if settled else self._pause
        self._pause = FIRST_PAUSE if settled else min(2 * self._pause, LONGEST_PAUSE)
        self._start_at = now + pause
        self._say(f"{self.role.name}: {_ending(code)}, starts again" + (f" in {pause:g} s" if pause else ""))

    def seconds_until_start(self) -> float:
        """How long until `look_after` has something to do, as far as can be known."""
        return math.inf if self._process else max(0.0, self._start_at - time.monotonic())

    def stop(self) -> None:
        """Ask it to stop, wait, and kill it and its own children if it does not."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.terminate()
        try:
            process.wait(self.role.patience)
            self._say(f"{self.role.name}: stopped")
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self._say(f"{self.role.name}: killed after {self.role.patience:g} s")


def _ending(code: int) -> str:
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
