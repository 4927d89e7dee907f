"""Breezy HR: a web hook per endpoint, signed over the body or over its compact form; stages and no outcomes.

Sources: https://developer.breezy.hr/reference/webhooks, …/reference/webhook-events, …/reference/webhook-management-api,
and public code (prepza).

*Documented*: the signature's header and key (`whsec_…`, shown once, used as it is); the events `candidateAdded`,
`candidateStatusUpdated` (not when somebody enters the pipeline) and `candidateDeleted` (not when data protection rules
delete somebody); the envelope `_id`, `type`, `creation_date`, `object`, and every member read here of `candidateAdded`.
*Ambiguous*: the documentation signs the raw body in one place and `JSON.stringify` of the parsed body in another; both
are believed.
*Seen in code*: the members of `candidateStatusUpdated`.
*Not confirmed*: its whole body, a handshake, retries, which status counts as success, the form of `creation_date`.

Decisions:

- *An application* is a candidate and a position.
- *Endings* are stages: the body has no outcome, so what a stage means is guessed from its name and mapped by people.
- *One name.* Nothing is guessed about which word is the first name.
- *`acting_user`* is who clicked, and not who answers for the position: nobody signs.
"""

import json
from collections.abc import Sequence
from datetime import datetime

from notifier.core.asking import Answer
from notifier.core.change import (
    CandidateErased,
    CandidateFacts,
    Delivery,
    Doubted,
    Event,
    JobFacts,
    NothingToDo,
    StageChange,
    StageFacts,
    Verdict,
)
from notifier.core.errors import Unreadable
from notifier.ingest import adapter, body_id, event_key, signature, strict_json, text_secret
from notifier.ingest.fields import Fields

_PREFIX = "whsec_"


class Adapter(adapter.Adapter):
    """Breezy's protocol; see the module for what is documented and what was decided."""

    name = "breezy"
    title = "Breezy HR"
    kind_at = "type"

    def new_secret(self) -> str:
        """A fresh secret in Breezy's form; Breezy makes its own, so this one is for samples."""
        return _PREFIX + text_secret.new()

    def verify(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> Verdict:
        """Check `X-Hook-Signature` over the raw body, else over its compact form. `now` is not used."""
        del now
        verdict = signature.of_body(delivery, "x-hook-signature", secrets, signature.read_hex)
        if verdict != Doubted("wrong"):
            return verdict
        compact = _compact(delivery.body)
        if compact is None:
            return verdict
        again = Delivery(delivery.headers, compact)
        return signature.of_body(again, "x-hook-signature", secrets, signature.read_hex)

    def signed(self, plain: Delivery, secret: str, now: datetime, event_id: str) -> Delivery:
        """`plain` as Breezy would send it; `now` is no part of it."""
        del now
        body = body_id.written(plain.body, "_id", event_id)
        proof = signature.digest(text_secret.key(secret), body).hex()
        return Delivery({**plain.headers, "content-type": "application/json", "x-hook-signature": proof}, body)

    def event_key(self, delivery: Delivery) -> str:
        """The event's id, else a digest of the body."""
        given = body_id.read(delivery.body, "_id")
        return event_key.from_header(given) if given else event_key.from_body(delivery.body)

    def translate(self, delivery: Delivery, received_at: datetime, answers: Sequence[Answer] = ()) -> Sequence[Event]:
        """The one event a web hook tells. Raises Unreadable with the path of the field at fault."""
        del answers
        body = Fields(strict_json.read(delivery.body))
        what = body.text("type")
        if what in {"candidateAdded", "candidateStatusUpdated"}:
            return (_moved(what, body, body.nested("object"), received_at),)
        if what == "candidateDeleted":
            return (CandidateErased(body.nested("object").nested("candidate").identifier("_id"), "deleted"),)
        return (NothingToDo("unknown_event"),)


def _compact(body: bytes) -> bytes | None:
    """What `JSON.stringify` makes of the parsed body; None if it cannot be parsed, or holds half a character."""
    try:
        return json.dumps(strict_json.read(body), separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    except (Unreadable, UnicodeEncodeError):
        return None


def _moved(what: str, body: Fields, told: Fields, received_at: datetime) -> StageChange:
    candidate, position, stage = told.nested("candidate"), told.nested("position"), told.nested("stage")
    email, title = candidate.optional_address("email_address"), position.optional_text("name")
    return StageChange(
        application_id=f"{candidate.identifier('_id')}:{position.identifier('_id')}",
        occurred_at=body.optional_time("creation_date") or received_at,
        stage=StageFacts(stage.identifier("id"), stage.text("name")),
        candidate=CandidateFacts(
            external_id=candidate.identifier("_id"),
            name=candidate.optional_text("name"),
            emails=(email,) if email else None,
        ),
        job=JobFacts(position.identifier("_id"), title) if title else None,
        arrived=what == "candidateAdded",
    )
