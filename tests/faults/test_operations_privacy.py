"""M11: what a whole run leaves in logs, files, Redis and the database, and gives to monitoring and the provider.

The run is `notifier up` at LOG_LEVEL=DEBUG, and everything happens that quotes a person: bodies nobody can read, a
database that repeats the row it refuses, refusals and bounces that repeat an address, forged posts, sign-ins, commands.
Whoever looks for the people of `quoted` afterwards finds them in the letters, in what is sealed, and in `MEANT`.
"""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from notifier.core.change import Delivery
from notifier.ingest.registry import adapters
from notifier.store import wording
from tests.faults import quoted
from tests.faults.children import wait_until
from tests.faults.deployment import Deployment
from tests.faults.test_operations import sign_in_with
from tests.faults.traces import RedisWatch, beside_the_letter, columns_with, files
from tests.flow.test_hear import BOUNCE
from tests.processes import free_port
from tests.standins.behaviours import Cut, Refuse
from tests.standins.sendgrid import SendGrid
from tests.standins.sendgrid_events import Events, event_of, written
from tests.world import SECRETS
from workers.embedded import place

#: The columns in which the people's words may be read by whoever reads the database, and why. No address, no telephone
#: and nothing that somebody wrote is among them.
MEANT = {
    "candidates.first_name": {"zebedee"},  # the greeting; lists of who is waiting name people
    "candidates.name": {"zebedee", "quillfeather"},  # the same; emptied when the person is erased
    "owners.name": {"marisol", "dunwoody"},  # signs the letter
    "jobs.title": {"basketweaver"},  # the employer's name for a job, not a person's
    "stages.name": {"kettle chat"},  # the employer's name for a stage: people map it by this name
}

#: What happens to the mail of each.
ANSWERS = {
    "arrives": None,
    "quoted": Refuse(400, body=json.dumps({"errors": [{"message": quoted.SAID, "field": quoted.PHONE}]}).encode()),
    "limited": Refuse(429, {"Retry-After": "1"}, body=quoted.SAID.encode()),
    "lost": Cut(taken=True),
    "returned": None,
}

#: What has to have happened for the logs to prove anything.
LOGGED = frozenset(
    {
        *("webhook.kept", "webhook.rejected", "webhook.conflict", "inbox.quarantined", "inbox.broken", "job.failed"),
        *("events.kept", "events.rejected", "events.unreadable", "events.orphan", "mail.unreadable"),
    }
)

EVENTS, REPLIES = "/hooks/mail/sendgrid/events", "/hooks/mail/sendgrid/replies"


