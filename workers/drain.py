"""Working off what is due, batch after batch: what a job does, and the relay when there is nobody to nudge."""

import time
from collections.abc import Callable, Sequence

#: Does one batch and says how much it moved; 0 means that nothing was left.
Batch = Callable[[], int]


def drain(batches: Sequence[Batch], *, stopping: Callable[[], bool], seconds: float) -> bool:
    """Do `batches` in turn, again and again, until none of them finds anything; true if that was reached.

    False when a stop was asked for or `seconds` have passed, both looked at between two batches: something may be left.
    """
    end = time.monotonic() + seconds
    while True:
        moved = 0
        for batch in batches:
            if stopping():
                return False
            moved += batch()
        if not moved:
            return True
        if time.monotonic() >= end:
            return False
