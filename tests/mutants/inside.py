"""Run pytest in a copy of the tree and print how each test ended, as one line of JSON at the end.

python -m tests.mutants.inside [arguments of pytest]
"""

import json
import sys
from pathlib import Path

import pytest

import config
import notifier
import workers


class Ends:
    """A plugin that notes how each test ended."""

    def __init__(self) -> None:
        self.ended: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self.ended[report.nodeid] = report.outcome
        elif report.outcome != "passed":
            self.ended[report.nodeid] = f"{report.outcome} in {report.when}"


def main() -> None:
    """Refuse to run anything but the copy that this stands in."""
    here = Path.cwd()
    for module in (notifier, workers, config):
        assert Path(str(module.__file__)).is_relative_to(here), f"{module.__file__} is not the copy in {here}"
    ends = Ends()
    pytest.main(["-q", "--tb=short", "-p", "no:cacheprovider", *sys.argv[1:]], plugins=[ends])
    print(json.dumps(ends.ended))


if __name__ == "__main__":
    main()
