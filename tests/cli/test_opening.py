"""Before any command does anything: configuration, schema, keys and database, and the queue that it wakes."""

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from notifier.cli.main import Setting, cli
from notifier.core.ports import Job
from notifier.store import schema
from tests.cli.conftest import Terminal
from tests.schemas import left_by_a_newer_program
from tests.world import RecordingQueue, World


def at_revision(world: World, revision: str) -> None:
    with world.db.begin() as tx:
        tx.session.execute(sa.text("UPDATE alembic_version SET version_num = :to"), {"to": revision})


@pytest.mark.parametrize("command", ["workspace list", "message list", "ledger", "pause", "rules export"])
def test_a_missing_schema_names_the_command_that_helps(command: str, empty: Terminal) -> None:
    said = empty.fails(*command.split())

    assert said.splitlines() == [
        f"Error: the database is at revision none and {schema.head()} is needed; run: notifier db upgrade"
    ]


def test_an_older_schema_is_refused_and_upgraded_only_when_told(terminal: Terminal, world: World) -> None:
    at_revision(world, "0000")

    assert "notifier db upgrade" in terminal.fails("ledger")
    assert terminal.json("db", "check", status=1) == {"current": "0000", "needed": schema.head(), "state": "behind"}


def test_a_newer_schema_is_not_touched(terminal: Terminal, world: World) -> None:
    left_by_a_newer_program(world.db, revision="9999", floor="9998")

    assert "newer program" in terminal.fails("ledger")
    assert terminal.json("db", "check", status=1)["state"] == "ahead_incompatible"
    assert "cannot be upgraded" in terminal.fails("db", "upgrade")
    assert terminal.json("db", "check", status=1)["current"] == "9999"


def test_s03_a_newer_schema_that_leaves_room_for_this_program_is_used_and_kept(
    terminal: Terminal, world: World
) -> None:
    """A rolling upgrade has migrated already, and this is the old program."""
    left_by_a_newer_program(world.db, revision="9999", floor=schema.head())

    assert terminal.json("ledger")["violations"] == []
    assert terminal.json("db", "check")["state"] == "ahead_compatible"
    assert "9999" in terminal.run("db", "upgrade")


def test_upgrading_twice_changes_nothing(terminal: Terminal) -> None:
    assert terminal.run("db", "upgrade") == terminal.run("db", "upgrade")
    assert terminal.json("db", "check") == {"current": schema.head(), "needed": schema.head(), "state": "ok"}


@pytest.mark.parametrize("command", ["db check", "db upgrade", "workspace list", "message list"])
def test_what_is_no_database_is_one_line(command: str, tmp_path: Path, terminal_for: Callable[[str], Terminal]) -> None:
    (tmp_path / "notes.txt").write_text("These are notes and no database. " * 100, encoding="utf-8")

    said = terminal_for(f"sqlite:///{tmp_path}/notes.txt").fails(*command.split())

    assert said.splitlines() == ["Error: the database cannot be used now (DatabaseError)"]


def test_another_secret_key_says_which_setting_to_mend(terminal: Terminal, world: World) -> None:
    world.change("a1", stage="Onsite", kind="interview", outcome="rejected")
    world.settle_down()
    terminal.environ["SECRET_KEY"] = "another-secret-of-more-than-32-characters"

    said = terminal.fails("message", "list")

    assert "SECRET_KEY_FALLBACKS" in said
    assert len(said.splitlines()) == 1


def test_a_configuration_names_no_value_and_every_mistake_on_a_line(terminal: Terminal) -> None:
    terminal.environ |= {"SECRET_KEY": "tooshort", "PORT": "no"}

    said = terminal.fails("workspace", "list", status=2).splitlines()

    assert said[0] == "Error: the configuration is wrong:"
    assert [line.split(":")[0].strip() for line in said[1:]] == ["SECRET_KEY", "PORT"]
    assert "tooshort" not in str(said)


@pytest.mark.parametrize("command", ["config", "template list", "event list"])
def test_what_needs_no_database_works_without_one(command: str, empty: Terminal, tmp_path: Path) -> None:
    assert empty.json(*command.split())
    assert not (tmp_path / "new").exists()


def test_decisions_wake_the_worker_they_are_for(terminal: Terminal, world: World) -> None:
    world.change("a1", stage="Onsite", kind="interview", outcome="rejected")
    world.post(world.generic, b"[]")
    world.settle_down()
    (item,) = terminal.json("inbox", "list", "--state", "quarantined")
    queue = RecordingQueue()

    def run(*words: str) -> None:
        setting = Setting(queue_for=lambda _: queue)
        result = CliRunner().invoke(cli, words, env=terminal.environ, obj=setting)
        assert result.exit_code == 0, result.output

    run("message", "approve", world.messages()[0].id)
    run("inbox", "replay", item["id"])
    run("pause")
    run("resume")

    assert queue.nudges == [Job.SEND, Job.PLAN, Job.SEND]
