"""An installation in parts: web process, Redis and receiver stay, workers and relays come and go as a test wants."""

import contextlib
import http.client
import json
import os
import signal
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from notifier.ingest.registry import adapters
from notifier.store import sources, workspaces
from notifier.store.database import Database
from notifier.store.ledger import read_ledger
from tests.faults import children, crash_points
from tests.faults.children import child, wait_until
from tests.faults.redis_process import RedisProcess
from tests.processes import NOTIFIER, System, free_port
from tests.standins.sendgrid import SendGrid
from tests.world import SECRETS, Here


def arrival(name: str, at: datetime | None = None) -> bytes:
    """The webhook of one candidate who has just applied, at this moment if no other is given; her address is made of
    her name."""
    data: dict[str, Any] = {
        "application": {"id": name},
        "candidate": {"id": f"c-{name}", "first_name": "Ana", "email": f"{name}@example.org"},
        "job": {"id": "j1", "title": "Backend engineer"},
        "stage": {"id": "s1", "name": "Application Review", "kind": "applied"},
    }
    return json.dumps(
        {"type": "application.changed", "timestamp": (at or datetime.now(UTC)).isoformat(), "data": data}
    ).encode()


@dataclass
class Site:
    """The parts, and what a test says to them. Every webhook is a candidate who shall get one mail.

    `web_log` is what the web process logs to, `log` what workers and relays do.
    """

    folder: Path
    environ: dict[str, str]
    system: System
    redis: RedisProcess
    receiver: SendGrid
    web_log: Path
    log: Path
    posted: list[str] = field(default_factory=list)

    def arrive(self, prefix: str, count: int, *, pause: float = 0.0) -> list[float]:
        """Post so many webhooks one after the other; the seconds until each was answered, all of them with 200."""
        took = []
        for number in range(count):
            name = f"{prefix}{number}"
            begin = time.perf_counter()
            status, _ = self.system.post("generic", arrival(name), name)
            took.append(time.perf_counter() - begin)
            assert status == 200
            self.posted.append(f"{name}@example.org")
            time.sleep(pause)
        return took

    def worker(self) -> AbstractContextManager[BaseProcess]:
        return child(children.worker, self.environ, log=self.log)

    def relay(self) -> AbstractContextManager[BaseProcess]:
        return child(children.relay, self.environ, log=self.log)

    def readiness(self) -> dict[str, Any]:
        """The checks of /readyz."""
        connection = http.client.HTTPConnection("127.0.0.1", self.system.port, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", "/readyz")
            found: dict[str, Any] = json.loads(connection.getresponse().read())
        return found

    def arrived(self) -> Counter[str]:
        return Counter(mail.to for mail in self.receiver.mails)

    def all_arrive_once(self, seconds: float = 30.0) -> None:
        """Everybody who was posted gets one mail within `seconds`, and nobody two."""
        wait_until(lambda: self.arrived().keys() >= set(self.posted), seconds)
        wait_until(lambda: self._waiting() == 0, seconds)
        assert self.arrived() == Counter(self.posted)
        with self.system.db.read() as tx:
            assert read_ledger(tx).violations == ()

    def _waiting(self) -> int:
        statement = "SELECT count(*) FROM messages WHERE state <> 'accepted'"
        with self.system.db.engine.connect() as connection:
            return int(connection.exec_driver_sql(statement).scalar_one())


@contextlib.contextmanager
def site(folder: Path, url: str, *, logs: Path | None = None, **settings: str) -> Iterator[Site]:
    """`notifier web` over this database, ready to answer; its Redis runs, workers and relays do not yet.

    Everything logs to `logs`, where it is given.
    """
    port, redis = free_port(), RedisProcess(folder / "redis")
    redis.start()
    web_log, other_log = logs or folder / "web.log", logs or folder / "children.log"
    with SendGrid(key="SG.key") as receiver, web_log.open("ab") as log:
        environ = crash_points.environ(url, receiver.url) | {"REDIS_URL": redis.url, "LOG_LEVEL": "WARNING", **settings}
        machine = {"PATH": os.environ["PATH"], "HOME": str(folder), "PORT": str(port)}
        db = Database(url, secrets=SECRETS)
        here = _sources(db)
        process = subprocess.Popen([NOTIFIER, "web"], cwd=folder, env=environ | machine, stdout=log, stderr=log)
        made = Site(folder, environ, System(port, process, db, here, folder), redis, receiver, web_log, other_log)
        try:
            wait_until(lambda: _answers(made))
            yield made
        finally:
            redis.kill()
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            finally:
                process.kill()
                process.wait()
                db.dispose()


def _answers(made: Site) -> bool:
    assert made.system.process.poll() is None, made.web_log.read_text()
    try:
        return bool(made.readiness()["checks"]["database"]["ok"])
    except (OSError, http.client.HTTPException):
        return False


def _sources(db: Database) -> dict[str, Here]:
    with db.begin() as tx:
        workspace = workspaces.add_workspace(tx, "Example Co").id
        secret = adapters()["generic"].new_secret()
        row = sources.add_source(tx, workspace, "generic", name="generic", secret=secret, sending="live")
        return {"generic": Here(row.id, row.key, "generic", secret)}


def figures(took: list[float]) -> str:
    """Seconds in words."""
    return f"median {1000 * statistics.median(took):.0f} ms, worst {1000 * max(took):.0f} ms of {len(took)}"
