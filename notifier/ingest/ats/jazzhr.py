"""JazzHR: one web hook that exports a candidate, by hand or by a workflow rule; it carries what nobody may know.

Source: https://github.com/JazzHR/api-doc (the vendor's own).

*Documented*: the headers X-JazzHR-Event (CANDIDATE-EXPORT or VERIFY) and X-JazzHR-Signature (hex); that VERIFY needs
a 200; any 2xx as success, a try every five minutes for two hours (an older text: every minute for one); that nothing
in a request names the client; every member read here, with types in the place of values.
*Not confirmed*: which words stand in `workflowStatus` and `workflowStatusCategory`; whether VERIFY is signed.

Decisions:

- *Race, disability, veteran status, felony, gender, age and citizenship stand in the body.* They are cut away before
  anything is stored (`kept`): named is what stays, so what is added tomorrow goes by itself. A signed body that is no
  JSON object cannot be cut; it is quarantined and goes with the time.
- *VERIFY is answered to anybody*: it comes before the web hook exists, and says nothing.
- *One body tells of several applications*: each profile is one, and where it stands is in a map by its id.
- *Endings.* The category is taken by its words: hired, not hired, rejected, disqualified, withdrawn. Any other leaves
  it to the stage, whose meaning people map. So "Not Hired" is looked for before "Hired".
- *Key.* A digest of the body: there is no id.
- *Time* is that of arrival: an export says what is true now, and a disposition may be older than the step, so that its
  time would make the next export look late.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType

from notifier.core.asking import Answer
from notifier.core.change import (
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
from notifier.core.cut import ALL, ANY
from notifier.core.errors import Unreadable
from notifier.core.stage import Outcome
from notifier.ingest import adapter, body_id, event_key, signature, strict_json, text_secret
from notifier.ingest.fields import Fields

#: What of a body stays.
_KEPT = MappingProxyType({
    "data": ALL,
    "candidate": {
        "documentId": ALL,
        "person": {
            "id": ALL,
            "name": ALL,
            "communication": {"email": {"address": ALL, "useCode": ALL, "preference": ALL}},
        },
        "profiles": {
            "profileId": ALL,
            "profileName": ALL,
            "associatedPositionOpenings": {"positionOpeningId": ALL, "positionTitle": ALL},
        },
    },
    "additionalProfileInformation": {
        ANY: {"workflowStatus": ALL, "workflowStatusCategory": ALL},
    },
})  # fmt: skip

#: Which words in a category mean which ending, the first that is found.
_ENDINGS = (
    (re.compile(r"withdr", re.IGNORECASE), Outcome.WITHDRAWN),
    (re.compile(r"not[ _-]?hired|reject|disqualif|declined", re.IGNORECASE), Outcome.REJECTED),
    (re.compile(r"\bhired\b", re.IGNORECASE), Outcome.HIRED),
)

_VERIFY = "JazzHR Verify Event"


class Adapter(adapter.Adapter):
    """JazzHR's protocol; see the module for what is documented and what was decided."""

    name = "jazzhr"
    title = "JazzHR"
    kind_at = "header:x-jazzhr-event"

    def handshake(self, delivery: Delivery) -> Handshake | None:
        """VERIFY."""
        return Handshake("verify") if body_id.read(delivery.body, "data") == _VERIFY else None

    def verify(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> Verdict:
        """Check `X-JazzHR-Signature` over the raw body. There is no timestamp to check, so `now` is not used."""
        del now
        return signature.of_body(delivery, "x-jazzhr-signature", secrets, signature.read_hex)

    def signed(self, plain: Delivery, secret: str, now: datetime, event_id: str) -> Delivery:
        """`plain` as JazzHR would send it; neither `now` nor `event_id` is part of it."""
        del now, event_id
        proof = signature.digest(text_secret.key(secret), plain.body).hex()
        return plain.with_headers({"content-type": "application/json", "x-jazzhr-signature": proof})

    def kept(self, body: bytes) -> bytes:
        """The body without what nobody may know."""
        return strict_json.only(body, _KEPT)

    def event_key(self, delivery: Delivery) -> str:
        """A digest of the body."""
        return event_key.from_body(delivery.body)

    def translate(self, delivery: Delivery, received_at: datetime, answers: Sequence[Answer] = ()) -> Sequence[Event]:
        """One event for each profile. Raises Unreadable with the path of the field at fault."""
        del answers
        body = Fields(strict_json.read(delivery.body))
        if body.members.get("data") == _VERIFY:
            return (NothingToDo("ping"),)
        candidate = body.nested("candidate")
        person = _person(candidate.nested("person"))
        states = body.optional_nested("additionalProfileInformation")
        profiles = candidate.items("profiles")
        if not profiles:
            raise Unreadable(candidate.at("profiles"), "missing")
        return tuple(_application(profile, person, states, received_at) for profile in profiles)


def _application(profile: Fields, person: CandidateFacts, states: Fields | None, received_at: datetime) -> StageChange:
    """Where one profile stands."""
    application_id = profile.nested("profileId").identifier("value")
    state = states.optional_nested(application_id) if states is not None else None
    outcome = _outcome(state) if state is not None else None
    return StageChange(
        application_id=application_id,
        occurred_at=received_at,
        outcome=outcome,
        stage=_stage(state) if state is not None and outcome is None else None,
        candidate=person,
        job=_job(profile),
    )


def _outcome(state: Fields) -> Outcome | None:
    said = state.optional_text("workflowStatusCategory") or ""
    return next((outcome for words, outcome in _ENDINGS if words.search(said)), None)


def _stage(state: Fields) -> StageFacts | None:
    """A step of the workflow is known by its name alone."""
    name = state.optional_text("workflowStatus")
    return StageFacts(name, name) if name else None


def _person(person: Fields) -> CandidateFacts:
    name = person.optional_nested("name")
    communication = person.optional_nested("communication")
    entries = communication.items("email") if communication is not None else ()
    given = name.optional_text("given") if name is not None else None
    family = name.optional_text("family") if name is not None else None
    formatted = name.optional_text("formattedName") if name is not None else None
    emails = tuple(address for entry in entries if (address := entry.optional_address("address")))
    return CandidateFacts(
        external_id=person.nested("id").identifier("value"),
        first_name=given,
        name=" ".join(filter(None, (given, family))) or formatted,
        emails=emails or None,
    )


def _job(profile: Fields) -> JobFacts | None:
    openings = profile.items("associatedPositionOpenings")
    title = openings[0].optional_text("positionTitle") if openings else None
    if not openings or title is None:
        return None
    return JobFacts(openings[0].nested("positionOpeningId").identifier("value"), title)
