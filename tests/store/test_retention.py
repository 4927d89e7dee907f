"""What has been kept long enough goes, and nothing else: kind by kind, on both databases."""

import pytest
import sqlalchemy as sa

from notifier.core.answer import Unknown
from notifier.core.feedback import Heard
from notifier.core.retention import KEEP, Kind, Then
from notifier.store import mailbox, provider_events, retention, users
from notifier.store.inbox import InboxItem
from notifier.store.provider_events import EventState, ProviderEvent
from notifier.store.submission import Attempt
from notifier.store.users import Role, SignIn, SignInLink
from notifier.store.workspaces import add_workspace
from tests.store.retained import entries, grow_old, hear, number_of, only, report, sweep, sweep_all, told, too_old
from tests.world import World


class TestWebhooks:
    def test_a_body_is_blanked_and_its_key_and_hash_stay(self, world_on: World) -> None:
        world = world_on
        world.change("a1", stage="Applied", kind="applied", event_id="evt-one")
        world.settle_down()
        with world.db.read() as tx:
            before = only(tx, InboxItem)
        grow_old(world, Kind.INBOX_BODIES)
        assert sweep(world, Kind.INBOX_BODIES) == 0
        world.clock.tick(seconds=1)

        assert sweep(world, Kind.INBOX_BODIES) == 1
        assert sweep(world, Kind.INBOX_BODIES) == 0

        with world.db.read() as tx:
            after = only(tx, InboxItem)
            assert tx.keyring.open_bytes(after.body, "inbox.body") == b""
            assert tx.keyring.open(after.headers, "inbox.headers") == "{}"
        assert (after.event_key, after.body_hash) == (before.event_key, before.body_hash)
        assert after.blanked_at == world.clock.now

    def test_a_copy_is_known_as_one_until_the_key_goes_too(self, world: World) -> None:
        ping = b'{"action": "ping", "payload": {}}'
        assert world.post(world.greenhouse, ping, event_id="evt-one").word == "kept"
        world.plan()
        too_old(world, Kind.INBOX_BODIES)
        sweep(world, Kind.INBOX_BODIES)

        assert world.post(world.greenhouse, ping, event_id="evt-one").word == "duplicate"
        world.clock.now += KEEP[Kind.INBOX_KEYS].age - KEEP[Kind.INBOX_BODIES].age
        assert sweep(world, Kind.INBOX_KEYS) == 1
        assert number_of(world, InboxItem) == 0

    def test_what_is_unread_or_quarantined_stays_however_old(self, world_on: World) -> None:
        world = world_on
        world.post(world.generic, b"no json")
        world.plan()
        world.change("a1", stage="Applied", kind="applied")
        world.clock.tick(days=1000)

        assert sweep_all(world) == {}
        with world.db.read() as tx:
            bodies = [tx.keyring.open_bytes(row.body, "inbox.body") for row in tx.session.scalars(sa.select(InboxItem))]
        assert all(bodies)


