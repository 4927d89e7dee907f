"""Being told to stop, without losing what is in hand.

SIGTERM and SIGINT set a flag that loops look at between two batches; a pipe wakes whoever waits. A `threading.Event`
set from a signal handler can lock up when the main thread is inside its `wait`, a pipe cannot.
"""

import os
import select
import signal
from types import FrameType


class Stop:
    """Whether this process was asked to stop. Called like a function it says so; `wait` sleeps until then."""

    def __init__(self) -> None:
        self._asked = False
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)

    def __call__(self) -> bool:
        """True once a stop was asked for."""
        return self._asked

    def listen(self) -> None:
        """Take SIGTERM and SIGINT as the wish to stop; main thread only."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.ask()

    def ask(self) -> None:
        """Ask for a stop. Safe in a signal handler and from other threads; asking again changes nothing."""
        self._asked = True
        self.wake()

    def wake(self) -> None:
        """End a `wait` early without asking for a stop."""
        try:
            os.write(self._write, b".")
        except BlockingIOError:
            return  # the pipe is full of wake-ups already

    def wait(self, seconds: float) -> bool:
        """Sleep for `seconds`, less if woken; true once a stop was asked for."""
        woken = not self._asked and bool(select.select([self._read], [], [], max(0.0, seconds))[0])
        if woken and not self._asked:
            os.read(self._read, 4096)  # after a stop was asked for it stays readable, for every thread that waits
        return self._asked
