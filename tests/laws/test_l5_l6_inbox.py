"""L5: what was answered with success is in the inbox. L6: one event, any number of copies, one effect."""

import itertools
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.store.inbox import get_item
from tests.world import MORNING, World

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
BODIES = st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(BODIES, st.sampled_from(["greenhouse", "generic"])), min_size=1, max_size=4))
def test_every_signed_body_is_kept_and_ends_read_or_quarantined(shared: World, bodies: list[tuple[bytes, str]]) -> None:
    answered = [shared.post(shared.greenhouse if ats == "greenhouse" else shared.generic, body) for body, ats in bodies]
    shared.settle_down()

    assert {(receipt.status, receipt.word) for receipt in answered} == {(200, "kept")}
    with shared.db.read() as tx:
        kept = [get_item(tx, shared.workspace, receipt.item_id or "") for receipt in answered]
    assert {item.state.value for item in kept} <= {"planned", "ignored", "quarantined"}
    assert shared.ledger().violations == ()


STEPS = [
    {"stage": "Application Review", "kind": "applied"},
    {"stage": "Onsite", "kind": "interview"},
    {"outcome": "rejected"},
    {"outcome": "none", "stage": "Onsite", "kind": "interview"},
    {"outcome": "withdrawn"},
]


@pytest.fixture(scope="module")
def shared() -> Iterator[World]:
    """One world for all examples; each example is an application of its own."""
    world = World("sqlite://")
    yield world
    world.close()


_applications = itertools.count(1)


def deliver(world: World, order: list[int]) -> tuple[object, ...]:
    """Deliver these steps of one application in this order; what the candidate and the mirror end with."""
    name = f"app-{next(_applications)}"
    for step in order:
        moment = MORNING + timedelta(minutes=step)
        world.change(name, at=moment, event_id=f"{name}-{step}", **STEPS[step])
        world.plan()
    row = world.application(name).application
    pending = sorted((m.template, m.state.value) for m in world.messages(name) if m.state.value != "cancelled")
    return row.stage_external_id, row.kind, row.outcome, row.interviewed, pending


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, len(STEPS) - 1), min_size=1, max_size=6))
def test_copies_of_an_event_change_nothing(shared: World, order: list[int]) -> None:
    once = list(dict.fromkeys(order))

    assert deliver(shared, order) == deliver(shared, once)
    assert shared.ledger().violations == ()


@settings(max_examples=60, deadline=None)
@given(st.permutations(range(len(STEPS))))
def test_all_orders_of_five_events_end_with_the_same_message_pending(shared: World, order: list[int]) -> None:
    in_order = deliver(shared, list(range(len(STEPS))))

    assert deliver(shared, order) == in_order
    assert shared.ledger().violations == ()
