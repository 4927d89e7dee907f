"""Zombies and corpses: workers that stand still for too long and come back, or that die where it matters.

A random search does not come to these moments, so each is stepped through. Every worker runs the real `send_batch`.
"""

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from notifier.core.answer import Answer, Impossible, PauseAll, TryLater, Unknown
from notifier.core.feedback import Heard
from notifier.core.message import Submission
from notifier.decide.doubt import HORIZON, LATEST
from notifier.deliver.email import DEADLINE
from notifier.store.submission import CALL_LIMIT, LEASE
from tests.laws.stage import NO, Stage
from tests.laws.stepped import Stop, Worker
from tests.world import World

REFUSALS = [TryLater("busy", counts=True), Impossible("bad content"), Unknown("cut")]


def word(answer: Answer) -> str:
    """How a test is named for an answer."""
    return type(answer).__name__


@pytest.fixture
def stage(world_on: World) -> Stage:
    return Stage(world_on)


class TestZombies:
    """A worker stands still for longer than its lease, others go on, and then it comes back."""

    def test_one_that_only_claimed_is_stopped_by_the_fence_after_another_sent(self, stage: Stage) -> None:
        message = stage.rejected()
        zombie = stage.worker().run_to(Stop.CLAIMED)
        stage.lease_ends()
        stage.send()
        assert stage.now(message).state is Submission.ACCEPTED

        zombie.finish()

        assert stage.times(message) == 1
        assert stage.attempts(message) == ["not_sent", "accepted"]
        assert stage.laws_hold()

    def test_one_that_only_claimed_is_stopped_by_the_fence_before_another_sends(self, stage: Stage) -> None:
        message = stage.rejected()
        zombie = stage.worker().run_to(Stop.CLAIMED)
        stage.lease_ends()
        zombie.finish()
        assert (stage.now(message).state, stage.times(message)) == (Submission.SCHEDULED, 0)

        stage.send()

        assert (stage.now(message).state, stage.times(message)) == (Submission.ACCEPTED, 1)
        assert stage.laws_hold()

    def test_one_whose_lease_is_nearly_over_does_not_begin_a_call(self, stage: Stage) -> None:
        message = stage.rejected()
        late = stage.worker().run_to(Stop.CLAIMED)
        stage.world.clock.tick(seconds=(LEASE - CALL_LIMIT).total_seconds())

        late.finish()

        assert stage.taken == []
        assert stage.now(message).state is Submission.SCHEDULED

    def test_the_late_accepted_of_one_that_called_is_written_beside_the_mail_two_people_wanted(
        self, stage: Stage
    ) -> None:
        message = stage.rejected()
        zombie = stage.worker().run_to(Stop.TAKEN)
        stage.lease_ends()
        stage.two_people_send_again(message)
        stage.send()

        zombie.finish()

        row = stage.now(message)
        assert (row.state, row.provider_id) == (Submission.ACCEPTED, f"p-{stage.taken[1].att}")
        assert stage.attempts(message) == ["accepted_too", "accepted"]
        assert stage.laws_hold()

    @pytest.mark.parametrize("late", [*REFUSALS, PauseAll("bad key")], ids=word)
    def test_any_other_late_word_of_one_that_called_changes_nothing_after_another_sent(
        self, stage: Stage, late: Answer
    ) -> None:
        message = stage.rejected()
        zombie = stage.worker(late).run_to(Stop.TAKEN)
        stage.lease_ends()
        stage.two_people_send_again(message)
        stage.send()

        zombie.finish()
        stage.world.run_for(days=1)

        assert stage.now(message).state is Submission.ACCEPTED
        assert stage.times(message) == 2  # the first, and the one that two people wanted
        assert stage.attempts(message)[1] == "accepted"
        assert stage.laws_hold()

    @pytest.mark.parametrize("late", REFUSALS, ids=word)
    def test_a_late_word_while_another_sends_neither_ends_nor_repeats_that(self, stage: Stage, late: Answer) -> None:
        message = stage.rejected()
        zombie = stage.worker(late, taken=False).run_to(Stop.FENCED)
        stage.lease_ends()
        stage.two_people_send_again(message)
        second = stage.worker().run_to(Stop.TAKEN)

        zombie.finish()
        assert stage.now(message).state is Submission.SENDING
        second.finish()
        stage.world.run_for(days=1)

        assert (stage.now(message).state, stage.times(message)) == (Submission.ACCEPTED, 1)
        assert stage.laws_hold()

    def test_a_late_accepted_cancels_the_retry_before_it_is_claimed(self, stage: Stage) -> None:
        message = stage.rejected()
        zombie = stage.worker().run_to(Stop.TAKEN)
        stage.lease_ends()
        stage.two_people_send_again(message)

        zombie.finish()
        stage.send()

        assert (stage.now(message).state, stage.times(message)) == (Submission.ACCEPTED, 1)
        assert stage.laws_hold()

    def test_a_late_accepted_stops_the_other_worker_at_its_fence(self, stage: Stage) -> None:
        message = stage.rejected()
        zombie = stage.worker().run_to(Stop.TAKEN)
        stage.lease_ends()
        stage.two_people_send_again(message)
        second = stage.worker().run_to(Stop.CLAIMED)

        zombie.finish()
        second.finish()

        assert (stage.now(message).state, stage.times(message)) == (Submission.ACCEPTED, 1)
        assert stage.laws_hold()

    @pytest.mark.parametrize("late", [*REFUSALS, PauseAll("bad key")], ids=word)
    def test_a_late_refusal_does_not_touch_a_doubt(self, stage: Stage, late: Answer) -> None:
        message = stage.rejected()
        zombie = stage.worker(late).run_to(Stop.TAKEN)
        stage.lease_ends()
        assert stage.now(message).state is Submission.IN_DOUBT

        zombie.finish()
        stage.world.run_for(days=1)

        assert (stage.now(message).state, stage.times(message)) == (Submission.IN_DOUBT, 1)
        assert stage.laws_hold()


