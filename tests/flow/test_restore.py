"""After a backup was put back nothing leaves by itself, whatever it was doing when the backup was made."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from notifier.core.answer import Impossible, Unknown
from notifier.core.message import Submission
from notifier.flow import doubts, settle
from notifier.flow.restore import LOOK, Rested, bring_to_rest
from notifier.store import submission, workspaces
from notifier.store.audit import history
from notifier.store.backup import restored_at
from notifier.store.messages import Message
from notifier.store.workspaces import EVERYTHING, pauses
from tests.world import World


def scheduled(world: World, number: int = 1) -> list[Message]:
    """Messages that are due and have not left."""
    for one in range(number):
        world.change(f"a{one}", stage="Applied", kind="applied", email=f"ana{one}@example.org")
    world.plan()
    return world.messages()


def claimed(world: World) -> Message:
    scheduled(world)
    with world.db.begin() as tx:
        submission.claim(tx, 1, "scripted")
    return world.messages()[0]


def submitting(world: World) -> Message:
    message = claimed(world)
    with world.db.begin() as tx:
        submission.submit(tx, [message.attempt_id or ""])
    return message


def resume(world: World) -> None:
    with world.db.begin() as tx:
        workspaces.resume(tx, EVERYTHING)


def states(world: World) -> list[tuple[str, str]]:
    return [(message.state.value, message.reason) for message in world.messages()]


def test_everything_is_paused_for_a_reason_that_is_known(world_on: World) -> None:
    bring_to_rest(world_on.db, by="command line")

    with world_on.db.read() as tx:
        (paused,) = pauses(tx)
    assert (paused.scope, paused.why, paused.by) == (EVERYTHING, restored_at(world_on.clock.now), "command line")


def test_m04_what_was_scheduled_is_held_with_one_entry_each(world_on: World) -> None:
    ids = [message.id for message in scheduled(world_on, 3)]

    assert bring_to_rest(world_on.db, by="command line") == Rested(3, 0, 0)

    assert states(world_on) == [("held", LOOK)] * 3
    for message in ids:
        with world_on.db.read() as tx:
            last = history(tx, world_on.workspace, message)[-1]
        assert (last.before, last.after, last.actor, last.reason) == ("scheduled", "held", "command line", LOOK)
    assert world_on.ledger().violations == ()


def test_more_than_a_batch_is_held_too(world: World) -> None:
    number = 12
    scheduled(world, number)

    assert bring_to_rest(world.db, by="command line", batch=5).held == number

    assert states(world) == [("held", LOOK)] * number


def test_what_is_held_until_a_date_is_held_for_good(world: World) -> None:
    (message,) = scheduled(world)
    until = world.clock.now + timedelta(hours=2)
    settle.hold(world.flow, world.workspace, message.id, by="usr_1", why="asked to wait", until=until)

    assert bring_to_rest(world.db, by="command line").held == 1

    resume(world)
    world.run_for(hours=3)
    assert states(world) == [("held", LOOK)]
    assert world.provider.calls == []


@pytest.mark.parametrize("dies", [claimed, submitting])
def test_m04_what_was_being_sent_is_in_doubt_even_if_it_was_only_claimed(
    world_on: World, dies: Callable[[World], Message]
) -> None:
    """Nothing could have left by then; but the worker went on after the backup was made."""
    dies(world_on)
    world_on.clock.tick(days=1)

    assert bring_to_rest(world_on.db, by="command line") == Rested(0, 1, 0)

    resume(world_on)
    world_on.watch()
    world_on.settle_down()
    assert states(world_on) == [("in_doubt", LOOK)]
    assert world_on.provider.calls == []


def test_what_a_living_worker_may_have_is_left_and_counted(world: World) -> None:
    submitting(world)

    assert bring_to_rest(world.db, by="command line") == Rested(0, 0, 1)

    world.clock.tick(minutes=4)
    assert bring_to_rest(world.db, by="command line") == Rested(0, 1, 0)


def test_an_older_doubt_says_that_no_rule_may_settle_it(world: World) -> None:
    world.provider.answer = lambda _: Unknown("no answer")
    scheduled(world)
    world.send()
    assert states(world)[0][0] == "in_doubt"

    assert bring_to_rest(world.db, by="command line") == Rested(0, 1, 0)

    assert states(world) == [("in_doubt", LOOK)]
    assert world.ledger().violations == ()


def test_m04_doing_it_again_finds_only_what_was_planned_meanwhile(world: World) -> None:
    scheduled(world)
    bring_to_rest(world.db, by="command line")
    assert bring_to_rest(world.db, by="command line") == Rested(0, 0, 0)

    world.change("late", stage="Applied", kind="applied", email="bo@example.org")
    world.settle_down()
    assert bring_to_rest(world.db, by="command line") == Rested(1, 0, 0)

    resume(world)
    world.run_for(days=1)
    assert world.provider.calls == []
    with world.db.read() as tx:
        assert pauses(tx) == []


def test_m04_what_waited_for_approval_may_have_been_approved_since_and_is_held(world_on: World) -> None:
    world_on.change("a1", stage="Final", kind="final", email="ana@example.org")
    world_on.change("a1", outcome="rejected")
    world_on.plan()
    (message,) = [one for one in world_on.messages() if one.state is Submission.AWAITING_APPROVAL]

    bring_to_rest(world_on.db, by="command line")

    found = world_on.message(message.template)
    assert (found.state, found.reason) == (Submission.HELD, LOOK)
    assert world_on.ledger().violations == ()


def test_m04_what_had_failed_or_was_held_by_hand_may_have_been_tried_again_since(world: World) -> None:
    _, held = scheduled(world, 2)
    settle.hold(world.flow, world.workspace, held.id, by="usr_1", why="asked to wait")
    world.provider.answer = lambda _: Impossible("no such sender")
    world.run_for(minutes=1)
    assert [state for state, _ in states(world)] == ["failed", "held"]

    assert bring_to_rest(world.db, by="command line") == Rested(2, 0, 0)

    assert states(world) == [("failed", LOOK), ("held", LOOK)]
    assert bring_to_rest(world.db, by="command line") == Rested(0, 0, 0)


def test_what_a_person_let_go_after_the_look_is_not_held_once_more(world: World) -> None:
    takes = world.provider.answer
    held, doubtful = scheduled(world, 2)
    settle.hold(world.flow, world.workspace, held.id, by="usr_1", why="asked to wait")
    world.provider.answer = lambda _: Unknown("no answer")
    world.run_for(minutes=1)
    bring_to_rest(world.db, by="command line")
    assert states(world) == [("held", LOOK), ("in_doubt", LOOK)]
    world.provider.answer = takes

    settle.approve(world.flow, world.workspace, held.id, by="usr_1", now=True)
    assert doubts.send_again(world.flow, world.workspace, doubtful.id, by="usr_1") == doubts.SCHEDULED
    assert bring_to_rest(world.db, by="command line") == Rested(0, 0, 0)

    resume(world)
    world.settle_down()
    assert [state for state, _ in states(world)] == ["accepted", "accepted"]


def test_a_person_lets_go_what_did_not_leave(world: World) -> None:
    (message,) = scheduled(world)
    bring_to_rest(world.db, by="command line")
    resume(world)

    settle.approve(world.flow, world.workspace, message.id, by="usr_1", now=True)
    world.settle_down()

    assert [found.state for found in world.messages()] == [Submission.ACCEPTED]
