"""`notifier config`: the settings that are in force."""

import click

from notifier.cli import context
from notifier.cli.context import Command, as_json
from notifier.cli.printing import show_one


@click.command(cls=Command)
@as_json
def config(json_wanted: bool) -> None:
    """Show every setting; secrets are masked."""
    show_one(context.config().masked(), json_wanted=json_wanted)
