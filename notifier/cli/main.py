"""The group of all commands. The processes (up, web, worker, relay, demo) are added by `workers.main`."""

import click

from notifier.cli import (
    applications,
    database,
    doctor,
    events,
    feedback,
    importing,
    inbox,
    ledger,
    messages,
    rules,
    settings,
    sources,
    stages,
    templates,
    users,
    workspaces,
)
from notifier.cli.context import Command, Group, Setting

__all__ = ["Setting", "cli"]

#: Commands that are promised and not there yet.
NOT_YET = {
    "setup": "The set-up wizard's questions in a terminal",
    "erase": "Erase a candidate",
    "export": "Export what is kept about a candidate",
}


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Tell every candidate where they stand."""


def _not_yet(name: str, what: str) -> click.Command:
    @click.command(name, cls=Command, help=f"{what} (not yet).", context_settings={"ignore_unknown_options": True})
    @click.argument("words", nargs=-1, type=click.UNPROCESSED)
    def command(words: tuple[str, ...]) -> None:
        del words
        raise click.ClickException("not yet")

    return command


for group in (
    workspaces.workspace,
    users.user,
    sources.source,
    stages.stage,
    rules.rules,
    templates.template,
    inbox.inbox,
    applications.application,
    messages.message,
    events.event,
    importing.import_backlog,
    feedback.feedback,
    feedback.sweep,
    ledger.ledger,
    ledger.pause,
    ledger.resume,
    database.db,
    doctor.doctor,
    settings.config,
    *(_not_yet(name, what) for name, what in NOT_YET.items()),
):
    cli.add_command(group)