class Run:
    """One installation that is told about these people, and all that its commands said on standard error."""

    def __init__(self, deployed: Deployment, events: Events) -> None:
        self.deployed, self.events, self.receiver = deployed, events, deployed.receiver
        self.greenhouse = deployed.notifier("source", "add", "greenhouse", "--json")
        self.said = b""

    def webhooks(self) -> None:
        """Webhooks that are read, that are not believed and that nobody can read; each answer meets its own mail."""
        for name, answer in ANSWERS.items():
            self.receiver.then(*([answer] if answer else []))
            self._read(quoted.change(name), name)
        nowhere = {"id": "c-nowhere", "email": "zebedee@@inbox.example"}
        self._read(quoted.change("nowhere", candidate=nowhere), "nowhere")
        self._read(quoted.change("arrives", outcome="rejected", stage=None), "rejected")
        self._read(quoted.change("other"), "arrives")
        for name, body in quoted.unreadable().items():
            self._read(body, name)
        body = quoted.greenhouse()
        headers = (
            adapters()["greenhouse"]
            .signed(Delivery({}, body), self.greenhouse["secret"], datetime.now(UTC), "gh-1")
            .headers
        )
        assert self.deployed.post(f"/hooks/ats/{self.greenhouse['key']}", body, headers) == 200
        forger = adapters()["generic"].new_secret()
        assert self.deployed.webhook(quoted.change("forged"), "forged", secret=forger) == 401

    def faults(self) -> None:
        """A database that refuses a row and repeats it, and rules that break every item and quote what they say."""
        with self._refusing():
            assert self.deployed.webhook(quoted.change("unwanted"), "unwanted") == 200
            wait_until(lambda: '"job.failed"' in self.logged())
        self._wait_until_read()
        with self._broken_rules():
            self._read(quoted.change("broken"), "broken")
            self.command("inbox", "list", "--state", "quarantined")
        self._browse("/", "/trouble", f"/messages/{quoted.USER}")

    def mail(self) -> None:
        """Reports and mails, believed or not, understood or not."""
        mail = next(mail for mail in self.receiver.mails if mail.to == quoted.address("returned"))
        bounce = event_of("bounce", 9, mail.x_message_id, mail.to, mail.custom_args, datetime.now(UTC).timestamp())
        bounce["reason"] = f"550 5.1.1 <{mail.to}>: {quoted.SAID}"
        nobody = event_of("bounce", 9, "unknown", quoted.address("nobody"), {"mid": quoted.SAID, "att": ""}, 1.0)
        assert self._post(EVENTS, written([bounce, nobody, {"event": quoted.SAID}])) == 204
        assert self._post(EVENTS, f'[{{"email": "{quoted.SAID}"'.encode()) == 204
        assert self.deployed.post(EVENTS, written([bounce]), {}) == 401
        reply = (
            "--b",
            'Content-Disposition: form-data; name="email"',
            "",
            f"From: {mail.to}",
            "",
            quoted.SAID,
            "--b--",
        )
        for body in ("\r\n".join(reply), quoted.SAID):
            assert self._post(REPLIES, body.encode(), "multipart/form-data; boundary=b") == 200
        returned = BOUNCE.format(address=quoted.address("nobody"), message_id="<none@inbox.example>")
        self.command("feedback", "mail", given=returned.encode())

    def people(self) -> None:
        """An invitation, a sign-in, pages, commands, and requests that are none."""
        link = self.command("user", "invite", quoted.USER, "--role", "admin", "--json")["link"]
        self._cookie = sign_in_with(self.deployed, link)
        known = self.command("message", "list", "--json")
        for message in known:
            self._browse(f"/messages/{message['id']}")
        for one_of_each in {(message["state"], message["reason"]): message["id"] for message in known}.values():
            self.command("message", "show", one_of_each)
        self.deployed.ask(f"/sign-in/{quoted.USER}")
        self.deployed.ask(f"/sign-in?next=/{quoted.USER}")
        self.command("message", "show", quoted.USER, status=1)
        with socket.create_connection(("127.0.0.1", self.deployed.port), 10) as line:
            line.sendall(f"GET /{quoted.SAID} HTTP/1.1\r\n{quoted.SAID}\r\n\r\n".encode())
            line.recv(1000)

    def logged(self) -> str:
        return self.deployed.log.read_text("utf-8") + self.said.decode()

    def command(self, *words: str, status: int = 0, given: bytes | None = None) -> Any:
        printed = self.deployed.notifier(*words, status=status, given=given)
        # What is printed belongs to whoever types; what is logged is looked at with the rest.
        self.said += self.deployed.printed_errors if status == 0 else b""
        return printed

    def settled(self) -> None:
        """Wait until nothing moves any more."""
        self._wait_until_read()
        assert self.events.idle(60)
        for statement in (
            "SELECT count(*) FROM provider_events WHERE state = 'received'",
            "SELECT count(*) FROM messages WHERE state = 'sending' OR (state = 'scheduled' AND purpose = 'status')",
        ):
            wait_until(lambda statement=statement: self.deployed.count(statement) == 0)

    def _read(self, body: bytes, name: str) -> None:
        assert self.deployed.webhook(body, name) == 200
        self.settled()

    def _wait_until_read(self) -> None:
        wait_until(lambda: self.deployed.count("SELECT count(*) FROM inbox_items WHERE state = 'received'") == 0)

    def _browse(self, *paths: str) -> None:
        for path in paths:
            self.deployed.ask(path, cookie=self._cookie)

    def _post(self, path: str, body: bytes, kind: str = "application/json") -> int:
        headers = self.events.signer.headers(body, datetime.now(UTC).timestamp()) | {"Content-Type": kind}
        return self.deployed.post(path, body, headers)

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """The database takes no row of c-unwanted, and says whose it was."""
        self._execute("ALTER TABLE candidates ADD CONSTRAINT unwanted CHECK (external_id <> 'c-unwanted')")
        yield
        self._execute("ALTER TABLE candidates DROP CONSTRAINT unwanted")

    @contextmanager
    def _broken_rules(self) -> Iterator[None]:
        with self.deployed.database() as db, db.begin() as tx:
            wording.keep_rules(tx, self.deployed.workspace, f'"{quoted.SAID}" = 1', by="nobody")
        yield
        self._execute("DELETE FROM rule_books")

    def _execute(self, statement: str) -> None:
        with self.deployed.database() as db, db.engine.begin() as connection:
            connection.exec_driver_sql(statement)


