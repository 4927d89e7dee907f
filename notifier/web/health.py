"""For monitoring: is the process alive, can it serve, and how many wait for what.

`/readyz` answers 503 only for what keeps the web process from taking webhooks: the database, or a schema that this
program must not use. Redis, a worker or a relay that is away makes `ok` false with the reason, because webhooks are
still kept and nothing is lost.
`/metrics` carries counts and ids of sources only; keep it inside your network all the same.
"""

import math
from collections.abc import Iterator
from datetime import datetime

from flask import Blueprint, Response, current_app, make_response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from notifier.core.errors import DatabaseAway
from notifier.flow.parts import Flow
from notifier.store import heartbeats, schema
from notifier.store.laws import LAWS
from notifier.store.waiting import Waiting
from notifier.web.counts import Ledgers, Reading

health = Blueprint("health", __name__)


@health.get("/healthz")
def healthz() -> Response:
    """Say that the process lives."""
    return make_response({"ok": True})


@health.get("/readyz")
def readyz() -> Response:
    """Say what works."""
    flow: Flow = current_app.extensions["flow"]
    checks: dict[str, dict[str, object]] = {}
    try:
        stands = schema.check(flow.db)
        checks["database"] = {"ok": True}
        checks["migrations"] = {
            "ok": stands.usable,
            "state": stands.value,
            "at": schema.current(flow.db),
            "newest": schema.head(),
        }
        with flow.db.read() as tx:
            for kind in ("worker", "relay"):
                checks[kind] = _beat(heartbeats.last_beat(tx, kind), tx.now)
    except Exception as fault:  # whatever stands between us and the database, we cannot serve
        checks["database"] = {"ok": False, "why": type(fault).__name__}
    checks["redis"] = {"ok": flow.queue.reachable()}
    able = all(checks.get(name, {}).get("ok") for name in ("database", "migrations"))
    body = {"ok": all(check["ok"] for check in checks.values()), "checks": checks}
    return make_response(body, 200 if able else 503)


def _beat(at: datetime | None, now: datetime) -> dict[str, object]:
    if at is None:
        return {"ok": False, "why": "never seen"}
    age = (now - at).total_seconds()
    return {"ok": age < heartbeats.FRESH.total_seconds(), "seconds_ago": round(age, 1)}


class Counts(Collector):
    """The ledger of everything as gauges, as old as `Ledgers` lets it be, who waits, and how right the clock is. Raises
    DatabaseAway."""

    def __init__(self, ledgers: Ledgers) -> None:
        self._ledgers = ledgers

    def collect(self) -> Iterator[Metric]:
        """The gauges."""
        yield from _of_ledger(self._ledgers.read())
        yield from _of_waiting(self._ledgers.waiting())
        yield GaugeMetricFamily(
            "notifier_clock_offset_seconds",
            "By how much this process's clock is ahead of the database's; 0 with SQLite, which has none.",
            value=self._ledgers.clock_offset(),
        )


def _of_ledger(reading: Reading) -> Iterator[Metric]:
    ledger, paused = reading.ledger, reading.pauses
    outcomes = GaugeMetricFamily("notifier_waiting", "Applications with an outcome, by state.", labels=["state"])
    for state in ("told", "pending", "held", "in_doubt", "open"):
        outcomes.add_metric([state], getattr(ledger, state))
    inbox = GaugeMetricFamily("notifier_inbox", "Webhooks kept, by state.", labels=["state"])
    for state in ("received", "asking", "planned", "ignored", "quarantined"):
        inbox.add_metric([state], getattr(ledger, state))
    broken = GaugeMetricFamily("notifier_law_violations", "What breaks a law of the ledger.", labels=["law"])
    laws = [violation.law for violation in ledger.violations]
    for law in LAWS:
        broken.add_metric([law], laws.count(law))
    paused_now = GaugeMetricFamily("notifier_pauses", "What is paused now.", value=paused)
    yield from (outcomes, inbox, broken, paused_now)


def _of_waiting(waiting: Waiting) -> Iterator[Metric]:
    oldest = GaugeMetricFamily("notifier_oldest_seconds", "How long the oldest has waited; 0: none.", labels=["state"])
    for state in ("in_doubt", "due", "received"):
        since: datetime | None = getattr(waiting, state)
        oldest.add_metric([state], (waiting.now - since).total_seconds() if since else 0.0)
    beats = GaugeMetricFamily(
        "notifier_heartbeat_age_seconds", "Since the last heartbeat; +Inf: none for a day.", labels=["process"]
    )
    for process in ("worker", "relay"):
        at: datetime | None = getattr(waiting, process)
        beats.add_metric([process], (waiting.now - at).total_seconds() if at else math.inf)
    orphans = GaugeMetricFamily(
        "notifier_orphans", "Provider events that belong to no message we know.", value=waiting.orphans
    )
    yield from (oldest, beats, orphans)


@health.get("/metrics")
def metrics() -> Response:
    """The counts for Prometheus."""
    registry: CollectorRegistry = current_app.extensions["metrics"]
    try:
        text = generate_latest(registry)
    except DatabaseAway:
        return make_response({"error": 503}, 503)
    return Response(text, content_type=CONTENT_TYPE_LATEST)
