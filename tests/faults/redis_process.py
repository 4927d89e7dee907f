"""A redis-server that is the test's own: stopped, hung, filled, emptied and started again as a fault wants it."""

import shutil
import signal
import subprocess
import time
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from tests.processes import free_port
from workers.embedded import find_server
from workers.tether import tethered


class RedisProcess:
    """One server on one port of this machine; without persistence unless `save` was called."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.url = f"redis://127.0.0.1:{(port := free_port())}/0"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        options = {"bind": "127.0.0.1", "port": str(port), "dir": str(folder), "save": "", "logfile": "log"}
        self._command = [find_server(), *(word for name, value in options.items() for word in (f"--{name}", value))]

    def start(self) -> None:
        """Start it and wait until it answers. What `save` has kept is read."""
        self._process = subprocess.Popen(tethered(self._command))
        end = time.monotonic() + 10
        while not self.answers():
            assert time.monotonic() < end, "redis-server does not start"
            time.sleep(0.01)

    def answers(self) -> bool:
        try:
            with Redis.from_url(self.url, socket_timeout=1) as client:
                return bool(client.ping())
        except RedisError:
            return False

    def client(self) -> Redis:
        """For filling it, emptying it and looking into it."""
        return Redis.from_url(self.url)

    def save(self) -> Path:
        """Write a copy of everything to the disk, as RDB; its path."""
        with self.client() as client:
            client.save()
        return Path(shutil.copy(self._folder / "dump.rdb", self._folder / "stale.rdb"))

    def put_back(self, copy: Path) -> None:
        """Let the next start find that copy."""
        shutil.copy(copy, self._folder / "dump.rdb")

    def hang(self) -> None:
        """It takes connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a crash does; twice is fine."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)
