"""`notifier message`: what it shows of messages that left, that cannot leave, and that lack something."""

import pytest

from notifier.store.messages import Message
from tests.cli.conftest import Terminal
from tests.world import World


def columns(message: Message) -> dict[str, object]:
    return {column.name: getattr(message, column.name) for column in Message.__table__.columns}


def test_what_left_is_shown_as_it_left_with_its_evidence(terminal: Terminal, world: World) -> None:
    world.change("a1", stage="Applied", kind="applied")
    world.settle_down()
    (email,) = world.provider.accepted
    world.change("a1", stage="Applied", kind="applied", email="other@example.org", first_name="Eva")
    world.settle_down()

    (row,) = terminal.json("message", "list", "--state", "accepted")
    shown = terminal.json("message", "show", row["id"])

    assert (shown["to"], shown["subject"], shown["text"], shown["html"]) == (
        "ana@example.org",
        email.subject,
        email.text,
        email.html,
    )
    assert [entry["after"] for entry in shown["history"]] == ["scheduled", "sending", "accepted"]
    assert [(call["provider"], call["outcome"]) for call in shown["calls"]] == [("scripted", "accepted")]
    assert shown["missing"] == []


def test_a_missing_value_leaves_subject_and_text_empty_and_is_named(terminal: Terminal, world: World) -> None:
    world.change("a1", stage="Onsite", kind="interview")
    world.settle_down()

    shown = terminal.json("message", "show", world.messages()[0].id)

    assert (shown["subject"], shown["text"], shown["html"]) == (None, None, None)
    assert shown["missing"] == ["duration", "interview_kind", "link"]
    assert shown["to"] == "ana@example.org"


def test_a_missing_address_hides_no_subject(terminal: Terminal, world: World) -> None:
    world.change("a1", stage="Applied", kind="applied", email=None)
    world.settle_down()

    (row,) = terminal.json("message", "list")

    assert (row["state"], row["reason"], row["to"]) == ("held", "no_valid_address", None)
    assert row["subject"] == "Your Backend engineer application"


def test_reading_changes_nothing(terminal: Terminal, world: World) -> None:
    world.change("a1", stage="Onsite", kind="interview", outcome="rejected")
    world.settle_down()
    before = world.messages()[0]

    terminal.run("message", "list")
    terminal.run("message", "show", before.id)

    after = world.messages()[0]
    assert {key: getattr(after, key) for key in type(after).__mapper__.columns.keys()} == {  # noqa: SIM118 - a mapper's columns iterate over columns, not over their keys
        key: getattr(before, key)
        for key in type(before).__mapper__.columns.keys()  # noqa: SIM118 - a mapper's columns iterate over columns, not over their keys
    }


def test_people_read_the_text_and_what_happened(terminal: Terminal, world: World) -> None:
    world.change("a1", stage="Applied", kind="applied")
    world.settle_down()

    page = terminal.run("message", "show", world.messages()[0].id)

    assert "Hi Ana, your application for Backend engineer is here." in page
    assert "scheduled  sending" in page
    assert "<html" not in page


def test_messages_are_found_by_application_state_and_workspace(terminal: Terminal, world: World) -> None:
    world.change("a1", stage="Applied", kind="applied")
    world.change("a2", stage="Onsite", kind="interview", outcome="rejected")
    world.settle_down()
    other = terminal.json("workspace", "add", "Second Co")["id"]
    application = world.application("a1").application.id

    assert [
        row["application_external_id"] for row in terminal.json("message", "list", "--application", application)
    ] == ["a1"]
    assert [row["application_external_id"] for row in terminal.json("message", "list", "--state", "accepted")] == ["a1"]
    assert len(terminal.json("message", "list", "--workspace", world.workspace)) == 2
    assert terminal.json("message", "list", "--workspace", other) == []
    terminal.fails("message", "list", "--workspace", "ws_nobody")
    terminal.fails("message", "list", "--state", "sideways", status=2)


class TestDecidingSeveral:
    @pytest.fixture
    def two(self, world: World) -> list[str]:
        for application in ("a1", "a2"):
            world.change(application, stage="Onsite", kind="interview", outcome="rejected")
        world.settle_down()
        return [message.id for message in world.messages()]

    def test_all_are_tried_and_every_refusal_is_one_line(self, terminal: Terminal, two: list[str]) -> None:
        said = terminal.fails("message", "approve", "msg_nobody", *two, two[0], "msg_neither").splitlines()

        assert said == ["msg_nobody: no message msg_nobody", "msg_neither: no message msg_neither"]
        assert [row["state"] for row in terminal.json("message", "list")] == ["scheduled", "scheduled"]

    def test_what_was_refused_is_shown_as_it_is(self, terminal: Terminal, two: list[str]) -> None:
        terminal.json("message", "cancel", two[0], "--why", "twice")

        rows = terminal.json("message", "hold", *two, status=1)

        assert [(row["state"], row["reason"]) for row in rows] == [
            ("cancelled", "cancelled_by_hand"),
            ("held", "held_by_hand"),
        ]
        assert [row["note"] for row in rows] == ["twice", ""]

    def test_decisions_carry_their_time(self, terminal: Terminal, two: list[str]) -> None:
        (row,) = terminal.json("message", "hold", two[0], "--until", "2999-01-01T10:00:00+01:00")
        assert row["due_at"] == "2999-01-01T09:00:00Z"
        assert "future" in terminal.fails("message", "hold", two[1], "--until", "2001-01-01T10:00:00Z")
        terminal.fails("message", "hold", two[1], "--until", "2999-01-01T10:00:00", status=2)
        assert "future" in terminal.fails("message", "told", two[1], "--at", "2999-01-01T10:00:00Z")
        terminal.fails("message", "told", two[1], "--how", "pigeon", status=2)
        terminal.run("message", "told", two[1], "--how", "in_person", "--at", "2h")
        (told,) = terminal.json("application", "list", "--state", "told")
        assert (told["told"], told["told_how"]) == (True, "in_person")

    def test_the_trail_says_who_it_was(self, terminal: Terminal, two: list[str]) -> None:
        terminal.run("message", "approve", two[0])

        last = terminal.json("message", "show", two[0])["history"][-1]

        assert (last["actor"], last["after"], last["reason"]) == ("command line", "scheduled", "approved")

    def test_nothing_named_is_wrong_usage(self, terminal: Terminal) -> None:
        for verb in ("approve", "hold", "cancel", "told", "show"):
            terminal.fails("message", verb, status=2)

    def test_an_unknown_value_or_shadow_is_refused(self, terminal: Terminal, world: World, two: list[str]) -> None:
        assert "no place for" in terminal.fails("message", "approve", two[0], "--value", "shoe_size=42")
        terminal.run("source", "set", world.generic.id, "--shadow")
        assert "shadow" in terminal.fails("message", "approve", two[0])
