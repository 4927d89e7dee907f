"""How commands print: JSON for programs, a table on a terminal, aligned plain text into a pipe.

JSON is pure ASCII, and tables show a space for every character that is not printable: names come from strangers, and a
terminal obeys what it is sent.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

Record = Mapping[str, Any]

#: Spaces between the columns of plain text.
GAP = "  "


def show_list(rows: Sequence[Record], columns: Sequence[str], *, json_wanted: bool, limit: int | None = None) -> None:
    """Print records: all fields as JSON, or these columns for people. Says so where `limit` may have cut the list."""
    if json_wanted:
        click.echo(json.dumps(list(rows), indent=2))
    else:
        _print_table(columns, [[cell(row.get(name)) for name in columns] for row in rows])
    if limit is not None and len(rows) == limit:
        click.echo(f"only the first {limit} are shown; ask for more with --limit", err=True)


def show_one(row: Record, *, json_wanted: bool) -> None:
    """Print one record: as JSON, or one aligned line a field."""
    if json_wanted:
        click.echo(json.dumps(dict(row), indent=2))
        return
    width = max(map(len, row), default=0)
    for name, value in row.items():
        click.echo(f"{name.ljust(width)}{GAP}{cell(value)}".rstrip())


def moment(at: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the second; nothing for nothing."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def cell(value: Any) -> str:
    """A value on one line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(cell(item) for item in value)
    return printable(str(value))


def printable(text: str) -> str:
    """The text without anything that a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if sys.stdout.isatty():
        _print_rich(columns, rows)
        return
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        click.echo(GAP.join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def _print_rich(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        # Text and not str: square brackets in a name are no markup.
        table.add_row(*map(Text, row))
    Console().print(table)
