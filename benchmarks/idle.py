"""How long an automatic message takes on an idle system, and how much memory the whole system holds.

    python -m benchmarks.idle [--count 60] [--database-url URL] [--redis-url URL]

Starts the real processes (`notifier up`: web, worker with relay, private redis) on a fresh folder, with the SendGrid
provider pointed at a local receiver that answers at once. Posts one signed webhook at a time, with a pause between
them, and compares the moment the webhook was answered with the moment the receiver took the e-mail: both by this
machine's clock, the second from the receiver's own record.
"""

import argparse
import contextlib
import json
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.processes import System, system
from tests.standins.sendgrid import Mail, SendGrid

#: Webhooks that warm connections and caches up and are not counted.
WARM = 5


class Timed(SendGrid):
    """The receiver, remembering when it took each mail."""

    def __init__(self) -> None:
        super().__init__()
        self.taken_at: dict[str, float] = {}

    def take(self, payload: dict[str, Any]) -> Mail:
        """Accept a mail and note the time before anything else."""
        moment = time.time()
        mail = super().take(payload)
        self.taken_at[mail.to] = moment
        return mail


def descendants(pid: int) -> list[int]:
    """A process and all it started."""
    found = [pid]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                    found += descendants(int(entry.name))
    return found


def memory(pid: int) -> tuple[list[tuple[str, float]], float]:
    """(command, resident MB) of every process of the system, and their sum; shared pages count in each."""
    rows = []
    for one in descendants(pid):
        with contextlib.suppress(OSError):
            status = (Path("/proc") / str(one) / "status").read_text()
            resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
            words = (Path("/proc") / str(one) / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            rows.append((" ".join(words.split()[:4])[-70:], int(resident.split()[1]) / 1024))
    return rows, sum(size for _, size in rows)


def event(number: int) -> bytes:
    """One arriving application."""
    data = {
        "application": {"id": f"bench-{number}"},
        "candidate": {"id": f"c-{number}", "first_name": "Ana", "email": address(number)},
        "job": {"id": "j1", "title": "Backend engineer"},
        "stage": {"id": "applied", "name": "Applied", "kind": "applied"},
    }
    now = datetime.now(UTC).isoformat()
    return json.dumps({"type": "application.changed", "timestamp": now, "data": data}).encode()


def address(number: int) -> str:
    """Whom the n-th message goes to."""
    return f"c{number}@example.org"


def post_all(started: System, count: int, pause: float) -> dict[str, float]:
    """Post one webhook after the other; when each was answered, by the address its message goes to."""
    answered = {}
    for number in range(count + WARM):
        status, moment = started.post("generic", event(number), f"bench-{number}")
        if status != 200:
            raise SystemExit(f"the webhook was answered {status}")
        answered[address(number)] = moment
        time.sleep(pause)
    time.sleep(2)
    return answered


def measure(options: argparse.Namespace) -> None:
    """Do it and print it."""
    with tempfile.TemporaryDirectory() as name, Timed() as receiver:
        settings = {
            "MAIL_PROVIDER": "sendgrid",
            "SENDGRID_API_KEY": "SG.benchmark",
            "SENDGRID_API_URL": receiver.url,
            "MAIL_FROM": "Example Co <jobs@example.com>",
        }
        if options.database_url:
            settings["DATABASE_URL"] = options.database_url
        if options.redis_url:
            settings["REDIS_URL"] = options.redis_url
        with system(Path(name), **settings) as started:
            at_rest = memory(started.process.pid)[1]
            answered = post_all(started, options.count, options.pause)
            rows, total = memory(started.process.pid)
        counted = [to for to in list(answered)[WARM:] if to in receiver.taken_at]
        waits = sorted(1000 * (receiver.taken_at[to] - answered[to]) for to in counted)
        print(f"webhook answered -> provider called: {len(waits)} of {options.count} messages, idle system")
        p90 = waits[int(len(waits) * 0.9)]
        print(f"  median {statistics.median(waits):.1f} ms   p90 {p90:.1f} ms   worst {waits[-1]:.1f} ms")
        print(f"resident memory, all processes: {at_rest:.0f} MB at rest, {total:.0f} MB after the run")
        for words, size in rows:
            print(f"  {size:6.1f} MB  {words}")


def main() -> None:
    """Read the options and measure."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.idle", description=__doc__)
    options.add_argument("--count", type=int, default=60)
    options.add_argument("--pause", type=float, default=0.3, help="seconds between two webhooks")
    options.add_argument("--database-url", default="")
    options.add_argument("--redis-url", default="")
    measure(options.parse_args())


if __name__ == "__main__":
    main()
