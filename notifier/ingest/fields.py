"""A typed reader for JSON objects that knows where it is.

Adapters ask for what they need by name and get it in our types, or Unreadable with the full path of the field at fault
("payload.application.id"). An absent member, `null` and blank text for people are the same: not said. A member of the
wrong type is never taken for an absent one, because a misread "do not e-mail" is worse than a quarantined event. Errors
name paths, never values: they are logged, and values are personal data.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from notifier.core.errors import Unreadable
from notifier.ingest.strict_json import PLAIN_NAME, WHOLE
from notifier.ingest.text import is_id, is_possible_address, shown

#: RFC 3339, section 5.6. `datetime.fromisoformat` takes much more, among it times without a zone.
_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:)([0-9]{2})(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)

#: What needs no quoting and cannot lead to another place: an id that came from outside is put into an address.
_PATH_SEGMENT = re.compile(r"[A-Za-z0-9_-]{1,100}")

#: The largest count that every database's plain integer column holds.
COUNT_LIMIT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Fields:
    """The members of one JSON object and the path that leads to it (empty for the document itself)."""

    members: Mapping[str, object] = field(repr=False)
    path: str = ""

    def at(self, name: str) -> str:
        """The full path of the member `name`."""
        return f"{self.path}.{name}" if self.path else name

    def has(self, name: str) -> bool:
        """Whether the member is there and not null."""
        return self.members.get(name) is not None

    def only(self, *names: str) -> None:
        """Raise Unreadable if there is a member with any other name: a misspelt one must not pass as absent."""
        for name in self.members:
            if name not in names:
                # A strange name may itself be personal data, so only a plain one is repeated.
                where = self.at(name) if PLAIN_NAME.fullmatch(name) else self.path or WHOLE
                raise Unreadable(where, "unknown member")

    def text(self, name: str) -> str:
        """Text for people, cleaned (`text.shown`). Raises Unreadable if it is absent or blank."""
        value = self.optional_text(name)
        if value is None:
            raise Unreadable(self.at(name), "missing or blank")
        return value

    def optional_text(self, name: str) -> str | None:
        """Text for people, cleaned; None if absent or blank."""
        value = self.members.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise Unreadable(self.at(name), "not text")
        return shown(value) or None

    def optional_word(self, name: str, form: re.Pattern[str], why: str) -> str | None:
        """Text of a fixed form, exactly as written; None if absent. Raises Unreadable with `why` for any other."""
        value = self.members.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not form.fullmatch(value):
            raise Unreadable(self.at(name), why)
        return value

    def identifier(self, name: str) -> str:
        """An id, written as a number or as text, as text. Raises Unreadable if it is absent or not usable as one."""
        return _identifier(self.members.get(name), self.at(name))

    def identifiers(self, name: str) -> tuple[str, ...]:
        """A list of ids; empty if absent."""
        path = self.at(name)
        return tuple(_identifier(value, f"{path}[{index}]") for index, value in enumerate(self._list(name)))

    def optional_address(self, name: str) -> str | None:
        """An e-mail address, unchecked and unchanged; None if absent, blank or surely none (`text`)."""
        value = self.members.get(name)
        return None if value is None else _address(value, self.at(name))

    def addresses(self, name: str) -> tuple[str, ...]:
        """A list of e-mail addresses, without what is surely none; empty if absent."""
        path = self.at(name)
        found = (_address(value, f"{path}[{index}]") for index, value in enumerate(self._list(name)))
        return tuple(address for address in found if address)

    def optional_flag(self, name: str) -> bool | None:
        """True or false; None if absent. Nothing else passes: "false" in quotes would be true."""
        value = self.members.get(name)
        if value is not None and not isinstance(value, bool):
            raise Unreadable(self.at(name), "neither true nor false")
        return value

    def count(self, name: str) -> int:
        """A whole number from 0 to COUNT_LIMIT; 0 if absent."""
        value = self.members.get(name)
        if value is None:
            return 0
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= COUNT_LIMIT:
            raise Unreadable(self.at(name), f"not a whole number from 0 to {COUNT_LIMIT}")
        return value

    def time(self, name: str) -> datetime:
        """A moment with its zone (RFC 3339), in UTC. Raises Unreadable if it is absent, has no zone or cannot be."""
        value = self.optional_time(name)
        if value is None:
            raise Unreadable(self.at(name), "missing")
        return value

    def optional_time(self, name: str) -> datetime | None:
        """A moment with its zone (RFC 3339), in UTC; None if absent."""
        value = self.members.get(name)
        return None if value is None else _time(value, self.at(name))

    def optional_milliseconds(self, name: str) -> datetime | None:
        """A moment written as milliseconds since 1970, in UTC; None if absent."""
        value = self.members.get(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 10**14:
            raise Unreadable(self.at(name), "not milliseconds since 1970")
        return datetime.fromtimestamp(value / 1000, UTC)

    def path_segment(self, name: str) -> str:
        """An id that may stand in the path of an address as it is: letters, digits, "-" and "_"."""
        value = self.identifier(name)
        if not _PATH_SEGMENT.fullmatch(value):
            raise Unreadable(self.at(name), "not an id of letters, digits, - and _")
        return value

    def nested(self, name: str) -> "Fields":
        """An object. Raises Unreadable if it is absent."""
        value = self.optional_nested(name)
        if value is None:
            raise Unreadable(self.at(name), "missing")
        return value

    def optional_nested(self, name: str) -> "Fields | None":
        """An object; None if absent."""
        value = self.members.get(name)
        return None if value is None else _object(value, self.at(name))

    def items(self, name: str) -> "tuple[Fields, ...]":
        """A list of objects; empty if absent (ask `has` where the difference matters)."""
        path = self.at(name)
        return tuple(_object(value, f"{path}[{index}]") for index, value in enumerate(self._list(name)))

    def _list(self, name: str) -> list[object]:
        value = self.members.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise Unreadable(self.at(name), "not a list")
        return value


def _object(value: object, path: str) -> Fields:
    if not isinstance(value, dict):
        raise Unreadable(path, "not an object")
    return Fields(value, path)


def _identifier(value: object, path: str) -> str:
    if value is None:
        raise Unreadable(path, "missing")
    # True is an int to Python; as an id it is a mistake.
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise Unreadable(path, "neither a whole number nor text")
    if not is_id(str(value)):
        raise Unreadable(path, "not usable as an id")
    return str(value)


def _address(value: object, path: str) -> str | None:
    if not isinstance(value, str):
        raise Unreadable(path, "not text")
    address = value.strip()
    return address if is_possible_address(address) else None


def _time(value: object, path: str) -> datetime:
    match = _RFC3339.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Unreadable(path, "not a time with its zone, such as 2026-05-04T09:30:00Z")
    day, minute, second, fraction, zone = match.groups(default="")
    # A leap second is a true time that `datetime` cannot hold; the second before it keeps the order.
    text = f"{day}T{minute}{'59' if second == '60' else second}{fraction}{zone.upper()}"
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable(path, "no such moment") from None
