"""Everything that can happen to a few applications, as rules of a state machine over the real flow and store.

The ATS changes its mind; webhooks come again and late; workers stand still or die wherever they can; the provider
answers anything and reports whenever it likes; people decide; clocks step. The rules do what the world does, and
`Record` knows what may follow.
"""

from contextlib import suppress
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from notifier.core.errors import Refused
from notifier.core.feedback import Address, Heard
from notifier.core.message import Submission
from notifier.flow import again, doubts, settle
from notifier.store.workspaces import pause, pauses, resume
from tests.laws.flow_base import PERSON, FlowBase, in_doubt, report_of
from tests.laws.stepped import Stop

NAMES = st.sampled_from(sorted(PERSON))
PLACES = st.sampled_from(["home", "home", "work"])
PEOPLE = st.sampled_from(["usr_1", "usr_2"])

STEP = st.sampled_from(
    [
        {"stage": "Application Review", "kind": "applied"},
        {"stage": "Screening", "kind": "screen"},
        {"stage": "Onsite", "kind": "interview"},
        {"stage": "Quokka"},
        {"outcome": "rejected"},
        {"outcome": "rejected", "stage": "Application Review", "kind": "applied"},
        {"outcome": "none", "stage": "Screening", "kind": "screen"},
        {"outcome": "withdrawn"},
        {"outcome": "hired"},
    ]
)

