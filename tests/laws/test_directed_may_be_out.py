"""What may have left counts as out, whatever became of its message since: the states of a message do not tell, its
attempts do."""

import pytest

from notifier.core.answer import TryLater, Unknown
from notifier.core.feedback import Address, Heard
from notifier.core.message import Delivery, Submission
from notifier.flow import again, settle
from tests.laws.flow_base import report_of
from tests.laws.stage import APOLOGY, NO, Stage
from tests.laws.stepped import Stop
from tests.world import World


@pytest.fixture
def stage(world_on: World) -> Stage:
    return Stage(world_on)


class TestMayBeOut:
    """A mail that may have left is never the first of two that nobody compared."""

    @pytest.mark.parametrize("proved", [False, True])
    def test_a_second_no_after_one_that_may_have_left_waits_for_a_person(self, stage: Stage, proved: bool) -> None:
        """The first was in doubt when the ATS took it back, and was dropped after the horizon: it may be out."""
        first = stage.rejected()
        stage.send(Unknown("cut"))
        stage.taken_back()
        stage.world.run_for(minutes=61)
        if proved:
            stage.reported(Heard.DELIVERED)
        stage.rejected_again()

        second = stage.world.message(NO)
        assert second.id != first.id
        assert (second.state, second.reason) == (Submission.HELD, "rejected_again")
        assert (stage.times(first), len(stage.world.provider.accepted)) == (1, 0)

    @pytest.mark.parametrize("claimed", [False, True])
    def test_sent_again_and_then_taken_back_the_first_may_be_out_so_the_apology_waits(
        self, stage: Stage, claimed: bool
    ) -> None:
        message = stage.rejected()
        stage.send(Unknown("cut"))
        stage.two_people_send_again(message)
        second = stage.worker(TryLater("busy", counts=True), taken=False)
        if claimed:
            second.run_to(Stop.FENCED)
        stage.taken_back()
        second.finish()

        assert (stage.now(message).state, stage.times(message)) == (Submission.CANCELLED, 1)
        assert stage.drafts(APOLOGY) == ["awaiting_approval"]

    def test_both_mails_of_a_resend_that_was_dropped_may_prove_to_have_left(self, stage: Stage) -> None:
        """Two people had it sent again, it came into doubt again, the ATS took it back, and both reports come late."""
        message = stage.rejected()
        stage.send(Unknown("cut"))
        stage.two_people_send_again(message)
        stage.send(Unknown("cut"))
        stage.taken_back()
        stage.world.run_for(minutes=61)
        assert stage.now(message).state is Submission.CANCELLED

        for email in list(stage.taken):
            stage.hear(stage.report(Heard.DELIVERED, email))

        assert sorted(stage.attempts(message)) == ["accepted", "accepted_too"]
        assert stage.laws_hold()

    @pytest.mark.parametrize("named", ["address", "provider_id"])
    def test_a_bounce_without_ids_is_about_the_attempt_that_was_taken_and_not_the_newest(
        self, stage: Stage, named: str
    ) -> None:
        """The first was taken, two people had it sent again, a worker died with that, and then the first was proved."""
        message = stage.rejected()
        zombie = stage.worker().run_to(Stop.TAKEN)
        stage.lease_ends()
        stage.two_people_send_again(message)
        stage.worker(taken=False).run_to(Stop.FENCED).kill()
        zombie.finish()
        assert stage.now(message).state is Submission.ACCEPTED

        stage.hear(report_of(stage.taken[0], Heard.BOUNCED, Address.DEAD, stage.world.clock.now, named))

        assert stage.attempts(message)[0] == "accepted"
        assert stage.attempts(message)[1] not in ("accepted", "accepted_too")
        assert stage.now(message).delivery is Delivery.BOUNCED
        assert (stage.world.ledger().told, stage.world.ledger().open) == (0, 1)

    def test_told_by_hand_after_it_was_written_again_nothing_is_left_to_be_sent(self, stage: Stage) -> None:
        """It came back, a colleague drafted it again, and then somebody telephoned and said so at the first one."""
        message = stage.rejected()
        stage.send()
        stage.reported(Heard.BOUNCED, Address.DOUBTFUL)
        again.write_again(stage.world.flow, None, stage.world.application().application.id, by="usr_1")

        settle.told(stage.world.flow, None, message.id, by="usr_2", how="phone")

        assert [state for state in stage.drafts(NO) if state != "accepted"] == []
        assert stage.laws_hold()
