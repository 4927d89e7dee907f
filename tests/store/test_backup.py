"""A copy of a SQLite database: whole, private, paused, and never in the way of those who work."""

import resource
import signal
import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from notifier.core.errors import Refused
from notifier.store import workspaces
from notifier.store.backup import back_up
from notifier.store.database import Database
from notifier.store.workspaces import EVERYTHING, list_workspaces, pauses
from tests.world import SECRETS, World


def opened(file: Path) -> Database:
    return Database(f"sqlite:///{file}", secrets=SECRETS)


def test_m04_the_copy_has_every_row_and_is_paused(world: World, tmp_path: Path) -> None:
    world.change("a1", stage="Applied", kind="applied")
    world.settle_down()

    back_up(world.db, tmp_path / "copy.db", by="command line")

    copy = opened(tmp_path / "copy.db")
    with copy.read() as tx:
        (paused,) = pauses(tx)
        assert (paused.scope, paused.why) == (EVERYTHING, "restored_from_backup 2026-11-24T10:00:00Z")
        assert paused.since == world.clock.now
        assert [row.name for row in list_workspaces(tx)] == ["Example Co"]
    copy.dispose()
    with world.db.read() as tx:
        assert pauses(tx) == [], "the installation that was copied goes on"


def test_what_was_paused_by_hand_is_paused_as_restored_in_the_copy(world: World, tmp_path: Path) -> None:
    with world.db.begin() as tx:
        workspaces.pause(tx, EVERYTHING, why="holiday", by="usr_1")
        workspaces.pause(tx, "provider:smtp", why="key refused", by="provider:smtp")

    back_up(world.db, tmp_path / "copy.db", by="command line")

    copy = opened(tmp_path / "copy.db")
    with copy.read() as tx:
        reasons = {row.scope: row.why.partition(" ")[0] for row in pauses(tx)}
    copy.dispose()
    assert reasons == {EVERYTHING: "restored_from_backup", "provider:smtp": "key"}


def test_it_is_one_file_that_only_its_owner_reads(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()

    back_up(world.db, folder / "copy.db", by="command line")

    assert [file.name for file in folder.iterdir()] == ["copy.db"]
    assert stat.S_IMODE((folder / "copy.db").stat().st_mode) == 0o600


def test_nothing_is_overwritten(world: World, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("something else")

    with pytest.raises(Refused, match="is there already"):
        back_up(world.db, tmp_path / "copy.db", by="command line")

    assert (tmp_path / "copy.db").read_text() == "something else"


def test_of_two_at_once_one_is_refused_and_the_other_whole(world: World, tmp_path: Path) -> None:
    refused: list[str] = []

    def copy() -> None:
        try:
            back_up(world.db, tmp_path / "copy.db", by="command line")
        except Refused as fault:
            refused.append(str(fault))

    threads = [threading.Thread(target=copy) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(refused) == 3
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]
    with sqlite3.connect(tmp_path / "copy.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_folder_that_is_not_there_is_one_sentence_and_leaves_nothing(world: World, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be written: No such file"):
        back_up(world.db, tmp_path / "nowhere" / "copy.db", by="command line")

    assert not (tmp_path / "nowhere").exists()


def test_a_disk_without_room_is_one_sentence_and_leaves_nothing(world: World, tmp_path: Path) -> None:
    """A file that may not grow stands for the full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = sorted(tmp_path.iterdir())
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
        with pytest.raises(Refused, match="cannot be made"):
            back_up(world.db, tmp_path / "copy.db", by="command line")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)

    assert sorted(tmp_path.iterdir()) == before


def test_an_empty_database_is_not_worth_a_copy(tmp_path: Path) -> None:
    db = opened(tmp_path / "empty.db")

    with pytest.raises(Refused, match="empty"):
        back_up(db, tmp_path / "copy.db", by="command line")

    db.dispose()
    assert not (tmp_path / "copy.db").exists()


def test_writers_go_on_while_it_is_made(world: World, tmp_path: Path) -> None:
    with world.db.read(), world.db.begin() as tx:
        workspaces.add_workspace(tx, "Second Co")
        back_up(world.db, tmp_path / "copy.db", by="command line")

    copy = opened(tmp_path / "copy.db")
    with copy.read() as tx:
        assert [row.name for row in list_workspaces(tx)] == ["Example Co"], "what was committed, and nothing else"
    copy.dispose()


def test_postgresql_is_told_how_it_is_done_there(postgresql_url: str, tmp_path: Path) -> None:
    db = Database(postgresql_url, secrets=SECRETS)

    with pytest.raises(Refused, match=r"pg_dump.*notifier db restored"):
        back_up(db, tmp_path / "copy.db", by="command line")

    db.dispose()
    assert list(tmp_path.iterdir()) == []
