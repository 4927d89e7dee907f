"""The processes of one installation, each of which can be killed at any moment and is started again at once."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
from redis import Redis as RedisClient
from redis.exceptions import RedisError

from tests import servers
from workers import embedded
from workers.tether import tethered

#: Seconds between two starts of a process that does not stay.
PAUSE = 0.3

#: Seconds PostgreSQL may take to recover.
RECOVERY = 60.0


class Part:
    """One process, the leader of a process group of its own, so that it can be killed with its children.

    Tied to the thread that starts it, so that nothing outlives a chaos run that was killed itself.
    """

    def __init__(self, name: str, command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> None:
        self.name = name
        self.kind = name.partition("-")[0]
        self.log = folder / f"{name}.log"
        self._command = command
        self._folder = folder
        self._environ = dict(environ)
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0

    @property
    def pid(self) -> int:
        """The process as it runs now."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it; what it says goes to its log."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                tethered(self._command),
                cwd=self._folder,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._started = time.monotonic()

    def look_after(self) -> int | None:
        """Start it again if it has ended; the exit code then, negative for a signal."""
        if self._process is None or self._process.poll() is None or time.monotonic() - self._started < PAUSE:
            return None
        code = self._process.returncode
        self.start()
        return code

    def children(self) -> list[int]:
        """The processes that it has started itself."""
        with suppress(OSError):
            return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]
        return []

    def signal_group(self, number: int) -> None:
        """Signal it and its children; nothing happens if it has gone."""
        with suppress(OSError):
            os.killpg(self.pid, number)

    def stop(self, seconds: float = 40.0) -> None:
        """End it as an operator would, and by force if it does not listen."""
        if self._process is None:
            return
        self.signal_group(signal.SIGCONT)
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        self.signal_group(signal.SIGKILL)
        self._process.wait()


class Redis(Part):
    """A redis-server that keeps nothing, so a kill empties it."""

    def __init__(self, folder: Path) -> None:
        here = embedded.place(folder / "redis")
        embedded.make_room(here)
        super().__init__("redis-1", embedded.command(embedded.find_server(), here), folder, os.environ)
        self.url = here.url

    def flush(self) -> None:
        """Empty it, if it answers."""
        with suppress(RedisError), RedisClient.from_url(self.url) as client:
            client.flushall()


class Postgres(servers.Postgres):
    """A PostgreSQL that writes to the disk before it says so, and comes back after a kill."""

    def __init__(self, binaries: Path, log: Path) -> None:
        super().__init__(binaries)
        self._log = log
        as_before: Any = self.process.args
        self._command = [*as_before, "-c", "fsync=on"]
        self.process.terminate()
        self.process.wait()
        self._start()

    def kill(self) -> None:
        """End the postmaster without a word, start it again, and wait until it has recovered."""
        self.process.kill()
        self.process.wait()
        self._start()

    def stop(self) -> None:
        """End it; what it said stays beside the other logs."""
        shutil.copy(self.folder / "log", self._log)
        super().stop()

    def _start(self) -> None:
        """Its children need a moment to see that the postmaster is gone; until then a new one refuses to start."""
        deadline = time.monotonic() + RECOVERY
        while True:
            with (self.folder / "log").open("ab") as log:
                self.process = subprocess.Popen(
                    self._command, stdout=subprocess.DEVNULL, stderr=log, cwd=self.folder, **self._as
                )
            try:
                self._wait()
                return
            except psycopg.OperationalError:
                self.process.kill()
                self.process.wait()
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.1)
