"""W17, W19 to W21, W26 and W28: what a genuine event may say about a person, and what must not come of it."""

import json
from email import message_from_bytes
from email.policy import SMTP
from typing import Any

import pytest
import sqlalchemy as sa

from notifier.deliver.mime import to_bytes
from notifier.flow import settle
from notifier.store import people, workspaces
from notifier.store.people import Candidate
from tests.faults.edge import Edge, count, items, sample
from tests.world import World

#: W17: names as they can be sent, and what must be gone from them.
NAMES = {
    "NUL": ("Ana\x00", "\x00"),
    "lone surrogate": ("Ana\ud800", "\ud800"),
    "turned around": ("Ana\u202egnp.exe", "\u202e"),
    "isolates": ("\u2066Ana\u2069", "\u2066"),
    "a megabyte": ("Ana" + "x" * 900_000, "x" * 300),
    "escape sequence": ("Ana\x1b[2J", "\x1b"),
}


def mail_as_sent(world: World) -> Any:
    (email,) = world.provider.accepted
    return message_from_bytes(to_bytes(email), policy=SMTP)


@pytest.mark.parametrize(("name", "gone"), NAMES.values(), ids=NAMES.keys())
def test_w17_an_odd_name_is_cleaned_and_shows_safely(world_on: World, name: str, gone: str) -> None:
    world = world_on
    world.change("a1", stage="Application Review", kind="applied", first_name=name)
    world.settle_down()

    (item,) = items(world)
    assert item.state.value == "planned", item.reason
    assert gone not in Edge(world).page(f"/applications/{world.application().application.id}")
    mail = mail_as_sent(world)
    assert [address.addr_spec for address in mail["To"].addresses] == ["ana@example.org"]
    assert gone not in mail.get_body(("plain",)).get_content()


def test_w17_a_raw_nul_in_the_body_is_quarantined(world_on: World) -> None:
    world = world_on
    body = sample("generic", "applied").replace(b'"id"', b'"i\x00d"', 1)
    world.post(world.generic, body)
    world.settle_down()

    assert [item.state.value for item in items(world)] == ["quarantined"]
    assert count(world, "applications") == 0


def test_w17_an_odd_id_is_quarantined_and_never_cleaned_into_another(world_on: World) -> None:
    world = world_on
    world.change("a1", stage="Application Review", kind="applied")
    for odd in ("a1\x00", "a1\ud800", "a\u202e1", "a1" * 5000, " a1", ""):
        world.change(odd, outcome="rejected")
    world.settle_down()

    assert [item.state.value for item in items(world)] == ["planned"] + ["quarantined"] * 6
    assert count(world, "applications") == 1


class TestUnknown:
    def test_w19_an_event_without_an_application_is_kept_and_shown(self, world: World) -> None:
        receipt = world.post(
            world.generic, {"type": "application.changed", "timestamp": world.clock.now.isoformat(), "data": {}}
        )
        world.settle_down()

        assert receipt.status == 200
        assert [(item.state.value, item.reason) for item in items(world)] == [
            ("quarantined", "data.application: missing")
        ]
        assert "data.application: missing" in Edge(world).page("/trouble")

    def test_w19_an_unknown_stage_sends_nothing_and_is_shown_until_somebody_maps_it(self, world_on: World) -> None:
        world = world_on
        receipt = world.change("a1", stage="Quokka")
        world.settle_down()
        page = Edge(world).page("/trouble")

        assert receipt.status == 200
        assert [(item.state.value, item.reason) for item in items(world)] == [("planned", "unmapped_stage")]
        assert world.messages() == []
        assert "Stages nobody has mapped" in page
        assert "Quokka" in page

    @pytest.mark.parametrize("ats", ["generic", "greenhouse"])
    def test_w19_an_unknown_type_of_event_is_kept_and_ignored(self, world: World, ats: str) -> None:
        here = world.generic if ats == "generic" else world.greenhouse
        word = "type" if ats == "generic" else "action"
        receipt = world.post(here, {word: "candidate_teleported", "payload": {}})
        world.settle_down()

        assert receipt.status == 200
        assert [(item.state.value, item.reason) for item in items(world)] == [("ignored", "unknown_event")]
        assert world.messages() == []


