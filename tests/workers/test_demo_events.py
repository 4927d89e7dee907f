"""The story of the demo is true: each wave leads to the e-mails it promises, and to nothing else."""

from collections import Counter

from notifier.core.inbox import InboxState
from notifier.core.message import Submission
from notifier.decide.rules import dump, load
from notifier.flow.parts import template_keys
from notifier.store import inbox, wording
from notifier.store.messages import Message
from tests.world import Here, World
from workers.demo_company import quick_rules
from workers.demo_events import GENERIC, GREENHOUSE, waves
from workers.demo_people import PEOPLE


def test_thirty_people_and_nobody_real() -> None:
    assert len(PEOPLE) == 30
    assert all(person.email.endswith("@example.org") for person in PEOPLE if person.email)
    assert len({person.email for person in PEOPLE}) == 30


def test_every_wave_leads_to_the_mails_it_promises(world: World) -> None:
    book = dump(quick_rules())
    load(book, template_keys(world.flow))
    with world.db.begin() as tx:
        wording.keep_rules(tx, world.workspace, book, by="demo")
    sources: dict[str, Here] = {GREENHOUSE: world.greenhouse, GENERIC: world.generic}

    for wave in waves(world.clock.now):
        before = Counter(message.template for message in accepted(world))
        for webhook in wave.webhooks:
            for _ in range(webhook.copies):
                assert world.post(sources[webhook.ats], webhook.body, event_id=webhook.event_id).status == 200
        world.settle_down()
        assert Counter(message.template for message in accepted(world)) - before == Counter(wave.mails)

    with world.db.read() as tx:
        states = Counter(item.state for item in inbox.list_items(tx, limit=1000))
    assert states[InboxState.QUARANTINED] == 1
    assert states[InboxState.RECEIVED] == states[InboxState.IGNORED] == 0
    assert not world.ledger().violations


def test_the_queue_is_not_empty_at_the_end_and_the_rejection_was_taken_back(world: World) -> None:
    test_every_wave_leads_to_the_mails_it_promises(world)

    states = Counter(message.state for message in world.messages())
    back = world.messages(str(50_100_000 + PEOPLE[2].number))

    assert states[Submission.AWAITING_APPROVAL] >= 5
    assert states[Submission.HELD] >= 1
    assert states[Submission.SCHEDULED] == 0
    assert [m.state for m in back if m.template == "rejected_after_application"] == [Submission.CANCELLED]


def accepted(world: World) -> list[Message]:
    return [message for message in world.messages() if message.state is Submission.ACCEPTED]
