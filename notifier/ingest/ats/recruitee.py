"""Recruitee (Tellent): one web hook for many event types, signed over the body; it names the old stage and the new.

Sources: https://docs.recruitee.com/docs/webhooks, https://support.recruitee.com/en/articles/3084761, and public code
in four projects (prepza among them).

*Documented*: `{"test":true}` when a web hook is created, which needs a 200 before anybody can know the secret; that a
"test payload" is an example with the member `test`; 200 as the only success, growing delays, a log of 30 days with
retry by hand; that automated actions may send a mail when somebody is disqualified, which no payload tells.
*Seen in code*: the signature in hex; `event_type` and `event_subtype`; `candidate_moved` with `stage_changed`,
`disqualified` and `requalified`; `payload.candidate` with `id` and `emails`, `payload.offer.id` (an offer is a job),
`payload.details` with `from_stage` and `to_stage`.
*Not confirmed*: an event id, a time of the event, the names of other events, the place of the reason of
disqualifying; so each is read if it is there and is never needed.

Decisions:

- *What says `test` is answered and not kept*, signed or not: the first one comes before the secret, and later ones
  look like real events about people who do not exist.
- *Key.* A digest of the body: a retry has the same body, and no id is documented.
- *An application* is a candidate and an offer, because no id of its own is known.
- *Disqualified* is a rejection unless `details.disqualify_reason` says that the candidate withdrew; *requalified*
  takes it back.
- *Time.* `created_at` of the event where there is one, else the time of arrival: the only order there is.
"""

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType

from notifier.core.asking import Answer
from notifier.core.change import (
    CandidateErased,
    CandidateFacts,
    Delivery,
    Event,
    Handshake,
    JobFacts,
    NothingToDo,
    StageChange,
    StageFacts,
    Verdict,
)
from notifier.core.errors import Unreadable
from notifier.core.stage import Outcome
from notifier.ingest import adapter, event_key, signature, strict_json, text_secret
from notifier.ingest.fields import Fields
from notifier.ingest.reason import by_candidate

_OUTCOMES = MappingProxyType({
    "stage_changed": Outcome.NONE,
    "requalified": Outcome.NONE,
    "disqualified": Outcome.REJECTED,
})  # fmt: skip


class Adapter(adapter.Adapter):
    """Recruitee's protocol; see the module for what is documented and what was decided."""

    name = "recruitee"
    title = "Recruitee"
    kind_at = "event_subtype"

    def handshake(self, delivery: Delivery) -> Handshake | None:
        """What says that it is a test."""
        try:
            return Handshake("ping") if strict_json.read(delivery.body).get("test") is True else None
        except Unreadable:
            return None

    def verify(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> Verdict:
        """Check `X-Recruitee-Signature` over the raw body. There is no timestamp to check, so `now` is not used."""
        del now
        return signature.of_body(delivery, "x-recruitee-signature", secrets, signature.read_hex)

    def signed(self, plain: Delivery, secret: str, now: datetime, event_id: str) -> Delivery:
        """`plain` as Recruitee would send it; neither `now` nor `event_id` is part of it."""
        del now, event_id
        proof = signature.digest(text_secret.key(secret), plain.body).hex()
        return plain.with_headers({"content-type": "application/json", "x-recruitee-signature": proof})

    def event_key(self, delivery: Delivery) -> str:
        """A digest of the body."""
        return event_key.from_body(delivery.body)

    def translate(self, delivery: Delivery, received_at: datetime, answers: Sequence[Answer] = ()) -> Sequence[Event]:
        """The one event a web hook tells. Raises Unreadable with the path of the field at fault."""
        del answers
        body = Fields(strict_json.read(delivery.body))
        what = body.text("event_type")
        if what == "candidate_moved":
            return (_moved(body, body.nested("payload"), received_at),)
        if what == "candidate_deleted":
            return (CandidateErased(body.nested("payload").nested("candidate").identifier("id"), "deleted"),)
        known = what.startswith(("candidate_", "job_", "offer_"))
        return (NothingToDo("moves_nobody" if known else "unknown_event"),)


def _moved(body: Fields, payload: Fields, received_at: datetime) -> StageChange:
    how = body.text("event_subtype")
    if how not in _OUTCOMES:
        raise Unreadable(body.at("event_subtype"), "not stage_changed, disqualified or requalified")
    candidate, offer = payload.nested("candidate"), payload.nested("offer")
    details = payload.optional_nested("details")
    outcome = _outcome(how, details)
    title = offer.optional_text("title")
    return StageChange(
        application_id=f"{candidate.identifier('id')}:{offer.identifier('id')}",
        occurred_at=body.optional_time("created_at") or received_at,
        outcome=outcome,
        stage=_stage(details) if outcome is Outcome.NONE and details is not None else None,
        candidate=_candidate(candidate),
        job=JobFacts(offer.identifier("id"), title) if title else None,
        undoes=how == "requalified",
    )


def _outcome(how: str, details: Fields | None) -> Outcome:
    reason = details.optional_text("disqualify_reason") if details is not None else None
    if how == "disqualified" and by_candidate(reason):
        return Outcome.WITHDRAWN
    return _OUTCOMES[how]


def _stage(details: Fields) -> StageFacts | None:
    stage = details.optional_nested("to_stage")
    return StageFacts(stage.identifier("id"), stage.text("name")) if stage is not None else None


def _candidate(candidate: Fields) -> CandidateFacts:
    return CandidateFacts(
        external_id=candidate.identifier("id"),
        name=candidate.optional_text("name"),
        emails=candidate.addresses("emails") if candidate.has("emails") else None,
    )