class TestAddresses:
    def rejected(self, world: World, **candidate: Any) -> None:
        world.change("a1", outcome="rejected", candidate={"id": "c1", "first_name": "Ana", **candidate})
        world.settle_down()
        world.run_for(days=3)

    @pytest.mark.parametrize(
        "email",
        [
            None,
            "",
            "nonsense",
            "ana@",
            "@example.org",
            "ana@example",
            "ana@exa mple.org",
            "a@example.com, b@example.net",
            "a@example.com;b@example.net",
            '"ana@example.org" <spy@example.net>',
            "Ana <ana@example.org>",
            "ana@example.org\r\nBcc: spy@example.net",
            "ana@example.org\x00",
        ],
    )
    def test_w20_w21_without_one_strict_address_it_is_held_on_the_dashboard(
        self, world: World, email: str | None
    ) -> None:
        self.rejected(world, **({} if email is None else {"email": email}))

        assert world.provider.calls == []
        (message,) = world.messages()
        assert (message.state.value, message.reason) == ("held", "no_valid_address")
        assert world.application().item == "held"
        assert "no valid address" in Edge(world).page("/held")

    def test_w20_of_two_addresses_the_first_good_one_gets_the_only_mail(self, world_on: World) -> None:
        world = world_on
        self.rejected(world, email="broken@", emails=["ana@example.org", "ana@work.example.com"])

        assert [email.to_address for email in world.provider.accepted] == ["ana@example.org"]

    def test_w20_of_two_addresses_in_greenhouse_the_private_one_gets_the_only_mail(self, world: World) -> None:
        body = json.loads(sample("greenhouse", "new_candidate_application"))
        body["payload"]["application"]["candidate"]["email_addresses"] = [
            {"value": "ana@work.example.com", "type": "work"},
            {"value": "ana@example.org", "type": "personal"},
        ]
        world.post(world.greenhouse, body)
        world.settle_down()

        assert [email.to_address for email in world.provider.accepted] == ["ana@example.org"]

    def test_w21_a_line_break_in_a_name_adds_no_recipient(self, world: World) -> None:
        self.rejected(world, name="Ana\r\nBcc: spy@example.net", email="ana@example.org")
        mail = mail_as_sent(world)

        assert [address.addr_spec for address in mail["To"].addresses] == ["ana@example.org"]
        assert (mail["Bcc"], mail["Cc"]) == (None, None)


class TestTenants:
    def test_w26_a_tenants_event_never_touches_another_tenants_application(self, world_on: World) -> None:
        """Ids belong to the source whose secret signed them, so another tenant's application cannot even be named."""
        world = world_on
        world.change("a1", stage="Application Review", kind="applied")
        world.settle_down()
        before = world.application()
        with world.db.begin() as tx:
            other = workspaces.add_workspace(tx, "Other Ltd", zone="UTC").id
        theirs = world.add_source("generic", workspace=other)
        world.clock.tick(minutes=1)
        body = {
            "type": "application.changed",
            "timestamp": world.clock.now.isoformat(),
            "data": {"application": {"id": "a1"}, "candidate": {"id": "c-a1"}, "outcome": "rejected"},
        }
        assert world.post(theirs, body).status == 200
        for kind, data in (
            ("candidate.changed", {"candidate": {"id": "c-a1", "email": "spy@example.net"}}),
            ("candidate.merged", {"candidate": {"id": "c-a1"}, "into": {"id": "c-spy"}}),
            ("candidate.erased", {"candidate": {"id": "c-a1"}, "applications": ["a1"]}),
            ("application.deleted", {"application": {"id": "a1"}}),
        ):
            world.post(theirs, {"type": kind, "timestamp": world.clock.now.isoformat(), "data": data})
        world.settle_down()

        after = world.application()
        assert (after.application.version, after.application.outcome) == (1, before.application.outcome)
        assert after.candidate is not None
        assert (after.candidate.first_name, after.candidate.erased_at) == ("Ana", None)
        assert {message.workspace_id for message in world.messages("a1")} == {world.workspace}

    def test_w26_a_tenants_signature_is_worth_nothing_at_another_tenants_address(self, world: World) -> None:
        with world.db.begin() as tx:
            other = workspaces.add_workspace(tx, "Other Ltd", zone="UTC").id
        theirs = world.add_source("greenhouse", workspace=other)
        edge, body = Edge(world), sample("greenhouse")

        assert edge.post(world.greenhouse, body, edge.headers(theirs, body)).status_code == 401
        assert items(world) == []


