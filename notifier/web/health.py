"""For monitoring: is the process alive, can it serve, and how many wait for what.

`/readyz` answers 503 only for what keeps the web process from taking webhooks: the database, or its schema. Redis, a
worker or a relay that is away makes `ok` false with the reason, because webhooks are still kept and nothing is lost.
`/metrics` carries counts and ids of sources only; keep it inside your network all the same.
"""

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
from notifier.web.counts import Ledgers

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
        found, newest = schema.current(flow.db), schema.head()
        checks["database"] = {"ok": True}
        checks["migrations"] = {"ok": found == newest, "at": found, "newest": newest}
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
    """The ledger of everything as gauges, as old as `Ledgers` lets it be. Raises DatabaseAway."""

    def __init__(self, ledgers: Ledgers) -> None:
        self._ledgers = ledgers

    def collect(self) -> Iterator[Metric]:
        """The gauges."""
        reading = self._ledgers.read()
        ledger, paused = reading.ledger, reading.pauses
        outcomes = GaugeMetricFamily("notifier_waiting", "Applications with an outcome, by state.", labels=["state"])
        for state in ("told", "pending", "held", "in_doubt", "open"):
            outcomes.add_metric([state], getattr(ledger, state))
        inbox = GaugeMetricFamily("notifier_inbox", "Webhooks kept, by state.", labels=["state"])
        for state in ("received", "planned", "ignored", "quarantined"):
            inbox.add_metric([state], getattr(ledger, state))
        broken = GaugeMetricFamily("notifier_law_violations", "What breaks a law of the ledger.", labels=["law"])
        laws = [violation.law for violation in ledger.violations]
        for law in ("L1", "L2", "L3", "L4", "L5", "L8", "L9", "L11"):
            broken.add_metric([law], laws.count(law))
        paused_now = GaugeMetricFamily("notifier_pauses", "What is paused now.", value=paused)
        yield from (outcomes, inbox, broken, paused_now)


@health.get("/metrics")
def metrics() -> Response:
    """The counts for Prometheus."""
    registry: CollectorRegistry = current_app.extensions["metrics"]
    try:
        text = generate_latest(registry)
    except DatabaseAway:
        return make_response({"error": 503}, 503)
    return Response(text, content_type=CONTENT_TYPE_LATEST)
