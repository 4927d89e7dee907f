"""The counts of the ledger are those of the applications themselves, whatever happened to them."""

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.core.answer import Accepted, Answer, Impossible, Unknown
from notifier.core.errors import Refused
from notifier.core.inbox import InboxState
from notifier.deliver.email import Email
from notifier.flow import settle
from notifier.store.inbox import list_items
from notifier.store.ledger import read_ledger
from notifier.store.views import list_applications
from tests.world import World

ENDS: dict[str, dict[str, Any]] = {
    "rejected": {"outcome": "rejected"},
    "rejected after an interview": {"outcome": "rejected", "stage": "Onsite", "kind": "interview"},
    "rejected and unknown": {"outcome": "rejected", "email": None},
    "hired": {"outcome": "hired"},
    "taken back": {"outcome": "none", "stage": "Screening", "kind": "screen"},
    "under way": {"stage": "Application Review", "kind": "applied"},
}

STEPS = st.tuples(
    st.sampled_from(["a1", "a2", "a3", "a4"]),
    st.sampled_from([*ENDS, "approve", "hold", "cancel", "told", "a day passes", "nonsense arrives"]),
    st.sampled_from(["accept", "refuse", "no word"]),
)


def answer(email: Email, word: str) -> Answer:
    match word:
        case "accept":
            return Accepted(f"p-{email.att}", email.headers["Message-ID"])
        case "refuse":
            return Impossible("bad content")
        case _:
            return Unknown("timed out")


def step(world: World, name: str, what: str) -> None:
    if what in ENDS:
        world.change(name, **{"email": f"{name}@example.org"} | ENDS[what])
    elif what == "a day passes":
        world.run_for(days=1, hours=1)
    elif what == "nonsense arrives":
        world.post(world.generic, b"[]")
    else:
        decide(world, what)


def decide(world: World, what: str) -> None:
    """A person does the same to everything it can be done to."""
    flow, workspace = world.flow, world.workspace
    for message in world.messages():
        try:
            match what:
                case "approve":
                    settle.approve(flow, workspace, message.id, by="usr_1", now=True)
                case "hold":
                    settle.hold(flow, workspace, message.id, by="usr_1", why="wait")
                case "cancel":
                    settle.cancel(flow, workspace, message.id, by="usr_1", why="no")
                case _:
                    settle.told(flow, workspace, message.id, by="usr_1", how="phone")
        except Refused:
            continue


@settings(max_examples=15, deadline=None)
@given(steps=st.lists(STEPS, min_size=1, max_size=10))
def test_every_application_and_every_webhook_is_counted_once(steps: list[tuple[str, str, str]]) -> None:
    world = World("sqlite://")
    for name, what, word in steps:
        world.provider.answer = lambda email, word=word: answer(email, word)
        step(world, name, what)
        world.settle_down()

    with world.db.read() as tx:
        for workspace, full in ((None, False), (None, True), (world.workspace, False), (world.workspace, True)):
            ledger = read_ledger(tx, workspace, full=full).as_dict()
            items = Counter(view.item for view in list_applications(tx, None))
            inbox = Counter(item.state for item in list_items(tx))
            assert ledger["applications"] == items.total()
            assert ledger["outcomes"] == items.total() - items["none"]
            for word in ("told", "pending", "held", "in_doubt", "open"):
                assert ledger[word] == items[word], word
            assert ledger["inbox"] == inbox.total()
            for state in InboxState:
                assert ledger[state.value] == inbox[state], state
            assert ledger["violations"] == []
    world.close()
