"""What happens at the made-up company: three waves of webhooks, and what must have come of them.

The first eighteen people apply through Greenhouse, the others through the generic format. A wave begins when the one
before has been answered, because a stage that is left at once would rightly not be written about any more.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.core.inbox import InboxState
from workers.demo_people import PEOPLE, Person

GREENHOUSE, GENERIC = "greenhouse", "generic"

#: How many of the people come through Greenhouse.
FIRST = 18

_RECRUITER = {"id": 301, "name": "Maria Lindqvist", "email": "maria.lindqvist@example.com", "employee_id": None}
_JOBS = ((9001, "Data Engineer"), (9002, "Product Designer"), (9003, "Pflegefachkraft (m/w/d)"))
_STAGES = {
    "applied": (7001, "Application Review"),
    "screen": (7002, "Preliminary Phone Screen"),
    "interview": (7003, "Technical Interview"),
    "offer": (7004, "Offer"),
    "unmapped": (7005, "Community Day"),
}


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook. `copies` is how often the ATS delivers it, `state` what the inbox must make of it."""

    ats: str
    event_id: str
    body: bytes
    copies: int = 1
    state: InboxState = InboxState.PLANNED


@dataclass(frozen=True, slots=True)
class Wave:
    """Webhooks that come at about the same time, and how many e-mails leave by themselves because of them.

    `mails` counts by template.
    """

    webhooks: tuple[Webhook, ...]
    mails: dict[str, int]


def _application_id(person: Person) -> int:
    return 50_100_000 + person.number


def _greenhouse(action: str, person: Person, stage: str, at: datetime, **more: object) -> bytes:
    moment = at.isoformat(timespec="seconds").replace("+00:00", "Z")
    job, title = _JOBS[person.number % len(_JOBS)]
    stage_id, stage_name = _STAGES[stage]
    application = {
        "id": _application_id(person),
        "prospect": False,
        "status": "active",
        "applied_at": moment,
        "last_activity_at": moment,
        "rejected_at": None,
        "current_stage": {"id": stage_id, "name": stage_name, "interviews": []},
        "candidate": {
            "id": 40_100_000 + person.number,
            "first_name": person.first_name,
            "last_name": person.last_name or None,
            "is_private": False,
            "can_email": True,
            "email_addresses": [{"value": person.email, "type": "personal"}] if person.email else [],
            "recruiter": _RECRUITER,
            "coordinator": None,
        },
        "jobs": [{"id": job, "name": title}],
    }
    return json.dumps({"action": action, "payload": {"application": application | more}}, ensure_ascii=False).encode()


def _rejected(person: Person, stage: str, at: datetime, reason: str) -> bytes:
    moment = at.isoformat(timespec="seconds").replace("+00:00", "Z")
    return _greenhouse(
        "reject_candidate",
        person,
        stage,
        at,
        status="rejected",
        rejected_at=moment,
        rejection_reason={"id": 14, "name": "Decided", "type": {"id": 1, "name": reason}},
    )


def _hired(person: Person, at: datetime) -> bytes:
    moment = at.isoformat(timespec="seconds").replace("+00:00", "Z")
    offer = {"id": 60_100_001, "version": 1, "resolved_at": moment}
    return _greenhouse("hire_candidate", person, "offer", at, status="hired", current_stage=None, offer=offer)


def _generic(person: Person, kind: str, at: datetime, outcome: str | None = None) -> bytes:
    job, title = _JOBS[person.number % len(_JOBS)]
    candidate = {"id": f"C-{person.number}", "first_name": person.first_name, "name": person.name}
    if person.email:
        candidate["email"] = person.email
    data: dict[str, object] = {
        "application": {"id": f"A-{person.number}"},
        "candidate": candidate,
        "job": {"id": f"J-{job}", "title": title},
        "stage": {"id": kind, "name": kind.capitalize(), "kind": kind},
        "owner": {"id": "U-7", "name": "Jonas Abel", "email": "jonas.abel@example.com"},
    }
    if outcome:
        data["outcome"] = outcome
    moment = at.isoformat(timespec="seconds").replace("+00:00", "Z")
    body = {"type": "application.changed", "timestamp": moment, "data": data}
    return json.dumps(body, ensure_ascii=False).encode()


def _webhook(person: Person, word: str, body: bytes, copies: int = 1) -> Webhook:
    ats = GREENHOUSE if person.number <= FIRST else GENERIC
    return Webhook(ats, f"demo-{word}-{person.number}", body, copies)


def _moved(people: Sequence[Person], kind: str, at: datetime) -> list[Webhook]:
    """These people reach a stage of this kind."""
    return [
        _webhook(
            person,
            kind,
            _greenhouse("candidate_stage_change", person, kind, at)
            if person.number <= FIRST
            else _generic(person, kind, at),
            copies=2 if person.number % 7 == 0 else 1,
        )
        for person in people
    ]


def _rejections(people: Sequence[Person], stage: str, at: datetime) -> list[Webhook]:
    """The company decided against these people."""
    return [
        _webhook(
            person,
            "rejected",
            _rejected(person, stage, at, "We rejected them")
            if person.number <= FIRST
            else _generic(person, stage, at, "rejected"),
            copies=3 if person.number % 5 == 0 else 1,
        )
        for person in people
    ]


def waves(now: datetime) -> list[Wave]:
    """All that happens, in order; `now` is the aware present moment, the events lie a little before it."""
    return [_applications(now - timedelta(hours=3)), _moves(now - timedelta(hours=2)), _decisions(now)]


def _applications(at: datetime) -> Wave:
    webhooks = [
        _webhook(
            person,
            "applied",
            _greenhouse("new_candidate_application", person, "applied", at)
            if person.number <= FIRST
            else _generic(person, "applied", at),
            copies=2 if person.number % 10 == 0 else 1,
        )
        for person in PEOPLE
    ]
    return Wave(tuple(webhooks), {"application_received": sum(bool(person.email) for person in PEOPLE)})


def _moves(at: datetime) -> Wave:
    screened, interviewed = [*PEOPLE[2:8], *PEOPLE[18:22]], [*PEOPLE[8:12], *PEOPLE[22:24]]
    webhooks = [
        *_moved(screened, "screen", at),
        *_moved(interviewed, "interview", at),
        *_moved(PEOPLE[12:13], "unmapped", at),
    ]
    return Wave(tuple(webhooks), {"in_review": len(screened)})


def _decisions(at: datetime) -> Wave:
    """The hold of the rejection that is taken back is an hour long, so it is always taken back in time."""
    declined = [*PEOPLE[13:16], *PEOPLE[24:28]]
    earlier = at - timedelta(minutes=1)
    back, withdrawn, hired = PEOPLE[2], PEOPLE[16], PEOPLE[8]
    unreadable = b'{"action": "reject_candidate", "payload": {"application": {"id": '
    webhooks = [
        *_rejections(declined, "applied", earlier),
        *_rejections([*PEOPLE[9:11], PEOPLE[22]], "interview", earlier),
        *_rejections([back], "screen", earlier),
        _webhook(back, "back", _greenhouse("unreject_candidate", back, "screen", earlier)),
        _webhook(withdrawn, "withdrawn", _rejected(withdrawn, "applied", earlier, "They rejected us")),
        _webhook(hired, "hired", _hired(hired, earlier)),
        Webhook(GREENHOUSE, "demo-unreadable", unreadable, copies=2, state=InboxState.QUARANTINED),
    ]
    return Wave(tuple(webhooks), {"rejected_after_application": len(declined), "withdrawn_ack": 1})
