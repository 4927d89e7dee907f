"""A worker of the real flow that stands still wherever a process can be stopped or killed, until a test lets it go on.

It runs `send_batch` itself, in a thread of its own; what it is given are the real database and a provider that both
stop after each committed transaction, before each call, and when the provider has taken the mail and nobody here knows
it yet. Only one thread runs at any moment, so whatever happens between two stops is the test's choice and repeats.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from typing import Any

from notifier.core.answer import Answer
from notifier.deliver.email import Email
from notifier.flow.parts import Flow
from notifier.flow.send import send_batch
from notifier.store.database import Database, Tx


class Stop(StrEnum):
    """Where a worker stands. `claimed` and `fenced`: that transaction has just been committed. `taken`: the provider
    has the mail, its answer is on the way. `written`: the result is committed. `ended`: it runs no more."""

    CLAIMED = "claimed"
    FENCED = "fenced"
    TAKEN = "taken"
    WRITTEN = "written"
    ENDED = "ended"


class Killed(BaseException):
    """Raised at the stop where the worker dies: nothing in it may catch this, as nothing catches a kill -9."""


class _Inline(Executor):
    """Calls one after the other in the worker's own thread, where it can be stopped."""

    def map(self, fn: Callable[..., Any], *iterables: Iterable[Any], **_: Any) -> Iterator[Any]:
        return map(fn, *iterables)


class _SteppedDatabase(Database):
    def __init__(self, real: Database, stop: Callable[[], None]) -> None:
        self.__dict__.update(real.__dict__)
        self._stop = stop

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        with super().begin() as tx:
            yield tx
        self._stop()


class _SteppedProvider:
    """Asks `deliver` what happens to a mail: whether it is taken, and what the provider answers."""

    name = "scripted"

    def __init__(self, deliver: Callable[[Email], tuple[bool, Answer]], stop: Callable[[Stop], None]) -> None:
        self._deliver, self._stop = deliver, stop
        self.in_flight = 2

    def send(self, email: Email) -> Answer:
        taken, answer = self._deliver(email)
        if taken:
            self._stop(Stop.TAKEN)
        return answer

    def close(self) -> None:
        """There is nothing to close."""


class Worker:
    """One worker, and where it stands (`at`; `None` before its first step). `claimed` is what `send_batch` returned.

    `deliver` says for each e-mail whether the provider takes it, and the answer that comes back; `looked` is called
    with the stop whenever the worker has just come to one.
    """

    def __init__(
        self,
        flow: Flow,
        deliver: Callable[[Email], tuple[bool, Answer]],
        looked: Callable[[Stop], None] = lambda _: None,
    ) -> None:
        self.at: Stop | None = None
        self.claimed = 0
        self.fault: BaseException | None = None
        self._looked = looked
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._dead = False
        self._flow = replace(
            flow,
            db=_SteppedDatabase(flow.db, self._committed),
            provider=_SteppedProvider(deliver, self._stop),
            callers=_Inline(),
        )
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def step(self) -> Stop:
        """Let it run to its next stop, and say where that is. What went wrong in it goes wrong here."""
        if self.at is Stop.ENDED:
            return self.at
        self._go.release()
        self._stopped.acquire()
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        assert self.at is not None
        self._looked(self.at)
        return self.at

    def run_to(self, stop: Stop) -> "Worker":
        """Let it run until it stands there. Ending before that is a fault of the test."""
        while self.step() is not stop:
            assert self.at is not Stop.ENDED, f"it never came to {stop}"
        return self

    def finish(self) -> None:
        """Let it run to its end."""
        while self.step() is not Stop.ENDED:
            pass

    def kill(self) -> None:
        """It dies where it stands."""
        self._dead = True
        self.step()
        self._thread.join()

    def _run(self) -> None:
        self._go.acquire()
        try:
            if not self._dead:
                self.claimed = send_batch(self._flow)
        except Killed:
            pass
        except BaseException as fault:  # handed to whoever drives it
            self.fault = fault
        self.at = Stop.ENDED
        self._stopped.release()

    def _committed(self) -> None:
        following = {None: Stop.CLAIMED, Stop.CLAIMED: Stop.FENCED, Stop.WRITTEN: Stop.FENCED}
        self._stop(following.get(self.at, Stop.WRITTEN))

    def _stop(self, at: Stop) -> None:
        self.at = at
        self._stopped.release()
        self._go.acquire()
        if self._dead:
            raise Killed
