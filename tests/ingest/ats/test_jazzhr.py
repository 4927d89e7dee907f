"""JazzHR: the documented shape, what must never be stored, and what the rest means."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from notifier.core.change import CandidateFacts, Delivery, Doubted, Event, JobFacts, StageChange, StageFacts
from notifier.core.errors import Unreadable
from notifier.core.stage import Outcome
from notifier.ingest.ats.jazzhr import Adapter
from notifier.store.inbox import list_items
from tests.world import World

PAYLOADS = Path(__file__).parents[2] / "payloads" / "jazzhr"
PUBLISHED = Path(__file__).parents[3] / ".." / "shared" / "payloads" / "ats" / "jazzhr"
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
SECRET = "a-secret-of-jazzhr-0123456789"
jazzhr = Adapter()


def sample(name: str) -> Any:
    return json.loads(jazzhr.samples()[name].body)


def told(content: Any) -> list[Event]:
    return list(jazzhr.translate(Delivery({}, json.dumps(content).encode()), NOW))


def moved(content: Any) -> StageChange:
    (event,) = told(content)
    assert isinstance(event, StageChange)
    return event


def in_category(category: str) -> Outcome | None:
    body = sample("moved")
    body["additionalProfileInformation"]["8801"]["workflowStatusCategory"] = category
    return moved(body).outcome


def test_an_export_carries_all_its_facts() -> None:
    assert told(sample("moved")) == [
        StageChange(
            application_id="8801",
            occurred_at=NOW,
            stage=StageFacts("Phone Screen", "Phone Screen"),
            candidate=CandidateFacts(
                "4401", first_name="Ines", name="Ines Marković", emails=("ines.markovic@example.com",)
            ),
            job=JobFacts("501", "Field Engineer"),
        )
    ]


@pytest.mark.parametrize(
    ("category", "outcome"),
    [
        ("Hired", Outcome.HIRED),
        ("hired", Outcome.HIRED),
        ("Not Hired", Outcome.REJECTED),
        ("not_hired", Outcome.REJECTED),
        ("Rejected", Outcome.REJECTED),
        ("Disqualified", Outcome.REJECTED),
        ("Withdrawn", Outcome.WITHDRAWN),
        ("Not hired - withdrew", Outcome.WITHDRAWN),
        ("Open", None),
        ("In progress", None),
        ("", None),
    ],
)
def test_an_ending_is_told_by_its_category(category: str, outcome: Outcome | None) -> None:
    assert in_category(category) is outcome


def test_each_profile_is_an_application_with_a_state_of_its_own() -> None:
    first, second = told(json.loads((PAYLOADS / "two_profiles.json").read_bytes()))
    assert isinstance(first, StageChange)
    assert isinstance(second, StageChange)
    assert (first.application_id, first.outcome, first.stage) == (
        "8801",
        None,
        StageFacts("Phone Screen", "Phone Screen"),
    )
    assert (second.application_id, second.outcome, second.job) == (
        "8802",
        Outcome.REJECTED,
        JobFacts("502", "Office Manager"),
    )


def test_a_profile_without_a_state_says_only_that_it_is_there() -> None:
    change = moved(json.loads((PAYLOADS / "without_states.json").read_bytes()))
    assert (change.stage, change.outcome, change.occurred_at) == (None, None, NOW)


class TestKept:
    def test_nothing_of_a_special_category_is_left(self) -> None:
        for name, plain in jazzhr.samples().items():
            kept = jazzhr.kept(plain.body)
            assert b"secret" not in kept, name
            assert jazzhr.translate(Delivery({}, kept), NOW) == jazzhr.translate(plain, NOW), "and nothing is missed"

    def test_what_is_added_tomorrow_goes_by_itself(self) -> None:
        body = sample("moved")
        body["additionalPersonInformation"]["4401"]["religion"] = "tomorrow"
        body["candidate"]["person"]["religion"] = "tomorrow"
        body["candidate"]["profiles"][0]["religion"] = "tomorrow"
        body["additionalProfileInformation"]["8801"]["religion"] = "tomorrow"
        assert b"tomorrow" not in jazzhr.kept(json.dumps(body).encode())

    def test_a_body_that_is_no_object_cannot_be_cut(self) -> None:
        assert jazzhr.kept(b"\xff") == b"\xff"

    def test_it_is_gone_before_anything_is_stored(self, world: World) -> None:
        here = world.add_source("jazzhr")
        assert world.post(here, sample("moved")).word == "kept"
        assert world.post(here, sample("moved")).word == "duplicate"
        with world.db.read() as tx:
            (item,) = list_items(tx)
            kept = tx.keyring.open_bytes(item.body, "inbox.body")
        assert b"ines.markovic@example.com" in kept
        assert b"secret" not in kept


def test_the_published_bodies_are_read() -> None:
    if not PUBLISHED.is_dir():
        return
    assert jazzhr.handshake(Delivery({}, (PUBLISHED / "verify.json").read_bytes())) is not None
    kept = json.loads(jazzhr.kept((PUBLISHED / "candidate_export.sample.json").read_bytes()))
    assert set(kept) == {"candidate", "additionalProfileInformation"}


@pytest.mark.parametrize("written", ["", "zz", "sha256=" + "0" * 64, "0" * 63])
def test_a_signature_of_another_form_is_malformed(written: str) -> None:
    assert jazzhr.verify(Delivery({"x-jazzhr-signature": written}, b"{}"), [SECRET], NOW) == Doubted("malformed")


@pytest.mark.parametrize(
    ("member", "value", "path"),
    [
        ("person", None, "candidate.person"),
        ("person", {"name": {}}, "candidate.person.id"),
        ("profiles", [], "candidate.profiles"),
        ("profiles", None, "candidate.profiles"),
        ("profiles", [{}], "candidate.profiles[0].profileId"),
        ("profiles", [{"profileId": {"value": None}}], "candidate.profiles[0].profileId.value"),
    ],
)
def test_what_is_missing_or_odd_is_named(member: str, value: Any, path: str) -> None:
    body = sample("moved")
    body["candidate"][member] = value
    with pytest.raises(Unreadable) as fault:
        told(body)
    assert fault.value.path == path
