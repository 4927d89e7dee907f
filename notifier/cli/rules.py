"""`notifier rules`: when something happens, which message follows."""

import difflib
import tomllib
from typing import BinaryIO

import click

from notifier.cli.context import ACTOR, Group, as_json, one_of_several, whole_flow
from notifier.cli.printing import printable, show_list, show_one
from notifier.core.errors import Refused
from notifier.decide.rules import dump
from notifier.flow.parts import Flow
from notifier.flow.rulebook import export_rules, import_rules
from notifier.store.workspaces import only_workspace


@click.group(cls=Group)
def rules() -> None:
    """When something happens, which message follows, and how it leaves."""


def _chosen(flow: Flow, workspace_id: str | None) -> str:
    with flow.db.read() as tx:
        return only_workspace(tx, workspace_id).id


@rules.command("export")
@one_of_several
@as_json
def export(workspace_id: str | None, json_wanted: bool) -> None:
    """Print the rules that count now, as TOML that `rules import` takes."""
    with whole_flow() as flow:
        toml = export_rules(flow, _chosen(flow, workspace_id))
    if json_wanted:
        show_list(tomllib.loads(toml).get("rule", []), [], json_wanted=True)
    else:
        click.echo(toml, nl=False)


@rules.command("import")
@click.argument("file", type=click.File("rb"))
@one_of_several
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@as_json
def import_file(file: BinaryIO, workspace_id: str | None, dry_run: bool, json_wanted: bool) -> None:
    """Replace the rules by those in FILE (-: standard input), and show what that changes.

    A file with mistakes changes nothing, and all of them are named. The rules count for what is planned from now on.
    """
    text = _text(file.read())
    with whole_flow() as flow:
        chosen = _chosen(flow, workspace_id)
        before = export_rules(flow, chosen)
        book = import_rules(flow, chosen, text, by=ACTOR, dry_run=dry_run)
    changes = list(difflib.unified_diff(before.splitlines(), dump(book).splitlines(), "before", "after", lineterm=""))
    if json_wanted:
        show_one({"rules": len(book), "imported": not dry_run, "changes": changes}, json_wanted=True)
        return
    for line in changes:
        click.echo(printable(line))
    click.echo(f"{len(book)} rules {'would count' if dry_run else 'count now'}{'' if changes else ', as before'}")


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise Refused("the file is not UTF-8 text") from fault
