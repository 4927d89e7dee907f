"""Who travels in whose e-mail: outcomes of one person on one day are an item each and one mail."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from notifier.flow.rulebook import export_rules, import_rules
from notifier.flow.send import send_batch
from notifier.store import tries
from tests.flow.joint import (
    BACKEND,
    DATA,
    FRONTEND,
    INTERVIEWED,
    NO,
    approve,
    attempts,
    items,
    lines,
    no,
    reject,
    states,
    two,
)
from tests.world import World


def test_one_mail_names_both_jobs_and_each_application_has_been_told(world_on: World) -> None:
    world = world_on
    two(world)
    world.run_for(days=1)

    assert lines(world) == [no(BACKEND, FRONTEND)]
    assert items(world, "a1", "a2") == ["told", "told"]
    ((own,), (joined,)) = attempts(world, "a1"), attempts(world, "a2")
    assert (own.outcome, joined.outcome, own.joined_to) == ("accepted", "accepted", None)
    assert (joined.joined_to, joined.provider_id) == (own.id, own.provider_id)
    assert world.ledger().violations == ()


def test_each_application_keeps_the_mail_it_was_told_in(world_on: World) -> None:
    world = world_on
    two(world)
    world.run_for(days=1)
    (mail,) = world.provider.accepted

    assert mail.subject == f"Your {BACKEND} and {FRONTEND} application"
    for message in (world.message(NO, "a1"), world.message(NO, "a2")):
        assert world.view(message.id).message.message_id_header == mail.headers["Message-ID"]
        with world.db.read() as tx:
            assert mail.text in (tx.keyring.open(message.snapshot or b"", "message.snapshot")).replace("\\n", "\n")


def test_three_jobs_are_named_in_one_line(world_on: World) -> None:
    world = world_on
    two(world)
    reject(world, "a3", DATA)
    world.run_for(days=1)

    assert lines(world) == [no(BACKEND, FRONTEND, DATA)]
    assert items(world, "a1", "a2", "a3") == ["told"] * 3
    assert world.ledger().violations == ()


def test_two_jobs_of_one_title_are_named_once(world: World) -> None:
    reject(world, "a1", BACKEND)
    reject(world, "a2", BACKEND)
    world.run_for(days=1)

    assert lines(world) == [no(BACKEND)]
    assert items(world, "a1", "a2") == ["told", "told"]


def test_what_does_not_fit_in_the_line_has_a_mail_of_its_own(world: World) -> None:
    names = ("Head", "Deputy", "Assistant", "Junior", "Night")
    for number, name in enumerate(names):
        reject(world, f"a{number}", f"{name} nurse, ward {number}, of the hospital by the river")
    world.run_for(days=1)

    first, second = lines(world)
    assert [name for name in names if f"{name} nurse, ward" in first] == ["Head", "Deputy", "Assistant"]
    assert [name for name in names if f"{name} nurse, ward" in second] == ["Junior", "Night"]
    assert max(len(first), len(second)) <= 140
    assert items(world, *(f"a{number}" for number in range(5))) == ["told"] * 5


def test_nobody_elses_no_is_in_the_mail(world: World) -> None:
    reject(world, "a1", BACKEND)
    reject(world, "a2", FRONTEND, person="c2")
    world.run_for(days=1)

    assert sorted(world.mails()) == [("c1@example.org", no(BACKEND)), ("c2@example.org", no(FRONTEND))]


def test_the_first_waits_until_its_companion_is_due_and_no_hold_is_cut_short(world_on: World) -> None:
    world = world_on
    reject(world, "a1", BACKEND)
    world.clock.tick(hours=4)
    reject(world, "a2", FRONTEND)
    world.run_for(hours=20, minutes=5)

    first, second = world.message(NO, "a1"), world.message(NO, "a2")
    assert lines(world) == []
    assert (first.state.value, first.reason, first.due_at) == ("scheduled", "waits_for_companion", second.due_at)
    assert world.ledger().violations == ()

    world.run_for(hours=4)

    assert lines(world) == [no(BACKEND, FRONTEND)]
    assert world.ledger().violations == ()


def test_who_waited_for_one_that_was_taken_back_leaves_alone(world: World) -> None:
    reject(world, "a1", BACKEND)
    world.clock.tick(hours=4)
    reject(world, "a2", FRONTEND)
    world.run_for(hours=21)
    world.change("a2", outcome="none", stage="Screening", kind="screen")
    world.run_for(hours=4)

    assert no(BACKEND) in lines(world)
    assert not any("not take" in line and FRONTEND in line for line in lines(world))
    assert world.ledger().violations == ()


def test_who_was_promised_an_answer_by_now_waits_for_nobody(world: World) -> None:
    reject(world, "a1", BACKEND)
    world.clock.tick(hours=4)
    reject(world, "a2", FRONTEND)
    with world.db.begin() as tx:
        tx.session.merge(world.application("a1").application).promise_due = world.clock.now
    world.run_for(hours=20)

    assert lines(world) == [no(BACKEND)]


def test_what_is_due_on_another_day_has_a_mail_of_its_own(world: World) -> None:
    reject(world, "a1", BACKEND)
    world.clock.tick(days=1)
    reject(world, "a2", FRONTEND)
    world.run_for(minutes=1)
    assert lines(world) == [no(BACKEND)]

    world.run_for(days=1)

    assert lines(world) == [no(BACKEND), no(FRONTEND)]


def test_the_day_is_that_of_the_workspace(sqlite_url: str) -> None:
    # 23:30 and 00:30 in Auckland are one day in UTC.
    world = World(sqlite_url, zone="Pacific/Auckland")
    book = export_rules(world.flow, world.workspace).replace('window = "decision"', 'window = "any"')
    import_rules(world.flow, world.workspace, book, by="usr_1")
    world.clock.now = world.clock.now.replace(hour=10, minute=30)
    reject(world, "a1", BACKEND)
    world.clock.tick(hours=1)
    reject(world, "a2", FRONTEND)
    world.run_for(hours=23)
    world.run_for(hours=1)

    assert lines(world) == [no(BACKEND), no(FRONTEND)]
    world.close()


def test_after_interviews_both_are_approved_and_leave_as_one(world: World) -> None:
    for name, job in (("a1", BACKEND), ("a2", FRONTEND)):
        reject(world, name, job, **INTERVIEWED)
        approve(world, name)
        world.clock.tick(minutes=20)
    world.run_for(minutes=60)

    assert lines(world) == [f"Ana, we have chosen someone else for {BACKEND} and {FRONTEND}."]
    assert "Auto-Submitted" not in world.provider.accepted[0].headers


def test_what_a_person_sends_off_at_once_waits_for_nobody(world: World) -> None:
    for name, job in (("a1", BACKEND), ("a2", FRONTEND)):
        reject(world, name, job, **INTERVIEWED)
    approve(world, "a2")
    approve(world, "a1", now=True)
    world.settle_down()

    assert states(world, "a1", "a2") == ["accepted", "scheduled"]
    world.run_for(hours=1)
    assert len(lines(world)) == 2


def test_what_is_decided_after_the_first_has_left_has_a_mail_of_its_own(world: World) -> None:
    for name, job in (("a1", BACKEND), ("a2", FRONTEND)):
        reject(world, name, job, **INTERVIEWED)
    approve(world, "a1")
    world.run_for(hours=1)
    approve(world, "a2")
    world.run_for(hours=1)

    assert len(lines(world)) == 2
    assert items(world, "a1", "a2") == ["told", "told"]


def test_the_mail_rate_counts_it_as_one(world: World) -> None:
    two(world)
    world.run_for(days=1)

    with world.db.read() as tx:
        assert tries.begun_since(tx, "scripted", world.clock.now - timedelta(minutes=1)) == 1


@pytest.mark.parametrize("limit", [1, 7])
def test_workers_at_the_same_moment_write_one_mail_to_each_person(world_on: World, limit: int) -> None:
    world = world_on
    for number in range(10):
        reject(world, f"a{number}", BACKEND, person=f"c{number}")
        reject(world, f"b{number}", FRONTEND, person=f"c{number}")
    world.clock.tick(days=1)

    def send(_: int) -> None:
        while send_batch(world.flow, limit):
            pass

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, range(4)))
    # Two workers that each held one of the same person have let them go, to be found together.
    world.run_for(seconds=3)

    assert sorted(world.mails()) == sorted((f"c{number}@example.org", no(BACKEND, FRONTEND)) for number in range(10))
    assert world.ledger().violations == ()
