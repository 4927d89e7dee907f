"""A private redis-server with a life of its own. In the product the supervisor keeps one as its child instead."""

import subprocess
import time
from pathlib import Path

from workers.embedded import NoRedisServer, answers, command, find_server, make_room, place
from workers.tether import tethered


class Embedded:
    """The server as `notifier up` starts it, in a folder of its own."""

    def __init__(self, var: Path) -> None:
        self._place = place(var)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address for redis clients, whether it runs or not."""
        return self._place.url

    def start(self, *, seconds: float = 10.0) -> None:
        """Start it and wait until it answers; raises NoRedisServer."""
        make_room(self._place)
        self._process = subprocess.Popen(tethered(command(find_server(), self._place)), start_new_session=True)
        end = time.monotonic() + seconds
        while not answers(self._place):
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise NoRedisServer(f"the private redis-server does not start: see {self._place.folder}/redis.log")
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop it and wait until it is gone; stopping twice is fine."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
