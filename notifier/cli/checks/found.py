"""What a check is: a function that says in words what it found, and what would mend it.

It is given the one thing it looks at: the configuration, the database, or what Redis said. Three answers and no
fourth: fine; fine, but somebody should know (`advice`); and not fine (`fault`), which always says what to do. A check
may raise: whoever runs it turns that into a fault too, so a check has no error handling of its own unless it knows
better words.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

Subject = TypeVar("Subject")


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found. `fix` is what would mend it; where `ok`, what somebody may want to do all the same."""

    ok: bool
    detail: str
    fix: str = ""


#: Checks of one subject, by their names.
Checks = Mapping[str, Callable[[Subject], Found]]


def fine(detail: str) -> Found:
    """Nothing to do."""
    return Found(ok=True, detail=detail)


def advice(detail: str, fix: str) -> Found:
    """It works, and somebody should know."""
    return Found(ok=True, detail=detail, fix=fix)


def fault(detail: str, fix: str) -> Found:
    """It does not work, or will not for long."""
    return Found(ok=False, detail=detail, fix=fix)
