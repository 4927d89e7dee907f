"""Words that cross on the way: an ending taken back while it leaves, reports that are early, late or copied, and doubts
that lose their reason."""

import pytest

from notifier.core.answer import Answer, Impossible, PauseAll, TryLater, Unknown
from notifier.core.errors import Refused
from notifier.core.feedback import Address, Heard
from notifier.core.message import Delivery, Submission
from notifier.flow import doubts, settle
from notifier.store import provider_events
from notifier.store.inbox import list_items
from notifier.store.workspaces import EVERYTHING, pause
from tests.laws.stage import APOLOGY, NO, Stage
from tests.laws.stepped import Stop
from tests.world import World


@pytest.fixture
def stage(world_on: World) -> Stage:
    return Stage(world_on)


class TestTakenBack:
    """The ATS takes a "no" back around the moment at which it is claimed."""

    def test_before_the_claim_it_is_cancelled_and_nobody_is_told_anything(self, stage: Stage) -> None:
        message = stage.rejected()
        stage.taken_back()
        stage.send()

        assert (stage.now(message).state, stage.times(message)) == (Submission.CANCELLED, 0)
        assert stage.drafts(APOLOGY) == []
        assert stage.laws_hold()

    def test_between_the_claim_and_the_fence_it_does_not_leave_and_there_is_nothing_to_take_back(
        self, stage: Stage
    ) -> None:
        message = stage.rejected()
        worker = stage.worker().run_to(Stop.CLAIMED)
        stage.taken_back()
        worker.finish()

        row = stage.now(message)
        assert (row.state, row.reason, stage.times(message)) == (Submission.CANCELLED, "superseded", 0)
        assert stage.drafts(APOLOGY) == []
        assert stage.laws_hold()

    def test_between_the_claim_and_the_death_of_its_worker_it_ends_with_the_lease(self, stage: Stage) -> None:
        message = stage.rejected()
        stage.worker().run_to(Stop.CLAIMED).kill()
        stage.taken_back()
        stage.lease_ends()
        stage.send()

        assert (stage.now(message).state, stage.times(message)) == (Submission.CANCELLED, 0)
        assert stage.drafts(APOLOGY) == []
        assert stage.laws_hold()

    def test_after_the_fence_it_leaves_and_the_apology_waits_for_a_person(self, stage: Stage) -> None:
        message = stage.rejected()
        worker = stage.worker().run_to(Stop.FENCED)
        stage.taken_back()
        worker.finish()

        assert (stage.now(message).state, stage.times(message)) == (Submission.ACCEPTED, 1)
        assert stage.drafts(APOLOGY) == ["awaiting_approval"]
        assert stage.world.application().application.told_at is None
        assert stage.laws_hold()

    @pytest.mark.parametrize(
        "refused",
        [TryLater("busy", counts=True), TryLater("no connection", counts=False), PauseAll("key"), Impossible("bad")],
        ids=["429", "no_connection", "account", "impossible"],
    )
    def test_o04_while_sending_a_refusal_ends_it_for_good_and_the_apology_with_it(
        self, stage: Stage, refused: Answer
    ) -> None:
        message = stage.rejected()
        worker = stage.worker(refused, taken=False).run_to(Stop.FENCED)
        stage.taken_back()
        worker.finish()
        stage.world.run_for(days=2)

        row = stage.now(message)
        assert (row.state, row.reason, stage.times(message)) == (Submission.CANCELLED, "superseded", 0)
        assert stage.drafts(APOLOGY) == []
        assert stage.laws_hold()

    def test_in_doubt_and_dropped_a_report_that_proves_it_left_keeps_the_apology(self, stage: Stage) -> None:
        message = stage.rejected()
        stage.send(Unknown("cut"))
        stage.taken_back()
        stage.world.run_for(minutes=61)
        assert stage.now(message).state is Submission.CANCELLED

        stage.reported(Heard.DELIVERED)
        stage.world.run_for(minutes=5)

        assert stage.attempts(message) == ["accepted"]
        assert stage.now(message).state is Submission.CANCELLED
        assert stage.drafts(APOLOGY) == ["awaiting_approval"]
        assert stage.laws_hold()

    def test_a_second_no_after_one_that_was_sent_waits_for_a_person(self, stage: Stage) -> None:
        first = stage.rejected()
        stage.send()
        stage.taken_back()
        stage.rejected_again()

        second = stage.world.message(NO)
        assert (second.state, second.reason) == (Submission.HELD, "rejected_again")
        assert stage.times(first) == 1
        assert stage.laws_hold()


