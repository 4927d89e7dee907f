"""The relay lets go what has been kept long enough, after everything else and without getting in its way."""

from datetime import UTC, datetime

from notifier.flow.watch import Due
from workers.relay import SOON, Post, Relay
from workers.signals import Stop

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class Waited(Stop):
    """Notes every wait and stops after the n-th."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.waits: list[float] = []
        self._most = most

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        if len(self.waits) == self._most:
            self.ask()
        return self()


def relay(left: list[bool | Exception], stop: Stop) -> Relay:
    """A relay with nothing else to do; `left` says what each look at retention comes to."""

    def retain() -> bool:
        said = left.pop(0)
        if isinstance(said, Exception):
            raise said
        return said

    return Relay(Post(lambda: Due((), None), {}, lambda: None, lambda: NOW, lambda _: True, lambda: NOW, retain), stop)


def test_it_looks_again_soon_while_there_is_more() -> None:
    stop = Waited(3)

    relay([True, True, False], stop).run()

    assert stop.waits == [SOON, SOON, 5.0]


def test_a_fault_of_it_is_outlived() -> None:
    stop = Waited(2)

    relay([ZeroDivisionError(), False], stop).run()

    assert stop.waits[-1] == 5.0
