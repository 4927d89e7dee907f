"""The form of a template file: TOML between two lines `+++`, then the two lines of the message.

TOML because the standard library reads it; blank lines do not count, so that a file can breathe. Every mistake names
its line in the file.
"""

import re
import tomllib
from collections.abc import Sequence
from typing import Any

from notifier.core.errors import TemplateFault

FENCE = "+++"


def split(source: str) -> tuple[list[str], tuple[tuple[int, str], tuple[int, str]]]:
    """The lines of the front matter, and the two lines of the message with their places in the file.

    Raises TemplateFault unless the file has both parts and the message has exactly two lines.
    """
    rows = [row.rstrip("\r") for row in source.removeprefix("\ufeff").split("\n")]
    fences = [at for at, row in enumerate(rows) if row.rstrip() == FENCE]
    if not fences or fences[0] != 0:
        raise TemplateFault(f"the file must begin with {FENCE}", line=1)
    if len(fences) < 2:
        raise TemplateFault(f"the second {FENCE} is missing", line=1)
    body = [(at, row.strip()) for at, row in enumerate(rows[fences[1] + 1 :], start=fences[1] + 2) if row.strip()]
    if len(body) != 2:
        at = body[2][0] if len(body) > 2 else len(rows)
        raise TemplateFault(f"a message has two lines, this has {len(body)}", line=at)
    return rows[1 : fences[1]], (body[0], body[1])


class FrontMatter:
    """The fields between the fences; remembers where each stands and what has been taken."""

    def __init__(self, lines: Sequence[str]) -> None:
        """Raises TemplateFault with the line if it is not TOML."""
        self._lines = lines
        try:
            self._left: dict[str, Any] = tomllib.loads("\n".join(lines))
        except (tomllib.TOMLDecodeError, RecursionError) as fault:
            at = re.search(r"at line (\d+)", str(fault))
            raise TemplateFault(f"not TOML: {fault}", line=int(at[1]) + 1 if at else 1) from fault

    def line(self, name: str) -> int:
        """The line of a field in the file; 1 where there is none."""
        starts = (at for at, words in enumerate(self._lines, start=2) if re.match(rf"\s*{re.escape(name)}\s*=", words))
        return next(starts, 1)

    def text(self, name: str, default: str | None = None) -> str:
        """A field that is a text; without a default it must be there."""
        value = self._left.pop(name, default)
        if not isinstance(value, str):
            raise TemplateFault(f"{name} must be a text in quotes", line=self.line(name))
        return value

    def flag(self, name: str) -> bool:
        """A field that is true or false; false where it is absent."""
        value = self._left.pop(name, False)
        if not isinstance(value, bool):
            raise TemplateFault(f"{name} must be true or false", line=self.line(name))
        return value

    def finish(self) -> None:
        """Raise TemplateFault for a field nobody has taken."""
        for name in self._left:
            raise TemplateFault(f"unknown field {name!r}: only subject, mode, hold, closes", line=self.line(name))
