"""`notifier import`: a table of old applications, checked as a whole and taken in once."""

from pathlib import Path

import pytest

from notifier.core.inbox import InboxState
from tests.cli.conftest import Terminal
from tests.faults.edge import count, items
from tests.world import World

TABLE = """application_id,name,first_name,email,job,stage,outcome,changed_at,owner_name,told
A1,Ana Adler,Ana,ana@example.org,Engineer,Application Review,,2026-01-10,Maria Lopez,
A2,Ben Brandt,Ben,ben@example.org,Engineer,Application Review,rejected,2026-01-11T09:00:00Z,Maria Lopez,
A3,Cem Can,Cem,cem@example.org,Engineer,Application Review,rejected,2026-01-12,Maria Lopez,yes
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write(tmp_path, TABLE)


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    file = folder / "backlog.csv"
    file.write_bytes(text.encode(encoding))
    return file


def test_a_dry_run_counts_and_keeps_nothing(terminal: Terminal, world: World, table: Path) -> None:
    shown = terminal.json("import", str(table), "--source", world.generic.id, "--dry-run")
    assert shown == {
        "rows": 3,
        "told_before": 1,
        "to_import": 2,
        "imported": 0,
        "already_there": 0,
        "faulty": 0,
        "faults": [],
    }
    assert count(world, "inbox_items") == 0


def test_who_is_under_way_hears_of_the_next_move_and_an_ending_waits_for_a_person(
    terminal: Terminal, world: World, table: Path
) -> None:
    assert terminal.json("import", str(table), "--source", world.generic.id)["imported"] == 2
    world.settle_down()
    assert world.messages("A1") == []
    world.run_for(days=2)
    assert world.live("A2") == [("rejected_after_application", "held")]
    assert world.message("rejected_after_application", "A2").reason == "imported"
    assert world.mails() == []
    assert world.ledger().violations == ()

    world.change("A1", stage="Phone Screen", kind="screen", email="ana@example.org")
    world.settle_down()
    assert len(world.live("A1")) == 1


def test_the_same_table_is_taken_once(terminal: Terminal, world: World, table: Path) -> None:
    terminal.json("import", str(table), "--source", world.generic.id)
    world.clock.tick(days=1)
    again = terminal.json("import", str(table), "--source", world.generic.id)
    assert (again["imported"], again["already_there"]) == (0, 2)
    assert len(items(world)) == 2


def test_a_webhook_that_is_newer_is_not_undone_by_an_import(terminal: Terminal, world: World, table: Path) -> None:
    world.change("A1", outcome="rejected", email="ana@example.org")
    world.settle_down()
    terminal.json("import", str(table), "--source", world.generic.id)
    world.settle_down()
    assert world.application("A1").application.outcome.value == "rejected"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("A9,X,,,Engineer,Review,,,,", "email is empty"),
        ("A9,X,,x@example.org,Engineer,Review,maybe,,,", "data.outcome"),
        ("A9,X,,x@example.org,Engineer,Review,,yesterday,,", "timestamp"),
        ("A9,X,,x@example.org,Engineer,Review", "6 cells under 10 columns"),
        (f"A9,{'x' * 30_000},,x@example.org,Engineer,Review,,,,", "too long"),
        ("A9" + "9" * 300 + ",X,,x@example.org,Engineer,Review,,,,", "data.application.id"),
    ],
)
def test_one_faulty_row_keeps_all_of_them_out_and_is_named(
    row: str, why: str, terminal: Terminal, world: World, tmp_path: Path
) -> None:
    file = write(tmp_path, TABLE + row + "\n")
    shown = terminal.json("import", str(file), "--source", world.generic.id, status=1)
    assert [fault["line"] for fault in shown["faults"]] == [5]
    assert why in shown["faults"][0]["why"]
    assert count(world, "inbox_items") == 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "does not name application_id"),
        ("application_id,email,job\n", "does not name stage"),
        ("application_id,email,job,stage,salary\n", "no column is called 'salary'"),
        ("application_id,email,job,stage,stage\n", "named twice"),
    ],
)
def test_a_first_line_that_does_not_name_the_columns_is_refused(
    text: str, why: str, terminal: Terminal, world: World, tmp_path: Path
) -> None:
    assert why in terminal.fails("import", str(write(tmp_path, text)), "--source", world.generic.id)


def test_what_spreadsheets_write_is_read(terminal: Terminal, world: World, tmp_path: Path) -> None:
    """A byte-order mark, semicolons, quoted cells with separators and line ends, empty lines, CR LF."""
    text = (
        'Application_ID;Email;Job;Stage;Name\r\nA1;ana@example.org;"Engineer; senior";Review;"Ana\r\nAdler"\r\n;;;;\r\n'
    )
    file = write(tmp_path, text, "utf-8-sig")
    assert terminal.json("import", str(file), "--source", world.generic.id)["imported"] == 1
    world.settle_down()
    assert items(world)[0].state is InboxState.PLANNED


def test_bytes_that_are_no_text_and_another_ats_are_refused(terminal: Terminal, world: World, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(b"\xff\xfe\x00")
    assert "utf-8" in terminal.fails("import", str(file), "--source", world.generic.id)
    said = terminal.fails("import", str(write(tmp_path, TABLE)), "--source", world.greenhouse.id)
    assert "generic webhook" in said


def test_thousands_of_rows_are_taken_in_and_counted(terminal: Terminal, world: World, tmp_path: Path) -> None:
    rows = "".join(f"B{number},N,N,n{number}@example.org,Engineer,Review,,,,\n" for number in range(2_000))
    shown = terminal.json(
        "import", str(write(tmp_path, TABLE.splitlines()[0] + "\n" + rows)), "--source", world.generic.id
    )
    assert shown["imported"] == 2_000
    assert count(world, "inbox_items") == 2_000
