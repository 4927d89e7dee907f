"""C04 to C07 and C10: a worker ends or freezes at every moment of sending one message, on either database.

The worker is a process of its own, killed or frozen at the named moment; the mail goes over HTTP to a receiver whose
record is the truth. What runs out after three minutes is the lease, and the clock is the test's: nobody waits.
"""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from notifier.core.message import Phase, Submission
from notifier.decide.doubt import HORIZON
from notifier.deliver.providers.sendgrid import SendGrid as Provider
from notifier.flow.hear import hear, hear_batch
from notifier.store import submission
from notifier.store.messages import Message
from tests.faults import crash_points
from tests.faults.children import child, context, end_of, frozen, wait_until
from tests.faults.crash_points import Point, Step, When
from tests.standins.sendgrid import SendGrid
from tests.standins.sendgrid_events import Signer, event_of, written
from tests.world import MORNING, World

#: What keeps the reports of this installation apart from those of others: the name in its public address.
HERE = "127.0.0.1"

SIGNER = Signer()


class Stage:
    """One message that is due, a receiver, and workers in processes of their own with the world's clock."""

    def __init__(self, url: str, receiver: SendGrid) -> None:
        provider = Provider("SG.key", receiver.url, environment=HERE, now=lambda: MORNING)
        self.world = World(url, provider=provider)
        settings = replace(self.world.flow.settings, environment=HERE, event_keys={"sendgrid": (SIGNER.public_key,)})
        self.world.flow = replace(self.world.flow, settings=settings)
        self.url, self.receiver = url, receiver
        self.seconds: Any = context.Value("d", 0.0)
        self.world.change("a1", stage="Application Review", kind="applied")
        self.world.plan()

    def worker(self, point: Point | None) -> Any:
        """A worker for one batch, struck at `point`."""
        return child(crash_points.send, self.url, self.receiver.url, self.seconds, point)

    def crash(self, point: Point) -> Message:
        """Let a worker die there; the message as it is then."""
        with self.worker(point) as process:
            assert end_of(process) == -signal.SIGKILL
        return self.message

    @property
    def message(self) -> Message:
        (message,) = self.world.messages("a1")
        return message

    @property
    def mails(self) -> int:
        """How many mails of the message the receiver has taken."""
        return [mail.custom_args["mid"] for mail in self.receiver.mails].count(self.message.id)

    def report(self) -> None:
        """The provider says of every mail it has taken that it has, in one signed post."""
        moment = self.world.clock.now.timestamp()
        taken = enumerate(self.receiver.mails)
        body = written(
            [event_of("processed", n, mail.x_message_id, mail.to, mail.custom_args, moment) for n, mail in taken]
        )
        headers = {name.lower(): value for name, value in SIGNER.headers(body, moment).items()}
        assert hear(self.world.flow, "sendgrid", headers, body).status == 204
        hear_batch(self.world.flow)

    def let_the_lease_end(self) -> None:
        past = submission.LEASE.total_seconds() + 1
        self.world.clock.tick(seconds=past)
        self.seconds.value += past

    def others_go_on(self) -> None:
        """Relay and another worker look again and again, past the end of the lease and for a day more."""
        self.let_the_lease_end()
        for _ in range(3):
            self.world.watch()
            self.world.settle_down()
        self.world.run_for(days=1)

    def ends(self, *states: Submission, mails: int) -> None:
        self.others_go_on()
        assert (self.message.state in states, self.mails) == (True, mails)
        assert self.world.ledger().violations == ()


@pytest.fixture
def stage(database_url: str) -> Iterator[Stage]:
    with SendGrid(key="SG.key") as receiver:
        made = Stage(database_url, receiver)
        yield made
        made.world.close()


def test_c04_killed_before_the_claims_commit_it_is_still_scheduled_and_sent_once(stage: Stage) -> None:
    left = stage.crash(Point(When.BEFORE_COMMIT, Step.CLAIM))

    assert (left.state, left.fence, stage.mails) == (Submission.SCHEDULED, 0, 0)
    stage.world.send()  # at once: there is no lease to wait for
    assert stage.mails == 1
    stage.ends(Submission.ACCEPTED, mails=1)


@pytest.mark.parametrize(
    "point", [Point(When.AFTER_COMMIT, Step.CLAIM), Point(When.BEFORE_COMMIT, Step.SUBMIT)], ids=str
)
def test_c05_killed_after_the_claim_it_is_scheduled_again_when_the_lease_is_over(stage: Stage, point: Point) -> None:
    left = stage.crash(point)

    assert (left.state, left.phase, stage.mails) == (Submission.SENDING, Phase.CLAIMED, 0)
    stage.world.watch()
    assert stage.world.send() == 0, "the lease still holds"
    stage.let_the_lease_end()
    stage.world.watch()
    assert stage.message.state is Submission.SCHEDULED
    stage.ends(Submission.ACCEPTED, mails=1)


