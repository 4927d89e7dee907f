"""Saying what failed without saying whose data it was.

The text of an exception may quote a row, an address or a payload, so neither logs nor Redis get it: they get the class
of the fault and the places it went through.
"""

import traceback

#: Frames that are kept, the innermost ones.
FRAMES = 4


def blame(fault: BaseException) -> dict[str, str]:
    """`error`: the classes, from the fault to what caused it; `at`: where it was raised, outermost frame first."""
    classes: list[str] = []
    innermost: BaseException = fault
    cause: BaseException | None = fault
    while cause is not None and len(classes) < FRAMES:
        classes.append(type(cause).__name__)
        innermost, cause = cause, cause.__cause__
    frames = traceback.extract_tb(fault.__traceback__ or innermost.__traceback__)[-FRAMES:]
    return {
        "error": " < ".join(classes),
        "at": " > ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames),
    }
