"""Kombo, a unified API in front of many ATSs: a web hook says that something changed, and the applications are read.

Sources: https://docs.kombo.dev/docs/webhooks, https://docs.kombo.dev/api-reference/data-changed, and an OpenAPI mirror
of the API (github.com/api-evangelist/kombo).

*Documented*: the signature, `id` as the event's, that `data-changed` names models only and comes at most every 30
seconds; `GET /ats/applications` with `updated_after`, `include_deleted`, `cursor` and `page_size` (at most 250), the
header X-Integration-Id, and every member read here; that DECLINED is a rejection as well as a withdrawal.
*Not confirmed*: retries and which status counts as success; limits of requests.

Decisions:

- *Notify, then fetch.* A web hook of ours makes the source due at once; a sweep reads what changed since the last one.
  So a notification that was lost costs an hour, and never a candidate.
- *DECLINED* is a rejection unless its reason says that the candidate withdrew.
- *Time* is `changed_at`, Kombo's own: not every ATS behind it has one, and one clock orders all.
- *Whoever applied before the source was connected* is taken down as they stand; an ending before it is left alone.
- *The key* is "<API key>:<integration id>": one source is one integration. Web hooks about other integrations make it
  read its own, which finds nothing.
- What is not kept: telephone numbers, social media, answers, custom fields, tags, interviews, offers.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from types import MappingProxyType

from notifier.core.asking import Answer, Api, Changed, Changes, Proof, Question
from notifier.core.change import (
    ApplicationDeleted,
    CandidateFacts,
    Delivery,
    Event,
    JobFacts,
    NothingToDo,
    SourceChanged,
    StageChange,
    StageFacts,
    Verdict,
)
from notifier.core.cut import ALL, canonical
from notifier.core.errors import Unreadable
from notifier.core.stage import Outcome
from notifier.ingest import adapter, body_id, event_key, signature, strict_json, text_secret
from notifier.ingest.fields import Fields
from notifier.ingest.reason import by_candidate
from notifier.ingest.text import shown

_OUTCOMES = MappingProxyType({"PENDING": Outcome.NONE, "HIRED": Outcome.HIRED, "DECLINED": Outcome.REJECTED})

#: What is kept of an application.
_APPLICATION = MappingProxyType({
    "id": ALL, "outcome": ALL, "rejection_reason_name": ALL, "rejected_at": ALL,
    "changed_at": ALL, "remote_deleted_at": ALL, "remote_created_at": ALL,
    "candidate": {"id": ALL, "first_name": ALL, "last_name": ALL, "email_addresses": {"email_address": ALL}},
    "current_stage": {"id": ALL, "name": ALL},
    "job": {"id": ALL, "name": ALL},
})  # fmt: skip
_PAGE = MappingProxyType({"data": {"next": ALL, "results": _APPLICATION}})


class Adapter(adapter.Adapter):
    """Kombo's protocol; see the module for what is documented and what was decided."""

    name = "kombo"
    title = "Kombo"
    kind_at = "type"
    lists_changes = True
    api = Api(
        address="https://api.kombo.dev/v1",
        proof=Proof.BEARER,
        per_second=4,
        key_form="<API key>:<integration id>",
        needs="applications, candidates, jobs and stages of this integration",
        account_header="x-integration-id",
    )

    def verify(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> Verdict:
        """Check `X-Kombo-Signature` over the raw body. There is no timestamp to check, so `now` is not used."""
        del now
        return signature.of_body(delivery, "x-kombo-signature", secrets, signature.read_base64)

    def signed(self, plain: Delivery, secret: str, now: datetime, event_id: str) -> Delivery:
        """`plain` as Kombo would send it; `now` is no part of it."""
        del now
        body = body_id.written(plain.body, "id", event_id)
        proof = signature.written_base64url(signature.digest(text_secret.key(secret), body)).rstrip("=")
        headers = {"content-type": "application/json", "x-kombo-signature": proof}
        return Delivery({**plain.headers, **headers}, body)

    def event_key(self, delivery: Delivery) -> str:
        """The event's id, else a digest of the body."""
        given = body_id.read(delivery.body, "id")
        return event_key.from_header(given) if given else event_key.from_body(delivery.body)

    def translate(self, delivery: Delivery, received_at: datetime, answers: Sequence[Answer] = ()) -> Sequence[Event]:
        """Whether there is something to read. Raises Unreadable with the path of the field at fault."""
        del received_at, answers
        body = Fields(strict_json.read(delivery.body))
        what = body.text("type")
        if what != "data-changed":
            known = what in {"sync-finished", "integration-created", "integration-deleted", "integration-state-changed"}
            return (NothingToDo(what.replace("-", "_") if known else "unknown_event"),)
        models = [model.text("name") for model in body.nested("data").items("changed_models")]
        if any(model.startswith("ats_") for model in models):
            return (SourceChanged(),)
        return (NothingToDo("other_models_changed"),)

    def changes(self, since: datetime, cursor: str) -> Question:
        """A page of the applications that changed, deleted ones among them."""
        moment = since.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        params = {"updated_after": moment, "include_deleted": "true", "page_size": "100"}
        return Question("/ats/applications", _PAGE, params={**params, **({"cursor": cursor} if cursor else {})})

    def page(self, answer: Answer) -> Changes:
        """The applications of a page."""
        data = Fields(strict_json.read(answer.body)).nested("data")
        return Changes(tuple(map(_changed, data.items("results"))), data.optional_text("next") or "")

    def translate_pulled(self, body: bytes, received_at: datetime) -> Sequence[Event]:
        """What an application says. Raises Unreadable with the path of the field at fault."""
        del received_at
        application = Fields(strict_json.read(body))
        if application.has("remote_deleted_at"):
            return (ApplicationDeleted(application.identifier("id")),)
        outcome = _outcome(application)
        return (
            StageChange(
                application_id=application.identifier("id"),
                occurred_at=application.time("changed_at"),
                outcome=outcome,
                stage=_stage(application) if outcome is Outcome.NONE else None,
                candidate=_candidate(application),
                job=_job(application),
                applied_at=application.optional_time("remote_created_at"),
            ),
        )


def _changed(application: Fields) -> Changed:
    """One record. What cannot be read here is passed on, so that it is quarantined where a person sees it."""
    body = canonical(application.members)
    try:
        ended = _outcome(application) is not Outcome.NONE
        began_at = application.optional_time("rejected_at") or application.optional_time("remote_created_at")
        subject, moment = application.identifier("id"), application.text("changed_at")
    except Unreadable:
        return Changed("", "", body)
    return Changed(subject, moment, body, began_at if ended else None)


def _outcome(application: Fields) -> Outcome:
    said = application.optional_text("outcome") or "PENDING"
    if said not in _OUTCOMES:
        raise Unreadable(application.at("outcome"), "not PENDING, HIRED or DECLINED")
    reason = application.optional_text("rejection_reason_name") or ""
    return Outcome.WITHDRAWN if said == "DECLINED" and by_candidate(reason) else _OUTCOMES[said]


def _stage(application: Fields) -> StageFacts | None:
    stage = application.optional_nested("current_stage")
    name = stage.optional_text("name") if stage is not None else None
    return StageFacts(stage.identifier("id"), name) if stage is not None and name else None


def _candidate(application: Fields) -> CandidateFacts | None:
    candidate = application.optional_nested("candidate")
    if candidate is None:
        return None
    first, last = candidate.optional_text("first_name"), candidate.optional_text("last_name")
    addresses = (entry.optional_address("email_address") for entry in candidate.items("email_addresses"))
    return CandidateFacts(
        external_id=candidate.identifier("id"),
        first_name=first,
        name=shown(" ".join(filter(None, (first, last)))) or None,
        emails=tuple(address for address in addresses if address) if candidate.has("email_addresses") else None,
    )


def _job(application: Fields) -> JobFacts | None:
    job = application.optional_nested("job")
    title = job.optional_text("name") if job is not None else None
    return JobFacts(job.identifier("id"), title) if job is not None and title else None
