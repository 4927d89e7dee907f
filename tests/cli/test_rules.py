"""`notifier rules`: what an import changes, and that a wrong file changes nothing."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from notifier.cli.main import cli
from tests.cli.conftest import Terminal
from tests.world import World

ONE_RULE = '[[rule]]\non = "hired"\nsend = "hired_handoff"\nmode = "approve"\n'


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "rules.toml"
    path.write_text(ONE_RULE, encoding="utf-8")
    return path


def test_a_dry_run_shows_the_change_and_makes_none(terminal: Terminal, book: Path) -> None:
    before = terminal.run("rules", "export")

    shown = terminal.run("rules", "import", str(book), "--dry-run")

    assert '-send = "application_received"' in shown
    assert "1 rules would count" in shown
    assert terminal.run("rules", "export") == before


def test_an_import_counts_for_what_is_planned_next(terminal: Terminal, world: World, book: Path) -> None:
    result = terminal.json("rules", "import", str(book))

    assert (result["rules"], result["imported"]) == (1, True)
    assert [rule["send"] for rule in terminal.json("rules", "export")] == ["hired_handoff"]
    world.change("a1", stage="Applied", kind="applied")
    world.settle_down()
    assert world.messages() == []
    assert "as before" in terminal.run("rules", "import", str(book))
    assert terminal.json("rules", "import", str(book))["changes"] == []


def test_every_mistake_is_named_and_nothing_changes(terminal: Terminal, book: Path) -> None:
    before = terminal.run("rules", "export")
    book.write_text(ONE_RULE + '[[rule]]\non = "x"\nsend = "y"\nmode = "z"\n', encoding="utf-8")

    said = terminal.fails("rules", "import", str(book))

    assert said.count("rule 2:") == 3
    assert terminal.run("rules", "export") == before


def test_an_empty_file_silences_nobody(terminal: Terminal, book: Path) -> None:
    book.write_text("", encoding="utf-8")

    assert "no rule" in terminal.fails("rules", "import", str(book))
    assert len(terminal.json("rules", "export")) == 12


def test_rules_come_from_standard_input_too(terminal: Terminal) -> None:
    words = ["rules", "import", "-", "--json"]

    result = CliRunner().invoke(cli, words, env=terminal.environ, input=b"\xef\xbb\xbf" + ONE_RULE.encode())

    assert result.exit_code == 0, result.output
    assert [rule["send"] for rule in terminal.json("rules", "export")] == ["hired_handoff"]


def test_rules_are_each_workspaces_own(terminal: Terminal, world: World, book: Path) -> None:
    other = terminal.json("workspace", "add", "Second Co")["id"]
    terminal.run("rules", "import", str(book), "--workspace", other)

    assert len(terminal.json("rules", "export", "--workspace", other)) == 1
    assert len(terminal.json("rules", "export", "--workspace", world.workspace)) == 12
    assert "--workspace" in terminal.fails("rules", "export")
    assert "--workspace" in terminal.fails("rules", "import", str(book))
    terminal.fails("rules", "export", "--workspace", "ws_nobody")


def test_a_file_that_is_not_there_is_wrong_usage(terminal: Terminal, tmp_path: Path) -> None:
    terminal.fails("rules", "import", str(tmp_path / "nothing.toml"), status=2)
    terminal.fails("rules", "import", status=2)
