"""L1, L2, L3, L4, L8 and L11 over the real flow and store: the ledger stays clean and nothing leaves twice.

The ATS changes its mind, webhooks are delivered again and late, workers die at every step, the provider answers
anything, people decide, time passes. The provider's own record says what left.
"""

from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from notifier.core.answer import Accepted, Answer, Impossible, PauseAll, TryLater, Unknown
from notifier.core.errors import Refused
from notifier.core.message import Submission
from notifier.core.stage import Outcome
from notifier.deliver.email import Email
from notifier.flow import conclude, settle
from notifier.store import submission
from notifier.store.workspaces import pauses, resume
from tests.world import World

APPLICATIONS = st.sampled_from(["a1", "a2", "a3"])

STEPS = st.sampled_from(
    [
        {"stage": "Application Review", "kind": "applied"},
        {"stage": "Screening", "kind": "screen"},
        {"stage": "Onsite", "kind": "interview"},
        {"stage": "Quokka"},
        {"outcome": "rejected"},
        {"outcome": "none", "stage": "Screening", "kind": "screen"},
        {"outcome": "withdrawn"},
        {"outcome": "hired"},
    ]
)


class Machine(RuleBasedStateMachine):
    """Three applications and everything that can happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World("sqlite://")
        self.events: list[tuple[str, dict[str, Any], Any, str]] = []
        self.paused_workers: list[tuple[list[str], dict[str, Answer]]] = []

    def teardown(self) -> None:
        # In the end everybody is delivered, and the mirror is what the ATS says.
        for name, step, at, event_id in self.events:
            self.world.change(name, at=at, event_id=event_id, email=f"{name}@example.org", **step)
        self.world.settle_down()
        for name in {event[0] for event in self.events}:
            mine = [event for event in self.events if event[0] == name]
            last = max(at for _, _, at, _ in mine)
            said = {step.get("outcome", "none") for _, step, at, _ in mine if at == last}
            assert self.world.application(name).application.outcome in {Outcome(word) for word in said}
        self.clean()
        self.world.close()

    @rule(name=APPLICATIONS, step=STEPS, late=st.integers(0, 90))
    def the_ats_says(self, name: str, step: dict[str, Any], late: int) -> None:
        at = self.world.clock.now - timedelta(minutes=late)
        event_id = f"evt-{len(self.events):04}"
        self.events.append((name, step, at, event_id))
        self.world.change(name, at=at, event_id=event_id, email=f"{name}@example.org", **step)

    @rule(data=st.data())
    def a_webhook_is_delivered_again(self, data: st.DataObject) -> None:
        if self.events:
            name, step, at, event_id = data.draw(st.sampled_from(self.events))
            self.world.change(name, at=at, event_id=event_id, email=f"{name}@example.org", **step)

    @rule()
    def the_inbox_is_planned(self) -> None:
        self.world.plan()

    @rule(answer=st.sampled_from(["accept", "lost", "later", "impossible", "pause", "unknown"]))
    def a_worker_sends(self, answer: str) -> None:
        self.world.provider.answer = lambda email: self._answer(email, answer)
        self.world.send()

    def _answer(self, email: Email, word: str) -> Answer:
        if word == "lost":
            # The provider took it and we never hear of it.
            self.world.provider.accepted.append(email)
            return Unknown("cut")
        return {
            "accept": Accepted(f"p-{email.att}", email.headers["Message-ID"]),
            "later": TryLater("busy", counts=True),
            "impossible": Impossible("bad content"),
            "pause": PauseAll("bad key"),
            "unknown": Unknown("timed out"),
        }[word]

    @rule(fenced=st.booleans(), word=st.sampled_from(["accept", "later", "dies"]))
    def a_worker_stops_in_the_middle(self, fenced: bool, word: str) -> None:
        """It claims, perhaps passes the fence and calls, and reports much later or never."""
        with self.world.db.begin() as tx:
            claimed = submission.claim(tx, 2, "scripted")
        attempts = [message.attempt_id or "" for message in claimed]
        if not fenced:
            return
        with self.world.db.begin() as tx:
            allowed = submission.submit(tx, attempts)
        answers: dict[str, Answer] = {}
        for message in claimed:
            if message.attempt_id in allowed and word != "dies":
                if word == "accept":
                    self.record(message.id, message.attempt_id or "")
                    answers[message.attempt_id or ""] = Accepted("p", "<m@example.com>")
                else:
                    answers[message.attempt_id or ""] = TryLater("busy", counts=True)
        self.paused_workers.append((attempts, answers))

    def record(self, mid: str, att: str) -> None:
        self.world.provider.accepted.append(Email(mid, att, "", "", "", "", "", "", "", "", ""))

    @rule()
    def a_stopped_worker_reports_late(self) -> None:
        if self.paused_workers:
            _, answers = self.paused_workers.pop(0)
            with self.world.db.begin() as tx:
                conclude.write_answers(self.world.flow, tx, answers)

    @rule(minutes=st.sampled_from([1, 4, 70, 60 * 25, 60 * 24 * 4]))
    def time_passes(self, minutes: int) -> None:
        self.world.clock.tick(minutes=minutes)
        self.world.watch()

    @rule()
    def the_admin_resumes(self) -> None:
        with self.world.db.begin() as tx:
            for row in pauses(tx):
                resume(tx, row.scope)

    @rule(data=st.data(), verb=st.sampled_from(["approve", "hold", "cancel", "told"]))
    def a_person_decides(self, data: st.DataObject, verb: str) -> None:
        messages = [message for message in self.world.messages() if message.state is not Submission.ACCEPTED]
        if not messages:
            return
        message = data.draw(st.sampled_from(messages))
        flow, workspace = self.world.flow, self.world.workspace
        try:
            if verb == "approve":
                settle.approve(flow, workspace, message.id, by="usr_1", now=True)
            elif verb == "hold":
                settle.hold(flow, workspace, message.id, by="usr_1", why="wait")
            elif verb == "cancel":
                settle.cancel(flow, workspace, message.id, by="usr_1", why="no")
            else:
                settle.told(flow, workspace, message.id, by="usr_1", how="phone")
        except Refused:
            pass

    @invariant()
    def clean(self) -> None:
        assert self.world.ledger().violations == ()

    @invariant()
    def nothing_leaves_twice(self) -> None:
        twice = [
            mid for mid, count in Counter(email.mid for email in self.world.provider.accepted).items() if count > 1
        ]
        assert twice == []


Machine.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestFlow = Machine.TestCase
