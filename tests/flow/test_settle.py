"""What people decide: each decision, the decision that comes too late, and who may decide what."""

from datetime import UTC, datetime, timedelta

import pytest

from notifier.core.errors import NotFound, Refused
from notifier.core.message import Submission
from notifier.flow import settle
from notifier.store import audit, messages
from notifier.store.messages import Message
from notifier.store.workspaces import add_workspace
from tests.world import World


@pytest.fixture
def waiting(world: World) -> World:
    """A "no" after an interview that waits for approval."""
    world.change("a1", outcome="rejected", stage="Onsite", kind="interview")
    world.settle_down()
    return world


def no(world: World) -> Message:
    return world.message("rejected_after_interview")


def note(world: World) -> str:
    with world.db.read() as tx:
        return messages.open_note(tx, no(world))


def test_an_approved_message_waits_out_its_hold(waiting: World) -> None:
    settle.approve(waiting.flow, waiting.workspace, no(waiting).id, by="usr_1")

    message = no(waiting)
    assert (message.state, message.approved_by) == (Submission.SCHEDULED, "usr_1")
    assert message.due_at == waiting.clock.now + timedelta(minutes=60)


def test_two_people_who_approve_the_same_message_have_one_effect(waiting: World) -> None:
    settle.approve(waiting.flow, waiting.workspace, no(waiting).id, by="usr_1")

    with pytest.raises(Refused, match="already approved"):
        settle.approve(waiting.flow, waiting.workspace, no(waiting).id, by="usr_2")
    assert no(waiting).approved_by == "usr_1"


def test_an_approval_is_undone_by_holding_it_before_it_leaves(waiting: World) -> None:
    settle.approve(waiting.flow, waiting.workspace, no(waiting).id, by="usr_1")
    settle.hold(waiting.flow, waiting.workspace, no(waiting).id, by="usr_1", why="wait for the panel")
    waiting.run_for(days=2)

    message = no(waiting)
    assert (message.state, message.reason, message.approved_by) == (Submission.HELD, "held_by_hand", "")
    assert note(waiting) == "wait for the panel"
    assert waiting.provider.calls == []


def test_what_was_held_until_a_day_waits_for_approval_again_on_that_day(waiting: World) -> None:
    until = waiting.clock.now + timedelta(days=2)
    settle.hold(waiting.flow, waiting.workspace, no(waiting).id, by="usr_1", why="panel", until=until)
    waiting.run_for(days=1)
    assert no(waiting).state is Submission.HELD

    waiting.run_for(days=1, minutes=1)

    assert no(waiting).state is Submission.AWAITING_APPROVAL


def test_a_hold_that_ends_in_the_past_is_refused(waiting: World) -> None:
    with pytest.raises(Refused, match="future"):
        settle.hold(
            waiting.flow, waiting.workspace, no(waiting).id, by="usr_1", why="", until=datetime(2020, 1, 1, tzinfo=UTC)
        )


@pytest.mark.parametrize("how", ["pigeon", "email", "ats", ""])
def test_told_needs_a_way_a_person_can_have_used(waiting: World, how: str) -> None:
    with pytest.raises(Refused, match="How were they told"):
        settle.told(waiting.flow, waiting.workspace, no(waiting).id, by="usr_1", how=how)


def test_told_cannot_have_been_in_the_future(waiting: World) -> None:
    tomorrow = waiting.clock.now + timedelta(days=1)

    with pytest.raises(Refused, match="future"):
        settle.told(waiting.flow, waiting.workspace, no(waiting).id, by="usr_1", how="phone", at=tomorrow)


def test_another_workspace_finds_nothing(waiting: World) -> None:
    with waiting.db.begin() as tx:
        other = add_workspace(tx, "Other Co").id

    for verb in (settle.approve, settle.cancel, settle.hold, settle.told):
        more = {"why": ""} if verb in (settle.cancel, settle.hold) else {}
        more |= {"how": "phone"} if verb is settle.told else {}
        with pytest.raises(NotFound):
            verb(waiting.flow, other, no(waiting).id, by="usr_1", **more)


def test_every_decision_leaves_its_entry_in_the_audit_trail(waiting: World) -> None:
    settle.approve(waiting.flow, waiting.workspace, no(waiting).id, by="usr_1")
    settle.hold(waiting.flow, waiting.workspace, no(waiting).id, by="usr_2", why="wait")
    settle.cancel(waiting.flow, waiting.workspace, no(waiting).id, by="usr_3", why="I will call")

    with waiting.db.read() as tx:
        trail = audit.history(tx, waiting.workspace, no(waiting).id)
    assert [(entry.actor, entry.before, entry.after, entry.reason) for entry in trail[1:]] == [
        ("usr_1", "awaiting_approval", "scheduled", "approved"),
        ("usr_2", "scheduled", "held", "held_by_hand"),
        ("usr_3", "held", "cancelled", "cancelled_by_hand"),
    ]
    assert note(waiting) == "I will call"


def test_a_note_is_sealed_and_stands_until_the_next_decision(waiting: World) -> None:
    settle.hold(waiting.flow, waiting.workspace, no(waiting).id, by="usr_1", why="Ana's mother is ill")
    assert b"mother" not in (no(waiting).note or b"")
    settle.cancel(waiting.flow, waiting.workspace, no(waiting).id, by="usr_1", why=" ")
    assert no(waiting).note is None


def test_a_no_nobody_approves_within_two_working_days_is_owed(waiting: World) -> None:
    waiting.run_for(days=1)
    assert waiting.application().application.owed_since is None

    waiting.run_for(days=2)

    assert waiting.application().application.owed_since is not None


def test_a_message_in_doubt_is_never_approved_again_but_can_be_told_by_phone(waiting: World) -> None:
    from notifier.core.answer import Unknown

    waiting.provider.answer = lambda email: Unknown("cut")
    settle.approve(waiting.flow, waiting.workspace, no(waiting).id, by="usr_1", now=True)
    waiting.settle_down()

    with pytest.raises(Refused, match="may already have left"):
        settle.approve(waiting.flow, waiting.workspace, no(waiting).id, by="usr_1")
    settle.told(waiting.flow, waiting.workspace, no(waiting).id, by="usr_1", how="phone")

    assert waiting.application().item == "told"
    assert waiting.ledger().violations == ()
