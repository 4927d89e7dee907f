"""A backlog of applications as a table: CSV from an ATS without webhooks, read into bodies of the generic webhook.

Decision: a row becomes the same bytes that a script would have posted, so there is one way in and one meaning of every
field (`notifier.ingest.ats.generic`). What a row says is checked by reading those bytes back, before anything is kept.

Columns, by their names in the first line, in any order: `application_id`, `name` or `first_name`, `email`, `job`,
`stage`; and, where known, `candidate_id`, `job_id`, `outcome` (none, rejected, hired, withdrawn), `changed_at` (a day
or a time with its zone), `owner_name`, `owner_email`, `language`, `told` (yes: they have been told; it is left out).
"""

import csv
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from notifier.core.change import Delivery
from notifier.core.errors import Unreadable
from notifier.ingest.ats.generic import Adapter

#: The columns that are understood, and those without which a row says nothing.
COLUMNS = (
    *("application_id", "candidate_id", "first_name", "name", "email", "job_id", "job", "stage", "outcome"),
    *("changed_at", "owner_name", "owner_email", "language", "told"),
)
NEEDED = ("application_id", "email", "job", "stage")

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YES = frozenset({"yes", "y", "true", "1", "x", "ja"})

#: Characters of one row. A longer one is no row.
_LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its `line` in the file, and either a `body` with its `key`, or `why` it cannot be taken, or `told`."""

    line: int
    key: str = ""
    body: bytes = field(default=b"", repr=False)
    why: str = ""
    told: bool = False


def read(lines: Iterable[str], now: datetime) -> Iterator[Row]:
    """Every row of a table. `now` (aware) stands in for a missing `changed_at`.

    Raises ValueError, saying what is wrong, if the first line does not name the columns.
    """
    lines = iter(lines)
    first = next(lines, "").removeprefix("\ufeff")
    separator = ";" if first.count(";") > first.count(",") else ","
    names = [name.strip().casefold() for name in next(csv.reader([first], delimiter=separator), [])]
    _check(names)
    reader = csv.reader(lines, delimiter=separator)
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as fault:
            yield Row(reader.line_num + 1, why=f"not CSV: {fault}")
            continue
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield _row(reader.line_num + 1, names, cells, now)


def _check(names: list[str]) -> None:
    if missing := [name for name in NEEDED if name not in names]:
        raise ValueError(f"the first line does not name {', '.join(missing)}")
    if unknown := [name for name in names if name not in COLUMNS]:
        raise ValueError(f"no column is called {', '.join(map(repr, unknown))}; there are: {', '.join(COLUMNS)}")
    if len(set(names)) < len(names):
        raise ValueError("a column is named twice in the first line")


def _row(line: int, names: list[str], cells: list[str], now: datetime) -> Row:
    if len(cells) != len(names):
        return Row(line, why=f"{len(cells)} cells under {len(names)} columns")
    if sum(map(len, cells)) > _LONGEST:
        return Row(line, why="the row is too long")
    said = {name: cell.strip() for name, cell in zip(names, cells, strict=True) if cell.strip()}
    if said.get("told", "").casefold() in _YES:
        return Row(line, told=True)
    if missing := [name for name in NEEDED if name not in said]:
        return Row(line, why=f"{missing[0]} is empty")
    body = json.dumps(_body(said, now), separators=(",", ":")).encode()
    try:
        Adapter().translate(Delivery({}, body), now)
    except Unreadable as fault:
        return Row(line, why=str(fault))
    # The time of the import is no part of what a row says: the same row read tomorrow is the same.
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]
    return Row(line, f"import:{digest}", body)


def _body(said: dict[str, str], now: datetime) -> dict[str, object]:
    moment = said.get("changed_at", now.isoformat().replace("+00:00", "Z"))
    person = {"id": said.get("candidate_id", said["email"].casefold()), "email": said["email"]}
    person |= {name: said[name] for name in ("first_name", "name", "language") if name in said}
    data: dict[str, object] = {
        "application": {"id": said["application_id"]},
        "candidate": person,
        "job": {"id": said.get("job_id", said["job"].casefold()), "title": said["job"]},
        "stage": {"id": said["stage"].casefold(), "name": said["stage"]},
        "outcome": said.get("outcome", "none").casefold(),
    }
    if "owner_name" in said:
        owner = {"name": said["owner_name"], "email": said.get("owner_email")}
        data["owner"] = {name: value for name, value in owner.items() if value}
    timestamp = f"{moment}T00:00:00Z" if _DAY.fullmatch(moment) else moment
    return {"type": "application.changed", "timestamp": timestamp, "data": data}
