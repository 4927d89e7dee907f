import json
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.check import beliefs, judge
from tests.chaos.history import History

GOOD: dict[str, Any] = {
    "applications": 2,
    "outcomes": 1,
    "told": 1,
    "pending": 0,
    "held": 0,
    "in_doubt": 0,
    "open": 0,
    "inbox": 3,
    "received": 0,
    "asking": 0,
    "planned": 2,
    "ignored": 1,
    "quarantined": 0,
    "violations": [],
}


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Two applications owe a message; of a third only a webhook that owes nothing was acknowledged."""
    path = tmp_path / "history.jsonl"
    with History(path) as written:
        written.note("acknowledged", event="e1", owes="ana@example.org")
        written.note("killed", part="worker-1")
        written.note("acknowledged", event="e2", owes="ben@example.org")
        written.note("acknowledged", event="e2", owes="ben@example.org")
        written.note("acknowledged", event="e3", owes="")
    return path


def record(history: Path, *addresses: str) -> Path:
    path = history.with_name("mails.jsonl")
    with path.open("w", encoding="utf-8") as file:
        for address in addresses:
            file.write(json.dumps({"payload": {"personalizations": [{"to": [{"email": address}]}]}}) + "\n")
    return path


def test_one_mail_for_each_is_well(history: Path) -> None:
    verdict = judge(history, record(history, "ben@example.org", "ana@example.org"))

    assert verdict.faults == []
    assert (verdict.acknowledged, verdict.once) == (2, 2)


def test_a_mail_that_never_came_is_lost(history: Path) -> None:
    verdict = judge(history, record(history, "ben@example.org"))

    assert verdict.lost == ("ana@example.org",)
    assert (verdict.acknowledged, verdict.once) == (2, 1)
    assert verdict.faults == ["1 lost: ana@example.org"]


def test_a_mail_that_came_twice_is_told(history: Path) -> None:
    verdict = judge(history, record(history, "ana@example.org", "ben@example.org", "ana@example.org"))

    assert verdict.twice == ("ana@example.org",)
    assert verdict.once == 1
    assert verdict.faults == ["1 sent twice: ana@example.org"]


def test_a_mail_nobody_asked_for_is_told(history: Path) -> None:
    verdict = judge(history, record(history, "ana@example.org", "ben@example.org", "cleo@example.org"))

    assert verdict.uninvited == ("cleo@example.org",)
    assert verdict.faults == ["1 sent although nobody acknowledged a webhook: cleo@example.org"]


def test_a_clean_ledger_has_no_faults() -> None:
    assert beliefs(GOOD, 0, messages=2) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"violations": [{"law": "L3", "subject": "msg_1"}]}, "law L3 is broken by msg_1"),
        ({"in_doubt": 1}, "the ledger counts 1 in_doubt"),
        ({"received": 4}, "the ledger counts 4 received"),
        ({"told": 0}, "the ledger counts 0 told of 1 outcomes"),
        ({"applications": 1}, "the ledger counts 1 applications of 2"),
    ],
)
def test_what_the_ledger_still_counts_is_a_fault(change: dict[str, Any], fault: str) -> None:
    assert beliefs(GOOD | change, 1, messages=2) == [fault]


def test_an_exit_code_without_a_reason_is_a_fault() -> None:
    assert beliefs(GOOD, 1, messages=2) == ["the ledger ended with exit code 1"]
