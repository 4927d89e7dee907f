"""O01, O02 and O04 to O12: late, repeated and contradicting news, and what the candidate hears of them."""

import itertools
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifier.core.answer import Accepted, TryLater, Unknown
from notifier.core.feedback import Heard, Report
from notifier.core.message import Submission
from notifier.core.stage import Outcome
from notifier.flow.hear import hear_batch
from notifier.store import provider_events
from tests.faults.edge import Edge, items
from tests.world import World

#: Long enough for the hold of a "no" to pass.
PAST_THE_HOLD = {"days": 1, "hours": 2}

NO = "rejected_after_application"


def back(world: World, *, at: datetime | None = None, event_id: str | None = None) -> None:
    """The ending is taken back: the application is active again."""
    world.change("a1", outcome="none", stage="Screening", kind="screen", at=at, event_id=event_id)


def open_drafts(world: World) -> list[str]:
    """The states of the drafted "sent in error", which is how "already out" stands on the dashboard."""
    return [m.state.value for m in world.messages() if m.template == "sent_in_error" and m.state.value != "cancelled"]


def test_o01_a_move_that_comes_after_the_rejection_it_went_before_is_stale(world_on: World) -> None:
    world = world_on
    moved, rejected = world.clock.now - timedelta(minutes=2), world.clock.now - timedelta(minutes=1)
    world.change("a1", outcome="rejected", stage="Screening", kind="screen", at=rejected)
    world.change("a1", stage="Screening", kind="screen", at=moved)
    world.settle_down()
    world.run_for(**PAST_THE_HOLD)

    assert world.application().application.outcome is Outcome.REJECTED
    assert [(item.state.value, item.reason) for item in items(world)] == [("planned", ""), ("ignored", "stale")]
    assert world.live() == [(NO, "accepted")]
    assert world.ledger().violations == ()


def test_o02_an_undoing_inside_the_hold_window_cancels_and_nothing_is_sent(world_on: World) -> None:
    world = world_on
    world.change("a1", outcome="rejected", stage="Screening", kind="screen")
    world.settle_down()
    world.run_for(hours=23)
    back(world)
    world.settle_down()
    world.run_for(days=4)

    assert (world.message(NO).state, world.message(NO).reason) == (Submission.CANCELLED, "no_longer_rejected")
    assert [email for email in world.provider.accepted if "not take" in email.text] == []
    assert open_drafts(world) == []


def during_the_call(world: World, answer: Any) -> None:
    """The ATS takes the "no" back while the provider is being called, which then answers so."""

    def undo_then_answer(email: object) -> Any:
        del email
        world.provider.answer = lambda email: answer
        back(world)
        world.plan()
        return answer

    world.change("a1", outcome="rejected")
    world.settle_down()
    world.provider.answer = undo_then_answer
    world.run_for(**PAST_THE_HOLD)


def test_o04_an_undoing_while_sending_is_final_when_the_provider_answers_429(world_on: World) -> None:
    world = world_on
    during_the_call(world, TryLater("rate_limit", counts=True, at=world.clock.now + timedelta(days=1, hours=3)))
    world.run_for(days=3)

    assert world.message(NO).state is Submission.CANCELLED
    assert len(world.provider.calls) == 1
    assert world.provider.accepted == []
    assert world.ledger().violations == ()


def feed_speaks(world: World) -> None:
    """A report comes about a mail to somebody else that left later, so silence about an earlier one says something."""
    world.provider.answer = lambda email: Accepted(f"p-{email.att}", email.headers["Message-ID"])
    world.clock.tick(minutes=1)
    world.change("other", stage="Application Review", kind="applied", email="eva@example.org")
    world.settle_down()
    report = Report(Heard.PROCESSED, world.clock.now, digest="0" * 64, att=world.provider.accepted[-1].att, env="test")
    with world.db.begin() as tx:
        assert provider_events.keep(tx, world.provider.name, [report]) == 1
    assert hear_batch(world.flow) == 1


def test_o05_an_undoing_while_in_doubt_ends_it_after_the_horizon_and_a_person_still_looks(world_on: World) -> None:
    world = world_on
    world.provider.answer = lambda email: Unknown("time_out")
    world.change("a1", outcome="rejected")
    world.settle_down()
    world.run_for(**PAST_THE_HOLD)
    assert world.message(NO).state is Submission.IN_DOUBT
    back(world)
    world.settle_down()
    assert open_drafts(world) == ["awaiting_approval"]
    feed_speaks(world)
    for _ in range(6):
        world.run_for(minutes=20)

    assert (world.message(NO).state, world.message(NO).reason) == (Submission.CANCELLED, "superseded")
    assert len([call for call in world.provider.calls if "not take" in call.text]) == 1
    assert open_drafts(world) == ["awaiting_approval"]


def test_o06_a_second_rejection_after_the_first_was_sent_is_one_new_item_that_waits_for_a_person(
    world_on: World,
) -> None:
    world = world_on
    world.change("a1", outcome="rejected")
    world.settle_down()
    world.run_for(**PAST_THE_HOLD)
    first = world.message(NO)
    back(world)
    world.settle_down()
    world.clock.tick(minutes=1)
    world.change("a1", outcome="rejected")
    world.settle_down()
    world.run_for(days=5)

    noes = [message for message in world.messages() if message.template == NO]
    assert [(m.state.value, m.reason) for m in noes] == [("accepted", ""), ("held", "rejected_again")]
    assert noes[1].version > first.version
    assert world.application().item == "held"
    assert len([email for email in world.provider.accepted if "not take" in email.text]) == 1