#: What becomes of a mail: taken and said so, taken and never said, or not taken with each of the answers.
FATES = st.lists(
    st.sampled_from(["accept", "accept", "lost", "later", "no_connection", "impossible", "pause", "unknown"]),
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


class FlowMachine(FlowBase):
    """Three applications and everything that can happen to them."""

    # The ATS

    @initialize(
        names=st.lists(NAMES, min_size=1, max_size=3, unique=True), steps=st.lists(STEP, min_size=3, max_size=3)
    )
    def some_have_applied(self, names: list[str], steps: list[dict[str, Any]]) -> None:
        for name, step in zip(names, steps, strict=False):
            self.says(name, step, 0, "home")
        self.world.plan()

    @rule(name=NAMES, step=STEP, late=st.sampled_from([0, 0, 1, 90]), place=PLACES, planned=st.booleans())
    def the_ats_says(self, name: str, step: dict[str, Any], late: int, place: str, planned: bool) -> None:
        self.says(name, step, late, place)
        if planned:
            self.world.plan()

    @rule(data=st.data())
    def a_webhook_is_delivered_again(self, data: st.DataObject) -> None:
        self.deliver(*data.draw(st.sampled_from(self.said)))
        self.world.plan()

    # Workers, and what the provider does with their mails

    @rule(fates=FATES)
    def a_worker_sends(self, fates: list[str]) -> None:
        self.send(fates)

    @rule(fates=FATES, steps=st.integers(1, 4))
    def a_worker_stops_on_its_way(self, fates: list[str], steps: int) -> None:
        worker = self.worker(fates)
        for _ in range(steps):
            worker.step()
        if worker.at is not Stop.ENDED:
            self.workers.append(worker)

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), dies=st.booleans())
    def a_stopped_worker_dies_or_goes_on(self, data: st.DataObject, dies: bool) -> None:
        worker = self.workers.pop(data.draw(st.integers(0, len(self.workers) - 1)))
        worker.kill() if dies else worker.finish()

    @rule()
    def the_admin_pauses_or_resumes(self) -> None:
        with self.world.db.begin() as tx:
            paused = pauses(tx)
            for row in paused:
                resume(tx, row.scope)
            if not paused:
                pause(tx, f"workspace:{self.world.workspace}", why="wait", by="usr_1")

    # What the provider reports

    @precondition(lambda self: self.record.copies)
    @rule(
        data=st.data(),
        heard=st.sampled_from(HEARD),
        named=st.sampled_from(NAMED),
        copies=st.integers(1, 3),
        read=st.booleans(),
    )
    def the_provider_reports(
        self, data: st.DataObject, heard: tuple[Heard, Address], named: str, copies: int, read: bool
    ) -> None:
        email = data.draw(st.sampled_from(self.record.copies))
        report = report_of(email, *heard, self.world.clock.now, named)
        for _ in range(copies):
            self.keep(report, event_id=f"rep-{len(self.record.kept)}")
        if read:
            self.read_reports()

    @precondition(lambda self: self.record.kept)
    @rule(data=st.data())
    def a_report_comes_again(self, data: st.DataObject) -> None:
        self.keep(data.draw(st.sampled_from(self.record.kept)), event_id=f"rep-{len(self.record.kept)}")
        self.read_reports()

    @rule()
    def the_reports_are_read(self) -> None:
        self.read_reports()

    @rule()
    def the_feed_speaks(self) -> None:
        """A mail to a stranger leaves and is reported at once, so that silence about an earlier one says something."""
        self.world.change(f"stranger-{next(self.strangers)}", stage="Review", kind="applied", email="eva@example.org")
        self.world.plan()
        before = len(self.record.copies)
        self.send(["accept"])
        for email in self.record.copies[before:]:
            report = report_of(email, Heard.PROCESSED, Address.UNTOUCHED, self.world.clock.now)
            self.keep(report, event_id=f"rep-{len(self.record.kept)}")
        self.read_reports()

    # Time

    @rule()
    def the_next_message_is_due(self) -> None:
        due = [one.due_at for one in self.world.messages() if one.state is Submission.SCHEDULED and one.due_at]
        if due:
            self.world.clock.now = max(self.world.clock.now, min(due))
            self.relay_looks()

    @rule(minutes=st.sampled_from([1, 2.8, 4, 61, 61, 70, 60 * 25, 60 * 24 * 4]))
    def time_passes(self, minutes: float) -> None:
        self.world.clock.tick(minutes=minutes)
        self.relay_looks()

    @rule(seconds=st.sampled_from([-3600, 3600, 0.5, 3]))
    def the_clock_steps(self, seconds: float) -> None:
        self.world.clock.tick(seconds=seconds)
        self.relay_looks()

    # People

    @precondition(lambda self: self.world.messages())
    @rule(data=st.data(), verb=st.sampled_from(["approve", "approve", "hold", "cancel", "told"]))
    def a_person_decides(self, data: st.DataObject, verb: str) -> None:
        message = self.pick(data, *Submission)
        flow, workspace = self.world.flow, self.world.workspace
        with suppress(Refused):
            if verb == "approve":
                settle.approve(flow, workspace, message.id, by="usr_1", now=True)
                self.record.approved.add(message.id)
            elif verb == "told":
                settle.told(flow, workspace, message.id, by="usr_1", how="phone")
            else:
                decide = {"hold": settle.hold, "cancel": settle.cancel}[verb]
                decide(flow, workspace, message.id, by="usr_1", why="a reason")

    @precondition(in_doubt)
    @rule(data=st.data(), who=PEOPLE)
    def a_person_knows_that_it_arrived(self, data: st.DataObject, who: str) -> None:
        message = self.pick(data, Submission.IN_DOUBT)
        doubts.arrived(self.world.flow, None, message.id, by=who)
        self.record.arrived.add(message.id)

    @precondition(in_doubt)
    @rule(data=st.data(), who=PEOPLE)
    def a_person_wants_it_sent_again(self, data: st.DataObject, who: str) -> None:
        message = self.pick(data, Submission.IN_DOUBT)
        with suppress(Refused):
            word = doubts.send_again(self.world.flow, None, message.id, by=who)
            self.record.wanted_again(message, who, word)

    @precondition(lambda self: self.came_back())
    @rule(data=st.data(), who=PEOPLE)
    def a_person_writes_again(self, data: st.DataObject, who: str) -> None:
        with suppress(Refused):
            again.write_again(self.world.flow, None, data.draw(st.sampled_from(self.came_back())), by=who)