@pytest.fixture
def run(tmp_path: Path, postgresql_url: str) -> Iterator[Run]:
    """On PostgreSQL, because it is the one that quotes rows when it refuses them."""
    port = free_port()
    events = Events(f"http://127.0.0.1:{port}{EVENTS}")
    settings = {"LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json", "SENDGRID_EVENTS_PUBLIC_KEY": events.public_key}
    settings["SENDGRID_REPLIES_PUBLIC_KEY"] = events.public_key
    with SendGrid(key="SG.key", events=events) as receiver:
        deployed = Deployment(tmp_path, receiver, postgresql_url, port=port, **settings)
        try:
            deployed.start()
            yield Run(deployed, events)
        finally:
            deployed.close()


def test_m11_a_whole_run_names_nobody_where_it_is_not_meant_to(run: Run) -> None:
    deployed = run.deployed
    with RedisWatch(place(deployed.folder / "var").url) as redis:
        run.webhooks()
        run.people()
        run.mail()
        run.faults()
        run.settled()
    shown = "".join(deployed.ask(path)[1] for path in ("/metrics", "/readyz", "/healthz"))
    with deployed.database() as db:
        assert columns_with(db, quoted.WORDS) == MEANT
    deployed.close()

    logged = run.logged()
    assert LOGGED <= names(logged)
    assert "Refused a request that is no HTTP" in logged
    assert broken_laws(shown) == {"0.0"}
    assert any("workers.jobs.plan" in text for text in redis.seen)
    assert any("see the worker's log" in text for text in redis.seen)
    taken = {mail.to for mail in run.receiver.mails}
    told = ("arrives", "limited", "lost", "returned", "greenhouse", "other", "unwanted")
    assert taken == {quoted.address(name) for name in told}
    given = json.dumps([beside_the_letter(mail) for mail in run.receiver.mails])
    places = {"redis": "\n".join(redis.seen), "monitoring": shown, "provider": given, "commands": run.said.decode()}
    assert quotations(places | files(deployed.folder)) == []
    secrets = (SECRETS[0], "SG.key", run.greenhouse["secret"], deployed.source["secret"])
    assert [secret for secret in secrets if secret in logged + shown] == []


def names(logged: str) -> set[str]:
    """The names of everything that was logged as JSON."""
    return {str(json.loads(line).get("event")) for line in logged.splitlines() if line.startswith("{")}


def broken_laws(shown: str) -> set[str]:
    """The values of the gauges of all laws."""
    lines = re.findall(r"^notifier_law_violations\{.*\} (.*)$", shown, re.MULTILINE)
    assert len(lines) >= 8
    return set(lines)


def quotations(places: dict[str, str]) -> list[tuple[str, str, str]]:
    """Where a word of somebody's stands, which, and the line; also as it is written in an address of the web."""
    return [
        (place, word, line[max(0, line.lower().find(word) - 250) :][:500])
        for place, text in places.items()
        for line in text.splitlines()
        for word in quoted.WORDS
        if word in line.lower() or quote(word) in line.lower()
    ]
