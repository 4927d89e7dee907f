"""Times on the command line: "24h", and "2026-11-27T09:00:00Z"."""

import contextlib
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"([0-9]{1,4})([mhd])")


class Duration(click.ParamType[timedelta]):
    """A length of time: 30m, 24h, 7d."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The text as a timedelta; anything else is wrong usage."""
        if isinstance(value, timedelta):
            return value
        found = _DURATION.fullmatch(value)
        if found is None:
            self.fail(f"{value!r} is not a length of time: write 30m, 24h or 7d", param, ctx)
        return timedelta(**{_UNITS[found[2]]: int(found[1])})


class Moment(click.ParamType[datetime | timedelta]):
    """A moment with its offset, or how far it is from now. Only the database knows what "now" is, so that stays open.

    A moment without an offset is refused: it would be another one on every machine.
    """

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime | timedelta:
        """The text as a moment in UTC or as a timedelta; anything else is wrong usage."""
        if isinstance(value, datetime | timedelta):
            return value
        if _DURATION.fullmatch(value):
            return Duration().convert(value, param, ctx)
        found = None
        with contextlib.suppress(ValueError, OverflowError):
            parsed = datetime.fromisoformat(value)
            found = parsed.astimezone(UTC) if parsed.utcoffset() is not None else None
        if found is None:
            self.fail(f"{value!r} is not a moment: write 2026-11-27T09:00:00Z, 30m, 24h or 7d", param, ctx)
        return found
