"""docs/faults.md tells the truth: what it names exists, and what is named after a case stands there."""

import ast
import re
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "faults.md"

#: How many cases each group has.
GROUPS = {"W": 28, "O": 15, "C": 27, "P": 17, "T": 9, "D": 15, "K": 9, "S": 9, "M": 12}

#: The groups in which a case without a test needs its reason.
ANSWERED = "WOCPM"

_ROW = re.compile(r"\| ([A-Z]\d\d) \| (.+?) \| (.+) \|")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
_NAMED = re.compile(r"test_((?:[wocptdksm]\d\d_)+)")


@cache
def rows() -> dict[str, str]:
    """The last cell of every row, by the id of the case. A bar inside a cell is written with a backslash."""
    found = [_ROW.fullmatch(line.replace("\\|", "¦")) for line in PAGE.read_text("utf-8").splitlines()]
    pairs = [(row[1], row[3].strip()) for row in found if row]
    assert len(dict(pairs)) == len(pairs), "an id appears twice"
    return dict(pairs)


@cache
def functions(path: Path) -> frozenset[str]:
    """The names of all test functions of a file, in classes too; none for a file that is not there."""
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text("utf-8"))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds) and node.name.startswith("test_"))


def cases_of(function: str) -> list[str]:
    """The ids a test is named after."""
    named = _NAMED.match(function)
    return [case.upper() for case in named[1].split("_") if case] if named else []


def test_the_page_has_every_case_once() -> None:
    assert Counter(case[0] for case in rows()) == GROUPS
    assert set(rows()) == {f"{group}{number:02}" for group, most in GROUPS.items() for number in range(1, most + 1)}


def test_every_test_on_the_page_exists() -> None:
    named = [(case, path, function) for case, cell in rows().items() for path, function in _TEST.findall(cell)]
    assert [entry for entry in named if entry[2] not in functions(ROOT / entry[1])] == []


def test_every_test_that_is_named_after_a_case_is_on_the_page() -> None:
    listed = defaultdict(set)
    for case, cell in rows().items():
        listed[case] |= set(_TEST.findall(cell))
    missing = [
        f"{case}: {path}::{function}"
        for file in sorted((ROOT / "tests").rglob("test_*.py"))
        for function in sorted(functions(file))
        for case in cases_of(function)
        if (path := file.relative_to(ROOT).as_posix(), function) not in listed[case]
    ]
    assert missing == []


def test_every_case_of_webhooks_order_crashes_provider_and_operations_is_tested_or_says_why_not() -> None:
    silent = [
        case
        for case, cell in rows().items()
        if case[0] in ANSWERED
        and not any(case in cases_of(function) for _, function in _TEST.findall(cell))
        and not re.search(r"\w", re.sub(r"`[^`]*`|<br>", "", cell))
    ]
    assert silent == []
