"""Our own format, for an ATS without an adapter and for scripts: Standard Webhooks 1.0.0 around a small JSON body.

Source: https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md. Documented there: the three
headers, the signed bytes (id, timestamp and body joined by dots), secrets of 24 to 64 bytes after `whsec_`, a list of
signatures so that two secrets can be used during a rotation, the same id and a new timestamp for every retry, and the
envelope `type`, `timestamp`, `data`. The HMAC is our own: it has to give a verdict on any bytes.

Decisions:

- `v1` only; signatures of other versions are passed over, as the specification asks.
- A timestamp more than five minutes away is stale: every attempt is stamped anew, so an old one is a replay.
- `webhook-id` is the event key. It is signed, so it cannot be changed by whoever replays a body.
- A member we do not know inside `data` is refused. Whoever writes `can_mail` for `can_email` must hear of it (the item
  is quarantined and shown) before a person is written to who must not be, or is never answered. The envelope may have
  more members, because libraries that send it add some.
- A type we do not know is ignored with a reason, so that one endpoint can be subscribed to more than it needs.

The body is described for people in docs/ats/generic.md and for programs in generic.schema.json beside this file.
"""

import base64
import contextlib
import re
import secrets as randomness
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from notifier.core.asking import Answer
from notifier.core.change import (
    ApplicationDeleted,
    Believed,
    CandidateChanged,
    CandidateErased,
    CandidateFacts,
    CandidateMerged,
    Delivery,
    Doubted,
    Event,
    JobFacts,
    NothingToDo,
    OwnerFacts,
    StageChange,
    StageFacts,
    Verdict,
)
from notifier.core.stage import Outcome, StageKind
from notifier.ingest import adapter, data_files, event_key, signature, strict_json
from notifier.ingest.fields import Fields

_PREFIX = "whsec_"
_KEY_BYTES = range(24, 65)

#: Seconds between the signed timestamp and now, either way.
TOLERANCE = 300

#: Unix seconds. The upper bound keeps a number of thousands of digits away from `int`.
_TIMESTAMP = re.compile(r"[0-9]{1,12}")

#: A language tag such as "de", "pt-BR" or "zh_Hant".
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}")

#: The type that moves an application.
_MOVED = "application.changed"

#: The kinds a sender may give a stage: all but the one that means that nobody gave one.
KINDS = tuple(kind.value for kind in StageKind if kind is not StageKind.UNMAPPED)
OUTCOMES = tuple(outcome.value for outcome in Outcome)
_KIND, _OUTCOME = re.compile("|".join(KINDS)), re.compile("|".join(OUTCOMES))


class Adapter(adapter.Adapter):
    """The format's protocol; see the module for what was decided."""

    name = "generic"
    title = "Generic (Standard Webhooks)"
    kind_at = "type"

    def new_secret(self) -> str:
        """A fresh secret: `whsec_` and 32 random bytes in base64."""
        return _PREFIX + base64.b64encode(randomness.token_bytes(32)).decode("ascii")

    def check_secret(self, secret: str) -> None:
        """Raise ValueError, saying what is wrong, unless `secret` is `whsec_` and 24 to 64 bytes in base64."""
        _key(secret)

    def schema(self) -> dict[str, object]:
        """The JSON Schema (draft 2020-12) of the bodies that are understood, as published."""
        return data_files.load("generic.schema.json")

    def verify(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> Verdict:
        """Check `webhook-signature` over id, timestamp and raw body, and that the timestamp is near `now` (aware)."""
        headers = delivery.headers
        if "webhook-signature" not in headers:
            return Doubted("no_signature")
        event_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        given = _signatures(headers["webhook-signature"])
        if not (given and event_id and event_id.isascii() and _TIMESTAMP.fullmatch(stamp)):
            return Doubted("malformed")
        keys = [_key_or_none(secret) for secret in secrets]
        verdict = signature.judge(given, keys, _signed(event_id, stamp, delivery.body))
        # Only a genuine request is called stale: then the clocks differ, or somebody replays.
        if isinstance(verdict, Believed) and abs(now.timestamp() - int(stamp)) > TOLERANCE:
            return Doubted("stale")
        return verdict

    def signed(self, plain: Delivery, secret: str, now: datetime, event_id: str) -> Delivery:
        """`plain` as it is sent at `now` (aware). Raises ValueError for an unusable secret."""
        stamp = str(int(now.timestamp()))
        proof = signature.digest(_key(secret), _signed(event_id, stamp, plain.body))
        return plain.with_headers({
            "content-type": "application/json",
            "webhook-id": event_id,
            "webhook-timestamp": stamp,
            "webhook-signature": "v1," + base64.b64encode(proof).decode("ascii"),
        })  # fmt: skip

    def event_key(self, delivery: Delivery) -> str:
        """The signed `webhook-id`, which is the same over retries."""
        given = delivery.headers.get("webhook-id", "")
        return event_key.from_header(given) if given else event_key.from_body(delivery.body)

    def translate(self, delivery: Delivery, received_at: datetime, answers: Sequence[Answer] = ()) -> Sequence[Event]:
        """The one event a body tells; `received_at` is not needed. Raises Unreadable with the path at fault."""
        del received_at, answers
        message = Fields(strict_json.read(delivery.body))
        what = message.text("type")
        if what == "ping":
            return (NothingToDo("ping"),)
        if what != _MOVED and what not in _RECORDS:
            return (NothingToDo("unknown_event"),)
        data, occurred_at = message.nested("data"), message.time("timestamp")
        event = _application_changed(data, occurred_at) if what == _MOVED else _RECORDS[what](data)
        if isinstance(event, CandidateChanged):
            event = replace(event, occurred_at=occurred_at)
        return (event,)


def _signed(event_id: str, stamp: str, body: bytes) -> bytes:
    return f"{event_id}.{stamp}.".encode() + body


def _key(secret: str) -> bytes:
    """The bytes to sign with. Raises ValueError, saying what is wrong with the secret."""
    if secret != secret.strip():
        raise ValueError("the secret has a space or line end before or after it")
    if not secret.startswith(_PREFIX):
        raise ValueError(f"the secret does not begin with {_PREFIX}")
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        raise ValueError(f"what follows {_PREFIX} is not base64") from None
    if len(key) not in _KEY_BYTES:
        raise ValueError(f"the secret has {len(key)} bytes; it must have 24 to 64")
    return key


def _key_or_none(secret: str) -> bytes:
    """Empty for a secret that cannot be used, which then never matches; the others keep their index."""
    with contextlib.suppress(ValueError):
        return _key(secret)
    return b""


def _signatures(header: str) -> list[bytes]:
    """The `v1` signatures of the list, without those that are no base64. Padding may be missing."""
    found = []
    for item in header.split():
        version, _, written = item.partition(",")
        if version == "v1":
            bare = written.rstrip("=")
            with contextlib.suppress(ValueError):
                found.append(base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True))
    return found


