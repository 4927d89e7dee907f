"""Greenhouse: which event is the newest, whatever order they arrive in."""

import itertools
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from notifier.core.candidacy import Standing, advance
from notifier.core.change import Delivery, StageChange
from notifier.core.stage import StageKind
from notifier.ingest.ats.greenhouse import Adapter

PAYLOADS = Path(__file__).parents[2] / "payloads" / "greenhouse"
NOW = datetime(2025, 5, 1, 12, 0, tzinfo=UTC)


def body(name: str) -> Any:
    """The fixture, parsed, to be changed by a test."""
    return json.loads((PAYLOADS / f"{name}.json").read_bytes())


def moved(content: Any) -> StageChange:
    (event,) = Adapter().translate(Delivery({}, json.dumps(content).encode()), NOW)
    assert isinstance(event, StageChange)
    return event


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_without_any_time_the_arrival_stands_in() -> None:
    content = body("hire_candidate")
    content["payload"]["application"]["offer"] = None
    assert moved(content).occurred_at == NOW


@pytest.mark.parametrize(
    ("rejected_at", "active", "time"),
    [
        ("2025-04-08T16:00:00Z", "2025-04-08T17:00:00Z", "2025-04-08T17:00:00"),
        ("2025-04-08T17:00:00Z", "2025-04-08T16:00:00Z", "2025-04-08T17:00:00"),
        ("2025-04-08T16:00:01Z", "2025-04-08T16:00:00Z", "2025-04-08T16:00:00"),
        ("2025-04-08T16:00:01Z", None, "2025-04-08T16:00:01"),
        (None, "2025-04-08T16:00:00Z", "2025-04-08T16:00:00"),
    ],
)
def test_a_rejection_has_the_later_of_its_times_unless_they_are_one_action(
    rejected_at: str | None, active: str | None, time: str
) -> None:
    content = body("reject_candidate")
    content["payload"]["application"] |= {"rejected_at": rejected_at, "last_activity_at": active}
    assert moved(content).occurred_at == at(time)


def test_a_new_application_without_activity_has_the_time_it_was_made() -> None:
    content = body("new_candidate_application")
    content["payload"]["application"]["last_activity_at"] = None
    assert moved(content).occurred_at == at("2025-04-01T07:00:01")


def standing_after(events: Sequence[StageChange]) -> Standing:
    """What we believe after these events, each with a key of its own as if the header id changed every time."""
    standing: Standing | None = None
    for number, event in enumerate(events):
        standing = advance(standing, event, StageKind.UNMAPPED, f"{number}").after
    assert standing
    return standing


STORY = [
    "new_candidate_application",
    "candidate_stage_change",
    "reject_candidate",
    "unreject_candidate",
    "hire_candidate",
    "unhire_candidate",
]


@pytest.mark.parametrize("length", range(1, len(STORY) + 1))
def test_any_order_of_deliveries_ends_where_greenhouse_is(length: int) -> None:
    """O01, O07, O12: the rejection and its undoing carry equal times, so their meaning decides."""
    events = [moved(body(name)) for name in STORY[:length]]
    expected = standing_after(events)
    assert expected.outcome is events[-1].outcome
    for order in itertools.permutations(events):
        reached = standing_after(order)
        assert (reached.order[:2], reached.outcome) == (expected.order[:2], expected.outcome)


def test_a_replay_under_another_id_changes_nothing() -> None:
    """TH3: the header is not signed, so each old body may come back with a new id."""
    events = [moved(body(name)) for name in STORY]
    reached = standing_after(events)
    for number, event in enumerate(events):
        result = advance(reached, event, StageKind.UNMAPPED, f"replayed-{number}")
        assert result.silence in {"stale", "unchanged"}
        assert result.after.version == reached.version
