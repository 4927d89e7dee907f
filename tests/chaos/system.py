"""One installation as it would run on several machines: its own database and Redis, web, workers, relays.

Nothing in here knows what the run does to it. The supervisor is ours, and starts again at once what has ended.
"""

import json
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from config import load
from notifier.app import create_flow
from notifier.core.ports import NoQueue
from notifier.ingest.registry import adapters
from notifier.store import sources, workspaces
from notifier.store.database import Database
from tests import servers
from tests.chaos.history import History
from tests.chaos.parts import Part, Postgres, Redis
from tests.processes import NOTIFIER, SECRET, ready
from tests.world import Here

#: Everything may leave at once, so that time is spent on the faults and not on waiting.
RULES = """
[[rule]]
on = "entered"
stages = ["screen"]
send = "in_review"
mode = "auto"
hold = "0m"
window = "any"
promise_days = 5

[[rule]]
on = "rejected"
send = "rejected_after_application"
mode = "auto"
hold = "0m"
window = "any"
"""

PROCESSES = ("web-1", "worker-1", "worker-2", "worker-3", "relay-1", "relay-2")

#: Seconds until everything must have started.
START = 90.0

#: Seconds between two looks of the supervisor.
LOOK = 0.05


class System:
    """The installation. `source` is the ATS's connection, `flow` is for the people who work with it."""

    def __init__(self, folder: Path, database: str, history: History, *, port: int, mail: dict[str, str]) -> None:
        self.folder = folder
        self.port = port
        self.redis = Redis(folder / "redis")
        binaries = servers.postgres_binaries() if database == "postgresql" else None
        if database == "postgresql" and binaries is None:
            raise SystemExit("there is no PostgreSQL here: install it, or the development lock")
        self.postgres = Postgres(binaries, folder / "postgresql.log") if binaries is not None else None
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PORT": str(port),
            "SECRET_KEY": SECRET,
            "LOG_LEVEL": "WARNING",
            "LOG_FORMAT": "json",
            "DATABASE_URL": self._database_url(),
            "REDIS_URL": self.redis.url,
            **mail,
        }
        self.parts = [
            *(Part(name, [str(NOTIFIER), name.partition("-")[0]], folder, self.environ) for name in PROCESSES),
            self.redis,
        ]
        self._history = history
        self._stopping = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, name="supervisor")

    def _database_url(self) -> str:
        if self.postgres is None:
            return f"sqlite:///{self.folder}/var/notifier.db"
        self.postgres.run("CREATE DATABASE chaos")
        return self.postgres.url("chaos")

    def start(self) -> None:
        """Migrate, connect an ATS, import the rules, start everything; returns when all of it lives."""
        self.notifier("db", "upgrade")
        self.flow = create_flow(load(self.environ), NoQueue())
        self.source = self._source()
        (self.folder / "rules.toml").write_text(RULES, encoding="utf-8")
        self.notifier("rules", "import", "rules.toml")
        self._supervisor.start()
        deadline = time.monotonic() + START
        while not ready(self.port):
            if time.monotonic() > deadline:
                raise SystemExit(f"not everything has started: see the logs in {self.folder}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End everything, the databases last; also what was only half started."""
        self._stopping.set()
        if self._supervisor.is_alive():
            self._supervisor.join()
        for part in self.parts:
            part.stop()
        if self.postgres is not None:
            self.postgres.stop()

    def notifier(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one command of the product."""
        done = subprocess.run(
            [NOTIFIER, *words], cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False
        )
        if check and done.returncode:
            raise SystemExit(f"notifier {' '.join(words)} failed:\n{done.stdout}{done.stderr}")
        return done

    def ledger(self) -> tuple[dict[str, Any], int]:
        """What `notifier ledger` says, and its exit code."""
        done = self.notifier("ledger", "--full", "--json", check=False)
        found: dict[str, Any] = json.loads(done.stdout)
        return found, done.returncode

    def _supervise(self) -> None:
        for part in self.parts:
            part.start()
        while not self._stopping.wait(LOOK):
            for part in self.parts:
                code = part.look_after()
                if code is not None:
                    self._history.note("started again", part=part.name, code=code)

    def _source(self) -> Here:
        db: Database = self.flow.db
        adapter = adapters()["generic"]
        secret = adapter.new_secret()
        with db.begin() as tx:
            workspace = workspaces.add_workspace(tx, "Example Co").id
            row = sources.add_source(tx, workspace, "generic", name="ATS", secret=secret, sending="live")
            return Here(row.id, row.key, "generic", secret)
