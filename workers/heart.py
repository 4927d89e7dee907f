"""The heartbeat of a worker: written by a small thread, because a batch may take longer than a heartbeat stays fresh.

A thread alone would go on beating for a worker that hangs. So the main thread gives a sign whenever it gets somewhere,
and the heart stops when there was none for `patience` seconds; the relay then works by itself and /readyz says so.
"""

import threading
import time
from collections.abc import Callable

import structlog

from notifier.core.errors import DatabaseAway

log = structlog.get_logger()

#: Seconds between two beats; a beat is taken for fresh much longer than this.
PERIOD = 10.0


class Heart:
    """Calls `beat` every `period` seconds for as long as `alive` was called within the last `patience` seconds."""

    def __init__(self, beat: Callable[[], None], *, patience: float, period: float = PERIOD) -> None:
        self._beat = beat
        self._patience = patience
        self._period = period
        self._sign = time.monotonic()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heart", daemon=True)

    def start(self) -> None:
        """Beat for the first time at once."""
        self._thread.start()

    def stop(self) -> None:
        """Beat no more; returns when the thread is done."""
        self._end.set()
        self._thread.join(timeout=5)

    def alive(self) -> None:
        """A sign that the main thread got somewhere."""
        self._sign = time.monotonic()

    def _run(self) -> None:
        while True:
            if time.monotonic() - self._sign < self._patience:
                self._beat_once()
            if self._end.wait(self._period):
                return

    def _beat_once(self) -> None:
        try:
            self._beat()
        except DatabaseAway as fault:
            log.warning("heart.missed", error=str(fault))  # the next beat is a new chance
