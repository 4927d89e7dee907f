"""`notifier import`: a backlog of applications from a table, for an ATS without webhooks."""

import json
import sys
from pathlib import Path

import click

from notifier.cli.context import Command, as_json, whole_flow
from notifier.cli.printing import show_one
from notifier.core.change import Delivery
from notifier.core.errors import Refused
from notifier.core.ports import Job
from notifier.flow.parts import Flow
from notifier.ingest import backlog
from notifier.store import inbox, sources
from notifier.store.sources import Source

#: Rows kept in one transaction.
BATCH = 500

#: How many faulty rows are named.
NAMED = 20


@click.command("import", cls=Command)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", "source_id", metavar="ID", required=True, help="A source of the generic webhook.")
@click.option("--dry-run", is_flag=True, help="Read and check everything, keep nothing.")
@as_json
def import_backlog(file: Path, source_id: str, dry_run: bool, json_wanted: bool) -> None:
    """Take in the applications of a CSV FILE: one row each, the columns named in the first line.

    Who is under way is taken down as they stand and hears of their next move, or of a silence that lasts too long.
    Whose application has ended and who has not been told gets a draft that is held until somebody approves it. Nothing
    is kept unless every row can be read; the same row is taken once, however often it is imported.
    """
    with whole_flow() as flow:
        with flow.db.read() as tx:
            source, now = sources.get_source(tx, None, source_id), tx.now
        if source.ats != "generic":
            raise Refused(
                f"{source.name} is a source of {source.ats}; a table is taken in by one of the generic webhook"
            )
        try:
            lines = file.read_text("utf-8-sig").splitlines(keepends=True)
            with click.progressbar(lines, label="reading", file=sys.stderr) as watched:
                rows = list(backlog.read(watched, now))
        except (ValueError, UnicodeDecodeError) as fault:
            raise Refused(f"{file}: {fault}") from fault
        faulty = [row for row in rows if row.why]
        good = [row for row in rows if row.body]
        kept = 0 if faulty or dry_run else _keep(flow, source, good)
    shown: dict[str, object] = {
        "rows": len(rows),
        "told_before": sum(row.told for row in rows),
        "to_import": len(good),
        "imported": kept,
        "already_there": 0 if faulty or dry_run else len(good) - kept,
        "faulty": len(faulty),
    }
    if json_wanted:
        shown["faults"] = [{"line": row.line, "why": row.why} for row in faulty]
    show_one(shown, json_wanted=json_wanted)
    for row in [] if json_wanted else faulty[:NAMED]:
        click.echo(f"line {row.line}: {row.why}", err=True)
    if faulty:
        click.echo("nothing was imported: mend these rows, or take them out", err=True)
        raise click.exceptions.Exit(1)


def _keep(flow: Flow, source: Source, rows: list[backlog.Row]) -> int:
    """Put the rows into the inbox; how many were not there before."""
    kept = 0
    batches = [rows[begin : begin + BATCH] for begin in range(0, len(rows), BATCH)]
    with click.progressbar(length=len(rows), label="importing", file=sys.stderr) as bar:
        for batch in batches:
            with flow.db.begin() as tx:
                for row in batch:
                    delivery = Delivery({}, row.body)
                    item = inbox.keep(tx, source, row.key, delivery, json.dumps({}), origin=inbox.IMPORT)
                    kept += item is not None
            bar.update(len(batch))
    flow.queue.nudge(Job.PLAN)
    return kept
