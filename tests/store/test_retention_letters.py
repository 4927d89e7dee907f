"""Letters and the people they went to: blanked a year after the end was told, and the proof of it stays."""

import hashlib
from datetime import timedelta

import pytest
import sqlalchemy as sa

from notifier.core.answer import Unknown
from notifier.core.retention import KEEP, Kind
from notifier.flow import settle
from notifier.store.database import Database
from notifier.store.keyring import KeyRing
from notifier.store.people import Candidate
from tests.store.retained import grow_old, sweep, sweep_all, told, too_old
from tests.world import SECRETS, World


def test_the_letter_and_the_person_go_and_the_proof_stays(world_on: World) -> None:
    world = world_on
    told(world)
    (email,) = world.provider.accepted
    grow_old(world, Kind.LETTERS)
    assert sweep(world, Kind.LETTERS) == 0
    world.clock.tick(seconds=1)

    assert (sweep(world, Kind.LETTERS), sweep(world, Kind.LETTERS)) == (1, 0)

    view = world.application()
    (message,) = world.messages("a1")
    assert (message.snapshot, message.message_id_header) == (None, "")
    assert message.text_hash == hashlib.sha256(email.text.encode()).hexdigest()
    assert (message.state.value, message.template, view.item) == ("accepted", "rejected_after_application", "told")
    assert message.accepted_at is not None
    assert view.candidate is not None
    assert (view.candidate.name, view.candidate.first_name, view.candidate.address) == ("", "", None)
    assert view.candidate.erased_at is None
    assert world.ledger().violations == ()


def test_what_was_never_handed_over_has_no_hash(world: World) -> None:
    world.change("a1", stage="Applied", kind="applied")
    world.plan()
    world.clock.tick(minutes=1)
    told(world)
    too_old(world, Kind.LETTERS)
    sweep(world, Kind.LETTERS)

    hashes = {message.state.value: message.text_hash for message in world.messages("a1")}
    assert hashes["cancelled"] is None
    assert hashes["accepted"] is not None


@pytest.mark.parametrize("ending", ["none", "waiting", "doubt", "open"])
def test_what_is_not_told_keeps_every_word_however_old(world: World, ending: str) -> None:
    world.change("a1", stage="Applied", kind="applied")
    world.settle_down()
    if ending == "doubt":
        world.provider.answer = lambda _: Unknown("cut")
    if ending != "none":
        world.clock.tick(minutes=1)
        world.change("a1", stage="Onsite", kind="interview", outcome="rejected")
        world.plan()
    message = world.messages("a1")[-1]
    if ending == "open":
        settle.cancel(world.flow, world.workspace, message.id, by="usr_1", why="I will call")
    elif ending == "doubt":
        settle.approve(world.flow, world.workspace, message.id, by="usr_1", now=True)
        world.settle_down()
    world.clock.tick(days=1000)

    assert not {Kind.LETTERS, Kind.DELETED_LETTERS} & sweep_all(world).keys()
    assert world.messages("a1")[0].snapshot is not None
    assert world.application().candidate is not None
    assert world.application().candidate.first_name == "Ana"  # type: ignore[union-attr] # the line above says so


def test_a_person_stays_while_another_application_needs_them(world_on: World) -> None:
    world = world_on
    told(world, "a1")
    world.clock.tick(days=100)
    world.change("a2", outcome="rejected", candidate={"id": "c-a1", "first_name": "Ana"})
    world.plan()
    (second,) = world.messages("a2")
    settle.told(world.flow, world.workspace, second.id, by="usr_1", how="phone")
    world.clock.now += KEEP[Kind.LETTERS].age - timedelta(days=99)

    assert sweep(world, Kind.LETTERS) == 1
    assert first_name(world) == "Ana"
    world.clock.tick(days=100)
    assert sweep(world, Kind.LETTERS) == 1
    assert first_name(world) == ""


def test_who_is_filled_again_by_the_ats_is_blanked_again(world_on: World) -> None:
    world = world_on
    told(world)
    too_old(world, Kind.LETTERS)
    sweep(world, Kind.LETTERS)
    candidate = {"id": "c-a1", "first_name": "Ana", "email": "ana@example.org"}
    moment = world.clock.now.isoformat()
    world.post(world.generic, {"type": "candidate.changed", "timestamp": moment, "data": {"candidate": candidate}})
    world.plan()
    assert first_name(world) == "Ana"

    assert (sweep(world, Kind.LETTERS), sweep(world, Kind.LETTERS)) == (1, 0)
    assert first_name(world) == ""


def test_who_is_considered_again_is_kept_again_and_told_again_before_the_next_time(world: World) -> None:
    told(world)
    too_old(world, Kind.LETTERS)
    sweep(world, Kind.LETTERS)
    world.change("a1", stage="Onsite", kind="interview", outcome="none")
    world.settle_down()
    world.clock.tick(days=1000)
    assert sweep(world, Kind.LETTERS) == 0
    assert first_name(world) == "Ana"

    world.change("a1", outcome="rejected")
    world.plan()
    message = world.messages("a1")[-1]
    settle.told(world.flow, world.workspace, message.id, by="usr_1", how="phone")
    too_old(world, Kind.LETTERS)
    assert sweep(world, Kind.LETTERS) == 1
    assert first_name(world) == ""


def test_so_do_the_letters_of_an_application_that_the_ats_deleted(world_on: World) -> None:
    world = world_on
    world.change("a1", stage="Applied", kind="applied")
    world.settle_down()
    moment = world.clock.now.isoformat()
    deleted = {"type": "application.deleted", "timestamp": moment, "data": {"application": {"id": "a1"}}}
    world.post(world.generic, deleted)
    world.plan()
    grow_old(world, Kind.DELETED_LETTERS)
    assert sweep(world, Kind.DELETED_LETTERS) == 0
    world.clock.tick(seconds=1)

    assert (sweep(world, Kind.DELETED_LETTERS), sweep(world, Kind.DELETED_LETTERS)) == (1, 0)
    assert world.messages("a1")[0].snapshot is None
    assert first_name(world) == ""


def test_a_letter_under_a_lost_key_goes_without_its_hash(world: World) -> None:
    told(world)
    too_old(world, Kind.LETTERS)
    world.db.keyring = KeyRing(["another-secret-of-more-than-32-characters"])

    assert sweep(world, Kind.LETTERS) == 1
    assert [(message.snapshot, message.text_hash) for message in world.messages("a1")] == [(None, None)]


def test_a_person_whom_somebody_is_changing_is_not_waited_for(postgresql_url: str) -> None:
    world = World(postgresql_url)
    other = Database(postgresql_url, secrets=SECRETS, clock=world.clock)
    for name in ("a1", "a2"):
        told(world, name)
    too_old(world, Kind.LETTERS)
    with other.begin() as tx:
        tx.session.execute(sa.update(Candidate).where(Candidate.external_id == "c-a1").values(private=True))

        assert sweep(world, Kind.LETTERS) == 1

    assert sweep(world, Kind.LETTERS) == 1
    other.dispose()
    world.close()


def first_name(world: World) -> str:
    candidate = world.application("a1").candidate
    assert candidate is not None
    return candidate.first_name
