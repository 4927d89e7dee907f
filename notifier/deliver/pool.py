"""Connections kept for the next call.

The newest is taken first, so that in quiet times the old ones are found too old and go. Nothing is shared with a forked
child: two processes on one TLS connection would mix their messages up.
"""

import os
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Pool(Generic[T]):
    """A few idle connections. Safe to use from several threads."""

    def __init__(self, *, most: int, idle: float, usable: Callable[[T], bool], close: Callable[[T], None]) -> None:
        """Keep `most` connections for at most `idle` seconds; `usable` is asked before one is used again."""
        self._most = most
        self._idle = idle
        self._usable = usable
        self._close = close
        self._lock = threading.Lock()
        self._kept: list[tuple[float, T]] = []
        self._pid = os.getpid()

    def take(self) -> T | None:
        """A connection that can be used now, or nothing."""
        while True:
            with self._lock:
                self._forget_after_fork()
                if not self._kept:
                    return None
                since, connection = self._kept.pop()
            if time.monotonic() - since <= self._idle and self._usable(connection):
                return connection
            self._close(connection)

    def give(self, connection: T) -> None:
        """Keep a connection whose last exchange is complete."""
        with self._lock:
            self._forget_after_fork()
            if len(self._kept) < self._most:
                self._kept.append((time.monotonic(), connection))
                return
        self._close(connection)

    def close(self) -> None:
        """Close what is idle now, and what is given back from now on."""
        with self._lock:
            kept, self._kept, self._most = self._kept, [], 0
        for _, connection in kept:
            self._close(connection)

    def _forget_after_fork(self) -> None:
        if self._pid != os.getpid():
            # Not closed: a goodbye written here would end the parent's connection.
            self._pid, self._kept = os.getpid(), []
