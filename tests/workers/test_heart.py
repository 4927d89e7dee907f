"""A heart beats by itself, but only for a process that gets somewhere."""

import time
from collections.abc import Callable

from notifier.core.errors import DatabaseAway
from workers.heart import Heart


def test_it_beats_at_once_and_again(eventually: Callable[..., None]) -> None:
    beats: list[int] = []
    heart = Heart(lambda: beats.append(1), patience=60, period=0.01)

    heart.start()
    eventually(lambda: len(beats) >= 3)
    heart.stop()

    count = len(beats)
    time.sleep(0.05)
    assert len(beats) == count


def test_it_stops_beating_for_a_process_that_hangs_and_starts_again_with_it(eventually: Callable[..., None]) -> None:
    beats: list[int] = []
    heart = Heart(lambda: beats.append(1), patience=0.1, period=0.01)
    heart.start()
    eventually(lambda: beats)

    time.sleep(0.2)
    count = len(beats)
    time.sleep(0.05)
    assert len(beats) == count
    heart.alive()
    eventually(lambda: len(beats) > count)
    heart.stop()


def test_a_beat_that_the_database_missed_is_followed_by_others(eventually: Callable[..., None]) -> None:
    tries: list[int] = []

    def beat() -> None:
        tries.append(1)
        raise DatabaseAway("OperationalError")

    heart = Heart(beat, patience=60, period=0.01)
    heart.start()

    eventually(lambda: len(tries) >= 3)
    heart.stop()