def test_o07_an_undoing_that_comes_before_its_rejection_wins(world_on: World) -> None:
    world = world_on
    rejected, undone = world.clock.now - timedelta(minutes=2), world.clock.now - timedelta(minutes=1)
    world.change("a1", stage="Screening", kind="screen", at=rejected - timedelta(minutes=5))
    back(world, at=undone)
    world.settle_down()
    world.change("a1", outcome="rejected", at=rejected)
    world.settle_down()
    world.run_for(days=4)

    assert world.application().application.outcome is Outcome.NONE
    assert items(world)[-1].reason == "stale"
    assert [m for m in world.messages() if m.template == NO] == []
    assert [email for email in world.provider.accepted if "not take" in email.text] == []


def test_o08_two_rejections_of_one_person_on_one_day_are_two_items_and_one_mail(world_on: World) -> None:
    world = world_on
    for application, job in (("a1", "Backend engineer"), ("a2", "Data engineer")):
        world.change(
            application,
            outcome="rejected",
            candidate={"id": "c1", "first_name": "Ana", "email": "ana@example.org"},
            job={"id": f"j-{application}", "title": job},
        )
    world.settle_down()
    world.run_for(**PAST_THE_HOLD)

    assert [world.application(name).item for name in ("a1", "a2")] == ["told", "told"]
    assert len(world.provider.accepted) == 1
    assert all(job in world.provider.accepted[0].text for job in ("Backend engineer", "Data engineer"))


@pytest.mark.parametrize("first_come", [0, 1])
def test_o09_at_equal_times_the_order_of_arrival_decides_nothing(world_on: World, first_come: int) -> None:
    world = world_on
    world.change("a1", stage="Application Review", kind="applied", at=world.clock.now - timedelta(hours=1))
    world.plan()
    bodies = [{"outcome": "rejected"}, {"outcome": "withdrawn"}]
    for body in (bodies[first_come], bodies[1 - first_come]):
        world.change("a1", **body)
        world.plan()
    world.settle_down()

    # The digest of the signed body breaks the tie, so the answer is the same in any order and on any machine.
    newest = max(items(world)[1:], key=lambda item: item.body_hash)
    with world.db.read() as tx:
        body = tx.keyring.open_bytes(newest.body, "inbox.body").decode()
    assert str(world.application().application.outcome) in body
    assert world.ledger().violations == ()


@pytest.mark.parametrize("moment", [datetime(1970, 1, 1, tzinfo=UTC), datetime(2099, 12, 31, tzinfo=UTC)])
def test_o10_an_impossible_time_is_held_back_and_orders_nothing(world_on: World, moment: datetime) -> None:
    world = world_on
    world.change("a1", stage="Application Review", kind="applied", at=world.clock.now - timedelta(hours=1))
    world.change("a1", outcome="rejected", at=moment)
    world.change("a1", stage="Screening", kind="screen")
    world.settle_down()
    world.run_for(days=3)

    wrong = f"occurred_at: implausible time {moment:%Y-%m-%d}"
    assert [(item.state.value, item.reason) for item in items(world)][1] == ("quarantined", wrong)
    assert wrong in Edge(world).page("/trouble")
    assert (world.application().application.outcome, world.application().application.kind) == (Outcome.NONE, "screen")
    assert [m for m in world.messages() if m.template == NO] == []


def test_o11_a_hire_after_the_no_was_sent_is_on_the_dashboard(world_on: World) -> None:
    world = world_on
    world.change("a1", outcome="rejected")
    world.settle_down()
    world.run_for(**PAST_THE_HOLD)
    world.change("a1", outcome="hired")
    world.settle_down()
    world.run_for(hours=2)

    assert world.live() == [(NO, "accepted"), ("hired_handoff", "awaiting_approval")]
    page = Edge(world).page("/")
    assert "Ana Adler" in page
    assert len(world.provider.accepted) == 1


@pytest.fixture(scope="module")
def every_order() -> Iterator[World]:
    """120 applications that were told the same five things, each in an order of its own."""
    world = World("sqlite://")
    steps: list[dict[str, Any]] = [
        {"stage": "Application Review", "kind": "applied"},
        {"stage": "Screening", "kind": "screen"},
        {"outcome": "rejected"},
        {"outcome": "none", "stage": "Onsite", "kind": "interview"},
        {"outcome": "rejected", "stage": "Onsite", "kind": "interview"},
    ]
    begin = world.clock.now - timedelta(hours=5)
    for number, order in enumerate(itertools.permutations(range(len(steps)))):
        for step in order:
            world.change(f"a{number}", at=begin + timedelta(minutes=step), **steps[step])
    world.settle_down()
    yield world
    world.close()


def test_o12_five_events_end_in_the_same_state_in_each_of_their_120_orders(every_order: World) -> None:
    rows = [every_order.application(f"a{number}").application for number in range(120)]

    assert {(row.outcome, row.kind, row.interviewed) for row in rows} == {("rejected", "interview", True)}
    assert len({(row.order_at, row.stage_order_at, row.stage_id) for row in rows}) == 1
    assert every_order.ledger().violations == ()


def test_o12_the_no_is_worded_for_somebody_who_was_interviewed_in_each_order(every_order: World) -> None:
    waiting = Counter(
        (template, state)
        for number in range(120)
        for template, state in every_order.live(f"a{number}")
        if template.startswith("rejected")
    )

    assert waiting == {("rejected_after_interview", "awaiting_approval"): 120}
