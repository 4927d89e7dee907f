"""What every command needs: the configuration, the database or the whole flow, and one way to fail.

A command prints what it found (exit 0), refuses in words on standard error (exit 1), or was called wrongly (exit 2,
click's own). The errors that the product raises on purpose are turned into words in one place, `Command`, so no command
catches them and none of them is ever a traceback.

Nothing here migrates: a schema that is missing, old, or too new for this program is refused with the command that
helps, because a command that was only asked a question must not change the database of a running installation.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import click

from config import Config, ConfigError, load
from notifier.app import create_flow, open_database
from notifier.core.errors import DatabaseAway, NotifierError
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
class RedisFacts:
    """How the Redis behind the queue is set up, as far as it says so.

    `why` is what keeps it from being asked, "" if it was. `private`: the one that `notifier up` starts, which keeps
    nothing on disk on purpose. `open`: another machine, reached without a password. `used` and `limit` are bytes of
    memory, a limit of 0 is none.
    """

    why: str = ""
    private: bool = False
    open: bool = False
    policy: str = ""
    persistent: bool = False
    used: int = 0
    limit: int = 0


def _unasked(config: Config) -> RedisFacts:
    del config
    return RedisFacts(why="nobody here can ask it")


@dataclass(frozen=True, slots=True)
class Setting:
    """What the root that runs the commands hands in as click's `obj`.

    `queue_for`: how to reach the queue, which wakes workers; without it nobody is woken, and the relay finds the work
    within its period. `redis_facts`: how the Redis behind it is set up; never raises.
    """

    queue_for: Callable[[Config], Queue] = _nobody
    redis_facts: Callable[[Config], RedisFacts] = _unasked


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

#: How many of something: no more than a database can count.
Limit = click.IntRange(1, 2**31 - 1)


def _id(context: click.Context, parameter: click.Parameter, given: str | None) -> str | None:
    """An id, or `None` where none was given. What an unset variable of a shell leaves is not "all of them"."""
    del context, parameter
    if given is not None and not given.strip():
        raise click.BadParameter("it is empty; leave the option out for all of them")
    return given


only_in = click.option("--workspace", "workspace_id", metavar="ID", callback=_id, help="Only this workspace.")

one_of_several = click.option(
    "--workspace",
    "workspace_id",
    metavar="ID",
    callback=_id,
    help="Which workspace; needed only where there are several.",
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
    return setting().queue_for(config())


def setting() -> Setting:
    """What the root that runs the commands handed in."""
    return click.get_current_context().find_object(Setting) or Setting()


@contextlib.contextmanager
def database(*, any_schema: bool = False) -> Iterator[Database]:
    """The configured database. Raises Refused unless this program may use its schema, or `any_schema` will do."""
    db = open_database(config())
    try:
        if not any_schema:
            schema.demand(db)
        yield db
    finally:
        db.dispose()


@contextlib.contextmanager
def whole_flow() -> Iterator[Flow]:
    """The flow, for commands that decide something or need its parts. Raises Refused as `database`."""
    flow = create_flow(config(), queue())
    try:
        schema.demand(flow.db)
        yield flow
    finally:
        flow.close()


def checked(tx: Tx, workspace_id: str | None) -> list[str] | None:
    """The workspaces that a list is narrowed to; `None` for all. Raises NotFound for one that does not exist."""
    return None if workspace_id is None else [get_workspace(tx, workspace_id).id]