class TestDeaths:
    """A worker dies between two steps: what was not called goes on, what may have been called is in doubt."""

    def test_dead_between_claimed_and_submitting_it_is_scheduled_when_the_lease_is_over_and_sent_once(
        self, stage: Stage
    ) -> None:
        message = stage.rejected()
        stage.worker().run_to(Stop.CLAIMED).kill()
        stage.send()
        assert stage.now(message).state is Submission.SENDING

        stage.lease_ends()
        assert stage.now(message).state is Submission.SCHEDULED
        stage.send()

        assert (stage.now(message).state, stage.times(message)) == (Submission.ACCEPTED, 1)
        assert stage.laws_hold()

    def test_dead_between_submitting_and_the_call_a_no_is_in_doubt_and_never_sent_again_by_itself(
        self, stage: Stage
    ) -> None:
        message = stage.rejected()
        stage.worker().run_to(Stop.FENCED).kill()
        stage.lease_ends()
        assert stage.now(message).state is Submission.IN_DOUBT

        for _ in range(5):
            stage.feed_speaks()
            stage.world.run_for(hours=7)

        row = stage.now(message)
        assert (row.state, row.reason, stage.times(message)) == (Submission.IN_DOUBT, "probably_not_sent", 0)
        assert stage.laws_hold()

    def test_dead_between_submitting_and_the_call_what_informs_goes_out_once_more_and_then_no_more(
        self, stage: Stage
    ) -> None:
        message = stage.informed()
        stage.worker().run_to(Stop.FENCED).kill()
        stage.lease_ends()
        stage.feed_speaks()
        stage.world.clock.tick(seconds=HORIZON.total_seconds())
        stage.world.watch()
        assert stage.now(message).state is Submission.SCHEDULED

        stage.worker().run_to(Stop.FENCED).kill()
        stage.lease_ends()
        stage.feed_speaks()
        stage.world.run_for(hours=2)

        assert (stage.now(message).state, stage.times(message)) == (Submission.IN_DOUBT, 0)
        assert stage.laws_hold()

    def test_dead_with_the_answer_in_its_hands_nothing_leaves_again_and_the_report_settles_it(
        self, stage: Stage
    ) -> None:
        message = stage.rejected()
        stage.worker().run_to(Stop.TAKEN).kill()
        stage.lease_ends()
        stage.world.run_for(minutes=50)
        assert stage.now(message).state is Submission.IN_DOUBT

        stage.reported(Heard.PROCESSED)

        assert (stage.now(message).state, stage.times(message)) == (Submission.ACCEPTED, 1)
        assert stage.laws_hold()


class TestTheHorizon:
    """No verdict about silence before the last moment at which an attempt can still be alive."""

    def test_it_is_longer_than_a_lease_and_a_call_together(self) -> None:
        assert HORIZON > LEASE + CALL_LIMIT + timedelta(seconds=DEADLINE)
        assert timedelta(seconds=DEADLINE) < CALL_LIMIT < LEASE

    def test_a_doubt_is_not_judged_before_it_though_the_feed_speaks(self, stage: Stage) -> None:
        message = stage.informed()
        stage.send(Unknown("cut"))
        stage.feed_speaks()
        stage.world.clock.tick(minutes=58)
        stage.world.watch()
        assert stage.now(message).state is Submission.IN_DOUBT

        stage.world.clock.tick(minutes=2)
        stage.world.watch()

        assert stage.now(message).state is Submission.SCHEDULED

    def test_silence_proves_nothing_while_the_feed_is_silent(self, stage: Stage) -> None:
        earlier, message = stage.informed("a2"), stage.informed()
        stage.send(Unknown("cut"))
        stage.reported(Heard.PROCESSED)  # about something handed over at the same moment, not later

        stage.world.run_for(hours=5)

        assert stage.now(message).state is Submission.IN_DOUBT
        assert stage.times(earlier) + stage.times(message) == 2

    def test_after_a_day_a_person_decides_whatever_it_says(self, stage: Stage) -> None:
        message = stage.informed()
        stage.send(Unknown("cut"))
        stage.world.clock.tick(seconds=LATEST.total_seconds())
        stage.feed_speaks()
        stage.world.watch()

        row = stage.now(message)
        assert (row.state, row.reason) == (Submission.IN_DOUBT, "probably_not_sent")


@pytest.fixture(scope="module", autouse=True)
def stopped() -> Iterator[tuple[Stage, Worker, float]]:
    """A worker that was stopped between the fence and the call when this file began. Its time is the machine's own, so
    the others are run while it stands still."""
    world = World("sqlite://")
    stage = Stage(world)
    stage.rejected()
    worker = stage.worker().run_to(Stop.FENCED)
    yield stage, worker, time.monotonic()
    worker.kill()
    world.close()


def test_a_process_stopped_between_the_fence_and_the_call_for_too_long_does_not_call(
    stopped: tuple[Stage, Worker, float],
) -> None:
    stage, worker, since = stopped
    time.sleep(max(0.0, since + CALL_LIMIT.total_seconds() + 0.1 - time.monotonic()))

    worker.finish()
    assert stage.taken == []
    stage.lease_ends()

    assert stage.world.message(NO).state is Submission.IN_DOUBT
