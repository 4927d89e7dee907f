"""The way of one application, from the signed webhook to the e-mail, on SQLite and on PostgreSQL."""

from datetime import timedelta

import pytest

from notifier.core.answer import PauseAll, TryLater, Unknown
from notifier.core.errors import Refused
from notifier.core.message import Submission
from notifier.core.stage import StageKind
from notifier.flow import settle
from notifier.store import messages, stages
from tests.world import World


def test_an_application_that_arrives_is_acknowledged_at_once(world_on: World) -> None:
    world = world_on

    receipt = world.change("a1", stage="Application Review", kind="applied")
    world.settle_down()

    assert (receipt.status, receipt.word) == (200, "kept")
    assert world.live() == [("application_received", "accepted")]
    (email,) = world.provider.accepted
    assert email.to_address == "ana@example.org"
    assert email.text.splitlines()[0] == "Hi Ana, your application for Backend engineer is here."
    assert "Tuesday 1 December 2026" in email.text.splitlines()[1]
    assert email.headers["Auto-Submitted"] == "auto-generated"
    assert world.application().application.promise_due is not None
    assert world.ledger().violations == ()


def test_a_rejection_leaves_after_its_hold_and_the_candidate_is_told(world_on: World) -> None:
    world = world_on
    world.change("a1", stage="Application Review", kind="applied")
    world.settle_down()
    world.clock.tick(hours=1)

    world.change("a1", outcome="rejected")
    world.settle_down()

    assert world.live() == [("application_received", "accepted"), ("rejected_after_application", "scheduled")]
    assert world.application().item == "pending"
    world.run_for(hours=12)
    assert world.application().item == "pending"
    world.run_for(hours=13)
    assert world.application().item == "told"
    assert world.application().application.told_how == "email"
    assert len(world.provider.accepted) == 2
    assert world.ledger().violations == ()


def test_an_undone_rejection_inside_the_hold_sends_nothing(world_on: World) -> None:
    world = world_on
    world.change("a1", stage="Application Review", kind="applied")
    world.clock.tick(hours=1)
    world.change("a1", outcome="rejected")
    world.settle_down()
    world.clock.tick(minutes=30)

    world.change("a1", outcome="none", stage="Application Review", kind="applied")
    world.settle_down()
    world.run_for(days=2)

    no = world.message("rejected_after_application")
    assert (no.state, no.reason) == (Submission.CANCELLED, "no_longer_rejected")
    assert [email for email in world.provider.accepted if "not take" in email.text] == []
    assert world.ledger().violations == ()


def test_a_no_after_an_interview_waits_for_a_person(world_on: World) -> None:
    world = world_on
    world.change("a1", stage="Onsite", kind="interview")
    world.settle_down()
    world.clock.tick(hours=1)
    world.change("a1", outcome="rejected")
    world.settle_down()

    no = world.message("rejected_after_interview")
    assert no.state is Submission.AWAITING_APPROVAL
    assert world.message("interview_next_steps").reason == "rejected"
    world.run_for(hours=30)
    assert world.application().item == "pending"
    settle.approve(world.flow, world.workspace, no.id, by="usr_1")
    world.run_for(hours=20)

    assert world.application().item == "told"
    (email,) = world.provider.accepted
    assert "Auto-Submitted" not in email.headers
    with pytest.raises(Refused, match="already been sent"):
        settle.approve(world.flow, world.workspace, no.id, by="usr_2")
    assert world.ledger().violations == ()


def test_an_unmapped_stage_is_listed_and_silent(world_on: World) -> None:
    world = world_on

    world.change("a1", stage="Quokka")
    world.settle_down()

    assert world.live() == []
    with world.db.read() as tx:
        (stage,) = stages.list_stages(tx, world.workspace)
    assert (stage.name, stage.kind) == ("Quokka", StageKind.UNMAPPED)


@pytest.mark.parametrize("second", ["moved on", "hired", "withdrawn"])
def test_a_newer_change_cancels_what_has_lost_its_reason(world_on: World, second: str) -> None:
    world = world_on
    world.change("a1", stage="Screening", kind="screen")
    world.settle_down()
    assert world.live() == [("in_review", "scheduled")]
    world.clock.tick(seconds=30)

    if second == "moved on":
        world.change("a1", stage="Onsite", kind="interview")
    else:
        world.change("a1", outcome=second)
    world.settle_down()

    assert world.message("in_review").state is Submission.CANCELLED
    assert len(world.live()) == 1
    assert world.provider.accepted == []
    assert world.ledger().violations == ()


def test_a_withdrawal_is_acknowledged_and_never_refused(world_on: World) -> None:
    world = world_on
    world.change("a1", stage="Screening", kind="screen")
    world.clock.tick(hours=1)
    world.change("a1", outcome="withdrawn")
    world.settle_down()

    world.run_for(minutes=3)

    assert world.live() == [("withdrawn_ack", "accepted")]
    assert world.application().item == "told"


