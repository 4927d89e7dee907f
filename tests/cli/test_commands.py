"""Every command of the contract: its JSON, its exit code, and what it says to bad input."""

from pathlib import Path

import click
import pytest

from notifier.cli.main import cli
from notifier.core.message import Submission
from notifier.store import schema
from tests.cli.conftest import Terminal
from tests.world import World

CONTRACT = """db upgrade, db check, workspace add, workspace list, user invite, user login-link, setup, config,
source add, source list, source rotate, stage list, stage map, rules export, rules import, template list, template lint,
template preview, inbox list, inbox replay, application list, message list, message show, message approve, message hold,
message cancel, message told, ledger, event send, doctor, pause, resume, erase, export"""

MESSAGE = {"id", "application", "application_external_id", "template", "language", "to", "subject", "state", "delivery",
           "reason", "due_at", "accepted_at", "attempts"}  # fmt: skip


def commands(group: click.Group, before: str = "") -> list[str]:
    found = []
    for name, command in group.commands.items():
        found += commands(command, f"{before}{name} ") if isinstance(command, click.Group) else [before + name]
    return found


def test_every_command_of_the_contract_is_there() -> None:
    assert {" ".join(name.split()) for name in CONTRACT.split(",")} <= set(commands(cli))


@pytest.mark.parametrize("name", commands(cli))
def test_every_command_explains_itself(name: str, terminal: Terminal) -> None:
    assert "Usage: notifier" in terminal.run(*name.split(), "--help")


@pytest.mark.parametrize("name", ["setup", "erase", "export"])
def test_what_is_not_there_yet_says_so(name: str, terminal: Terminal) -> None:
    assert "not yet" in terminal.fails(name)


class TestSettingUp:
    def test_from_nothing_to_a_source(self, empty: Terminal) -> None:
        assert "db upgrade" in empty.fails("workspace", "list")
        assert schema.head() in empty.run("db", "check", status=1)
        empty.run("db", "upgrade")
        empty.run("db", "check")

        workspace = empty.json("workspace", "add", "Example Co", "--zone", "Europe/Berlin")
        assert set(workspace) >= {"id", "name"}
        assert empty.json("workspace", "list") == [workspace]
        source = empty.json("source", "add", "greenhouse", "--name", "GH", "--shadow")
        assert set(source) >= {"id", "ats", "key", "url", "secret", "sending"}
        assert source["url"] == f"https://notifier.example.com/hooks/ats/{source['key']}"
        assert source["sending"] == "shadow"
        (listed,) = empty.json("source", "list")
        assert listed["secret"] is None
        rotated = empty.json("source", "rotate", source["id"], "--overlap", "24h")
        assert rotated["secret"] != source["secret"]
        assert empty.json("source", "set", source["id"], "--live")["sending"] == "live"
        user = empty.json("user", "invite", "maria@example.com", "--role", "admin")
        assert set(user) == {"email", "role", "link"}
        assert user["link"].startswith("https://notifier.example.com/sign-in/")
        again = empty.json("user", "login-link", "maria@example.com")
        assert (again["role"], again["link"] != user["link"]) == ("admin", True)

    def test_bad_input_is_refused_in_words(self, terminal: Terminal, world: World) -> None:
        assert "unknown time zone" in terminal.fails("workspace", "add", "X", "--zone", "Mars/Olympus")
        assert "role" in terminal.fails("user", "invite", "a@example.com", "--role", "king", status=2)
        terminal.fails("user", "invite", "a@x.com, b@y.com", "--role", "admin", status=2)
        terminal.fails("user", "login-link", "nobody@example.com")
        terminal.fails("source", "add", "myspace", status=2)
        assert "secret" in terminal.fails("source", "add", "greenhouse", "--secret", "short", status=2)
        terminal.fails("source", "rotate", "src_nobody")
        terminal.fails("source", "rotate", world.greenhouse.id, "--overlap", "soon", status=2)
        terminal.fails("source", "set", world.greenhouse.id, "--ats-writes", "no_such_template")
        terminal.fails("stage", "map", world.greenhouse.id, "Nowhere", "screen")
        terminal.fails("stage", "map", world.greenhouse.id, "Nowhere", "sideways", status=2)
        terminal.json("workspace", "add", "Second Co")
        assert "--workspace" in terminal.fails("source", "add", "greenhouse")

    def test_a_wrong_configuration_lists_all_its_mistakes(self, terminal: Terminal) -> None:
        terminal.environ |= {"SECRET_KEY": "short", "PORT": "no", "MAIL_PROVIDER": "pigeon"}

        said = terminal.fails("ledger", status=2)

        for name in ("SECRET_KEY", "PORT", "MAIL_PROVIDER"):
            assert name in said

    def test_settings_are_shown_with_secrets_masked(self, terminal: Terminal) -> None:
        shown = terminal.json("config")
        assert shown["BASE_URL"] == "https://notifier.example.com"
        assert terminal.environ["SECRET_KEY"] not in str(shown)


