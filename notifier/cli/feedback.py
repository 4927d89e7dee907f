"""`notifier feedback` and `notifier sweep`: what the mail system and the ATSs say when they are asked."""

import sys
from datetime import datetime, timedelta

import click

from config import ConfigError
from notifier.cli.context import Command, Group, Limit, as_json, database, whole_flow
from notifier.cli.printing import moment, show_list
from notifier.cli.times import Moment
from notifier.core.errors import DatabaseAway, Refused
from notifier.flow.hear import hear_batch, hear_mail
from notifier.flow.sweep import sweep_now
from notifier.store import provider_events, sweeps
from notifier.store.provider_events import EventState
from notifier.store.sources import get_source

#: sysexits: try again later. A mail server keeps the mail in its queue then.
TEMPORARY_FAILURE = 75

#: Bytes of a mail that is taken in.
LARGEST = 35 * 1024 * 1024

SWEEP_COLUMNS = ("source", "read", "kept", "since", "ended_at", "why")


@click.group(cls=Group)
def feedback() -> None:
    """What mail providers and mail servers report about messages."""


@feedback.command("list")
@click.option("--state", type=click.Choice([state.value for state in EventState]))
@click.option("--limit", type=Limit, default=1000, show_default=True)
@as_json
def list_all(state: str | None, limit: int, json_wanted: bool) -> None:
    """List the newest reports; orphans are about nothing of ours."""
    with database() as db, db.read() as tx:
        rows = provider_events.list_events(tx, EventState(state) if state else None, limit=limit)
        records = [
            {
                "id": row.id,
                "provider": row.provider,
                "heard": row.heard,
                "state": row.state.value,
                "reason": row.reason,
                "message": row.message_id,
                "happened_at": moment(row.happened_at),
                "received_at": moment(row.received_at),
            }
            for row in rows
        ]
    show_list(records, ["id", "provider", "heard", "state", "message", "received_at"], json_wanted=json_wanted)


@feedback.command()
def mail() -> None:
    """Take one mail from standard input: how a mail server hands bounces in.

    Exit 0 when it is kept, 75 when it has to be tried again. Let the server that gets mail for MAIL_FROM pipe to it.
    """
    mime = sys.stdin.buffer.read(LARGEST + 1)
    if not mime.strip():
        raise Refused("there is no mail on standard input")
    if len(mime) > LARGEST:
        raise Refused(f"the mail is larger than {LARGEST} bytes; nothing was kept")
    try:
        with whole_flow() as flow:
            kept = hear_mail(flow, mime)
            while hear_batch(flow):
                pass
    except (ConfigError, DatabaseAway, Refused) as fault:  # set up wrongly, away, or not upgraded yet
        why = "; ".join(fault.mistakes) if isinstance(fault, ConfigError) else str(fault)
        click.echo(f"the database cannot be used now ({why}); try again later", err=True)
        raise click.exceptions.Exit(TEMPORARY_FAILURE) from fault
    click.echo("kept" if kept else "known already")


@click.command(cls=Command)
@click.argument("source_ids", nargs=-1, metavar="[SOURCE]...")
@click.option("--since", type=Moment(), help="Read back to this moment (with its offset), or 2d, 6h ago.")
@click.option("--list", "only_list", is_flag=True, help="Ask nobody; show how far each source was read.")
@as_json
def sweep(source_ids: tuple[str, ...], since: datetime | timedelta | None, only_list: bool, json_wanted: bool) -> None:
    """Ask the ATSs what changed, and let in what their webhooks did not tell. Workers do it every hour by themselves.

    Without SOURCE every source with an API key is asked. Exit 1 if one of them could not be read to its end.
    """
    failed = False
    with whole_flow() as flow:
        with flow.db.read() as tx:
            for source_id in source_ids:
                get_source(tx, None, source_id)
            known = [source.id for source, _ in sweeps.list_sweeps(tx) if source.api_key is not None]
        wanted = () if only_list else source_ids or tuple(known)
        if not wanted and not only_list:
            raise Refused("no source has an API key: notifier source set ID --api-key KEY")
        start = flow.clock() - since if isinstance(since, timedelta) else since
        if start is not None and start > flow.clock():
            raise Refused("--since: that moment has not come yet")
        for source_id in wanted:
            try:
                read, kept, why = sweep_now(flow, source_id, since=start)
            except Refused as fault:  # one that cannot be asked keeps nobody from asking the others
                failed = True
                click.echo(f"{source_id}: {fault}", err=True)
                continue
            failed = failed or bool(why)
            click.echo(f"{source_id}: {read} read, {kept} new{f'; stopped: {why}' if why else ''}", err=True)
        with flow.db.read() as tx:
            records = [
                {
                    "source": source.id,
                    "ats": source.ats,
                    "read": row.read if row else None,
                    "kept": row.kept if row else None,
                    "since": moment(row.since) if row else None,
                    "ended_at": moment(row.ended_at) if row else None,
                    "why": row.why if row else "never asked" if source.api_key is not None else "no API key",
                }
                for source, row in sweeps.list_sweeps(tx)
                if not source_ids or source.id in source_ids
            ]
    show_list(records, SWEEP_COLUMNS, json_wanted=json_wanted)
    if failed:
        raise click.exceptions.Exit(1)
