"""Workable: a web hook per event type, signed over the body; it shows the candidate as they are when it is sent.

Sources: https://workable.readme.io/reference/webhook-subscriptions, …/reference/candidate-events, and public code
(activepieces, prepza).

*Documented*: the signature's header, algorithm and key (the account's token, or the secret of an OAuth application);
the events `candidate_created`, `candidate_moved` and `candidate_deleted`; `data.id`, `.firstname`, `.email`,
`.disqualified`, `.disqualification_reason` and `.disqualified_at`; 200 as the only success; that a body shows the
state at the moment of sending, so that events race.
*Seen in code*: the wrapper (`id`, `event_type`, `fired_at`, `resource_type`, `data`); `data.job.shortcode` and
`.title`; `data.stage` as a word; `data.name`, `.lastname` and `.updated_at`; the signature in hex, by one in hex or
base64; that being disqualified, requalified and hired all arrive as `candidate_moved`.
*Not confirmed*: the encoding of the signature (both are taken), the schedule of retries, the words in
`disqualification_reason`.

Decisions:

- *A candidate is the application*: in Workable they stand in the pipeline of one job.
- *Time.* `fired_at` is when the event was sent, and the state in the body is that of this moment: so it orders the
  states, whatever the order of their arrival. Where it is missing, `updated_at` and `disqualified_at` stand in.
- *Withdrawn.* Nothing but the text of the reason can tell, so a reason that says so in English counts.
- *Hired* is the stage of that name; it needs no member of its own, because a stage's name is mapped like any other.
- What is not read: address, picture, domain, cover letter, education, experience.
"""

from collections.abc import Sequence
from datetime import datetime

from notifier.core.asking import Answer
from notifier.core.change import (
    CandidateErased,
    CandidateFacts,
    Delivery,
    Event,
    JobFacts,
    NothingToDo,
    StageChange,
    StageFacts,
    Verdict,
)
from notifier.core.stage import Outcome
from notifier.ingest import adapter, body_id, event_key, signature, strict_json, text_secret
from notifier.ingest.fields import Fields
from notifier.ingest.reason import by_candidate
from notifier.ingest.text import shown


class Adapter(adapter.Adapter):
    """Workable's protocol; see the module for what is documented and what was decided."""

    name = "workable"
    title = "Workable"
    kind_at = "event_type"

    def verify(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> Verdict:
        """Check `X-Workable-Signature` over the raw body. There is no timestamp to check, so `now` is not used."""
        del now
        return signature.of_body(delivery, "x-workable-signature", secrets, _read)

    def signed(self, plain: Delivery, secret: str, now: datetime, event_id: str) -> Delivery:
        """`plain` as Workable would send it; `now` is no part of it."""
        del now
        body = body_id.written(plain.body, "id", event_id)
        proof = signature.digest(text_secret.key(secret), body).hex()
        return Delivery({**plain.headers, "content-type": "application/json", "x-workable-signature": proof}, body)

    def event_key(self, delivery: Delivery) -> str:
        """The wrapper's id, else a digest of the body."""
        given = body_id.read(delivery.body, "id")
        return event_key.from_header(given) if given else event_key.from_body(delivery.body)

    def translate(self, delivery: Delivery, received_at: datetime, answers: Sequence[Answer] = ()) -> Sequence[Event]:
        """The one event a web hook tells. Raises Unreadable with the path of the field at fault."""
        del answers
        body = Fields(strict_json.read(delivery.body))
        what = body.text("event_type")
        if what in {"candidate_created", "candidate_moved"}:
            return (_moved(what, body, body.nested("data"), received_at),)
        if what == "candidate_deleted":
            candidate = body.nested("data").identifier("id")
            return (CandidateErased(candidate, "deleted", (candidate,)),)
        return (NothingToDo("employee_moves_nobody" if what.startswith("employee_") else "unknown_event"),)


def _read(written: str) -> bytes | None:
    return signature.read_hex(written) or signature.read_base64(written)


def _moved(what: str, body: Fields, data: Fields, received_at: datetime) -> StageChange:
    candidate = data.identifier("id")
    outcome = _outcome(data)
    return StageChange(
        application_id=candidate,
        occurred_at=_occurred_at(what, body, data) or received_at,
        outcome=outcome,
        stage=_stage(data) if outcome in (None, Outcome.NONE) else None,
        candidate=_candidate(data),
        job=_job(data),
        arrived=what == "candidate_created" and not data.optional_flag("sourced"),
    )


def _occurred_at(what: str, body: Fields, data: Fields) -> datetime | None:
    """When it was sent, else the newest of its parts; the creation never changes, so it orders nothing but itself."""
    fired = body.optional_time("fired_at")
    names = ("updated_at", "disqualified_at", *(["created_at"] if what == "candidate_created" else []))
    parts = [data.optional_time(name) for name in names]
    return fired or max((part for part in parts if part is not None), default=None)


def _outcome(data: Fields) -> Outcome | None:
    """How it ended; None where the body does not say whether they are disqualified."""
    disqualified = data.optional_flag("disqualified")
    if not disqualified:
        return None if disqualified is None else Outcome.NONE
    withdrawn = by_candidate(data.optional_text("disqualification_reason"))
    return Outcome.WITHDRAWN if withdrawn else Outcome.REJECTED


def _stage(data: Fields) -> StageFacts | None:
    stage = data.optional_text("stage")
    return StageFacts(stage, stage) if stage else None


def _candidate(data: Fields) -> CandidateFacts:
    first, last = data.optional_text("firstname"), data.optional_text("lastname")
    email = data.optional_address("email")
    return CandidateFacts(
        external_id=data.identifier("id"),
        first_name=first,
        name=data.optional_text("name") or shown(" ".join(filter(None, (first, last)))) or None,
        emails=(email,) if email else None,
    )


def _job(data: Fields) -> JobFacts | None:
    job = data.optional_nested("job")
    title = job.optional_text("title") if job is not None else None
    return JobFacts(job.identifier("shortcode"), title) if job is not None and title else None