def _application_changed(data: Fields, occurred_at: datetime) -> Event:
    data.only("application", "candidate", "job", "stage", "outcome", "owner")
    application = data.nested("application")
    application.only("id", "sequence")
    candidate = data.optional_nested("candidate")
    outcome = data.optional_word("outcome", _OUTCOME, f"not one of {', '.join(OUTCOMES)}")
    return StageChange(
        application_id=application.identifier("id"),
        occurred_at=occurred_at,
        sequence=application.count("sequence"),
        outcome=Outcome(outcome) if outcome else None,
        stage=_stage(data),
        candidate=_candidate(candidate) if candidate else None,
        job=_job(data),
        owner=_owner(data),
    )


def _candidate_changed(data: Fields) -> Event:
    data.only("candidate")
    return CandidateChanged(_candidate(data.nested("candidate")))


def _candidate_merged(data: Fields) -> Event:
    data.only("candidate", "into")
    return CandidateMerged(_only_id(data, "candidate"), _candidate(data.nested("into")))


def _candidate_erased(data: Fields) -> Event:
    data.only("candidate", "applications")
    return CandidateErased(_only_id(data, "candidate"), "erased", data.identifiers("applications"))


def _application_deleted(data: Fields) -> Event:
    data.only("application")
    return ApplicationDeleted(_only_id(data, "application"))


#: The types about records of people and applications that move nobody to another stage.
_RECORDS: Mapping[str, Callable[[Fields], Event]] = {
    "application.deleted": _application_deleted,
    "candidate.changed": _candidate_changed,
    "candidate.merged": _candidate_merged,
    "candidate.erased": _candidate_erased,
}


def _candidate(person: Fields) -> CandidateFacts:
    """The person. `email` is the first choice and `emails` the others; without either, what is known stays."""
    person.only("id", "first_name", "name", "email", "emails", "can_email", "private", "language")
    first = person.optional_address("email")
    emails = dict.fromkeys((*((first,) if first else ()), *person.addresses("emails")))
    return CandidateFacts(
        external_id=person.identifier("id"),
        first_name=person.optional_text("first_name"),
        name=person.optional_text("name"),
        emails=tuple(emails) if person.has("email") or person.has("emails") else None,
        can_email=person.optional_flag("can_email"),
        private=person.optional_flag("private"),
        language=person.optional_word("language", _LANGUAGE, "not a language tag such as en or pt-BR"),
    )


def _job(data: Fields) -> JobFacts | None:
    job = data.optional_nested("job")
    if job is None:
        return None
    job.only("id", "title")
    return JobFacts(job.identifier("id"), job.text("title"))


def _stage(data: Fields) -> StageFacts | None:
    stage = data.optional_nested("stage")
    if stage is None:
        return None
    stage.only("id", "name", "kind")
    kind = stage.optional_word("kind", _KIND, f"not one of {', '.join(KINDS)}")
    return StageFacts(stage.identifier("id"), stage.text("name"), StageKind(kind) if kind else None)


def _owner(data: Fields) -> OwnerFacts | None:
    """The recruiter, who may come without an id."""
    owner = data.optional_nested("owner")
    if owner is None:
        return None
    owner.only("id", "name", "email")
    external_id = owner.identifier("id") if owner.has("id") else ""
    return OwnerFacts(external_id, owner.text("name"), owner.optional_address("email") or "")


def _only_id(data: Fields, name: str) -> str:
    record = data.nested(name)
    record.only("id")
    return record.identifier("id")