def test_c05_killed_between_the_submitting_commit_and_the_call_it_is_in_doubt_and_leaves_at_most_once(
    stage: Stage,
) -> None:
    left = stage.crash(Point(When.AFTER_COMMIT, Step.SUBMIT))

    assert (left.state, left.phase, stage.mails) == (Submission.SENDING, Phase.SUBMITTING, 0)
    stage.let_the_lease_end()
    stage.world.watch()
    assert (stage.message.state, stage.message.reason) == (Submission.IN_DOUBT, "worker_died")
    stage.world.settle_down()
    assert stage.mails == 0, "nobody sends it again before it is sure that nothing left"

    # The feed speaks of a later mail and not of this one; after an hour that is a sign, and it only informs.
    stage.world.change("a2", stage="Application Review", kind="applied", email="eva@example.org")
    stage.world.settle_down()
    stage.report()
    stage.world.run_for(minutes=HORIZON.total_seconds() / 60)
    assert (stage.message.state, stage.mails) == (Submission.ACCEPTED, 1)
    stage.ends(Submission.ACCEPTED, mails=1)


@pytest.mark.parametrize("point", [Point(When.ANSWERED), Point(When.BEFORE_COMMIT, Step.RESULT)], ids=str)
def test_c06_killed_after_the_202_it_is_in_doubt_until_a_report_settles_it(stage: Stage, point: Point) -> None:
    left = stage.crash(point)

    assert (left.state, left.phase, stage.mails) == (Submission.SENDING, Phase.SUBMITTING, 1)
    stage.let_the_lease_end()
    stage.world.watch()
    assert (stage.message.state, stage.message.reason) == (Submission.IN_DOUBT, "worker_died")
    stage.ends(Submission.IN_DOUBT, mails=1)
    stage.report()
    stage.ends(Submission.ACCEPTED, mails=1)


@pytest.mark.parametrize("late", [0.0, 0.001])
def test_c07_killed_in_the_commit_of_the_result_it_is_accepted_or_in_doubt(stage: Stage, late: float) -> None:
    stage.crash(Point(When.IN_COMMIT, Step.RESULT, late=late))

    assert stage.mails == 1
    stage.ends(Submission.ACCEPTED, Submission.IN_DOUBT, mails=1)
    stage.report()
    stage.ends(Submission.ACCEPTED, mails=1)


def frozen_at(stage: Stage, point: Point) -> Submission:
    """Freeze a worker there for longer than its lease while others go on, let it go on too; what the others saw."""
    with stage.worker(point) as process:
        wait_until(lambda: frozen(process))
        stage.let_the_lease_end()
        stage.world.watch()
        stage.world.settle_down()
        meanwhile = stage.message.state
        assert process.pid is not None
        os.kill(process.pid, signal.SIGCONT)
        assert end_of(process) == 0
    return meanwhile


def test_c10_frozen_with_a_claim_for_longer_than_its_lease_it_does_not_send(stage: Stage) -> None:
    meanwhile = frozen_at(stage, Point(When.AFTER_COMMIT, Step.CLAIM, signal.SIGSTOP))

    assert meanwhile is Submission.ACCEPTED, "another worker has sent it"
    assert stage.mails == 1
    stage.ends(Submission.ACCEPTED, mails=1)


def test_c10_frozen_with_the_answer_in_its_hands_its_late_accepted_settles_the_doubt(stage: Stage) -> None:
    meanwhile = frozen_at(stage, Point(When.ANSWERED, signal=signal.SIGSTOP))

    assert meanwhile is Submission.IN_DOUBT, "nobody else has sent it"
    assert (stage.message.state, stage.mails) == (Submission.ACCEPTED, 1)
    stage.ends(Submission.ACCEPTED, mails=1)


def test_c10_frozen_before_the_call_it_may_call_but_nobody_else_ever_does(stage: Stage) -> None:
    meanwhile = frozen_at(stage, Point(When.AFTER_COMMIT, Step.SUBMIT, signal.SIGSTOP))

    assert meanwhile is Submission.IN_DOUBT
    assert (stage.message.state, stage.mails) == (Submission.ACCEPTED, 1)
    stage.ends(Submission.ACCEPTED, mails=1)