class TestReading:
    @pytest.fixture(autouse=True)
    def _told(self, world: World) -> None:
        world.change("a1", stage="Onsite", kind="interview", outcome="rejected")
        world.change("a2", stage="Quokka", email="eva@example.org")
        world.post(world.generic, b"[]")
        world.settle_down()

    def test_applications(self, terminal: Terminal) -> None:
        (row,) = terminal.json("application", "list", "--external-id", "a1")

        assert set(row) >= {"id", "external_id", "source", "candidate", "job", "stage", "kind", "outcome", "version",
                            "owner", "told", "promise_due", "silent_since", "owed_since"}  # fmt: skip
        assert (row["candidate"], row["outcome"], row["told"], row["item"]) == (
            "Ana Adler",
            "rejected",
            False,
            "pending",
        )
        assert len(terminal.json("application", "list")) == 2
        assert terminal.json("application", "list", "--state", "told") == []

    def test_messages(self, terminal: Terminal) -> None:
        (row,) = terminal.json("message", "list", "--state", "awaiting_approval")
        assert set(row) >= MESSAGE
        assert row["to"] == "ana@example.org"
        assert row["subject"] == "Your Backend engineer application"

        shown = terminal.json("message", "show", row["id"])
        assert shown["text"].startswith("Ana, we have chosen someone else for Backend engineer.")
        assert "<html lang" in shown["html"]
        assert [entry["after"] for entry in shown["history"]] == ["awaiting_approval"]
        terminal.fails("message", "show", "msg_nobody")

    def test_stages_and_inbox(self, terminal: Terminal, world: World) -> None:
        stages = terminal.json("stage", "list", "--source", world.generic.id)
        assert all(set(row) >= {"source", "stage_id", "name", "kind"} for row in stages)
        assert [row["name"] for row in stages if row["kind"] == "unmapped"] == ["Quokka"]
        mapped = terminal.json("stage", "map", world.generic.id, "Quokka", "screen")
        assert mapped["kind"] == "screen"

        (bad,) = terminal.json("inbox", "list", "--state", "quarantined")
        assert set(bad) == {"id", "source", "event_key", "state", "reason", "received_at"}
        assert terminal.json("inbox", "replay", bad["id"])["state"] == "received"
        terminal.fails("inbox", "replay", bad["id"])
        terminal.fails("inbox", "replay", "inb_nobody")

    def test_the_ledger_and_a_broken_law(self, terminal: Terminal, world: World) -> None:
        import sqlalchemy as sa

        from notifier.store.messages import Message

        found = terminal.json("ledger")
        assert set(found) >= {"applications", "outcomes", "told", "pending", "held", "in_doubt", "open", "inbox",
                              "planned", "quarantined", "violations"}  # fmt: skip
        assert (found["outcomes"], found["pending"], found["violations"]) == (1, 1, [])
        with world.db.begin() as tx:
            tx.session.execute(sa.update(Message).values(state=Submission.CANCELLED))
        broken = terminal.json("ledger", status=1)
        assert {violation["law"] for violation in broken["violations"]} == {"L1", "L11"}

    def test_tables_for_people(self, terminal: Terminal) -> None:
        assert "Ana Adler" in terminal.run("application", "list")
        assert "awaiting_approval" in terminal.run("message", "list")
        assert "pending" in terminal.run("ledger")
        assert "Example Co" in terminal.run("workspace", "list")


