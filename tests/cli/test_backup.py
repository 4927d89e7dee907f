"""`notifier db backup` and `db restored`: a copy that is safe to start, and what to do when one was put back ."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from notifier.store import submission
from tests.cli.conftest import Terminal
from tests.world import World


def test_a_copy_is_paused_and_its_original_is_not(
    terminal: Terminal, world: World, tmp_path: Path, terminal_for: Callable[[str], Terminal]
) -> None:
    said = terminal.run("db", "backup", str(tmp_path / "copy.db"))

    assert "SECRET_KEY" in said
    (row,) = terminal_for(f"sqlite:///{tmp_path}/copy.db").json("pause")
    assert row["why"].startswith("restored_from_backup 2")
    assert terminal.json("resume") == []


def test_a_second_copy_under_the_same_name_is_refused(terminal: Terminal, world: World, tmp_path: Path) -> None:
    terminal.run("db", "backup", str(tmp_path / "copy.db"))

    assert terminal.fails("db", "backup", str(tmp_path / "copy.db")).splitlines() == [
        f"Error: {tmp_path}/copy.db is there already; a copy replaces nothing"
    ]


def test_a_database_that_is_to_be_upgraded_can_be_copied_first(
    terminal: Terminal, world: World, tmp_path: Path
) -> None:
    """The copy is made before the new program's migrations run."""
    terminal.run("db", "backup", str(tmp_path / "before.db"))
    terminal.run("db", "upgrade")

    assert (tmp_path / "before.db").exists()


def test_postgresql_is_told_its_own_way(
    postgresql_url: str, terminal_for: Callable[[str], Terminal], tmp_path: Path
) -> None:
    said = terminal_for(postgresql_url).fails("db", "backup", str(tmp_path / "copy.db"))

    assert "pg_dump" in said
    assert "notifier db restored" in said
    assert len(said.splitlines()) == 1


def test_restored_pauses_holds_and_says_what_is_next(terminal: Terminal, world: World) -> None:
    world.change("a1", stage="Applied", kind="applied")
    world.plan()

    said = terminal.run("db", "restored").splitlines()

    assert said[0] == "everything is paused; 1 messages held, 0 in doubt"
    steps = [line.partition(". ")[2].partition(" (")[0].partition(":")[0].partition(",")[0] for line in said[2:]]
    assert steps == [
        "notifier up",
        "notifier sweep",
        "notifier db restored",
        "look at Trouble and On hold",
        "notifier resume",
    ]
    assert terminal.json("db", "restored") == {"held": 0, "in_doubt": 0, "leaving": 0}
    (message,) = terminal.json("message", "list", "--state", "held")
    assert message["reason"] == "restored: look whether it left"


def test_nothing_is_resumed_while_a_worker_may_still_have_a_message(terminal: Terminal, world: World) -> None:
    world.clock.now = datetime.now(UTC)
    world.change("a1", stage="Applied", kind="applied")
    world.plan()
    with world.db.begin() as tx:
        assert submission.claim(tx, 1, "mailbox")

    assert terminal.json("db", "restored")["leaving"] == 1
    assert "three minutes" in terminal.fails("resume")
    assert [row["scope"] for row in terminal.json("pause")] == ["everything"]


def test_m04_yesterdays_copy_sends_nothing_again(
    world: World, terminal: Terminal, sqlite_url: str, tmp_path: Path
) -> None:
    """Backup, go on, put yesterday back: what left meanwhile is not sent again, by whatever is started."""
    world.change("a1", stage="Applied", kind="applied")
    world.change("a2", stage="Applied", kind="applied", email="bo@example.org")
    world.plan()
    terminal.run("db", "backup", str(tmp_path / "copy.db"))
    world.settle_down()
    world.change("a3", stage="Applied", kind="applied", email="cy@example.org")
    world.settle_down()
    left = world.mails()
    assert len(left) == 3
    world.clock.tick(days=1)

    world.db.dispose()
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    for beside in ("-wal", "-shm"):
        file.with_name(file.name + beside).unlink(missing_ok=True)
    shutil.copy(tmp_path / "copy.db", file)

    world.run_for(minutes=5)
    assert world.mails() == left, "paused: nothing leaves before anybody has looked"
    terminal.run("db", "restored")
    terminal.run("resume")
    for _ in range(48):
        world.run_for(hours=1)
        assert world.mails() == left
    assert world.ledger().violations == ()
    assert [row["state"] for row in terminal.json("message", "list", "--state", "held")] == ["held", "held"]