class TestReports:
    @pytest.fixture
    def heard(self, world_on: World) -> World:
        """One report about a mail of ours, one about nothing of ours."""
        world_on.change("a1", stage="Applied", kind="applied")
        world_on.settle_down()
        hear(world_on, report(world_on), report(world_on, -1))
        return world_on

    def states(self, world: World) -> list[EventState]:
        with world.db.read() as tx:
            return [row.state for row in tx.session.scalars(sa.select(ProviderEvent))]

    def test_the_address_goes_first_and_the_digest_later(self, heard: World) -> None:
        too_old(heard, Kind.REPORTS)
        assert (sweep(heard, Kind.REPORTS), sweep(heard, Kind.REPORTS)) == (1, 0)
        assert (sweep(heard, Kind.ORPHANS), sweep(heard, Kind.REPORT_KEYS)) == (1, 0)

        with heard.db.read() as tx:
            row = only(tx, ProviderEvent)
            kept = provider_events.open_report(tx, row)
        assert (kept.address, kept.mid, kept.event_id) == ("", "", "")
        assert (kept.heard, kept.digest, row.digest) == (Heard.DELIVERED, row.digest, report(heard).digest)
        hear(heard, report(heard))
        assert self.states(heard) == [EventState.APPLIED], "a copy is still a copy"

        grow_old(heard, Kind.REPORTS)
        assert sweep(heard, Kind.REPORT_KEYS) == 1
        assert self.states(heard) == []

    def test_a_whole_mail_is_emptied(self, world_on: World) -> None:
        world = world_on
        with world.db.begin() as tx:
            provider_events.keep_mail(tx, "mail", "d", b"From: ana@example.org\r\n\r\nHi\r\n")
            tx.session.execute(sa.update(ProviderEvent).values(state=EventState.APPLIED))
        too_old(world, Kind.REPORTS)

        assert sweep(world, Kind.REPORTS) == 1
        with world.db.read() as tx:
            assert provider_events.open_mail(tx, only(tx, ProviderEvent)) == b""

    def test_what_was_not_read_yet_stays(self, world: World) -> None:
        with world.db.begin() as tx:
            provider_events.keep_mail(tx, "mail", "d", b"From: ana@example.org\r\n\r\nHi\r\n")
        world.clock.tick(days=1000)

        assert sweep_all(world) == {}

    def test_the_providers_name_of_a_message_goes_with_the_providers_own_log(self, heard: World) -> None:
        (message,) = heard.messages()
        assert message.provider_id
        grow_old(heard, Kind.PROVIDER_IDS)
        assert sweep(heard, Kind.PROVIDER_IDS) == 0
        heard.clock.tick(seconds=1)

        assert (sweep(heard, Kind.PROVIDER_IDS), sweep(heard, Kind.PROVIDER_IDS)) == (1, 0)

        (message,) = heard.messages()
        with heard.db.read() as tx:
            assert (message.provider_id, only(tx, Attempt).provider_id) == ("", "")
        assert message.message_id_header, "later mails of the same application are threaded by it"
        assert heard.ledger().violations == ()

    def test_the_name_of_what_came_back_and_stands_open_stays(self, world: World) -> None:
        told(world)
        hear(world, report(world, heard=Heard.BOUNCED))
        assert world.application().item == "open"
        grow_old(world, Kind.PROVIDER_IDS)
        world.clock.tick(days=1)

        assert sweep(world, Kind.PROVIDER_IDS) == 0


class TestMailbox:
    def put(self, world: World, message_id: str) -> None:
        with world.db.begin() as tx:
            mailbox.keep_mail(tx, world.workspace, message_id, to="ana@example.org", subject="Hi", mime=b"Hi")

    def test_a_mail_is_removed(self, world_on: World) -> None:
        world = world_on
        self.put(world, "msg_1")
        grow_old(world, Kind.MAILBOX)
        self.put(world, "msg_2")
        assert sweep(world, Kind.MAILBOX) == 0
        world.clock.tick(seconds=1)

        assert sweep(world, Kind.MAILBOX) == 1
        with world.db.read() as tx:
            assert [mail.message_id for mail in mailbox.list_mails(tx, [world.workspace])] == ["msg_2"]

    def test_a_mail_of_a_message_in_doubt_stays_for_whoever_looks(self, world: World) -> None:
        world.provider.answer = lambda _: Unknown("cut")
        world.change("a1", stage="Applied", kind="applied")
        world.settle_down()
        (message,) = world.messages()
        self.put(world, message.id)
        world.clock.tick(days=1000)

        assert sweep(world, Kind.MAILBOX) == 0


