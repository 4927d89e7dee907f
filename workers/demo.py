"""`notifier demo`: the whole product on this machine, with a made-up company in it.

It is `notifier up` with the defaults, in a folder of its own that is made anew each time: nothing of the operator's
configuration is used, so that no real candidate can be written to. Then three waves of signed webhooks are posted
through HTTP, and the e-mails arrive in the built-in mailbox.
"""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from config import Config, load
from notifier.app import open_database
from workers import demo_company, embedded
from workers.demo_company import Company, Count
from workers.demo_events import waves
from workers.signals import Stop
from workers.tether import tethered

FOLDER = Path("var/demo")
LOG = "notifier.log"

#: Settings a visitor may give; all others would make it somebody's real installation.
KEPT = ("PORT", "LOG_LEVEL", "LOG_FORMAT")

#: Seconds for everything to be up.
START = 60.0


def run(*, then_exit: bool) -> int:
    """Show it until Ctrl-C, or check it and end; returns the exit code."""
    stop = Stop()
    stop.listen()
    try:
        folder = _fresh(FOLDER)
    except embedded.NoRedisServer as fault:
        print(fault, file=sys.stderr)
        return 1
    os.chdir(folder)
    environ = settings_for(os.environ)
    config = load(environ)
    with _everything(environ) as process:
        if not _ready(config, process, stop):
            print(f"demo: it does not start, see {folder / LOG}", file=sys.stderr)
            return 1
        return _show(config, stop, then_exit=then_exit)


def _show(config: Config, stop: Stop, *, then_exit: bool) -> int:
    db = open_database(config)
    company = demo_company.found(db, "127.0.0.1", config.port)
    print(f"dashboard   {config.base_url}/sign-in/{company.sign_in_token()}")
    print(
        "            This link signs you in once. In the folder var/demo every `notifier` command works on it.",
        flush=True,
    )
    _live(company, stop)
    if not then_exit:
        print(_sentence(company.count()))
        print("Ctrl-C ends it.", flush=True)
        while not stop.wait(3600):
            pass
        return 0
    count = company.count()
    for wrong in (*count.lost, *count.twice, *(f"{one.law}: {one.subject}" for one in count.violations)):
        print(f"demo: {wrong}", file=sys.stderr)
    print(_sentence(count), flush=True)
    return 1 if count.lost or count.twice or count.violations or stop() else 0


def _live(company: Company, stop: Stop) -> None:
    for wave in waves(datetime.now(UTC)):
        if stop():
            return
        company.post(wave)
        if not company.wait_until_calm():
            print("demo: not everything was done in a minute", file=sys.stderr)


def _sentence(count: Count) -> str:
    return (
        f"demo: {count.webhooks} webhooks in, {count.mails} e-mails delivered, "
        f"{len(count.lost)} lost, {len(count.twice)} twice"
    )


def _fresh(folder: Path) -> Path:
    """An empty folder; raises NoRedisServer if a demo runs in it."""
    embedded.make_room(embedded.place(folder / "var"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder.resolve()


def settings_for(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of the demo: what is given, without any setting that would make it a real installation."""
    settings = {name.upper() for name in Config.model_fields}
    settings |= {f"{name}_FILE" for name in settings}
    kept = {name: value for name, value in environ.items() if name not in settings or name in KEPT}
    return {"PORT": str(free_port())} | kept


def free_port(wanted: int = 8000) -> int:
    """The usual port, or any other if that one is taken."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    return wanted


@contextmanager
def _everything(environ: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """`notifier up` for as long as the block runs; what it says goes into the log."""
    with Path(LOG).open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command line
            tethered([sys.executable, "-m", "workers.supervisor"]),
            env=environ,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def _ready(config: Config, process: "subprocess.Popen[bytes]", stop: Stop) -> bool:
    """Wait until web, worker, relay and Redis all say that they live."""
    end = time.monotonic() + START
    while process.poll() is None and not stop() and time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", config.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            if json.loads(connection.getresponse().read())["ok"] is True:
                return True
        except (OSError, http.client.HTTPException, ValueError, KeyError):
            pass  # not listening yet
        finally:
            connection.close()
        stop.wait(0.1)
    return False