@pytest.fixture
def rejected_twice(world_on: World) -> World:
    """One person with a "no" in the hold window and another application under way."""
    world_on.change("a1", outcome="rejected")
    world_on.change("a2", stage="Onsite", kind="interview", email="ana@new.example.org")
    world_on.settle_down()
    return world_on


def tell(world: World, kind: str, **data: Any) -> None:
    world.clock.tick(minutes=1)
    world.post(world.generic, {"type": kind, "timestamp": world.clock.now.isoformat(), "data": data})
    world.settle_down()


def test_w28_a_merge_stops_what_was_pending_and_leaves_the_item_open(rejected_twice: World) -> None:
    world = rejected_twice
    tell(world, "candidate.merged", candidate={"id": "c-a1"}, into={"id": "c-a2"})
    world.run_for(days=3)

    assert world.message("rejected_after_application").reason == "candidate_merged"
    assert world.provider.calls == []
    assert world.application("a1").item == "open"
    assert world.application("a1").application.candidate_id == world.application("a2").application.candidate_id


@pytest.mark.parametrize("how", ["candidate.erased", "application.deleted"])
def test_w28_a_deletion_stops_what_was_pending(rejected_twice: World, how: str) -> None:
    world = rejected_twice
    name = {"candidate.erased": "candidate", "application.deleted": "application"}[how]
    tell(world, how, **{name: {"id": {"candidate": "c-a1", "application": "a1"}[name]}})
    world.clock.tick(minutes=1)
    world.change("a1", outcome="rejected")
    world.settle_down()
    world.run_for(days=3)

    assert world.message("rejected_after_application").state.value == "cancelled"
    assert world.provider.calls == []
    assert world.ledger().violations == ()


def test_w28_an_erased_person_leaves_a_tombstone_and_no_words(rejected_twice: World) -> None:
    world = rejected_twice
    (message,) = world.messages("a1")
    settle.hold(world.flow, world.workspace, message.id, by="usr_1", why="her mother is ill")
    tell(world, "candidate.erased", candidate={"id": "c-a1"})
    world.change("a1", outcome="rejected", first_name="Ana")
    world.settle_down()

    with world.db.read() as tx:
        row = tx.session.scalars(sa.select(Candidate).where(Candidate.external_id == "c-a1")).one()
        assert row.erased_at is not None
        assert (row.first_name, row.name, row.address) == ("", "", None)
        assert people.reach(tx, row).obstacle == "erased"
        assert world.messages("a1")[0].note is None
    assert items(world)[-1].reason in ("candidate_is_erased", "application_is_deleted")


@pytest.mark.parametrize("how", ["candidate_anonymized", "delete_candidate"])
def test_w28_greenhouse_forgets_a_person_in_two_ways(world_on: World, how: str) -> None:
    world = world_on
    world.post(world.greenhouse, sample("greenhouse", "reject_candidate"))
    world.settle_down()
    waiting = [message.state.value for message in world.messages()]
    world.post(world.greenhouse, sample("greenhouse", how))
    world.settle_down()

    assert waiting == ["awaiting_approval"]
    assert [message.state.value for message in world.messages()] == ["cancelled"]
    assert count(world, "candidates WHERE erased_at IS NOT NULL") == 1
