"""A copy of the source tree for each mutant, and the tests run in it.

The copy is what is imported, whatever is installed: `inside` looks before it runs anything.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.table import Change

ROOT = Path(__file__).parents[2]

#: What the copy consists of.
COPIED = ("notifier", "workers", "templates", "tests", "config.py", "wsgi.py", "pyproject.toml")

#: Seconds for the tests of one mutant; one that has made something endless is stopped then.
PATIENCE = 300


class Lost(Exception):
    """The lines of a mutant are no longer there, or not once, so it proves nothing any more."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the tests went: what each file or test ended with (passed, failed, or other words), and what was printed."""

    ended: Mapping[str, str]
    printed: str

    def of(self, test: str) -> str:
        """How a test ended: "failed" if it did with any of its parameters, else "passed" if all of them did."""
        words = {word for name, word in self.ended.items() if name == test or name.startswith(test + "[")}
        return "failed" if "failed" in words else "passed" if words == {"passed"} else "not run"


def copy_tree(source: Path, target: Path) -> None:
    """Copy what the tests need. Times are kept, so that what was compiled before is not compiled again."""
    for name in COPIED:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name)
        else:
            shutil.copy2(source / name, target / name)


def apply(folder: Path, changes: Sequence[Change]) -> None:
    """Make the changes in a copy. Raises Lost."""
    for change in changes:
        path = folder / change.file
        text = path.read_text()
        if text.count(change.find) != 1:
            raise Lost(f"{change.file} has these lines {text.count(change.find)} times: {change.find.strip()}")
        path.write_text(text.replace(change.find, change.put))


def run_tests(folder: Path, tests: Sequence[str], environ: Mapping[str, str] | None = None) -> Verdict:
    """Run these tests in the copy, on SQLite alone: what a mutant takes out is not a matter of the database."""
    command = [sys.executable, "-m", "tests.mutants.inside", "-k", "not postgresql", *tests]
    surroundings = os.environ | {"PYTHONPATH": str(folder)} | dict(environ or {})
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        printed, _ = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        printed, _ = process.communicate()
        return Verdict(dict.fromkeys(tests, "failed"), printed + "\nit never ended")
    last = printed.strip().rpartition("\n")[2]
    return Verdict(json.loads(last), printed) if last.startswith("{") else Verdict({}, printed)
