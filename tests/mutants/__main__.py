"""Try every mutant.

    python -m tests.mutants [-k WORD] [--random] [--jobs 2]

Exit 1 if a mutant survives, if its lines are no longer found, or if a test that must go red is not green without it.
`--random` also says which mutants the state machine sees by itself, with a few dozen stories; that decides nothing.
"""

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.table import MUTANTS, Mutant
from tests.mutants.workshop import ROOT, Lost, apply, copy_tree, run_tests

MACHINE = "tests/laws/test_l1_l3_flow_machine.py::TestFlow::runTest"

#: Stories that are told again for every mutant, and no search for the shortest.
GLANCE = {"HYPOTHESIS_PROFILE": "glance"}


def main() -> int:
    """Try the mutants that were asked for; 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("-k", metavar="WORD", default="", help="only mutants with this in their name")
    parser.add_argument("--random", action="store_true", help="also say what the state machine sees by itself")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    options = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if options.k in mutant.name]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        clean = Path(name) / "clean"
        copy_tree(ROOT, clean)
        if (red := not_green(clean, chosen)) is not None:
            print(red)
            return 1
        with ThreadPoolExecutor(options.jobs) as pool:
            words = list(pool.map(lambda mutant: attempt(clean, mutant, look=options.random), chosen))
    survived = [word for word in words if not word.startswith("caught")]
    print(f"{len(chosen)} mutants, {len(survived)} not caught, {time.monotonic() - began:.0f} s")
    return int(bool(survived))


def not_green(clean: Path, chosen: list[Mutant]) -> str | None:
    """What the tests that should go red say without any mutant, if they are not green. It also compiles the copy."""
    tests = sorted({test for mutant in chosen for test in mutant.red})
    verdict = run_tests(clean, tests)
    red = [test for test in tests if verdict.of(test) != "passed"]
    return f"not green without any mutant:\n{verdict.printed}\n" + "\n".join(red) if red else None


def attempt(clean: Path, mutant: Mutant, *, look: bool) -> str:
    """Try one mutant in a copy of its own; what became of it."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        folder = Path(name)
        copy_tree(clean, folder)
        try:
            apply(folder, mutant.changes)
        except Lost as fault:
            word = f"LOST: {fault}"
        else:
            verdict = run_tests(folder, mutant.red)
            green = [test for test in mutant.red if verdict.of(test) != "failed"]
            word = "caught" if not green else "SURVIVED: " + ", ".join(f"{test} {verdict.of(test)}" for test in green)
            if look:
                seen = run_tests(folder, [MACHINE], GLANCE).of(MACHINE) == "failed"
                word += "; the state machine sees it" if seen else "; the state machine does not see it"
    print(f"{mutant.name}: {word}", flush=True)
    return word


if __name__ == "__main__":
    sys.exit(main())
