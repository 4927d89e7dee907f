"""`notifier up` as an operator deploys it: stopped, started again with other settings, and asked by its own commands.

Meanwhile an ATS goes on: it posts, and posts again what nobody answered. The receiver's record is the truth.
"""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from notifier.core.change import Delivery
from notifier.ingest.registry import adapters
from notifier.store import sources, workspaces
from notifier.store.database import Database
from notifier.store.ledger import Ledger, read_ledger
from tests.faults.children import wait_until
from tests.faults.site import arrival
from tests.processes import NOTIFIER, free_port, ready
from tests.standins.sendgrid import SendGrid
from tests.world import SECRETS

#: Seconds a start, and a stop with work in hand, may take on a busy machine.
START, STOP = 90.0, 60.0


class Deployment:
    """One installation in a folder of its own. `url` is its database, `source` what `notifier source add` printed."""

    def __init__(self, folder: Path, receiver: SendGrid, url: str, *, port: int = 0, **settings: str) -> None:
        self.folder, self.receiver, self.url, self.port = folder, receiver, url, port or free_port()
        self.log = folder / "log"
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PORT": str(self.port),
            "DATABASE_URL": url,
            "SECRET_KEY": SECRETS[0],
            "MAIL_PROVIDER": "sendgrid",
            "SENDGRID_API_KEY": "SG.key",
            "SENDGRID_API_URL": receiver.url,
            "MAIL_FROM": "Example Co <jobs@example.com>",
            "LOG_LEVEL": "WARNING",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None
        secret = adapters()["generic"].new_secret()
        with self.database() as db, db.begin() as tx:
            self.workspace = workspaces.add_workspace(tx, "Example Co", zone="UTC").id
            source = sources.add_source(tx, self.workspace, "generic", name="generic", secret=secret, sending="live")
            self.source = {"id": source.id, "key": source.key, "secret": secret}

    def notifier(self, *words: str, status: int = 0, given: bytes | None = None) -> Any:
        """One command as the operator types it; what it prints, read as JSON where that was asked for."""
        options: dict[str, Any] = {"cwd": self.folder, "env": self.environ, "input": given, "timeout": START}
        done = subprocess.run([NOTIFIER, *words], capture_output=True, check=False, **options)
        assert done.returncode == status, done.stderr.decode()
        self.printed_errors = done.stderr
        return json.loads(done.stdout) if "--json" in words else done.stdout.decode()

    def start(self, **settings: str) -> None:
        """Start it, with these settings changed, and wait until everything lives."""
        self.environ |= settings
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [NOTIFIER, "up"], cwd=self.folder, env=self.environ, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(self._lives, START)

    def _lives(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        return ready(self.port)

    def stop(self, *, all_at_once: bool = False) -> None:
        """SIGTERM to the supervisor, or to it and to everything it started at the same moment, as systemd does."""
        assert self._process is not None
        family = [self._process.pid, *(descendants(self._process.pid) if all_at_once else ())]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        try:
            assert self._process.wait(STOP) == 0
        finally:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        if self._process is not None:
            self.stop()

    @contextlib.contextmanager
    def database(self) -> Iterator[Database]:
        db = Database(self.url, secrets=SECRETS)
        try:
            yield db
        finally:
            db.dispose()

    def count(self, statement: str) -> int:
        with self.database() as db, db.engine.connect() as connection:
            return int(connection.exec_driver_sql(statement).scalar_one())

    def ledger(self) -> Ledger:
        with self.database() as db, db.read() as tx:
            return read_ledger(tx)

    def ask(self, path: str, *, cookie: str = "", form: dict[str, str] | None = None) -> tuple[int, str, str]:
        """One request of a browser or a monitor: status, page, and the cookies it was given."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            body = "&".join(f"{name}={value}" for name, value in (form or {}).items())
            headers = {"Cookie": cookie} | ({"Content-Type": "application/x-www-form-urlencoded"} if form else {})
            connection.request("GET" if form is None else "POST", path, body, headers)
            answer = connection.getresponse()
            given = "; ".join(one.partition(";")[0] for one in answer.headers.get_all("Set-Cookie", []))
            return answer.status, answer.read().decode(), given

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        """One post of an ATS or a provider; the status, 0 if nobody answered."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("POST", path, body, dict(headers))
            answer = connection.getresponse()
            answer.read()
            return answer.status
        return 0

    def webhook(self, body: bytes, name: str, *, secret: str = "") -> int:
        """One webhook, signed with the source's secret or another; the status, 0 if nobody answered."""
        given = secret or str(self.source["secret"])
        headers = adapters()["generic"].signed(Delivery({}, body), given, datetime.now(UTC), f"evt-{name}").headers
        return self.post(f"/hooks/ats/{self.source['key']}", body, headers)

    def all_arrive_once(self, expected: set[str], seconds: float = 60.0) -> None:
        """Everybody expected gets one mail, nobody two, and the ledger is clean."""
        wait_until(lambda: set(self.arrived()) >= expected, seconds)
        left = "SELECT count(*) FROM messages WHERE state <> 'accepted'"
        wait_until(lambda: self.count(left) == 0, seconds)
        assert self.arrived() == Counter(expected)
        assert self.ledger().violations == ()

    def wait_for(self, count: int) -> None:
        """Until so many people have a mail."""
        wait_until(lambda: len(self.arrived()) >= count, START)

    def arrived(self) -> Counter[str]:
        return Counter(mail.to for mail in self.receiver.mails)


class Load(threading.Thread):
    """An ATS that posts one candidate after another and repeats what nobody answered, until it is told to end.

    `statuses` has every answer, 0 where nobody answered; `posted` the addresses that were answered with 200.
    """

    def __init__(self, deployment: Deployment, prefix: str, pause: float = 0.1) -> None:
        super().__init__(daemon=True)
        self.statuses: Counter[int] = Counter()
        self.posted: set[str] = set()
        self.secret = str(deployment.source["secret"])
        self._deployment, self._prefix, self._pause = deployment, prefix, pause
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()

    def run(self) -> None:
        number = 0
        while not self._ended.is_set():
            name = f"{self._prefix}{number}"
            body = arrival(name)
            while not self._post(name, body):
                time.sleep(0.1)
            self.posted.add(f"{name}@example.org")
            number += 1
            time.sleep(self._pause)

    def _post(self, name: str, body: bytes) -> bool:
        status = self._deployment.webhook(body, name, secret=self.secret)
        self.statuses[status] += 1
        return status == 200


def descendants(pid: int) -> list[int]:
    """The processes that this one started, and theirs."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return []
    return [one for child in map(int, children) for one in (child, *descendants(child))]
