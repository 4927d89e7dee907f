"""The real processes, started as an operator starts them: `notifier up` in a folder of its own."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from notifier.core.change import Delivery
from notifier.ingest.registry import adapters
from notifier.store import sources, workspaces
from notifier.store.database import Database
from tests.world import Here

NOTIFIER = Path(sys.executable).with_name("notifier")
SECRET = "a-secret-for-processes-of-32-characters"


def free_port() -> int:
    """A TCP port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class System:
    """A running installation: where it listens, its database, and one source of each ATS."""

    port: int
    process: subprocess.Popen[bytes]
    db: Database
    here: dict[str, Here]
    folder: Path

    def post(
        self, ats: str, body: bytes, event_id: str, *, secret: str = "", headers: Mapping[str, str] | None = None
    ) -> tuple[int, float]:
        """Post one body, signed with the source's secret or another; the status, and the moment it was answered."""
        here = self.here[ats]
        delivery = adapters()[ats].signed(
            Delivery(dict(headers or {}), body), secret or here.secret, datetime.now(UTC), event_id
        )
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("POST", f"/hooks/ats/{here.key}", delivery.body, delivery.headers)
        answer = connection.getresponse()
        answer.read()
        moment = time.time()
        connection.close()
        return answer.status, moment


def ready(port: int) -> bool:
    """Whether web, worker and relay all live."""
    with (
        contextlib.suppress(OSError, http.client.HTTPException),
        contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=2)) as connection,
    ):
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return bool(json.loads(answer.read())["ok"])
    return False


@contextlib.contextmanager
def system(folder: Path, **settings: str) -> Iterator[System]:
    """`notifier up` with these settings, ready to answer, with a workspace and its sources; stopped by SIGTERM."""
    port = free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PORT": str(port),
        "SECRET_KEY": SECRET,
        "LOG_LEVEL": "WARNING",
        "DATABASE_URL": f"sqlite:///{folder}/var/notifier.db",
        **settings,
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([NOTIFIER, "up"], cwd=folder, env=environ, stdout=log, stderr=log)
    db = None
    try:
        deadline = time.monotonic() + 60
        while not ready(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((folder / "log").read_text())
            time.sleep(0.1)
        db = Database(environ["DATABASE_URL"], secrets=[SECRET])
        here = {}
        with db.begin() as tx:
            workspace = workspaces.add_workspace(tx, "Example Co").id
            for ats, adapter in adapters().items():
                secret = adapter.new_secret()
                row = sources.add_source(tx, workspace, ats, name=ats, secret=secret, sending="live")
                here[ats] = Here(row.id, row.key, ats, secret)
        yield System(port, process, db, here, folder)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(40)
        finally:
            process.kill()
            process.wait()
            if db is not None:
                db.dispose()
