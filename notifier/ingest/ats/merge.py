"""Merge, a unified API in front of many ATSs: a web hook says that something changed, and the applications are read.

Sources: https://docs.merge.dev/basics/webhooks/merge-webhooks, the texts behind it, and Merge's own Python client
(github.com/merge-api/merge-python-client), whose types describe the common model.

*Documented*: the envelope (`hook`, `linked_account`, `data`), the signature and that there is one key per organisation;
events named `<Model>.<what happened>` and `LinkedAccount.sync_completed`; `GET /applications` with `modified_after`,
`include_deleted_data`, `expand`, `cursor` and `page_size`, the header X-Account-Token, and every member read here.
*Not confirmed*: retries and which status counts as success; the delay of web hooks; whether `data` of an application's
event carries its candidate, so it is not read.

Decisions:

- *Notify, then fetch.* A web hook about ATS data makes the source due at once; a sweep reads what changed since the
  last one. So a notification that was lost costs an hour, and never a candidate.
- *Key.* There is no event id (`hook.id` is the web hook's), so equal bytes are one event.
- *Endings.* `rejected_at` is a rejection unless its reason says that the candidate withdrew. The common model has no
  member for a hire: the stage called "Hired" is one, and it is mapped like any other stage.
- *Time* is `modified_at`, Merge's own: one clock orders all.
- *Whoever applied before the source was connected* is taken down as they stand; an ending before it is left alone.
- *The key* is "<API key>:<account token>": one source is one linked account. Web hooks about other accounts make it
  read its own, which finds nothing.
- *Of a web hook only the envelope is kept.* Whole records stand in `data`, race and gender among them where the model
  EEOC is switched on; nothing of it is read, so nothing of it is stored.
- What is not kept of an application: telephone numbers, links, locations, tags, answers, offers, attachments.
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
from notifier.ingest import adapter, event_key, signature, strict_json, text_secret
from notifier.ingest.fields import Fields
from notifier.ingest.reason import by_candidate
from notifier.ingest.text import shown

#: Models of an ATS whose changes are worth reading the source.
_MODELS = frozenset({"Application", "Candidate", "JobInterviewStage", "RejectReason", "Job"})

#: What is kept of a web hook.
_ENVELOPE = MappingProxyType({
    "hook": {"id": ALL, "event": ALL},
    "linked_account": {"id": ALL, "integration_slug": ALL, "category": ALL},
})  # fmt: skip

#: What is kept of an application.
_APPLICATION = MappingProxyType({
    "id": ALL, "modified_at": ALL, "applied_at": ALL, "rejected_at": ALL, "remote_was_deleted": ALL,
    "candidate": {
        "id": ALL, "first_name": ALL, "last_name": ALL, "can_email": ALL, "is_private": ALL,
        "email_addresses": {"value": ALL},
    },
    "current_stage": {"id": ALL, "name": ALL},
    "job": {"id": ALL, "name": ALL},
    "reject_reason": {"id": ALL, "name": ALL},
})  # fmt: skip
_PAGE = MappingProxyType({"next": ALL, "results": _APPLICATION})


class Adapter(adapter.Adapter):
    """Merge's protocol; see the module for what is documented and what was decided."""

    name = "merge"
    title = "Merge"
    kind_at = "hook.event"
    lists_changes = True
    api = Api(
        address="https://api.merge.dev/api/ats/v1",
        proof=Proof.BEARER,
        per_second=1.5,
        key_form="<API key>:<account token>",
        needs="applications, candidates, jobs, stages and reject reasons of this linked account",
        account_header="x-account-token",
    )

    def verify(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> Verdict:
        """Check `X-Merge-Webhook-Signature` over the raw body. There is no timestamp, so `now` is not used."""
        del now
        return signature.of_body(delivery, "x-merge-webhook-signature", secrets, signature.read_base64)

    def signed(self, plain: Delivery, secret: str, now: datetime, event_id: str) -> Delivery:
        """`plain` as Merge would send it; neither `now` nor `event_id` is part of it."""
        del now, event_id
        proof = signature.written_base64url(signature.digest(text_secret.key(secret), plain.body))
        return plain.with_headers({"content-type": "application/json", "x-merge-webhook-signature": proof})

    def kept(self, body: bytes) -> bytes:
        """The envelope."""
        return strict_json.only(body, _ENVELOPE)

    def event_key(self, delivery: Delivery) -> str:
        """A digest of the body."""
        return event_key.from_body(delivery.body)

    def translate(self, delivery: Delivery, received_at: datetime, answers: Sequence[Answer] = ()) -> Sequence[Event]:
        """Whether there is something to read. Raises Unreadable with the path of the field at fault."""
        del received_at, answers
        body = Fields(strict_json.read(delivery.body))
        what = body.nested("hook").text("event")
        category = body.nested("linked_account").optional_text("category")
        if category is not None and category != "ats":
            return (NothingToDo("another_category"),)
        model, _, happened = what.partition(".")
        if model in _MODELS or (model, happened) == ("LinkedAccount", "sync_completed"):
            return (SourceChanged(),)
        return (NothingToDo("account_changes_no_stage" if model == "LinkedAccount" else "other_models_changed"),)

    def changes(self, since: datetime, cursor: str) -> Question:
        """A page of the applications that changed, deleted ones among them."""
        params = {
            "modified_after": since.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "expand": "candidate,current_stage,job,reject_reason",
            "include_deleted_data": "true",
            "page_size": "100",
        }
        return Question("/applications", _PAGE, params={**params, **({"cursor": cursor} if cursor else {})})

    def page(self, answer: Answer) -> Changes:
        """The applications of a page."""
        page = Fields(strict_json.read(answer.body))
        return Changes(tuple(map(_changed, page.items("results"))), page.optional_text("next") or "")

    def translate_pulled(self, body: bytes, received_at: datetime) -> Sequence[Event]:
        """What an application says. Raises Unreadable with the path of the field at fault."""
        del received_at
        application = Fields(strict_json.read(body))
        if application.optional_flag("remote_was_deleted"):
            return (ApplicationDeleted(application.identifier("id")),)
        outcome = _outcome(application)
        return (
            StageChange(
                application_id=application.identifier("id"),
                occurred_at=application.time("modified_at"),
                outcome=outcome,
                stage=_stage(application) if outcome is None else None,
                candidate=_candidate(application),
                job=_job(application),
                applied_at=application.optional_time("applied_at"),
            ),
        )


def _changed(application: Fields) -> Changed:
    """One record. What cannot be read here is passed on, so that it is quarantined where a person sees it."""
    body = canonical(application.members)
    try:
        began_at = application.optional_time("rejected_at")
        return Changed(application.identifier("id"), application.text("modified_at"), body, began_at)
    except Unreadable:
        return Changed("", "", body)


def _outcome(application: Fields) -> Outcome | None:
    """How it ended; None leaves it to the stage, which alone tells of a hire."""
    if application.optional_time("rejected_at") is None:
        return None
    reason = application.optional_nested("reject_reason")
    name = reason.optional_text("name") if reason is not None else None
    return Outcome.WITHDRAWN if by_candidate(name) else Outcome.REJECTED


def _stage(application: Fields) -> StageFacts | None:
    stage = application.optional_nested("current_stage")
    name = stage.optional_text("name") if stage is not None else None
    return StageFacts(stage.identifier("id"), name) if stage is not None and name else None


def _candidate(application: Fields) -> CandidateFacts | None:
    candidate = application.optional_nested("candidate")
    if candidate is None:
        return None
    first, last = candidate.optional_text("first_name"), candidate.optional_text("last_name")
    addresses = (entry.optional_address("value") for entry in candidate.items("email_addresses"))
    return CandidateFacts(
        external_id=candidate.identifier("id"),
        first_name=first,
        name=shown(" ".join(filter(None, (first, last)))) or None,
        emails=tuple(address for address in addresses if address) if candidate.has("email_addresses") else None,
        can_email=candidate.optional_flag("can_email"),
        private=candidate.optional_flag("is_private"),
    )


def _job(application: Fields) -> JobFacts | None:
    job = application.optional_nested("job")
    title = job.optional_text("name") if job is not None else None
    return JobFacts(job.identifier("id"), title) if job is not None and title else None