class TestSignIns:
    def test_spent_links_and_ended_sign_ins_go(self, world_on: World) -> None:
        world = world_on
        with world.db.begin() as tx:
            user = users.invite(tx, "maria@example.com", world.workspace, Role.ADMIN)
            users.make_link(tx, user)
            cookie = users.use_link(tx, users.make_link(tx, user))
            assert cookie is not None
            users.sign_out(tx, cookie)
        grow_old(world, Kind.SIGN_INS)
        assert sweep_all(world) == {}
        world.clock.tick(seconds=1)
        assert sweep_all(world) == {Kind.SIGN_INS: 1}
        world.clock.tick(hours=1)
        assert sweep_all(world) == {Kind.SIGN_IN_LINKS: 2}

    def test_a_sign_in_that_was_never_ended_goes_when_it_could_not_be_used_any_more(self, world: World) -> None:
        with world.db.begin() as tx:
            user = users.invite(tx, "maria@example.com", world.workspace, Role.ADMIN)
            users.use_link(tx, users.make_link(tx, user))
        grow_old(world, Kind.SIGN_INS)
        world.clock.tick(days=6)
        sweep_all(world)
        assert (number_of(world, SignIn), number_of(world, SignInLink)) == (1, 0)
        world.clock.tick(days=2)
        assert sweep_all(world) == {Kind.SIGN_INS: 1}


class TestBatches:
    def test_a_batch_takes_the_oldest_and_no_more_than_it_may(self, world_on: World) -> None:
        world = world_on
        for number in range(5):
            world.change(f"a{number}", stage="Applied", kind="applied")
            world.clock.tick(minutes=1)
        world.plan()
        world.clock.tick(days=91)

        assert [sweep(world, Kind.INBOX_BODIES, limit=2) for _ in range(4)] == [2, 2, 1, 0]

    def test_every_batch_has_one_entry_for_each_workspace(self, world_on: World) -> None:
        world = world_on
        with world.db.begin() as tx:
            second = add_workspace(tx, "Other Ltd").id
        theirs = world.add_source("generic", workspace=second)
        world.change("a1", stage="Applied", kind="applied")
        world.change("a2", stage="Applied", kind="applied")
        body = {"type": "ping", "timestamp": world.clock.now.isoformat(), "data": {}}
        world.post(theirs, body)
        world.plan()
        world.clock.tick(days=91)
        sweep(world, Kind.INBOX_BODIES)
        sweep(world, Kind.INBOX_BODIES)

        assert sorted(entries(world)) == sorted(
            [
                (world.workspace, "retention:inbox_bodies", "blanked", "2 after 90 days"),
                (second, "retention:inbox_bodies", "blanked", "1 after 90 days"),
            ]
        )

    def test_what_belongs_to_no_workspace_is_written_down_too(self, world: World) -> None:
        with world.db.begin() as tx:
            provider_events.keep_unreadable(tx, "scripted", "d", b"?", "no json")
        world.clock.tick(days=31)
        sweep(world, Kind.ORPHANS)

        assert entries(world) == [("", "retention:orphans", "removed", "1 after 30 days")]

    def test_the_count_is_what_would_leave(self, world_on: World) -> None:
        world = world_on
        told(world)
        hear(world, report(world), report(world, -1))
        world.clock.tick(days=500)
        with world.db.read() as tx:
            counted = {kind: number for kind in Kind if (number := retention.count(tx, kind))}

        assert counted == {
            Kind.INBOX_BODIES: 1,
            Kind.INBOX_KEYS: 1,
            Kind.REPORTS: 1,
            Kind.REPORT_KEYS: 1,
            Kind.ORPHANS: 1,
            Kind.PROVIDER_IDS: 1,
            Kind.LETTERS: 1,
        }
        assert counted == sweep_all(world)

    def test_every_kind_is_in_the_table(self) -> None:
        assert set(KEEP) == set(Kind)
        assert KEEP[Kind.INBOX_BODIES].age < KEEP[Kind.INBOX_KEYS].age
        assert KEEP[Kind.REPORTS].age < KEEP[Kind.REPORT_KEYS].age
        assert all(keep.then in Then and keep.what for keep in KEEP.values())


def test_what_was_removed_is_not_found(world: World) -> None:
    with world.db.begin() as tx:
        provider_events.keep_unreadable(tx, "scripted", "d", b"?", "no json")
    with world.db.read() as tx:
        event = only(tx, ProviderEvent).id
    world.clock.tick(days=31)
    sweep(world, Kind.ORPHANS)

    with world.db.read() as tx:
        assert tx.session.get(ProviderEvent, event) is None
