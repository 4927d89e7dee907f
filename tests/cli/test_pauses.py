"""`notifier pause` and `resume`: everything, one workspace, or one mail provider."""

import pytest

from tests.cli.conftest import Terminal
from tests.world import World


def test_each_scope_is_paused_and_resumed_by_itself(terminal: Terminal, world: World) -> None:
    terminal.run("pause", "--workspace", world.workspace)
    terminal.run("pause", "--provider", "smtp", "--why", "key refused")
    rows = terminal.json("pause")

    assert {row["scope"] for row in rows} == {"everything", f"workspace:{world.workspace}", "provider:smtp"}
    assert all(set(row) == {"scope", "why", "by", "since"} for row in rows)
    rest = terminal.json("resume", "--provider", "smtp")
    assert {row["scope"] for row in rest} == {"everything", f"workspace:{world.workspace}"}
    assert terminal.json("resume") == []
    assert "nothing is paused" in terminal.run("resume")


def test_a_second_pause_keeps_the_first_reason(terminal: Terminal) -> None:
    terminal.run("pause", "--why", "holiday")

    (row,) = terminal.json("pause", "--why", "another")

    assert row["why"] == "holiday"


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_scope_that_does_not_exist_is_refused(verb: str, terminal: Terminal, world: World) -> None:
    terminal.fails(verb, "--workspace", "ws_nobody")
    terminal.fails(verb, "--provider", "pigeon", status=2)
    terminal.fails(verb, "--workspace", world.workspace, "--provider", "smtp", status=2)


def test_an_empty_name_is_not_everything(terminal: Terminal) -> None:
    """What the shell makes of a variable that is not set."""
    terminal.run("pause", "--why", "holiday")

    for words in (["--workspace", ""], ["--workspace", " "], ["--provider", ""]):
        terminal.fails("resume", *words, status=2)
    (row,) = terminal.json("pause")
    assert row["scope"] == "everything"
    assert "empty" in terminal.fails("ledger", "--workspace", "", status=2)


def test_the_ledger_of_one_workspace_is_its_own(terminal: Terminal, world: World) -> None:
    world.change("a1", stage="Applied", kind="applied")
    world.settle_down()
    other = terminal.json("workspace", "add", "Second Co")["id"]

    assert terminal.json("ledger", "--workspace", other)["applications"] == 0
    assert terminal.json("ledger", "--workspace", world.workspace)["applications"] == 1
    terminal.fails("ledger", "--workspace", "ws_nobody")