class TestReports:
    """What the provider says comes when it likes."""

    def test_before_our_own_commit_it_counts_and_our_commit_changes_nothing(self, stage: Stage) -> None:
        message = stage.rejected()
        worker = stage.worker().run_to(Stop.TAKEN)
        stage.reported(Heard.DELIVERED)
        assert stage.now(message).state is Submission.ACCEPTED

        worker.finish()

        row = stage.now(message)
        assert (row.state, row.delivery) == (Submission.ACCEPTED, Delivery.DELIVERED)
        assert stage.attempts(message) == ["accepted"]
        assert stage.laws_hold()

    @pytest.mark.parametrize("refused", [TryLater("busy", counts=True), Impossible("bad"), Unknown("cut")])
    def test_a_refusal_after_it_was_reported_as_taken_changes_nothing(self, stage: Stage, refused: Answer) -> None:
        message = stage.rejected()
        worker = stage.worker(refused).run_to(Stop.TAKEN)
        stage.reported(Heard.PROCESSED)

        worker.finish()
        stage.world.run_for(days=1)

        assert (stage.now(message).state, stage.times(message)) == (Submission.ACCEPTED, 1)
        assert stage.world.application().application.told_how == "email"
        assert stage.laws_hold()

    def test_a_bounce_before_our_own_commit_opens_the_outcome_and_our_commit_does_not_close_it(
        self, stage: Stage
    ) -> None:
        message = stage.rejected()
        worker = stage.worker().run_to(Stop.TAKEN)
        stage.reported(Heard.BOUNCED, Address.DEAD)

        worker.finish()

        assert stage.now(message).delivery is Delivery.BOUNCED
        assert (stage.world.ledger().told, stage.world.ledger().open) == (0, 1)
        assert stage.laws_hold()

    def test_a_bounce_opens_the_outcome_for_a_person(self, stage: Stage) -> None:
        stage.rejected()
        stage.send()
        assert stage.world.ledger().told == 1

        stage.reported(Heard.BOUNCED, Address.DEAD)

        row = stage.world.application().application
        assert (row.told_at, row.open_reason) == (None, "came_back")
        assert stage.laws_hold()

    def test_a_copy_under_another_id_is_not_kept(self, stage: Stage) -> None:
        stage.rejected()
        stage.send()
        report = stage.report(Heard.DELIVERED)

        assert [stage.hear(report, event_id=name) for name in ("one", "one", "two", "")] == [1, 0, 0, 0]

        with stage.world.db.read() as tx:
            assert len(provider_events.list_events(tx)) == 1

    def test_a_mail_that_informs_and_was_sent_twice_by_the_rule_is_named_by_the_ledger(self, stage: Stage) -> None:
        """The one duplicate that nobody chose: the feed spoke, and not of this one, and it had left all the same."""
        message = stage.informed()
        stage.send(Unknown("cut"))
        stage.feed_speaks()
        stage.world.clock.tick(minutes=61)
        stage.world.watch()
        stage.send()

        stage.reported(Heard.DELIVERED)

        assert stage.times(message) == 2
        assert [(one.law, one.subject) for one in stage.world.ledger().violations] == [("L3", message.id)]


class TestPeople:
    """What only people may do, and what stops everything."""

    def test_a_no_is_not_sent_again_by_one_person_however_often_they_ask(self, stage: Stage) -> None:
        message = stage.rejected()
        stage.send(Unknown("cut"))
        assert doubts.send_again(stage.world.flow, None, message.id, by="usr_1") == doubts.SECOND_PERSON
        for _ in range(3):
            with pytest.raises(Refused, match="another person"):
                doubts.send_again(stage.world.flow, None, message.id, by="usr_1")
        stage.send()

        assert (stage.now(message).state, stage.times(message)) == (Submission.IN_DOUBT, 1)

    @pytest.mark.parametrize("scope", [EVERYTHING, "workspace", "provider:scripted"])
    def test_nothing_is_claimed_while_it_is_paused(self, stage: Stage, scope: str) -> None:
        message = stage.rejected()
        with stage.world.db.begin() as tx:
            pause(tx, f"workspace:{stage.world.workspace}" if scope == "workspace" else scope, why="wait", by="usr_1")

        stage.send()

        assert (stage.now(message).state, stage.times(message)) == (Submission.SCHEDULED, 0)

    def test_a_webhook_that_comes_again_is_kept_once(self, stage: Stage) -> None:
        at = stage.world.clock.now
        for _ in range(3):
            stage.world.change("a1", outcome="rejected", event_id="evt-1", at=at)
            stage.world.clock.tick(minutes=1)

        with stage.world.db.read() as tx:
            assert len(list_items(tx, stage.world.workspace)) == 1

    def test_the_ledger_is_clean_after_the_clock_stepped_back(self, stage: Stage) -> None:
        message = stage.rejected()
        settle.hold(stage.world.flow, None, message.id, by="usr_1", why="wait")
        stage.world.clock.tick(hours=-1)
        settle.cancel(stage.world.flow, None, message.id, by="usr_1", why="no")

        assert stage.laws_hold()
