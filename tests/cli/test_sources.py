"""`notifier source`: secrets, rotation, and what a source sends."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from notifier.core.change import Delivery
from notifier.flow.receive import receive
from notifier.ingest.registry import adapters
from notifier.store import audit
from notifier.store.sources import SourceSecret
from tests.cli.conftest import Terminal
from tests.world import World

KEYS = {"id", "ats", "key", "url", "secret", "sending"}


def delivered(world: World, key: str, ats: str, secret: str, event_id: str) -> str:
    """What becomes of a ping signed with this secret."""
    body = json.dumps({"type": "ping", "timestamp": "2026-11-24T10:00:00Z", "data": {}}).encode()
    return receive(world.flow, key, adapters()[ats].signed(Delivery({}, body), secret, world.clock.now, event_id)).word


@pytest.mark.parametrize("ats", list(adapters()))
def test_every_ats_gets_a_secret_that_its_webhooks_are_believed_with(
    ats: str, terminal: Terminal, world: World
) -> None:
    source = terminal.json("source", "add", ats)

    assert set(source) >= KEYS
    assert source["sending"] == "live"
    assert delivered(world, source["key"], ats, source["secret"], "e1") == "kept"


def test_a_secret_that_the_ats_chose_is_taken_and_never_shown_again(terminal: Terminal) -> None:
    chosen = adapters()["generic"].new_secret()

    source = terminal.json("source", "add", "generic", "--secret", chosen)

    assert source["secret"] == chosen
    listed = terminal.run("source", "list", "--json") + terminal.run("source", "list")
    assert chosen not in listed
    assert all(set(row) >= KEYS and row["secret"] is None for row in terminal.json("source", "list"))


def test_a_secret_that_cannot_be_used_is_refused_and_not_repeated(terminal: Terminal, world: World) -> None:
    said = terminal.fails("source", "add", "generic", "--secret", "not-a-secret", status=2)
    assert "whsec_" in said
    assert "not-a-secret" not in said
    assert "not-a-secret" not in terminal.fails(
        "source", "rotate", world.generic.id, "--secret", "not-a-secret", status=2
    )
    assert len(terminal.json("source", "list")) == 2


def test_after_a_rotation_the_old_secret_is_good_for_the_overlap_only(terminal: Terminal, world: World) -> None:
    source = terminal.json("source", "add", "generic")
    new = terminal.json("source", "rotate", source["id"], "--overlap", "0m")["secret"]
    newest = terminal.json("source", "rotate", source["id"], "--overlap", "7d")["secret"]
    with world.db.read() as tx:
        query = sa.select(SourceSecret).where(SourceSecret.source_id == source["id"])
        rows = list(tx.session.scalars(query.order_by(SourceSecret.created_at)))

    assert new != newest
    assert rows[0].not_after is not None
    assert rows[1].not_after is not None
    assert abs(rows[0].not_after - rows[1].created_at) < timedelta(seconds=1)
    assert abs(rows[1].not_after - rows[2].created_at - timedelta(days=7)) < timedelta(seconds=1)
    assert rows[2].not_after is None


def test_going_live_is_written_into_the_trail(terminal: Terminal, world: World) -> None:
    terminal.run("source", "set", world.generic.id, "--shadow")
    terminal.run("source", "set", world.generic.id, "--shadow")
    assert terminal.json("source", "set", world.generic.id, "--live")["sending"] == "live"

    with world.db.read() as tx:
        trail = audit.history(tx, world.workspace, world.generic.id)
    assert [(entry.before, entry.after, entry.actor) for entry in trail] == [
        ("live", "shadow", "command line"),
        ("shadow", "live", "command line"),
    ]


def test_what_the_ats_writes_itself_is_not_written_twice(terminal: Terminal, world: World) -> None:
    keys = "rejected_after_application, application_received,application_received"

    row = terminal.json("source", "set", world.generic.id, "--ats-writes", keys)

    assert row["ats_writes"] == ["application_received", "rejected_after_application"]
    world.change("a1", stage="Applied", kind="applied")
    world.settle_down()
    assert world.messages() == []
    assert terminal.json("source", "set", world.generic.id, "--ats-writes", "none")["ats_writes"] == []
    assert "application_received" in terminal.fails("source", "set", world.generic.id, "--ats-writes", "greeting")
    assert "nothing to change" in terminal.fails("source", "set", world.generic.id, status=2)
    terminal.fails("source", "set", "src_nobody", "--live")


def test_lists_are_narrowed_to_a_workspace(terminal: Terminal, world: World) -> None:
    other = terminal.json("workspace", "add", "Second Co")["id"]
    source = terminal.json("source", "add", "generic", "--workspace", other, "--name", "Second ATS")

    assert [row["id"] for row in terminal.json("source", "list", "--workspace", other)] == [source["id"]]
    assert len(terminal.json("source", "list")) == 3
    terminal.fails("source", "list", "--workspace", "ws_nobody")
    terminal.fails("source", "add", "generic", "--workspace", "ws_nobody")


def test_one_source_is_shown_with_its_secrets_and_what_it_sent(terminal: Terminal, world: World) -> None:
    here = world.add_source("workable")
    new = terminal.json("source", "rotate", here.id, "--overlap", "1d")["secret"]
    world.post(here, adapters()["workable"].samples()["hired"].body)
    world.plan()
    shown = terminal.json("source", "show", here.id)

    newest, oldest = shown["secrets"]
    assert (newest["last_used_at"], newest["valid_until"]) == (None, None)
    assert oldest["last_used_at"] is not None
    assert oldest["valid_until"] is not None
    assert [one["what"] for one in shown["seen"]] == ["event:candidate_moved"]
    printed = terminal.run("source", "show", here.id)
    assert "event:candidate_moved" in printed
    for secret in (here.secret, new):
        assert secret not in printed
        assert secret not in json.dumps(shown)
