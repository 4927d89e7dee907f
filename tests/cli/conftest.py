"""The command line on a real database file, called as the program is called."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from notifier.cli.main import cli
from tests.world import SECRETS, World


@dataclass
class Terminal:
    """Runs commands and reads their JSON."""

    environ: dict[str, str]

    def run(self, *words: str, status: int = 0) -> str:
        """The command's standard output; its exit code must be `status`."""
        result = CliRunner().invoke(cli, list(words), env=self.environ, prog_name="notifier")
        assert result.exit_code == status, (result.output, result.stderr, result.exception)
        return result.stdout

    def fails(self, *words: str, status: int = 1) -> str:
        """What a command says on standard error when it refuses; never a traceback."""
        result = CliRunner().invoke(cli, list(words), env=self.environ, prog_name="notifier")
        assert result.exit_code == status, (result.output, result.stderr, result.exception)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert "Traceback" not in result.output
        return result.stderr

    def json(self, *words: str, status: int = 0) -> Any:
        return json.loads(self.run(*words, "--json", status=status))


@pytest.fixture
def terminal_for(tmp_path: Path) -> Callable[[str], Terminal]:
    def made(url: str) -> Terminal:
        return Terminal(
            {
                "DATABASE_URL": url,
                "SECRET_KEY": SECRETS[0],
                "BASE_URL": "https://notifier.example.com",
                "LOG_LEVEL": "ERROR",
                "NO_COLOR": "1",
            }
        )

    return made


@pytest.fixture
def terminal(world: World, sqlite_url: str, terminal_for: Callable[[str], Terminal]) -> Terminal:
    """A terminal on the world's database."""
    return terminal_for(sqlite_url)


@pytest.fixture
def empty(tmp_path: Path, terminal_for: Callable[[str], Terminal]) -> Terminal:
    """A terminal on a database that does not exist yet."""
    return terminal_for(f"sqlite:///{tmp_path}/new/notifier.db")
