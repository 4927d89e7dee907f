"""Every mutant still finds its lines, so that `make mutants` is not the first to learn that one has become nothing."""

from pathlib import Path

import pytest

from tests.mutants.table import MUTANTS, Change, Mutant
from tests.mutants.workshop import ROOT, Lost, Verdict, apply


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_lines_of_a_mutant_are_found_once(mutant: Mutant) -> None:
    for change in mutant.changes:
        assert (ROOT / change.file).read_text().count(change.find) == 1, change.find


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_tests_that_must_go_red_are_there(mutant: Mutant) -> None:
    for test in mutant.red:
        path, _, name = test.partition("::")
        assert f"def {name.rpartition('::')[2]}(" in (ROOT / path).read_text()


def test_lines_that_are_gone_are_not_taken_for_a_mutant(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("one\ntwo\ntwo\n")

    apply(tmp_path, [Change("a.py", "one", "1")])
    for find in ("three", "two"):
        with pytest.raises(Lost):
            apply(tmp_path, [Change("a.py", find, "")])

    assert (tmp_path / "a.py").read_text() == "1\ntwo\ntwo\n"


def test_a_test_is_red_with_any_of_its_parameters_and_green_with_all() -> None:
    verdict = Verdict({"a[1]": "failed", "a[2]": "passed", "b[1]": "passed", "c": "failed in setup"}, "")

    assert [verdict.of(name) for name in ("a", "b", "c", "d")] == ["failed", "passed", "not run", "not run"]
