"""Moments at which messages were once lost, doubled or sent to the wrong place, each on both databases."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from notifier.core.answer import Impossible, TryLater
from notifier.core.errors import DatabaseAway
from notifier.core.message import Submission
from notifier.flow import conclude, settle
from notifier.store import submission
from notifier.store.inbox import list_items
from notifier.store.sources import get_source
from tests.world import World


def person(world: World, kind: str, at_minute: int = 0, **data: Any) -> None:
    moment = world.clock.now + timedelta(minutes=at_minute)
    world.post(world.generic, {"type": kind, "timestamp": moment.isoformat(), "data": data})


class TestPeople:
    def test_a_ban_on_mail_in_the_same_batch_is_heard(self, world_on: World) -> None:
        world = world_on
        world.change("a1", stage="Application Review", kind="applied")
        person(world, "candidate.changed", candidate={"id": "c-a1", "can_email": False})
        world.settle_down()

        assert world.provider.calls == []
        assert world.live() == [("application_received", "held")]

    def test_a_late_event_does_not_bring_an_old_address_back(self, world_on: World) -> None:
        world = world_on
        world.change("a1", stage="Screening", kind="screen", email="old@example.org")
        world.settle_down()
        person(world, "candidate.changed", 10, candidate={"id": "c-a1", "email": "new@example.org"})
        world.settle_down()
        late = world.clock.now - timedelta(hours=1)
        world.change("a1", stage="Screening", kind="screen", email="older@example.org", at=late)
        world.settle_down()
        world.run_for(minutes=5)

        assert [email.to_address for email in world.provider.accepted] == ["new@example.org"]

    def test_an_address_that_comes_with_a_stage_change_lets_the_message_go_on(self, world_on: World) -> None:
        world = world_on
        world.change("a1", outcome="rejected", email="nonsense")
        world.settle_down()
        world.clock.tick(minutes=1)
        world.change("a1", outcome="rejected", email="ana@example.org")
        world.settle_down()
        world.run_for(days=1, hours=2)

        assert world.application().item == "told"

    def test_the_applications_of_a_merged_record_follow_the_one_that_stays(self, world_on: World) -> None:
        world = world_on
        world.change("a1", stage="Screening", kind="screen")
        world.change("a2", stage="Screening", kind="screen", email="ana@new.example.org")
        person(world, "candidate.merged", 1, candidate={"id": "c-a1"}, into={"id": "c-a2"})
        world.settle_down()
        world.clock.tick(hours=1)
        world.change("a1", outcome="rejected", email="ana@old.example.org")
        world.settle_down()
        world.run_for(days=1, hours=2)

        assert [email.to_address for email in world.provider.accepted][-1] == "ana@new.example.org"

    def test_an_erased_person_leaves_no_words_behind(self, world_on: World) -> None:
        world = world_on
        world.change("a1", stage="Application Review", kind="applied")
        world.settle_down()
        person(world, "candidate.erased", 1, candidate={"id": "c-a1"})
        world.settle_down()

        with world.db.read() as tx:
            ring = tx.keyring
            bodies = [ring.open_bytes(item.body, "inbox.body") for item in list_items(tx, world.workspace)]
        (message,) = world.messages()
        assert b"ana@example.org" not in b"".join(bodies)
        assert message.snapshot is None
        assert world.ledger().violations == ()

    def test_a_person_erased_between_claim_and_fence_gets_nothing(self, world_on: World) -> None:
        world = world_on
        world.change("a1", stage="Application Review", kind="applied")
        world.plan()
        with world.db.begin() as tx:
            (claimed,) = submission.claim(tx, 10, "scripted")
        person(world, "candidate.erased", 1, candidate={"id": "c-a1"})
        world.plan()

        with world.db.begin() as tx:
            assert submission.submit(tx, [claimed.attempt_id or ""]) == set()
            conclude.give_back(tx, [claimed.attempt_id or ""])
        assert world.message("application_received").state is Submission.CANCELLED


class TestNoAgain:
    def test_a_second_no_waits_for_a_person_even_when_something_else_held_it(self, world_on: World) -> None:
        world = world_on
        world.change("a1", outcome="rejected")
        world.settle_down()
        world.run_for(days=1, hours=2)
        assert world.application().item == "told"
        world.change("a1", outcome="none", stage="Screening", kind="screen")
        world.clock.tick(minutes=1)
        world.change("a1", outcome="rejected", email="broken")
        world.settle_down()
        person(world, "candidate.changed", 1, candidate={"id": "c-a1", "email": "ana@example.org"})
        world.settle_down()
        world.run_for(days=3)

        assert len(world.provider.accepted) == 1
        assert world.messages()[-1].reason == "rejected_again"

    def test_a_no_told_by_phone_counts_as_the_first_one(self, world_on: World) -> None:
        world = world_on
        world.change("a1", outcome="rejected")
        world.settle_down()
        settle.told(world.flow, world.workspace, world.messages()[0].id, by="usr_1", how="phone")
        for minute, outcome in ((1, "none"), (2, "rejected")):
            world.clock.tick(minutes=minute)
            world.change("a1", outcome=outcome, stage="Screening", kind="screen")
            world.settle_down()
        world.run_for(days=3)

        assert world.provider.accepted == []
        assert world.messages()[-1].reason == "rejected_again"

    def test_a_refusal_after_the_undoing_leaves_nothing_pending(self, world_on: World) -> None:
        world = world_on
        world.change("a1", outcome="rejected")
        world.settle_down()

        def undo_then_refuse(email: object) -> Impossible:
            del email
            world.change("a1", outcome="none", stage="Screening", kind="screen")
            world.plan()
            return Impossible("bad content")

        world.provider.answer = undo_then_refuse
        world.run_for(days=1, hours=2)

        assert world.message("rejected_after_application").state is Submission.CANCELLED
        assert world.message("sent_in_error").reason == "never_left"
        assert world.ledger().violations == ()


class TestSilence:
    def quiet(self, world: World) -> None:
        world.change("a1", stage="Application Review", kind="applied")
        world.settle_down()
        while not [m for m in world.messages() if m.template == "still_in_review"]:
            world.clock.tick(hours=6)
            world.watch()

    @pytest.mark.parametrize("verb", ["cancel", "told"])
    def test_what_a_person_stopped_is_not_written_again_by_the_clock(self, world_on: World, verb: str) -> None:
        world = world_on
        self.quiet(world)
        message = world.message("still_in_review").id
        if verb == "cancel":
            settle.cancel(world.flow, world.workspace, message, by="usr_1", why="I will call")
        else:
            settle.told(world.flow, world.workspace, message, by="usr_1", how="phone")
        for _ in range(4):
            world.run_for(minutes=5)

        assert [email for email in world.provider.accepted if "no decision" in email.text] == []
        assert (world.application().application.owed_since is not None) == (verb == "cancel")

    def test_what_the_ats_writes_itself_is_not_written_by_the_clock(self, world_on: World) -> None:
        world = world_on
        with world.db.begin() as tx:
            get_source(tx, None, world.generic.id).ats_writes = ["still_in_review", "need_longer"]
        world.change("a1", stage="Application Review", kind="applied")
        world.settle_down()
        for _ in range(40):
            world.run_for(hours=6)

        assert world.live() == [("application_received", "accepted")]
        assert world.application().application.owed_since is not None

    def test_those_for_whom_nothing_more_can_be_said_do_not_hide_the_others(self, world: World) -> None:
        for number in range(120):
            world.change(f"b{number}", stage="Application Review", kind="applied", email="b@example.org")
        world.settle_down()
        with world.db.begin() as tx:
            get_source(tx, None, world.generic.id).ats_writes = ["still_in_review", "need_longer"]
        for _ in range(32):
            world.run_for(hours=6)
        with world.db.begin() as tx:
            get_source(tx, None, world.generic.id).ats_writes = []
        world.change("fresh", stage="Application Review", kind="applied")
        world.settle_down()
        for _ in range(32):
            world.run_for(hours=6)

        assert ("still_in_review", "accepted") in world.live("fresh")


def test_an_approval_after_a_week_survives_the_first_hiccup(world_on: World) -> None:
    world = world_on
    world.change("a1", outcome="rejected", stage="Onsite", kind="interview")
    world.settle_down()
    world.clock.tick(days=7)
    world.provider.answer = lambda email: TryLater("connect", counts=False)
    settle.approve(world.flow, world.workspace, world.messages()[0].id, by="usr_1", now=True)
    world.settle_down()

    assert world.messages()[0].state is Submission.SCHEDULED


def test_another_body_under_a_known_event_id_is_kept_and_read(world_on: World) -> None:
    world = world_on
    world.post(world.greenhouse, {"action": "ping", "payload": {}}, event_id="77")
    body = adapters_sample("reject_candidate")
    receipt = world.post(world.greenhouse, body, event_id="77")
    again = world.post(world.greenhouse, body, event_id="77")
    world.settle_down()

    assert (receipt.status, receipt.word, again.word) == (200, "conflict", "duplicate")
    assert [message.template for message in world.messages()] == ["rejected_after_interview"]


def adapters_sample(name: str) -> bytes:
    from notifier.ingest.registry import adapters

    return adapters()["greenhouse"].samples()[name].body


def together(*steps: Callable[[], object]) -> list[object]:
    """Run these at the same moment; a database that cannot serve is asked again, as workers do."""
    gate = threading.Barrier(len(steps))

    def run(step: Callable[[], object]) -> object:
        gate.wait()
        for _ in range(20):
            try:
                return step()
            except DatabaseAway:
                continue
        raise AssertionError("the database never served")

    with ThreadPoolExecutor(len(steps)) as pool:
        return list(pool.map(run, steps))


@pytest.mark.parametrize("round_", range(12))
def test_an_undoing_at_the_moment_of_the_fence_ends_in_one_of_two_ways(postgresql_url: str, round_: int) -> None:
    world = World(postgresql_url)
    world.change("a1", outcome="rejected")
    world.plan()
    world.clock.tick(days=1, hours=2)
    world.change("a1", outcome="none", stage="Screening", kind="screen")

    together(world.send, world.plan)
    world.clock.tick(minutes=4)
    world.watch()
    world.settle_down()

    no = world.message("rejected_after_application")
    left = [email for email in world.provider.accepted if "not take" in email.text]
    drafts = [m.template for m in world.messages() if m.template == "sent_in_error" and m.state.value != "cancelled"]
    assert (no.state, len(left), len(drafts)) in {
        (Submission.CANCELLED, 0, 0),
        (Submission.ACCEPTED, 1, 1),
    }
    with world.db.read() as tx:
        assert [item.reason for item in list_items(tx, world.workspace) if item.state.value == "quarantined"] == []
    assert world.ledger().violations == ()
    world.close()
