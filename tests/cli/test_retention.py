"""`notifier db retain`, `db tombstones` and `db restored --tombstones`, as an operator types them."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from notifier.store.workspaces import pauses
from tests.cli.conftest import Terminal
from tests.store.retained import entries
from tests.world import World


@pytest.fixture
def old(world: World) -> World:
    """A webhook as old as its body is kept, by the clock of this machine."""
    world.clock.now -= timedelta(days=2000)
    world.change("a1", stage="Applied", kind="applied")
    world.plan()
    return world


def rows(terminal: Terminal, *words: str) -> dict[str, int]:
    return {row["kind"]: row["rows"] for row in terminal.json("db", "retain", *words) if row["rows"]}


def test_a_dry_run_counts_and_leaves_everything(terminal: Terminal, old: World) -> None:
    for _ in range(2):
        assert rows(terminal, "--dry-run") == {"inbox_bodies": 1, "inbox_keys": 1}

    assert entries(old) == []


def test_what_left_is_said_and_written_down(terminal: Terminal, old: World) -> None:
    assert rows(terminal) == {"inbox_bodies": 1, "inbox_keys": 1}
    assert rows(terminal) == {}

    assert [entry[1:3] for entry in entries(old)] == [
        ("retention:inbox_bodies", "blanked"),
        ("retention:inbox_keys", "removed"),
    ]


def test_a_table_for_people_says_what_is_kept_how_long(terminal: Terminal, world: World) -> None:
    said = terminal.run("db", "retain", "--dry-run").splitlines()

    assert said[0].split() == ["kind", "what", "days", "then", "rows"]
    (bodies,) = [line for line in said if line.startswith("inbox_bodies")]
    assert bodies.split()[-3:] == ["90", "blanked", "0"]


def erased(world: World) -> None:
    world.change("a1", stage="Applied", kind="applied")
    moment = world.clock.now.isoformat()
    event = {"type": "candidate.erased", "timestamp": moment, "data": {"candidate": {"id": "c-a1"}}}
    world.post(world.generic, event)
    world.plan()


def test_the_list_is_one_object_a_line(terminal: Terminal, world: World) -> None:
    assert terminal.run("db", "tombstones") == ""
    erased(world)

    (line,) = terminal.run("db", "tombstones").splitlines()

    assert json.loads(line) == {"source": world.generic.id, "candidate": "c-a1"}


def test_the_list_can_be_given_back(terminal: Terminal, world: World, tmp_path: Path) -> None:
    erased(world)
    listed = tmp_path / "tombstones"
    gone = {"source": "src_gone", "candidate": "1"}
    unknown = {"source": world.generic.id, "candidate": "c-new"}
    listed.write_text(
        "\n".join([terminal.run("db", "tombstones"), json.dumps(gone), "", json.dumps(unknown), json.dumps(unknown)])
    )

    said = terminal.run("db", "restored", "--tombstones", str(listed)).splitlines()

    assert said[1:3] == [
        "1 people erased again, 1 were so in the backup",
        "1 belong to sources that are not in the backup: nothing of theirs is here",
    ]
    assert len(terminal.run("db", "tombstones").splitlines()) == 2


@pytest.mark.parametrize(
    "line", ["c-a1", '{"source": "src_1"}', '{"source": "src_1", "candidate": 7}', '["src_1", "c-a1"]', "\x00"]
)
def test_what_is_no_such_list_is_refused_before_anything_is_done(
    terminal: Terminal, world: World, tmp_path: Path, line: str
) -> None:
    listed = tmp_path / "tombstones"
    listed.write_text('{"source": "src_1", "candidate": "1"}\n' + line)

    said = terminal.fails("db", "restored", "--tombstones", str(listed))

    assert said == "Error: line 2 is no tombstone as notifier db tombstones writes it; nothing was done\n"
    with world.db.read() as tx:
        assert pauses(tx) == []


def test_bytes_that_are_no_text_are_refused_too(terminal: Terminal, world: World, tmp_path: Path) -> None:
    listed = tmp_path / "tombstones"
    listed.write_bytes(b"\xff\xfe\x00")

    assert "nothing was done" in terminal.fails("db", "restored", "--tombstones", str(listed))


def test_without_a_list_it_is_said_who_is_back(terminal: Terminal, world: World) -> None:
    assert "--tombstones FILE" in terminal.fails("db", "restored", status=0)
