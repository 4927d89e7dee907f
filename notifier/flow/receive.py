"""Take one webhook in: believe it or refuse it, keep it, answer. Nothing is parsed here.

The answer of success goes out only after the commit. Whoever retries finds the item here and is answered the same.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from notifier.core.change import Delivery, Doubted
from notifier.core.ports import Job
from notifier.flow.parts import Flow
from notifier.flow.suspect import suspect
from notifier.store import inbox, sightings, sources
from notifier.store.sources import Source

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Receipt:
    """`status` is the HTTP status for the sender; `word` is kept, duplicate, conflict (kept too), refused,
    unknown_source, or what a handshake is called; `headers` are those a handshake is answered with."""

    status: int
    word: str
    item_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def receive(flow: Flow, source_key: str, delivery: Delivery) -> Receipt:
    """Keep what is signed. Raises DatabaseAway, and then nothing was kept."""
    with flow.db.read() as tx:
        source = sources.source_by_key(tx, source_key)
        if source is None:
            log.info("webhook.rejected", reason="unknown_source")
            return Receipt(404, "unknown_source")
        secrets = sources.valid_secrets(tx, source.id)
        now = tx.now
    adapter = flow.adapters[source.ats]
    if (handshake := adapter.handshake(delivery)) is not None:
        log.info("webhook.handshake", source=source.id, what=handshake.word)
        _note(flow, source, sightings.HANDSHAKE + handshake.word)
        return Receipt(handshake.status, handshake.word, headers=handshake.headers)
    verdict = adapter.verify(delivery, [secret.text for secret in secrets], now)
    if isinstance(verdict, Doubted):
        log.info("webhook.rejected", source=source.id, reason=verdict.reason)
        _note_refusal(flow, source, delivery, verdict)
        return Receipt(adapter.refusal, "refused")
    used = secrets[verdict.secret_index]
    key = adapter.event_key(delivery)
    delivery = Delivery(delivery.headers, adapter.kept(delivery.body))
    with flow.db.begin() as tx:
        headers = json.dumps(delivery.headers)
        item_id = inbox.keep(tx, source, key, delivery, headers)
        # Where the body is not signed, another one under a known name is no second event: anybody may have written it.
        known = item_id is None and adapter.signs_body
        conflict = known and not inbox.same_body(tx, source.id, key, delivery.body)
        if conflict:
            # Another body under a known name. What is signed is kept, under a name that the body itself gives.
            digest = hashlib.sha256(delivery.body).hexdigest()
            item_id = inbox.keep(tx, source, f"{key}:{digest[:32]}", delivery, headers, origin=inbox.CONFLICT)
        if item_id is not None and (used.last_used_at is None or (now - used.last_used_at).total_seconds() > 60):
            sources.note_use(tx, used.id)
    if item_id is None:
        log.info("webhook.duplicate", source=source.id, event_key=key)
        return Receipt(adapter.success, "duplicate")
    if conflict:
        log.warning("webhook.conflict", source=source.id, item=item_id, event_key=key)
    if verdict.secret_index:
        log.info("secret.used", source=source.id, id=used.id, age="old")
    log.info("webhook.kept", source=source.id, item=item_id, secret=used.id)
    flow.queue.nudge(Job.PLAN)
    return Receipt(adapter.success, "conflict" if conflict else "kept", item_id)


def _note(flow: Flow, source: Source, what: str, detail: str = "") -> None:
    """Remember for whoever watches the set-up that this was seen; at most once a minute, whoever sends how much."""
    with flow.db.read() as tx:
        if sightings.fresh(tx, source.id, what):
            return
    with flow.db.begin() as tx:
        sightings.note(tx, [(source.id, what, detail)])


def _note_refusal(flow: Flow, source: Source, delivery: Delivery, verdict: Doubted) -> None:
    what = sightings.REFUSED + verdict.reason
    with flow.db.read() as tx:
        if sightings.fresh(tx, source.id, what):
            return
        valid = [secret.text for secret in sources.valid_secrets(tx, source.id)]
        ended = sources.ended_secrets(tx, source.id)
        others = sources.secrets_of_others(tx, source)
        now = tx.now
    detail = suspect(flow.adapters[source.ats], delivery, verdict, now, valid=valid, ended=ended, others=others)
    with flow.db.begin() as tx:
        sightings.note(tx, [(source.id, what, detail)])
