"""What a bulk rejection costs: thousands of signed webhooks in a minute, posted to the running server.

    python -m benchmarks.burst [--count 5000] [--seconds 60] [--database-url URL] [--redis-url URL]

Starts the real processes (`notifier up`) on a fresh folder. Everybody applies first; then all of them are rejected at
an even pace, over several connections at once, as an ATS does that sends one webhook for each candidate. Counts the
answers by status, measures each by this side's clock, and then waits until every rejection has been planned.
"""

import argparse
import http.client
import json
import statistics
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import local
from typing import Any

from notifier.core.change import Delivery
from notifier.ingest.registry import adapters
from notifier.store.ledger import read_ledger
from tests.processes import System, system

#: Connections at once.
TOGETHER = 8


class Crowd:
    """Candidates of one ATS whose applications are told and then rejected."""

    def __init__(self, started: System, count: int) -> None:
        self.started = started
        self.count = count
        self.here = started.here["greenhouse"]
        self._own = local()

    def tell(self, action: str, seconds: float) -> tuple[Counter[int], list[float]]:
        """One webhook for each, evenly over so many seconds: the answers by status, and how long each took (ms)."""
        begun = time.monotonic()

        def one(number: int) -> tuple[int, float]:
            due = begun + seconds * number / self.count
            time.sleep(max(0.0, due - time.monotonic()))
            return self._post(self._body(action, number), f"{action}-{number}")

        with ThreadPoolExecutor(TOGETHER) as pool:
            answers = list(pool.map(one, range(self.count)))
        return Counter(status for status, _ in answers), sorted(took for _, took in answers)

    def _body(self, action: str, number: int) -> bytes:
        plain: dict[str, Any] = json.loads(adapters()["greenhouse"].samples()[action].body)
        application = plain["payload"]["application"]
        application["id"], application["candidate"]["id"] = 1_000_000 + number, 2_000_000 + number
        application["candidate"]["email_addresses"] = [{"value": f"c{number}@example.org", "type": "personal"}]
        return json.dumps(plain).encode()

    def _post(self, body: bytes, event_id: str) -> tuple[int, float]:
        delivery = adapters()["greenhouse"].signed(Delivery({}, body), self.here.secret, datetime.now(UTC), event_id)
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = http.client.HTTPConnection("127.0.0.1", self.started.port, timeout=30)
        sent = time.monotonic()
        connection.request("POST", f"/hooks/ats/{self.here.key}", delivery.body, delivery.headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, 1000 * (time.monotonic() - sent)

    def settled(self, patience: float) -> tuple[int, float]:
        """How many outcomes are known once nothing is unread any more, and how long that took (s)."""
        begun = time.monotonic()
        while time.monotonic() - begun < patience:
            with self.started.db.read() as tx:
                ledger = read_ledger(tx)
            if ledger.received == 0:
                break
            time.sleep(0.2)
        return ledger.outcomes, time.monotonic() - begun


def measure(options: argparse.Namespace) -> None:
    """Do it and print it."""
    settings = {"DATABASE_URL": options.database_url, "REDIS_URL": options.redis_url, "SENDING": "shadow"}
    settings = {name: value for name, value in settings.items() if value}
    with tempfile.TemporaryDirectory() as name, system(Path(name), **settings) as started:
        crowd = Crowd(started, options.count)
        crowd.tell("new_candidate_application", 0)
        crowd.settled(600)
        statuses, took = crowd.tell("reject_candidate", options.seconds)
        outcomes, waited = crowd.settled(600)
        with started.db.read() as tx:
            violations = read_ledger(tx, full=True).violations
    print(f"{options.count} rejections over {options.seconds:g} s: answers {dict(statuses)}")
    p99 = took[int(len(took) * 0.99)]
    print(f"  answered in: median {statistics.median(took):.1f} ms   p99 {p99:.1f} ms   worst {took[-1]:.1f} ms")
    print(f"  all read {waited:.1f} s after the last one; {outcomes} outcomes known; laws broken: {len(violations)}")
    if statuses != Counter({200: options.count}) or outcomes != options.count or violations:
        raise SystemExit("not every one was taken and read")


def main() -> None:
    """Read the options and measure."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.burst", description=__doc__)
    options.add_argument("--count", type=int, default=5000)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--database-url", default="")
    options.add_argument("--redis-url", default="")
    measure(options.parse_args())


if __name__ == "__main__":
    main()
