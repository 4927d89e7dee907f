"""Everything that can happen to a few applications, as rules of a state machine over the real flow and store.

The ATS changes its mind; webhooks come again and late; workers stand still or die wherever they can; the provider
answers anything and reports whenever it likes; people decide; clocks step. The rules do what the world does, and
`Record` knows what may follow.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from notifier.core.errors import Refused
from notifier.core.feedback import Address, Heard
from notifier.core.message import Submission
from notifier.flow import again, doubts, settle
from notifier.flow.restore import bring_to_rest
from notifier.store.workspaces import pause
from tests.laws.flow_base import PERSON, FlowBase, in_doubt, scheduled, time_matters
from tests.laws.stepped import Stop

NAMES = st.sampled_from(sorted(PERSON))
PLACES = st.sampled_from(["home", "home", "work"])
PEOPLE = st.sampled_from(["usr_1", "usr_2"])

APPLIED = {"stage": "Application Review", "kind": "applied"}

STEP = st.sampled_from(
    [
        APPLIED,
        {"stage": "Screening", "kind": "screen"},
        {"stage": "Onsite", "kind": "interview"},
        {"stage": "Offer", "kind": "offer"},
        {"stage": "Quokka"},
        {"outcome": "rejected"},
        APPLIED | {"outcome": "rejected"},
        APPLIED | {"outcome": "rejected"},
        {"outcome": "none", "stage": "Screening", "kind": "screen"},
        {"outcome": "none", "stage": "Screening", "kind": "screen"},
        {"outcome": "withdrawn"},
        {"outcome": "hired"},
    ]
)

#: Seconds.
DAY = 86_400

#: Three times in four.
OFTEN = st.sampled_from([True, True, True, False])

#: What becomes of a mail: taken and said so, taken and never said, or not taken with each of the answers.
FATES = st.lists(
    st.sampled_from(
        [*3 * ["accept"], *3 * ["lost"], "unknown", "unknown", "later", "no_connection", "impossible", "pause"]
    ),
    min_size=1,
    max_size=3,
)

HEARD = (
    (Heard.PROCESSED, Address.UNTOUCHED),
    (Heard.DEFERRED, Address.UNTOUCHED),
    (Heard.DELIVERED, Address.UNTOUCHED),
    (Heard.BOUNCED, Address.DEAD),
    (Heard.BOUNCED, Address.DOUBTFUL),
    (Heard.DROPPED, Address.DEAD),
    (Heard.COMPLAINED, Address.COMPLAINED),
    (Heard.UNSUBSCRIBED, Address.COMPLAINED),
    (Heard.OTHER, Address.UNTOUCHED),
)

#: How a report says which mail it means.
NAMED = ("ids", "ids", "ids", "header", "provider_id", "address", "elsewhere", "strange")


def which(found: Sequence[object]) -> st.SearchStrategy[int]:
    """The number of one of them: a story of numbers can be read, one of whole e-mails cannot."""
    return st.integers(0, len(found) - 1)


class FlowMachine(FlowBase):
    """Three applications and everything that can happen to them."""

    # The ATS

    @initialize(names=st.lists(NAMES, min_size=1, max_size=3, unique=True), no=st.booleans())
    def some_have_applied(self, names: list[str], no: bool) -> None:
        for name in names:
            self.says(name, APPLIED | {"outcome": "rejected"} if no else APPLIED, 0, "home")
        self.world.plan()

    @rule(name=NAMES, step=STEP, late=st.sampled_from([0, 0, 0, 1, 90]), place=PLACES, planned=OFTEN)
    def the_ats_says(self, name: str, step: dict[str, Any], late: int, place: str, planned: bool) -> None:
        self.says(name, step, late, place)
        if planned:
            self.world.plan()

    @precondition(lambda self: len(self.said) > 3)
    @rule(data=st.data(), planned=OFTEN)
    def a_webhook_is_delivered_again(self, data: st.DataObject, planned: bool) -> None:
        self.deliver(*self.said[data.draw(which(self.said))])
        if planned:
            self.world.plan()

    # Workers, and what the provider does with their mails

    @precondition(scheduled)
    @rule(fates=FATES, due=OFTEN)
    def a_worker_sends(self, fates: list[str], due: bool) -> None:
        if due:
            self.wait_for_due()
        self.send(fates)

    @precondition(scheduled)
    @rule(fates=FATES, steps=st.integers(1, 4))
    def a_worker_stops_on_its_way(self, fates: list[str], steps: int) -> None:
        self.wait_for_due()
        worker = self.worker(fates)
        for _ in range(steps):
            worker.step()
        if worker.at is not Stop.ENDED:
            self.workers.append(worker)

    @precondition(scheduled)
    @rule(taken=st.booleans(), steps=st.integers(2, 3))
    def a_worker_dies_in_the_call(self, taken: bool, steps: int) -> None:
        self.wait_for_due()
        worker = self.worker(["lost" if taken else "unknown"])
        for _ in range(steps):
            worker.step()
        worker.kill()

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), dies=st.booleans())
    def a_stopped_worker_dies_or_goes_on(self, data: st.DataObject, dies: bool) -> None:
        worker = self.workers.pop(data.draw(which(self.workers)))
        worker.kill() if dies else worker.finish()

    # What the provider reports

    @precondition(lambda self: self.record.copies)
    @rule(
        data=st.data(),
        heard=st.sampled_from(HEARD),
        named=st.sampled_from(NAMED),
        copies=st.integers(1, 3),
        repeated=st.integers(0, 2),
        read=OFTEN,
    )
    def the_provider_reports(
        self, data: st.DataObject, heard: tuple[Heard, Address], named: str, copies: int, repeated: int, read: bool
    ) -> None:
        email = self.record.copies[data.draw(which(self.record.copies))]
        report = self.report(email, *heard, named)
        for one in [*copies * [report], *self.record.kept[:repeated]]:
            self.keep(one)
        if read:
            self.read_reports()

    @precondition(in_doubt)
    @rule()
    def the_feed_speaks(self) -> None:
        """A mail to a stranger leaves and is reported at once, so that silence about an earlier one says something."""
        self.resume()
        self.world.clock.tick(seconds=1)
        self.world.change(f"stranger-{next(self.strangers)}", stage="Review", kind="applied", email="eva@example.org")
        self.world.plan()
        before = len(self.record.copies)
        self.send(["accept"])
        for email in self.record.copies[before:]:
            self.keep(self.report(email, Heard.PROCESSED))
        self.read_reports()

    # Time

    @precondition(time_matters)
    @rule(seconds=st.sampled_from([-3600, 0.5, 3, 60, 170, 240, 3600, 3661, 3661, 3661, 4200, DAY + 60, 4 * DAY]))
    def time_passes(self, seconds: float) -> None:
        """Or a clock is set; the relay comes round in any case, and nobody leaves a pause for more than an hour."""
        if seconds > 3600:
            self.resume()
        self.world.clock.tick(seconds=seconds)
        self.relay_looks()

    @precondition(scheduled)
    @rule()
    def a_backup_is_put_back(self) -> None:
        """One that was made just now, so nothing is forgotten; but nobody can know that."""
        bring_to_rest(self.world.db, by="command line")

    # People

    @precondition(lambda self: self.decidable())
    @rule(data=st.data(), verb=st.sampled_from(["approve", "approve", "approve", "hold", "cancel", "told", "pause"]))
    def a_person_decides(self, data: st.DataObject, verb: str) -> None:
        messages = self.decidable()
        message = messages[data.draw(which(messages))]
        flow, workspace = self.world.flow, self.world.workspace
        with suppress(Refused):
            if verb == "approve":
                settle.approve(flow, workspace, message.id, by="usr_1", now=True)
                self.record.approved.add(message.id)
            elif verb == "pause":
                with self.world.db.begin() as tx:
                    pause(tx, f"workspace:{workspace}", why="wait", by="usr_1")
            elif verb == "told":
                settle.told(flow, workspace, message.id, by="usr_1", how="phone")
            else:
                decide = {"hold": settle.hold, "cancel": settle.cancel}[verb]
                decide(flow, workspace, message.id, by="usr_1", why="a reason")

    @precondition(in_doubt)
    @rule(data=st.data(), people=st.lists(PEOPLE, max_size=2))
    def people_settle_a_doubt(self, data: st.DataObject, people: list[str]) -> None:
        """They say that it arrived, or so many of them want it sent again."""
        messages = self.mine(Submission.IN_DOUBT)
        message = messages[data.draw(which(messages))]
        if not people:
            doubts.arrived(self.world.flow, None, message.id, by="usr_1")
            self.record.arrived.add(message.id)
        for who in people:
            with suppress(Refused):
                word = doubts.send_again(self.world.flow, None, message.id, by=who)
                self.record.wanted_again(message, who, word)

    @precondition(lambda self: self.came_back())
    @rule(data=st.data(), who=PEOPLE)
    def a_person_writes_again(self, data: st.DataObject, who: str) -> None:
        with suppress(Refused):
            applications = self.came_back()
            again.write_again(self.world.flow, None, applications[data.draw(which(applications))], by=who)