class TestDeciding:
    @pytest.fixture
    def waiting(self, world: World) -> str:
        world.change("a1", stage="Onsite", kind="interview", outcome="rejected")
        world.settle_down()
        return world.messages()[0].id

    def test_approve_hold_and_told(self, terminal: Terminal, world: World, waiting: str) -> None:
        (row,) = terminal.json("message", "approve", waiting)
        assert (row["state"], row["due_at"] is not None) == ("scheduled", True)
        assert "already approved" in terminal.fails("message", "approve", waiting)
        (row,) = terminal.json("message", "hold", waiting, "--until", "2d", "--why", "panel")
        assert (row["state"], row["note"]) == ("held", "panel")
        (row,) = terminal.json("message", "told", waiting, "--how", "phone")
        assert row["state"] == "cancelled"
        assert world.application().item == "told"

    def test_one_refusal_among_several_is_named_and_the_others_happen(
        self, terminal: Terminal, world: World, waiting: str
    ) -> None:
        rows = terminal.json("message", "cancel", "msg_nobody", waiting, status=1)

        assert [row["state"] for row in rows] == ["cancelled"]

    def test_an_open_outcome_is_closed_by_hand(self, terminal: Terminal, world: World, waiting: str) -> None:
        application = world.application().application.id
        assert "Nothing stands open" in terminal.fails("application", "told", application)
        terminal.run("message", "cancel", waiting)
        assert terminal.json("application", "told", application, "--how", "in_person")["told"] is True

    def test_values_are_given_by_name(self, terminal: Terminal, world: World) -> None:
        world.change("a1", stage="Onsite", kind="interview")
        world.settle_down()
        message = world.messages()[0].id

        assert "Still missing" in terminal.fails("message", "approve", message)
        terminal.fails("message", "approve", message, "--value", "nonsense", status=2)
        values = ["--value", "duration=1 hour", "--value", "interview_kind=a call"]
        (row,) = terminal.json("message", "approve", message, *values, "--value", "link=https://x.example/y", "--now")
        assert row["state"] == "scheduled"

    def test_pause_and_resume(self, terminal: Terminal, world: World) -> None:
        (row,) = terminal.json("pause", "--why", "holiday")
        assert (row["scope"], row["why"]) == ("everything", "holiday")
        world.change("a1", stage="Applied", kind="applied")
        world.settle_down()
        assert world.provider.calls == []
        assert terminal.json("resume") == []
        world.settle_down()
        assert len(world.provider.calls) == 1


class TestWording:
    def test_templates(self, terminal: Terminal, tmp_path: Path) -> None:
        assert len(terminal.json("template", "list")) == 12
        terminal.run("template", "lint")
        shown = terminal.json("template", "preview", "application_received", "--as", "Chidi")
        assert "Hi Chidi" in shown["text"]
        terminal.fails("template", "preview", "nothing")
        bad = tmp_path / "bad.en.txt"
        bad.write_text('+++\nsubject = "x"\nmode = "auto"\n+++\n{{ first_nam }}\nTwo.\n', encoding="utf-8")
        assert "first_name" in terminal.run("template", "lint", str(bad), status=1)

    def test_rules_go_out_and_come_in_again(self, terminal: Terminal, tmp_path: Path) -> None:
        book = tmp_path / "rules.toml"
        book.write_text(terminal.run("rules", "export"), encoding="utf-8")
        terminal.run("rules", "import", str(book), "--dry-run")
        terminal.run("rules", "import", str(book))
        assert terminal.run("rules", "export") == book.read_text(encoding="utf-8")
        book.write_text("[[rule]]\non = 'sideways'\n", encoding="utf-8")
        assert "sideways" in terminal.fails("rules", "import", str(book))
        book.write_bytes(b"\xff\xfe")
        terminal.fails("rules", "import", str(book))


def test_a_sample_is_signed_and_sent_through_http(terminal: Terminal, world: World) -> None:
    import threading

    from werkzeug.serving import make_server

    from notifier.web.app import make_app
    from tests.world import SECRETS

    app = make_app(world.flow, secret_keys=SECRETS, trusted_hosts=("127.0.0.1",), base_url="http://127.0.0.1")
    server = make_server("127.0.0.1", 0, app)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.port}/hooks/ats/{world.greenhouse.key}"
    try:
        sent = terminal.json("event", "send", "reject_candidate", "--source", world.greenhouse.id, "--url", url)
        assert sent["status"] == 200
        wrong = f"http://127.0.0.1:{server.port}/hooks/ats/nobody"
        terminal.run("event", "send", "ping", "--source", world.greenhouse.id, "--url", wrong, status=1)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert "hire_candidate" in terminal.fails("event", "send", "nothing", "--source", world.greenhouse.id, status=2)
    terminal.fails("event", "send", "ping", "--source", world.greenhouse.id, "--url", "http://127.0.0.1:1/x")
    terminal.fails("event", "send", "ping", "--source", world.greenhouse.id, "--url", "file:///etc/passwd", status=2)
    world.settle_down()
    assert [message.template for message in world.messages()] == ["rejected_after_interview"]
