"""`notifier feedback` and `notifier sweep`, and what people say about doubts on the command line."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from notifier.cli.feedback import LARGEST, TEMPORARY_FAILURE
from notifier.cli.main import cli
from notifier.core.answer import Unknown
from notifier.core.message import Delivery, Submission
from notifier.deliver.email import Email
from notifier.flow.hear import hear_mail
from tests.cli.conftest import Terminal
from tests.faults.office import ANA, Office
from tests.flow.test_hear import BOUNCE
from tests.standins.behaviours import Refuse
from tests.standins.greenhouse import Greenhouse
from tests.world import World


def refused(world: World, name: str = "a1") -> Email:
    """A "no" that has left."""
    world.change(name, outcome="rejected", email=f"{name}@example.org")
    world.settle_down()
    world.run_for(hours=72)
    return world.provider.calls[-1]


def returned(mail: Email) -> bytes:
    """The bounce of a mail, as a mail server hands it in."""
    text = BOUNCE.format(address=mail.to_address, message_id=mail.headers["Message-ID"])
    return text.replace("\n", "\r\n").encode()


def pipe(terminal: Terminal, mime: bytes) -> Result:
    """A mail server runs the command with a mail on its standard input."""
    return CliRunner().invoke(cli, ["feedback", "mail"], env=terminal.environ, input=mime, prog_name="notifier")


class TestMail:
    def test_a_bounce_is_kept_read_and_opens_the_outcome(self, terminal: Terminal, world: World) -> None:
        mail = refused(world)
        assert world.ledger().told == 1

        result = pipe(terminal, returned(mail))

        assert (result.exit_code, result.stdout) == (0, "kept\n")
        assert world.view(mail.mid).message.delivery is Delivery.BOUNCED
        assert (world.ledger().told, world.ledger().open) == (0, 1)
        assert world.ledger().violations == ()

    def test_a_mail_that_is_handed_in_again_is_known(self, terminal: Terminal, world: World) -> None:
        mime = returned(refused(world))
        pipe(terminal, mime)

        result = pipe(terminal, mime)

        assert (result.exit_code, result.stdout) == (0, "known already\n")

    def test_what_is_no_bounce_is_kept_and_shown(self, terminal: Terminal) -> None:
        assert pipe(terminal, b"From: ana@example.org\r\n\r\nThank you!\r\n").exit_code == 0

        (row,) = terminal.json("feedback", "list", "--state", "orphan")
        assert (row["provider"], row["heard"], row["reason"], row["message"]) == ("mail", "mail", "no_bounce", None)

    @pytest.mark.parametrize("mime", [b"", b" \r\n\r\n", b"x" * (LARGEST + 1)], ids=["none", "blank", "too large"])
    def test_no_mail_or_far_too_large_a_one_is_refused_for_good(self, terminal: Terminal, mime: bytes) -> None:
        result = pipe(terminal, mime)

        assert result.exit_code == 1
        assert "Traceback" not in result.output
        assert terminal.json("feedback", "list") == []

    def test_with_the_database_away_the_mail_server_keeps_it(self, terminal: Terminal, world: World) -> None:
        away = Terminal(terminal.environ | {"DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:1/none"})

        result = pipe(away, returned(refused(world)))

        assert result.exit_code == TEMPORARY_FAILURE == 75
        assert "try again later" in result.stderr

    @pytest.mark.parametrize(
        "wrong", [{"DATABASE_URL": "sqlite:////dev/null/here/notifier.db"}, {"BASE_URL": "no address"}]
    )
    def test_set_up_wrongly_the_mail_server_keeps_it_too(self, terminal: Terminal, wrong: dict[str, str]) -> None:
        result = pipe(Terminal(terminal.environ | wrong), b"From: ana@example.org\r\n\r\nThank you!\r\n")

        assert result.exit_code == TEMPORARY_FAILURE
        assert len(result.stderr.splitlines()) == 1

    def test_before_an_upgrade_the_mail_server_keeps_it_too(self, empty: Terminal, tmp_path: Path) -> None:
        (tmp_path / "new").mkdir()

        assert pipe(empty, b"From: ana@example.org\r\n\r\nThank you!\r\n").exit_code == TEMPORARY_FAILURE


class TestList:
    def test_reports_carry_what_is_known_and_nobody(self, terminal: Terminal, world: World) -> None:
        mail = refused(world)
        pipe(terminal, returned(mail))

        newest, whole = terminal.json("feedback", "list")

        assert {newest["heard"], whole["heard"]} == {"bounced", "mail"}
        assert {row["message"] for row in (newest, whole)} == {mail.mid, None}
        fields = {"id", "provider", "heard", "state", "reason", "message", "happened_at", "received_at"}
        assert all(set(row) == fields for row in (newest, whole))
        assert mail.to_address not in json.dumps([newest, whole])

    def test_it_is_narrowed_by_state_and_number(self, terminal: Terminal, world: World) -> None:
        for number in range(3):
            hear_mail(world.flow, f"Subject: {number}\r\n\r\n".encode())

        assert len(terminal.json("feedback", "list", "--state", "received")) == 3
        assert terminal.json("feedback", "list", "--state", "applied") == []
        assert len(terminal.json("feedback", "list", "--limit", "2")) == 2
        for number in ("0", "9" * 20):
            terminal.fails("feedback", "list", "--limit", number, status=2)
        terminal.fails("feedback", "list", "--state", "sideways", status=2)


@pytest.fixture
def office(sqlite_url: str) -> Iterator[Office]:
    """An office on the machine's own clock, which is the command's; connected two hours ago."""
    with Greenhouse(limit=10_000) as greenhouse:
        made = Office(sqlite_url, greenhouse, now=datetime.now(UTC) - timedelta(hours=2))
        yield made
        made.world.close()


@pytest.fixture
def desk(office: Office, terminal_for: Callable[[str], Terminal]) -> Terminal:
    return terminal_for(office.url)


def row_of(rows: list[dict[str, Any]], office: Office) -> dict[str, Any]:
    (row,) = (row for row in rows if row["source"] == office.here.id)
    return row


class TestSweep:
    def test_it_reads_every_source_with_a_key_and_says_how_much_was_new(self, desk: Terminal, office: Office) -> None:
        office.tell(office.do("apply"))
        office.world.plan()
        office.do("reject")
        office.do("apply", ANA + 1)

        row = row_of(desk.json("sweep"), office)

        assert (row["ats"], row["read"], row["kept"], row["why"]) == ("greenhouse", 2, 2, "")
        assert row["ended_at"] is not None
        assert row_of(desk.json("sweep", office.here.id), office)["kept"] == 0
        office.world.plan()
        assert {office.world.application(str(number)).application.outcome for number in (ANA, ANA + 1)} == {
            "rejected",
            "none",
        }

    def test_the_list_asks_nobody(self, desk: Terminal, office: Office) -> None:
        before = row_of(desk.json("sweep", "--list"), office)
        desk.run("sweep")
        requests = len(office.greenhouse.requests)

        rows = desk.json("sweep", "--list")

        assert (before["why"], before["read"]) == ("never asked", None)
        assert row_of(rows, office)["read"] == 0
        assert {row["why"] for row in rows} == {"", "no API key"}
        assert len(office.greenhouse.requests) == requests

    @pytest.mark.parametrize("written", ["3d", "{}"])
    def test_it_reads_back_to_a_moment(self, desk: Terminal, office: Office, written: str) -> None:
        office.do("apply")
        desk.run("sweep")
        moment = office.world.clock.now - timedelta(days=3)

        row = row_of(desk.json("sweep", "--since", written.format(moment.isoformat())), office)

        assert (row["read"], row["kept"]) == (1, 0)
        desk.fails("sweep", "--since", "yesterday", status=2)

    def test_a_moment_to_come_is_refused_because_all_before_it_would_never_be_read(
        self, desk: Terminal, office: Office
    ) -> None:
        desk.run("sweep")
        before = office.row

        tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        assert "has not come yet" in desk.fails("sweep", "--since", tomorrow)

        assert (office.row.since, office.row.due_at) == (before.since, before.due_at)

    def test_one_that_cannot_be_asked_keeps_nobody_from_asking_the_others(self, desk: Terminal, office: Office) -> None:
        office.do("apply")

        said = desk.fails("sweep", office.world.generic.id, office.here.id)

        assert f"{office.world.generic.id}: generic cannot be asked" in said
        assert f"{office.here.id}: 1 read, 1 new" in said

    def test_of_a_source_that_does_not_exist_nothing_is_listed(self, desk: Terminal) -> None:
        assert "src_nobody" in desk.fails("sweep", "--list", "src_nobody")

    @pytest.mark.parametrize("fault", [Refuse(403), Refuse(503), Refuse(429, {"Retry-After": "60"})])
    def test_a_source_that_cannot_be_read_to_its_end_is_exit_1_in_words(
        self, desk: Terminal, office: Office, fault: Refuse
    ) -> None:
        office.do("apply")
        office.greenhouse.then(Refuse(200, body=b'{"access_token":"t","expires_in":60}'), fault)

        words = desk.fails("sweep")

        assert f"{office.here.id}: 0 read, 0 new; stopped:" in words
        assert office.greenhouse.secret not in words
        row = row_of(desk.json("sweep", "--list"), office)
        assert row["why"] != ""

    def test_without_a_key_there_is_nobody_to_ask(self, terminal: Terminal, world: World) -> None:
        assert "no source has an API key" in terminal.fails("sweep")
        assert "cannot be asked" in terminal.fails("sweep", world.generic.id)
        assert "no API key" in terminal.fails("sweep", world.greenhouse.id)
        assert "src_nobody" in terminal.fails("sweep", "src_nobody")


class TestDoubts:
    @pytest.fixture
    def doubtful(self, world: World) -> list[str]:
        """What informs, and a "no": nobody knows whether they left."""
        world.provider.answer = lambda email: Unknown("time_out")
        world.change("a1", stage="Applied", kind="applied")
        world.run_for(minutes=5)
        return [world.message("application_received").id, refused(world, "a2").mid]

    def test_what_arrived_counts_as_sent_on_their_word(
        self, terminal: Terminal, world: World, doubtful: list[str]
    ) -> None:
        rows = terminal.json("message", "arrived", *doubtful)

        assert {row["state"] for row in rows} == {"accepted"}
        assert world.ledger().told == 1
        trail = terminal.json("message", "show", doubtful[1])["history"]
        (mine,) = (entry for entry in trail if entry["actor"] == "command line")
        assert (mine["before"], mine["after"]) == ("in_doubt", "accepted")
        assert "not in doubt any more" in terminal.fails("message", "arrived", doubtful[0])

    def test_what_informs_is_sent_again_and_a_no_is_asked_for_by_two_people_with_names(
        self, terminal: Terminal, world: World, doubtful: list[str]
    ) -> None:
        assert "on the dashboard" in terminal.fails("message", "again", *doubtful)

        assert [world.view(one).message.state for one in doubtful] == [Submission.SCHEDULED, Submission.IN_DOUBT]
        assert world.view(doubtful[1]).message.again_asked_by == ""
        assert "not in doubt any more" in terminal.fails("message", "again", doubtful[0])
        terminal.fails("message", "again", status=2)