@pytest.mark.parametrize(
    ("email", "reason"),
    [(None, "no_valid_address"), ("a@x.com, b@y.com", "no_valid_address"), ("not an address", "no_valid_address")],
)
def test_whoever_cannot_be_reached_is_held_with_the_reason(world_on: World, email: str | None, reason: str) -> None:
    world = world_on

    world.change("a1", outcome="rejected", email=email)
    world.settle_down()
    world.run_for(days=3)

    (message,) = world.messages()
    assert (message.state, message.reason) == (Submission.HELD, reason)
    assert world.application().item == "held"
    assert world.provider.calls == []
    assert world.ledger().violations == ()


def test_an_address_that_arrives_later_lets_the_message_go_on(world_on: World) -> None:
    world = world_on
    world.change("a1", outcome="rejected", email=None)
    world.settle_down()

    world.post(
        world.generic,
        {
            "type": "candidate.changed",
            "timestamp": "2026-11-24T10:00:00Z",
            "data": {"candidate": {"id": "c-a1", "email": "ana@example.org"}},
        },
    )
    world.settle_down()
    world.run_for(days=1, hours=1)

    assert world.application().item == "told"


def test_told_by_phone_closes_the_loop_without_a_second_message(world_on: World) -> None:
    world = world_on
    world.change("a1", stage="Onsite", kind="interview")
    world.clock.tick(hours=1)
    world.change("a1", outcome="rejected")
    world.settle_down()

    settle.told(world.flow, world.workspace, world.message("rejected_after_interview").id, by="usr_1", how="phone")
    world.run_for(days=3)

    view = world.application()
    assert (view.item, view.application.told_how, view.application.told_by) == ("told", "phone", "usr_1")
    assert world.provider.calls == []
    assert world.ledger().violations == ()


def test_a_cancelled_no_leaves_the_candidate_on_the_list(world_on: World) -> None:
    world = world_on
    world.change("a1", outcome="rejected")
    world.settle_down()

    settle.cancel(world.flow, world.workspace, world.messages()[0].id, by="usr_1", why="I will call")

    assert world.application().item == "open"
    assert world.ledger().violations == ()
    settle.told_application(world.flow, world.workspace, world.application().application.id, by="usr_1", how="phone")
    assert world.application().item == "told"
    assert world.ledger().violations == ()


def test_a_source_whose_ats_writes_itself_is_not_doubled(world_on: World) -> None:
    from notifier.store.sources import get_source

    world = world_on
    with world.db.begin() as tx:
        get_source(tx, None, world.generic.id).ats_writes = ["rejected_after_application"]
    world.change("a1", outcome="rejected")
    world.settle_down()
    world.run_for(days=3)

    assert world.messages() == []
    view = world.application()
    assert (view.item, view.application.told_how) == ("told", "ats")
    assert world.ledger().violations == ()


def test_shadow_drafts_everything_and_sends_nothing(world_on: World) -> None:
    world = world_on
    world.generic = world.add_source("generic", sending="shadow")
    world.change("a1", stage="Application Review", kind="applied")
    world.settle_down()
    world.run_for(days=1)

    (message,) = world.messages()
    assert (message.state, message.reason) == (Submission.HELD, "shadow")
    with pytest.raises(Refused, match="shadow"):
        settle.approve(world.flow, world.workspace, message.id, by="usr_1")
    assert world.provider.calls == []


def test_a_missing_value_keeps_an_approved_message_back_until_it_is_filled_in(world_on: World) -> None:
    world = world_on
    world.change("a1", stage="Onsite", kind="interview")
    world.settle_down()
    message = world.message("interview_next_steps")

    with pytest.raises(Refused, match="duration, interview_kind, link"):
        settle.approve(world.flow, world.workspace, message.id, by="usr_1")
    with pytest.raises(Refused, match="no place for: salary"):
        settle.approve(world.flow, world.workspace, message.id, by="usr_1", values={"salary": "1"})
    values = {"duration": "45 minutes", "interview_kind": "a video call", "link": "https://notifier.example.com/pick"}
    settle.approve(world.flow, world.workspace, message.id, by="usr_1", values=values, now=True)
    world.settle_down()

    assert world.live() == [("interview_next_steps", "accepted")]


def test_a_rejection_that_left_before_it_was_undone_is_put_before_a_person(world_on: World) -> None:
    world = world_on
    world.change("a1", outcome="rejected")
    world.settle_down()
    world.run_for(days=1, hours=1)
    assert world.application().item == "told"

    world.change("a1", outcome="none", stage="Screening", kind="screen")
    world.settle_down()
    assert world.live() == [("rejected_after_application", "accepted"), ("sent_in_error", "awaiting_approval")]

    world.clock.tick(hours=1)
    world.change("a1", outcome="rejected")
    world.settle_down()
    again = world.messages()[-1]
    assert (again.template, again.state, again.reason) == ("rejected_after_application", "held", "rejected_again")
    assert world.message("sent_in_error").state is Submission.CANCELLED
    assert world.ledger().violations == ()


