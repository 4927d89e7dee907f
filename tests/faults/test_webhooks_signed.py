"""W01 to W11 and W25: who is believed, what a forger learns, and what a copy does."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from notifier.ingest.registry import adapters
from notifier.store import audit, sources
from tests.faults.edge import (
    Edge,
    count,
    every_ats,
    every_sealing_ats,
    here_of,
    items,
    log_lines,
    said,
    sample,
    sample_of,
)
from tests.world import Here, World

#: Signatures nobody makes, in the forms both schemes have.
ODD = [
    "",
    " ",
    ",",
    "v1",
    "v1,",
    "v1, ",
    "v2,AAAA",
    "sha256",
    "sha256 ",
    "sha256zz",
    "sha256 " + "0" * 63 + "g",
    "sha256 \xe9\xff",
    "v1,\xe9\xff",
    "v1," + "A" * 10_000,
    "sha256 " + "0" * 10_000,
]


def nothing_left_behind(world: World) -> bool:
    return (count(world, "inbox_items"), count(world, "applications"), world.queue.nudges) == (0, 0, [])


def signature_of(headers: Mapping[str, str]) -> str:
    """The name of the header that carries the signature."""
    return next(name for name in headers if "signature" in name)


def test_w01_a_good_event_is_answered_at_once_and_has_each_effect_once(world_on: World) -> None:
    world, body = world_on, sample("generic", "applied")
    started = time.monotonic()
    answer = Edge(world).post(world.generic, body)
    took = time.monotonic() - started
    world.plan()

    assert (answer.status_code, answer.get_json()) == (200, {"status": "kept"})
    assert took < 1
    (item,), (message,) = items(world), world.messages()
    with world.db.read() as tx:
        trails = [
            audit.history(tx, world.workspace, subject) for subject in (item.id, message.application_id, message.id)
        ]
    assert [len(trail) for trail in trails] == [1, 1, 1]
    assert count(world, "applications") == 1


@every_ats
def test_w02_without_a_signature_nothing_is_stored(world: World, ats: str) -> None:
    edge, here = Edge(world), here_of(world, ats)
    with log_lines() as lines:
        answer = edge.send(here, sample_of(ats))

    assert answer.status_code == adapters()[ats].refusal
    assert said(lines, "webhook.rejected") == [
        {"event": "webhook.rejected", "source": here.id, "reason": "no_signature"}
    ]
    assert nothing_left_behind(world)


@every_ats
def test_w03_a_wrong_signature_and_a_wrong_secret_look_like_none_at_all(world: World, ats: str) -> None:
    edge, here = Edge(world), here_of(world, ats)
    unsigned, forged = sample_of(ats), edge.genuine(here, secret=adapters()[ats].new_secret())
    with log_lines() as lines:
        answers = [edge.send(here, delivery) for delivery in (unsigned, forged)]

    assert {answer.status_code for answer in answers} == {adapters()[ats].refusal}
    assert len({answer.get_data() for answer in answers}) == 1
    assert [line["reason"] for line in said(lines, "webhook.rejected")] == ["no_signature", "wrong"]
    assert nothing_left_behind(world)


def usual_times(rounds: int, *requests: Callable[[], object]) -> list[float]:
    """What each takes of the processor, in seconds, so that a busy machine changes little: the fastest, in turns."""
    times: list[list[float]] = [[] for _ in requests]
    for _ in range(rounds):
        for taken, request in zip(times, requests, strict=True):
            started = time.thread_time()
            request()
            taken.append(time.thread_time() - started)
    return [min(taken) for taken in times]


def test_w03_a_refusal_takes_as_long_whatever_was_wrong(world: World) -> None:
    edge, here, body = Edge(world), world.greenhouse, sample("greenhouse")
    genuine = edge.headers(here, body)
    first, last = dict(genuine), dict(genuine)
    first["signature"] = "sha256 " + ("1" if genuine["signature"][7] == "0" else "0") + genuine["signature"][8:]
    last["signature"] = genuine["signature"][:-1] + ("1" if genuine["signature"][-1] == "0" else "0")
    times = usual_times(80, *(lambda given=given: edge.post(here, body, given) for given in ({}, first, last)))

    assert max(times) < 2 * min(times), times


@every_sealing_ats
def test_w04_one_changed_byte_is_not_believed(world: World, ats: str) -> None:
    edge, here = Edge(world), here_of(world, ats)
    genuine = edge.genuine(here)
    for at in (0, len(genuine.body) // 2, len(genuine.body) - 1):
        changed = genuine.body[:at] + bytes([genuine.body[at] ^ 1]) + genuine.body[at + 1 :]
        assert edge.post(here, changed, genuine.headers).status_code == adapters()[ats].refusal
    other_event = edge.signed(here, b"{}").headers
    assert edge.post(here, genuine.body, other_event).status_code == adapters()[ats].refusal
    assert nothing_left_behind(world)


@every_sealing_ats
def test_w05_an_odd_signature_is_refused_and_breaks_nothing(world: World, ats: str) -> None:
    edge, here = Edge(world), here_of(world, ats)
    genuine = edge.genuine(here)
    for signature in ODD:
        headers = genuine.headers | {signature_of(genuine.headers): signature}
        assert edge.post(here, genuine.body, headers).status_code == adapters()[ats].refusal
    assert nothing_left_behind(world)


@every_sealing_ats
def test_w06_the_same_meaning_in_other_bytes_is_not_believed(world: World, ats: str) -> None:
    edge, here = Edge(world), here_of(world, ats)
    genuine = edge.genuine(here)
    rewritten = json.dumps(json.loads(genuine.body), indent=1).encode()
    assert rewritten != genuine.body

    assert edge.post(here, rewritten, genuine.headers).status_code == adapters()[ats].refusal
    assert nothing_left_behind(world)


@every_ats
def test_w07_the_old_secret_is_good_until_the_overlap_ends(world: World, ats: str) -> None:
    edge, here = Edge(world), here_of(world, ats)
    old = here.secret
    with world.db.begin() as tx:
        (old_row,) = sources.valid_secrets(tx, here.id)
        source = sources.get_source(tx, world.workspace, here.id)
        sources.add_secret(tx, source, adapters()[ats].new_secret(), others_end=world.clock.now + timedelta(hours=24))
    with log_lines() as lines:
        inside = edge.send(here, edge.genuine(here, event_id="evt-in", secret=old))
    world.clock.tick(hours=24, seconds=1)
    after = edge.send(here, edge.genuine(here, event_id="evt-after", secret=old))

    assert (inside.status_code, after.status_code) == (adapters()[ats].success, adapters()[ats].refusal)
    assert [line["id"] for line in said(lines, "secret.used")] == [old_row.id]


@pytest.mark.parametrize(("seconds", "status"), [(-301, 401), (-299, 200), (299, 200), (301, 401)])
def test_w08_a_stamp_may_be_five_minutes_away_and_no_more(world: World, seconds: int, status: int) -> None:
    edge, here, body = Edge(world), world.generic, sample("generic")
    stamped = edge.headers(here, body, at=world.clock.now + timedelta(seconds=seconds))
    with log_lines() as lines:
        answer = edge.post(here, body, stamped)

    assert answer.status_code == status
    assert [line["reason"] for line in said(lines, "webhook.rejected")] == ["stale"] * (status == 401)
    assert len(items(world)) == int(status == 200)


def test_w09_an_exact_replay_has_no_second_effect_whenever_it_comes(world_on: World) -> None:
    world, body = world_on, sample("greenhouse", "new_candidate_application")
    edge, here = Edge(world), world.greenhouse
    headers = edge.headers(here, body)
    words = []
    for wait in (timedelta(), timedelta(minutes=7), timedelta(days=9)):
        world.clock.now += wait
        words.append(edge.post(here, body, headers).get_json()["status"])
        world.settle_down()

    assert words == ["kept", "duplicate", "duplicate"]
    assert len(items(world)) == 1
    assert len([m for m in world.messages() if m.template == "application_received"]) == 1


def test_w09_a_replay_with_an_old_stamp_is_refused_and_a_retry_with_a_new_one_is_a_copy(world: World) -> None:
    edge, here, body = Edge(world), world.generic, sample("generic", "applied")
    headers = edge.headers(here, body)
    first = edge.post(here, body, headers)
    world.clock.tick(minutes=4)
    soon = edge.post(here, body, headers)
    world.clock.tick(days=2)
    late = edge.post(here, body, headers)
    retry = edge.post(here, body, edge.headers(here, body))

    assert [answer.status_code for answer in (first, soon, late, retry)] == [200, 200, 401, 200]
    assert (soon.get_json(), retry.get_json()) == ({"status": "duplicate"}, {"status": "duplicate"})
    assert len(items(world)) == 1


def test_w09_a_replay_under_another_name_says_nothing_new(world: World) -> None:
    edge, here, body = Edge(world), world.greenhouse, sample("greenhouse", "reject_candidate")
    for number in range(3):
        assert edge.post(here, body, edge.headers(here, body, f"evt-{number}")).status_code == 200
        world.plan()

    assert [item.state.value for item in items(world)] == ["planned", "ignored", "ignored"]
    assert len(world.messages()) == 1


def test_w10_another_body_under_a_known_id_is_named_and_the_first_is_kept(world_on: World) -> None:
    world = world_on
    edge, here = Edge(world), world.greenhouse
    first, second = sample("greenhouse", "ping"), sample("greenhouse", "reject_candidate")
    edge.post(here, first, edge.headers(here, first, "77"))
    (kept,) = items(world)
    with log_lines() as lines:
        answer = edge.post(here, second, edge.headers(here, second, "77"))

    assert answer.status_code == 200
    assert [line["event_key"] for line in said(lines, "webhook.conflict")] == ["77"]
    (same, conflict) = items(world)
    assert (same.id, same.event_key, same.body_hash) == (kept.id, "77", kept.body_hash)
    assert conflict.event_key.startswith("77:")


def test_w10_a_conflict_is_on_the_dashboard(world: World) -> None:
    edge, here = Edge(world), world.greenhouse
    for name in ("ping", "offer_created"):
        body = sample("greenhouse", name)
        assert edge.post(here, body, edge.headers(here, body, "77")).status_code == 200
    world.settle_down()

    assert "Nothing is in trouble." not in edge.page("/trouble")


@every_ats
def test_w11_fifty_copies_at_the_same_moment_are_kept_once(world: World, ats: str) -> None:
    edge, here = Edge(world), here_of(world, ats)
    genuine, success = edge.genuine(here), adapters()[ats].success
    with ThreadPoolExecutor(50) as pool:
        answers = Counter(
            (answer.status_code, answer.get_json()["status"])
            for answer in pool.map(lambda _: edge.send(here, genuine), range(50))
        )

    assert answers == {(success, "kept"): 1, (success, "duplicate"): 49}
    assert len(items(world)) == 1


def test_w11_fifty_copies_at_the_same_moment_have_one_effect(world_on: World) -> None:
    world, body = world_on, sample("generic", "applied")
    edge, here = Edge(world), world.generic
    headers, gate = edge.headers(here, body), threading.Barrier(50)

    def post(_: int) -> tuple[int, str]:
        gate.wait()
        answer = edge.post(here, body, headers)
        return answer.status_code, answer.get_json()["status"]

    with ThreadPoolExecutor(50) as pool:
        answers = Counter(pool.map(post, range(50)))
    world.plan()

    assert answers == {(200, "kept"): 1, (200, "duplicate"): 49}
    assert (len(items(world)), len(world.messages())) == (1, 1)


def test_w25_an_unknown_address_is_not_found_and_takes_as_long_as_a_refusal(world: World) -> None:
    edge, here, body = Edge(world), world.greenhouse, sample("greenhouse")
    nobody = Here("src_none", "a-key-of-nobody-at-all", "greenhouse", here.secret)
    with log_lines() as lines:
        answer = edge.post(nobody, body)

    assert answer.status_code == 404
    assert [line["reason"] for line in said(lines, "webhook.rejected")] == ["unknown_source"]
    assert nothing_left_behind(world)
    times = usual_times(80, lambda: edge.post(here, body, {}), lambda: edge.post(nobody, body))
    # A known address costs one more question to the database; the two statuses tell them apart in any case.
    assert max(times) < 3 * min(times), times
