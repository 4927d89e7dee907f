"""`notifier source`: connections to ATSs, their secrets, and whether messages leave."""

from datetime import timedelta

import click

from notifier.cli.context import ACTOR, Group, as_json, checked, config, database, one_of_several, only_in
from notifier.cli.printing import moment, show_list, show_one
from notifier.cli.times import Duration
from notifier.core.errors import NotFound
from notifier.deliver.template import Library
from notifier.ingest.adapter import Adapter
from notifier.ingest.registry import adapters
from notifier.store import askings, sightings, sources
from notifier.store.audit import Change, record
from notifier.store.database import Tx
from notifier.store.sources import Source
from notifier.store.workspaces import only_workspace


@click.group(cls=Group)
def source() -> None:
    """Connections to applicant tracking systems."""


def _record(row: Source, secret: str | None = None) -> dict[str, object]:
    return {
        "id": row.id,
        "ats": row.ats,
        "key": row.key,
        "url": f"{config().base_url}/hooks/ats/{row.key}",
        "secret": secret,
        "sending": row.sending,
        "name": row.name,
        "workspace": row.workspace_id,
        "ats_writes": list(row.ats_writes),
    }


def _usable(adapter: Adapter, given: str | None) -> str:
    """The secret given, or a fresh one. Raises BadParameter, which never shows it."""
    if given is None:
        return adapter.new_secret()
    try:
        adapter.check_secret(given)
    except ValueError as fault:
        raise click.BadParameter(f"{adapter.title} cannot use it: {fault}", param_hint="--secret") from fault
    return given


@source.command()
@click.argument("ats", type=click.Choice(list(adapters())))
@one_of_several
@click.option("--name", help="What people call this connection.")
@click.option("--secret", help="The web hook's secret where the ATS chose it; else one is made.")
@click.option("--api-key", default="", help="For asking the ATS; kept sealed.")
@click.option("--api-url", default="", help="The ATS's API, if not at its usual address.")
@click.option("--shadow", is_flag=True, help="Draft everything, send nothing.")
@as_json
def add(
    ats: str,
    workspace_id: str | None,
    name: str | None,
    secret: str | None,
    api_key: str,
    api_url: str,
    shadow: bool,
    json_wanted: bool,
) -> None:
    """Connect an ATS: prints the address for its web hooks and their secret, which is shown only now."""
    adapter = adapters()[ats]
    usable = _usable(adapter, secret)
    with database() as db, db.begin() as tx:
        row = sources.add_source(
            tx,
            only_workspace(tx, workspace_id).id,
            ats,
            name=name or adapter.title,
            secret=usable,
            sending="shadow" if shadow else "live",
            api_key=api_key,
            api_url=api_url,
        )
        shown = _record(row, usable)
    show_one(shown, json_wanted=json_wanted)


@source.command("list")
@only_in
@as_json
def list_all(workspace_id: str | None, json_wanted: bool) -> None:
    """List the sources, oldest first; their secrets are never shown again."""
    with database() as db, db.read() as tx:
        checked(tx, workspace_id)
        shown = [_record(row) for row in sources.list_sources(tx, workspace_id)]
    show_list(shown, ["id", "ats", "name", "sending", "url"], json_wanted=json_wanted)


@source.command()
@click.argument("source_id", metavar="ID")
@as_json
def show(source_id: str, json_wanted: bool) -> None:
    """Show one source: its secrets and when each was used last, what it was seen to send, and what was refused.

    A secret itself is never shown again, only its id and the times.
    """
    with database() as db, db.read() as tx:
        row = sources.get_source(tx, None, source_id)
        facts = _record(row)
        secrets = [
            {
                "id": secret.id,
                "created_at": moment(secret.created_at),
                "valid_until": moment(secret.not_after),
                "last_used_at": moment(secret.last_used_at),
            }
            for secret in sources.list_secrets(tx, row.id)
        ]
        seen = [
            {"what": one.what, "first_at": moment(one.first_at), "last_at": moment(one.last_at), "why": one.detail}
            for one in sightings.of_source(tx, row.id)
        ]
    if json_wanted:
        show_one({**facts, "secrets": secrets, "seen": seen}, json_wanted=True)
        return
    show_one(facts, json_wanted=False)
    click.echo()
    show_list(secrets, ["id", "created_at", "valid_until", "last_used_at"], json_wanted=False)
    click.echo()
    show_list(seen, ["what", "first_at", "last_at", "why"], json_wanted=False)


@source.command()
@click.argument("source_id", metavar="ID")
@click.option("--secret", help="The new secret where the ATS chose it; else one is made.")
@click.option("--overlap", type=Duration(), default="24h", show_default=True, help="How long the old one stays good.")
@as_json
def rotate(source_id: str, secret: str | None, overlap: timedelta, json_wanted: bool) -> None:
    """Replace the web hooks' secret; the old one stays good for a while, so that no event is lost."""
    with database() as db, db.begin() as tx:
        row = sources.get_source(tx, None, source_id)
        usable = _usable(adapters()[row.ats], secret)
        sources.add_secret(tx, row, usable, others_end=tx.now + overlap)
        shown = _record(row, usable)
    show_one(shown, json_wanted=json_wanted)


@source.command("set")
@click.argument("source_id", metavar="ID")
@click.option("--live/--shadow", "live", default=None, help="Whether messages leave, or are only drafted.")
@click.option("--ats-writes", metavar="KEY,…", help="Templates that the ATS itself sends to candidates; none: none.")
@click.option("--api-key", metavar="K", help="The key to the ATS's API, for reading what web hooks missed.")
@click.option("--api-url", metavar="U", help="Where that API is, if not at the ATS's own address.")
@as_json
def change(
    source_id: str,
    live: bool | None,
    ats_writes: str | None,
    api_key: str | None,
    api_url: str | None,
    json_wanted: bool,
) -> None:
    """Change what a source sends, and how its ATS is asked.

    In shadow nothing leaves. Going live sends nothing by itself: what was drafted stays held until it is approved.
    """
    if all(given is None for given in (live, ats_writes, api_key, api_url)):
        raise click.UsageError("nothing to change: give --live, --shadow, --ats-writes, --api-key or --api-url")
    keys = None if ats_writes is None else _template_keys(ats_writes)
    with database() as db, db.begin() as tx:
        row = sources.get_source(tx, None, source_id)
        if live is not None:
            _set_sending(tx, row, "live" if live else "shadow")
        if keys is not None:
            row.ats_writes = keys
        if api_key is not None:
            sources.set_api_key(tx, row, api_key)
        if api_url is not None:
            row.api_url = api_url
        if api_key is not None or api_url is not None:
            askings.hurry(tx, row.id)
        tx.session.flush()
        shown = _record(row)
    show_one(shown, json_wanted=json_wanted)


def _set_sending(tx: Tx, row: Source, sending: str) -> None:
    if row.sending != sending:
        record(tx, [Change(row.workspace_id, row.id, row.sending, sending, ACTOR)])
        row.sending = sending


def _template_keys(given: str) -> list[str]:
    """The keys in a list with commas; "none" is an empty one. Raises NotFound for keys without a template."""
    keys = [] if given.strip() == "none" else sorted({key.strip() for key in given.split(",")})
    known = {template.key for template in Library(config().templates_folder).all()}
    if unknown := [key for key in keys if key not in known]:
        raise NotFound(f"no template {', '.join(map(repr, unknown))}; there are: {', '.join(sorted(known))}")
    return keys
