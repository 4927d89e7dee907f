"""How the web process is started: gunicorn, a few processes of eight threads each.

Threads and not processes, because a webhook mostly waits for the database's commit. Everything a client can make long
has a limit, and for what it can make slow no thread waits: `workers.deadline`. Only the standard library is imported:
the supervisor holds this module in memory for ever.
"""

import sys
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

THREADS = 8

#: Open connections of a process: fewer than the 1024 files that a process may commonly have open, with room for the
#: database's and Redis's.
CONNECTIONS = 900

#: Seconds an open request gets when the server stops, and after which a process without a sign of life is replaced.
GRACE = 25
SILENCE = 60

#: A folder in memory for the sign of life: on a slow disk, writing it can stall a process long enough to be killed.
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - gunicorn makes a file of its own in it, and unlinks it


def host_for(base_url: str) -> str:
    """The address to listen on: this machine only, unless the public address is another one."""
    host = urlsplit(base_url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return "127.0.0.1"
    try:
        return "127.0.0.1" if ip_address(host).is_loopback else "0.0.0.0"  # noqa: S104 - behind a proxy, as BASE_URL says
    except ValueError:
        return "0.0.0.0"  # noqa: S104 - as above


def command(host: str, port: int, processes: int) -> list[str]:
    """The command line that runs `wsgi:app`."""
    options = {
        "bind": f"{host}:{port}",
        "workers": processes,
        "threads": THREADS,
        "worker-class": "workers.deadline.ReadFirst",
        "logger-class": "workers.web_log.WebLog",
        "worker-connections": CONNECTIONS,
        "timeout": SILENCE,
        "graceful-timeout": GRACE,
        "keep-alive": 5,
        "limit-request-line": 4094,
        "limit-request-fields": 64,
        "limit-request-field_size": 8190,
        "log-level": "warning",
    }
    if SHARED_MEMORY.is_dir():
        options["worker-tmp-dir"] = str(SHARED_MEMORY)
    words = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "gunicorn", *words, "--no-control-socket", "wsgi:app"]
