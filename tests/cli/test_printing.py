"""What is printed: JSON for programs, plain text into a pipe, a table on a terminal; never what a terminal obeys."""

import os
import pty
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from notifier.cli.printing import cell, moment, show_list, show_one
from tests.cli.conftest import Terminal
from tests.world import World

ROOT = Path(__file__).parents[2]


def printed(rows: list[dict[str, object]], columns: list[str], *, limit: int | None = None) -> tuple[str, str]:
    @click.command()
    def command() -> None:
        show_list(rows, columns, json_wanted=False, limit=limit)

    result = CliRunner().invoke(command)
    assert result.exit_code == 0
    return result.stdout, result.stderr


def test_columns_are_aligned_and_nothing_trails() -> None:
    out, _ = printed([{"id": "a", "name": "Ana"}, {"id": "long", "name": None}], ["id", "name"])

    assert out == "id    name\na     Ana\nlong\n"


def test_an_empty_list_is_its_heading() -> None:
    assert printed([], ["id", "name"])[0] == "id  name\n"


def test_a_list_that_may_have_been_cut_says_so_beside_the_output() -> None:
    out, err = printed([{"id": "a"}], ["id"], limit=1)

    assert "--limit" not in out
    assert "--limit" in err
    assert printed([{"id": "a"}], ["id"], limit=2)[1] == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (["a", "b"], "a, b"),
        ("two\nlines\tand \x1b[31mred\x9b", "two lines and  [31mred "),
    ],
)
def test_a_value_is_one_line_that_no_terminal_obeys(value: object, text: str) -> None:
    assert cell(value) == text


def test_a_record_without_fields_prints_nothing() -> None:
    @click.command()
    def command() -> None:
        show_one({}, json_wanted=False)

    assert CliRunner().invoke(command).stdout == ""


def test_moments_are_utc_whatever_they_were() -> None:
    assert moment(datetime(2026, 11, 24, 10, tzinfo=timezone(timedelta(hours=2)))) == "2026-11-24T08:00:00Z"
    assert moment(None) is None


def test_json_is_ascii_and_plain_text_hides_control_characters(terminal: Terminal, world: World) -> None:
    world.change("a1", stage="Überprüfung", kind="screen")
    world.settle_down()

    out = terminal.run("application", "list", "--json")

    assert out.isascii()
    assert terminal.json("application", "list")[0]["stage"] == "Überprüfung"
    assert "Überprüfung" in terminal.run("application", "list")


def on_a_terminal(environ: dict[str, str], *words: str) -> str:
    """What the program writes when its output is a real terminal."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, **environ, "TERM": "xterm-256color", "COLUMNS": "200"}
    command = [sys.executable, "-c", "from notifier.cli.main import cli; cli()", *words]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=theirs) as process:
        os.close(theirs)
        written = b""
        # The end of a terminal is an error on Linux and empty elsewhere.
        try:
            while part := os.read(ours, 65536):
                written += part
        except OSError:
            pass
        assert process.wait(20) == 0
    os.close(ours)
    return written.decode()


def test_a_terminal_gets_a_table_and_brackets_in_names_are_no_markup(terminal: Terminal, world: World) -> None:
    del world
    terminal.json("workspace", "add", "[red]Brackets[/red] & Co")

    shown = on_a_terminal(terminal.environ, "workspace", "list")

    assert "[red]Brackets[/red] & Co" in shown
    assert "\x1b[" in shown
    assert "\x1b[" not in terminal.run("workspace", "list")