def test_the_silence_before_a_promised_day_is_broken_three_times_and_then_a_person_is_asked(world_on: World) -> None:
    world = world_on
    world.change("a1", stage="Application Review", kind="applied")
    world.settle_down()

    for _ in range(45 * 4):
        world.run_for(hours=6)

    assert [template for template, _ in world.live()] == [
        "application_received",
        "still_in_review",
        "still_in_review",
        "still_in_review",
        "need_longer",
    ]
    assert world.live()[-1][1] == "awaiting_approval"
    assert world.application().application.owed_since is not None
    assert world.ledger().violations == ()


class TestAnswersOfTheProvider:
    """What becomes of a message after each kind of answer."""

    def test_an_unknown_outcome_is_in_doubt_and_never_sent_again_blindly(self, world_on: World) -> None:
        world = world_on
        world.provider.answer = lambda email: Unknown("timed out")
        world.change("a1", stage="Application Review", kind="applied")
        world.settle_down()
        world.run_for(days=1)

        assert world.live() == [("application_received", "in_doubt")]
        assert len(world.provider.calls) == 1
        assert world.ledger().violations == ()

    def test_a_refusal_for_now_is_tried_again_later(self, world_on: World) -> None:
        world = world_on
        world.provider.answer = lambda email: TryLater("busy", counts=True, at=world.clock.now + timedelta(minutes=5))
        world.change("a1", stage="Application Review", kind="applied")
        world.settle_down()
        assert world.live() == [("application_received", "scheduled")]

        world.provider = world.provider
        accept = type(world.provider)().answer
        world.provider.answer = accept
        world.run_for(minutes=4)
        assert len(world.provider.accepted) == 0
        world.run_for(minutes=2)

        assert world.live() == [("application_received", "accepted")]
        assert [email.mid for email in world.provider.accepted] == [world.messages()[0].id]

    def test_a_refused_key_pauses_everything_and_burns_no_tries(self, world_on: World) -> None:
        from notifier.store.workspaces import pauses, resume

        world = world_on
        world.provider.answer = lambda email: PauseAll("401")
        world.change("a1", stage="Application Review", kind="applied")
        world.change("a2", stage="Application Review", kind="applied", email="eva@example.org")
        world.plan()
        world.send()
        for _ in range(3):
            world.run_for(minutes=10)

        with world.db.read() as tx:
            assert [pause.scope for pause in pauses(tx)] == ["provider:scripted"]
        assert {message.tries for message in world.messages()} == {0}
        assert len(world.provider.calls) == 2
        world.provider.answer = type(world.provider)().answer
        with world.db.begin() as tx:
            resume(tx, "provider:scripted")
        world.run_for(seconds=1)

        assert sorted(email.to_address for email in world.provider.accepted) == ["ana@example.org", "eva@example.org"]


def test_a_worker_that_died_before_the_fence_costs_a_lease_and_nothing_else(world_on: World) -> None:
    from notifier.store import submission

    world = world_on
    world.change("a1", stage="Application Review", kind="applied")
    world.plan()
    with world.db.begin() as tx:
        assert len(submission.claim(tx, 10, "scripted")) == 1
    world.run_for(minutes=2)
    assert world.provider.calls == []

    world.run_for(minutes=2)

    assert world.live() == [("application_received", "accepted")]
    assert len(world.provider.accepted) == 1


def test_a_worker_that_died_after_the_fence_leaves_the_message_in_doubt(world_on: World) -> None:
    from notifier.store import submission

    world = world_on
    world.change("a1", stage="Application Review", kind="applied")
    world.plan()
    with world.db.begin() as tx:
        (claimed,) = submission.claim(tx, 10, "scripted")
    with world.db.begin() as tx:
        assert submission.submit(tx, [claimed.attempt_id or ""]) == {claimed.attempt_id}
    world.run_for(minutes=4)

    assert world.live() == [("application_received", "in_doubt")]
    assert world.provider.calls == []
    with world.db.read() as tx:
        assert messages.get_message(tx, world.workspace, claimed.id).reason == "worker_died"


def test_an_undoing_while_the_rejection_is_claimed_stops_it_at_the_fence(world_on: World) -> None:
    from notifier.flow import conclude
    from notifier.store import submission

    world = world_on
    world.change("a1", outcome="rejected")
    world.plan()
    world.clock.tick(days=1, hours=1)
    with world.db.begin() as tx:
        (claimed,) = submission.claim(tx, 10, "scripted")
    world.change("a1", outcome="none", stage="Screening", kind="screen")
    world.plan()

    with world.db.begin() as tx:
        assert submission.submit(tx, [claimed.attempt_id or ""]) == set()
        conclude.give_back(tx, [claimed.attempt_id or ""])

    assert world.message("rejected_after_application").state is Submission.CANCELLED
    assert world.message("sent_in_error").reason == "never_left"
    assert world.ledger().violations == ()
