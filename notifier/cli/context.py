"""What every command needs: the configuration, the database or the whole flow, and one way to fail.

A command prints what it found (exit 0), refuses in words on standard error (exit 1), or was called wrongly (exit 2,
click's own). The errors that the product raises on purpose are turned into words in one place, `Command`, so no command
catches them and none of them is ever a traceback.

Nothing here migrates: a schema that is missing or old is refused with the command that helps, because a command that
was only asked a question must not change the database of a running installation.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import click

from config import Config, ConfigError, load
from notifier.app import create_flow, open_database
from notifier.core.errors import DatabaseAway, NotifierError, Refused
from notifier.core.ports import NoQueue, Queue
from notifier.flow.parts import Flow
from notifier.store import schema
from notifier.store.database import Database, Tx
from notifier.store.keyring import CannotOpen
from notifier.store.workspaces import get_workspace

#: Who decides on the command line, in the audit trail.
ACTOR = "command line"

_CONFIG = "notifier.cli.config"


def _nobody(config: Config) -> Queue:
    del config
    return NoQueue()


@dataclass(frozen=True, slots=True)
class Setting:
    """What the root that runs the commands hands in as click's `obj`: how to reach the queue, which wakes workers.

    Without it nobody is woken, and the relay finds the work within its period.
    """

    queue_for: Callable[[Config], Queue] = _nobody


class Misconfigured(click.ClickException):
    """The environment cannot be used: all its mistakes, exit 2."""

    exit_code = 2


class Command(click.Command):
    """A command whose known errors end it in words and not in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; raises only click's own exceptions for what the product refuses on purpose."""
        try:
            return super().invoke(ctx)
        except ConfigError as fault:
            raise Misconfigured("\n  ".join(("the configuration is wrong:", *fault.mistakes))) from fault
        except DatabaseAway as fault:
            raise click.ClickException(f"the database cannot be used now ({fault})") from fault
        except NotifierError as fault:
            raise click.ClickException(str(fault)) from fault
        except CannotOpen as fault:
            hint = "add the key that was in use to SECRET_KEY_FALLBACKS"
            raise click.ClickException(f"{fault}; {hint}") from fault


class Group(click.Group):
    """A group of such commands."""

    command_class = Command
    group_class = type


as_json = click.option("--json", "json_wanted", is_flag=True, help="Print JSON.")

only_in = click.option("--workspace", "workspace_id", metavar="ID", help="Only this workspace.")

one_of_several = click.option(
    "--workspace", "workspace_id", metavar="ID", help="Which workspace; needed only where there are several."
)


def config() -> Config:
    """The configuration, read once per invocation."""
    kept = click.get_current_context().meta
    if _CONFIG not in kept:
        kept[_CONFIG] = load()
    found: Config = kept[_CONFIG]
    return found


def queue() -> Queue:
    """The queue of the root that runs the commands."""
    setting = click.get_current_context().find_object(Setting) or Setting()
    return setting.queue_for(config())


@contextlib.contextmanager
def database(*, any_schema: bool = False) -> Iterator[Database]:
    """The configured database. Raises Refused unless its schema is this program's or `any_schema` will do."""
    db = open_database(config())
    try:
        if not any_schema:
            _demand_schema(db)
        yield db
    finally:
        db.dispose()


@contextlib.contextmanager
def whole_flow() -> Iterator[Flow]:
    """The flow, for commands that decide something or need its parts. Raises Refused as `database`."""
    flow = create_flow(config(), queue())
    try:
        _demand_schema(flow.db)
        yield flow
    finally:
        flow.close()


def is_ahead(found: str | None) -> bool:
    """Whether a newer program has upgraded the schema. Revisions are numbered: "0001", "0002"."""
    return found is not None and found > schema.head()


def _demand_schema(db: Database) -> None:
    found, needed = schema.current(db), schema.head()
    if is_ahead(found):
        raise Refused(f"the database is at revision {found}, this program knows {needed}: use the newer program")
    if found != needed:
        raise Refused(f"the database is at revision {found or 'none'} and {needed} is needed; run: notifier db upgrade")


def checked(tx: Tx, workspace_id: str | None) -> list[str] | None:
    """The workspaces that a list is narrowed to; `None` for all. Raises NotFound for one that does not exist."""
    return None if workspace_id is None else [get_workspace(tx, workspace_id).id]
