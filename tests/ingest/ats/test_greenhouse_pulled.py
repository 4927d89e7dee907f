"""Greenhouse: what a record says that was read from the API."""

import contextlib
import dataclasses
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.core.change import CandidateFacts, Event, JobFacts, NothingToDo, OwnerFacts, StageChange, StageFacts
from notifier.core.errors import Unreadable
from notifier.core.stage import Outcome
from tests.ingest.ats.pulled import MONDAY, NUMBER, READ, account, greenhouse, hook, record, said
from tests.standins.greenhouse_account import Account

LATER = MONDAY + timedelta(hours=2)


def applied() -> Account:
    made = account()
    made.apply(NUMBER, MONDAY)
    return made


def test_a_record_carries_all_its_facts() -> None:
    made = applied()
    made.move(NUMBER, 4402, LATER)
    assert said(record(made)) == StageChange(
        application_id="66001",
        occurred_at=LATER,
        sequence=2,
        outcome=Outcome.NONE,
        stage=StageFacts("4402", "Portfolio talk"),
        candidate=CandidateFacts(
            external_id="66001",
            first_name="Lena",
            name="Lena Fuchs",
            emails=("lena66001@example.org",),
            can_email=True,
            private=False,
        ),
        job=JobFacts("2201", "Storyboard Artist"),
        owner=OwnerFacts("311", "Ruth Castell", "ruth.castell@studio.example"),
    )


ACTIONS: list[tuple[str, Callable[[Account, datetime], None], Outcome]] = [
    ("candidate_stage_change", lambda made, at: made.move(NUMBER, 4402, at), Outcome.NONE),
    ("reject_candidate", lambda made, at: made.reject(NUMBER, at), Outcome.REJECTED),
    ("reject_candidate_withdrawn", lambda made, at: made.reject(NUMBER, at, reason=802), Outcome.WITHDRAWN),
    ("hire_candidate", lambda made, at: made.hire(NUMBER, at), Outcome.HIRED),
]


@pytest.mark.parametrize(("name", "act", "outcome"), ACTIONS, ids=[name for name, _, _ in ACTIONS])
def test_a_record_and_the_web_hook_of_the_same_change_say_the_same(
    name: str, act: Callable[[Account, datetime], None], outcome: Outcome
) -> None:
    made = applied()
    act(made, LATER)
    read, told = said(record(made)), hook(made, name)
    assert read.outcome is outcome
    assert dataclasses.replace(read, sequence=told.sequence) == told
    assert read.sequence == told.sequence + 1


def test_a_new_application_that_nothing_happened_to_is_an_arrival() -> None:
    made = applied()
    told = hook(made, "new_candidate_application")
    assert dataclasses.replace(said(record(made)), sequence=told.sequence) == told
    assert said(record(made)).arrived
    made.edit(NUMBER, LATER, recruiter_id=313)
    assert said(record(made)).arrived
    made.move(NUMBER, 4402, LATER)
    assert not said(record(made)).arrived


def test_an_arrival_is_known_without_the_time_of_the_stage_too() -> None:
    content = record(applied())
    content["stage"]["entered_at"] = None
    assert said(content).arrived
    content["application"]["last_activity_at"] = None
    assert not said(content).arrived


def test_a_rejection_undone_is_no_news_by_itself_and_has_no_outcome() -> None:
    made = applied()
    made.reject(NUMBER, LATER)
    made.unreject(NUMBER, LATER + timedelta(minutes=5))
    read = said(record(made))
    assert (read.outcome, read.occurred_at) == (Outcome.NONE, LATER + timedelta(minutes=5))


@pytest.mark.parametrize(
    ("rejected_at", "active", "time"),
    [
        ("2026-11-23T11:00:00.000Z", "2026-11-23T11:00:02.500Z", "2026-11-23T11:00:02+00:00"),
        ("2026-11-23T11:00:02.500Z", "2026-11-23T11:00:00.000Z", "2026-11-23T11:00:00+00:00"),
        ("2026-11-23T11:00:00.000Z", "2026-11-25T11:00:00.000Z", "2026-11-23T11:00:00+00:00"),
        ("2026-11-23T11:00:00.000Z", None, "2026-11-23T11:00:00+00:00"),
        (None, "2026-11-23T11:00:00.000Z", "2026-11-23T11:00:00+00:00"),
        (None, None, "2026-11-26T11:00:00+00:00"),
    ],
)
def test_a_rejection_stands_where_its_web_hook_would(rejected_at: str | None, active: str | None, time: str) -> None:
    """Later notes move the activity, and the rejection does not become later than its undoing because of them."""
    made = applied()
    made.reject(NUMBER, LATER)
    content = record(made)
    content["application"] |= {
        "rejected_at": rejected_at,
        "last_activity_at": active,
        "updated_at": "2026-11-26T11:00:00.000Z",
    }
    assert said(content).occurred_at == datetime.fromisoformat(time)


