"""M12, as far as it can be looked at without a network: what the program is made of is known, byte by byte.

Whether any of it has a known fault changes from day to day and is asked elsewhere; an image does not exist yet.
"""

import re
import tomllib
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ENTRY = re.compile(r"([a-z0-9-]+)(?:\[[\w,-]+\])?==(\S+)(?: ; .*?)?((?: --hash=sha256:[0-9a-f]{64})+)")


def same(name: str) -> str:
    """A package's name as all its spellings are written in a lock."""
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def entries(lock: str) -> tuple[str, ...]:
    """Every requirement of a lock file, one line each, without comments."""
    lines = (ROOT / lock).read_text("utf-8").replace("\\\n", " ").splitlines()
    return tuple(" ".join(line.split()) for line in lines if line.strip() and not line.lstrip().startswith("#"))


@cache
def versions(lock: str) -> dict[str, set[str]]:
    """The versions of every package of a lock file; several only where they are for different machines."""
    found: dict[str, set[str]] = {}
    for name, version in (match.group(1, 2) for match in map(_ENTRY.fullmatch, entries(lock)) if match):
        found.setdefault(name, set()).add(version)
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_m12_every_requirement_is_one_version_and_its_bytes_are_known(lock: str) -> None:
    assert len(entries(lock)) > 30
    assert [entry for entry in entries(lock) if not _ENTRY.fullmatch(entry)] == []


def test_m12_whatever_is_declared_is_locked_and_what_runs_is_tested_in_the_same_versions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    declared = {LOCKS[0]: [*project["dependencies"], *extras["embedded"]], LOCKS[1]: extras["dev"]}
    for lock, requirements in declared.items():
        wanted = {same(found[0]) for found in map(_NAME.match, requirements) if found}
        assert wanted - versions(lock).keys() == set()
    assert {name: found for name, found in versions(LOCKS[0]).items() if versions(LOCKS[1]).get(name) != found} == {}


def test_m12_what_is_installed_is_what_is_locked() -> None:
    locked = versions(LOCKS[1])
    installed = {same(one.metadata["Name"]): one.version for one in distributions()}
    both = locked.keys() & installed.keys()

    assert len(both) > 30
    assert {name: installed[name] for name in both if installed[name] not in locked[name]} == {}
