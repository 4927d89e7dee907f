"""The command `notifier`, as a process: a wrong configuration says everything and starts nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from workers.main import commands

ROOT = Path(__file__).parents[2]


def notifier(folder: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run the command in an empty folder, with these settings and no others."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **settings}
    return subprocess.run(
        [sys.executable, "-m", "workers.main", *arguments],
        check=False,
        cwd=folder,
        env=environ,
        text=True,
        capture_output=True,
    )


@pytest.mark.parametrize("command", ["up", "web", "worker", "relay"])
def test_a_wrong_configuration_names_all_mistakes_and_starts_nothing(tmp_path: Path, command: str) -> None:
    done = notifier(tmp_path, command, PORT="eight", MAIL_PROVIDER="smtp")

    assert done.returncode == 2
    assert [line.partition(":")[0] for line in done.stderr.splitlines()[1:]] == ["PORT", "SMTP_URL", "MAIL_FROM"]
    assert "Traceback" not in done.stderr
    assert not done.stdout
    assert not list(tmp_path.iterdir())


def test_the_web_server_gives_up_on_a_wrong_configuration(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PORT": "eight"}
    done = subprocess.run(
        [sys.executable, "-c", "import wsgi"], check=False, cwd=tmp_path, env=environ, text=True, capture_output=True
    )

    assert done.returncode == 4  # the code at which gunicorn stops starting it again
    assert "PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_processes_and_all_other_commands_are_one_program() -> None:
    listed = CliRunner().invoke(commands, ["--help"]).output

    assert all(word in listed for word in ("up", "web", "worker", "relay", "demo", "ledger", "source", "message"))