def test_without_any_time_the_reading_stands_in() -> None:
    content = record(applied())
    content["application"] |= {"last_activity_at": None, "updated_at": None}
    assert said(content).occurred_at == READ


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ({"id": 1, "key": "THEY_REJECTED_US", "name": "Umbenannt"}, Outcome.WITHDRAWN),
        ({"id": 1, "name": "They rejected us"}, Outcome.WITHDRAWN),
        ({"id": 1, "key": "WE_REJECTED_THEM", "name": "We rejected them"}, Outcome.REJECTED),
        ({"id": 1, "key": "NONE_SPECIFIED", "name": None}, Outcome.REJECTED),
        (None, Outcome.REJECTED),
    ],
)
def test_whose_decision_it_was_is_in_the_type_of_the_reason(kind: object, outcome: Outcome) -> None:
    made = applied()
    made.reject(NUMBER, LATER)
    content = record(made)
    content["rejection_reason"]["type"] = kind
    assert said(content).outcome is outcome


def test_what_is_not_there_is_not_said() -> None:
    content = record(applied())
    content |= dict.fromkeys(("candidate", "job", "stage", "rejection_reason", "recruiter", "coordinator"))
    read = said(content)
    assert read.candidate == CandidateFacts("66001")
    assert (read.job, read.stage, read.owner) == (None, None, None)


def test_without_a_recruiter_the_coordinator_signs() -> None:
    content = record(applied())
    content["recruiter"] = None
    assert said(content).owner == OwnerFacts("313", "Omar Vale", "omar.vale@studio.example")


@pytest.mark.parametrize("change", [{"prospect": True}, {"status": "converted"}])
def test_a_prospect_moves_nobody(change: dict[str, object]) -> None:
    content = record(applied())
    content["application"] |= change
    assert greenhouse.translate_pulled(json.dumps(content).encode(), READ) == (NothingToDo("prospect"),)


@pytest.mark.parametrize(
    ("place", "value", "path"),
    [
        (("application",), None, "application"),
        (("application", "id"), None, "application.id"),
        (("application", "status"), None, "application.status"),
        (("application", "status"), "paused", "application.status"),
        (("application", "updated_at"), "yesterday", "application.updated_at"),
        (("candidate", "can_email"), "false", "candidate.can_email"),
        (("candidate", "private"), 1, "candidate.private"),
        (("candidate", "email_addresses"), {}, "candidate.email_addresses"),
        (("stage", "name"), None, "stage.name"),
        (("job", "id"), [], "job.id"),
    ],
)
def test_what_cannot_be_read_names_its_place(place: tuple[str, ...], value: object, path: str) -> None:
    content = record(applied())
    inner: Any = content
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    with pytest.raises(Unreadable) as fault:
        said(content)
    assert fault.value.path == path


any_text = st.text(st.characters(), max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A record in which something somewhere is replaced by anything, or taken away."""
    made = applied()
    made.reject(NUMBER, LATER)
    content = record(made)
    part = draw(st.sampled_from(sorted(content)))
    place, key = content, part
    if isinstance(content[part], dict) and content[part] and draw(st.booleans()):
        place, key = content[part], draw(st.sampled_from(sorted(content[part])))
    if draw(st.booleans()):
        place[key] = draw(values)
    else:
        del place[key]
    return json.dumps(content).encode()


@settings(deadline=None, max_examples=200)
@given(body=st.binary() | values.map(lambda value: json.dumps(value).encode()) | spoilt() | spoilt())
def test_any_record_is_translated_or_unreadable_and_nothing_else(body: bytes) -> None:
    with contextlib.suppress(Unreadable):
        for event in greenhouse.translate_pulled(body, READ):
            assert isinstance(event, get_args(Event))
