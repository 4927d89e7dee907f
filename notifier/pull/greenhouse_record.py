"""One application of Greenhouse with what belongs to it, as one body: joined, cut down to what is read, canonical.

The body is an object of `application`, `candidate`, `job`, `stage`, `rejection_reason`, `recruiter` and `coordinator`,
each with the members of Harvest v3 that are named here and null if there is none (`notifier.ingest.greenhouse_pulled`
reads it). Nothing is judged: an odd value is passed on, so that it is quarantined where a person sees it.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from notifier.pull.port import Pulled

Row = Mapping[str, object]

APPLICATION = (
    *("id", "candidate_id", "job_id", "prospect", "status"),
    *("created_at", "updated_at", "last_activity_at", "rejected_at"),
)
CANDIDATE = ("id", "first_name", "last_name", "email_addresses", "can_email", "private")
JOB = ("id", "name")
USER = ("id", "name", "primary_email")
REASON = ("id", "type")

_WRITTEN_TIME = re.compile(r"[0-9TZ:.+-]{1,40}")


@dataclass(frozen=True, slots=True)
class Related:
    """What belongs to the applications of a page, by its id; visits of stages and rejections by the application's."""

    candidates: Mapping[int, Row] = field(default_factory=dict)
    jobs: Mapping[int, Row] = field(default_factory=dict)
    users: Mapping[int, Row] = field(default_factory=dict)
    visits: Mapping[int, Row] = field(default_factory=dict)
    stages: Mapping[int, Row] = field(default_factory=dict)
    rejections: Mapping[int, Row] = field(default_factory=dict)
    reasons: Mapping[int, Row] = field(default_factory=dict)


def pulled(application: Row, related: Related) -> Pulled:
    """The record of one application."""
    number = number_of(application, "id")
    stage = _stage(application, related)
    reason_id = number_of(related.rejections.get(number, {}), "rejection_reason_id")
    body = _canonical({
        "application": _cut(application, APPLICATION),
        "candidate": _cut(related.candidates.get(number_of(application, "candidate_id")), CANDIDATE),
        "job": _cut(related.jobs.get(number_of(application, "job_id")), JOB),
        "stage": stage,
        "rejection_reason": _cut(related.reasons.get(reason_id), REASON),
        "recruiter": _cut(related.users.get(number_of(application, "recruiter_id")), USER),
        "coordinator": _cut(related.users.get(number_of(application, "coordinator_id")), USER),
    })  # fmt: skip
    changed = str(application.get("updated_at"))
    written = changed if _WRITTEN_TIME.fullmatch(changed) else "-"
    # What belongs to an application may change without it, so the time alone does not name the state.
    digest = hashlib.sha256(body).hexdigest()[:16]
    return Pulled(
        key=f"sweep:application:{number}:{written}:{digest}",
        body=body,
        subject=str(number) if number else "",
        began_at=_began_at(application, stage),
    )


def stage_id(application: Row, visits: Mapping[int, Row]) -> int:
    """The stage of the job's plan in which the application is; 0 if there is none.

    `stage_id` of an application is another thing: the number of its visit.
    """
    own = number_of(application, "job_interview_stage_id")
    return own or number_of(visits.get(number_of(application, "id"), {}), "job_interview_stage_id")


def number_of(row: Row, name: str) -> int:
    """An id; 0 if it is absent or none."""
    value = row.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def newest(rows: Iterable[Row], by: str, order: str) -> dict[int, Row]:
    """The row with the greatest `order` for each id in `by`."""
    found: dict[int, Row] = {}
    for row in sorted(rows, key=lambda row: (str(row.get(order) or ""), number_of(row, "id"))):
        found[number_of(row, by)] = row
    return found


def _stage(application: Row, related: Related) -> Row | None:
    number = stage_id(application, related.visits)
    if not number:
        return None
    visit = related.visits.get(number_of(application, "id"), {})
    here = number_of(visit, "job_interview_stage_id") == number
    name = related.stages.get(number, {}).get("name") or application.get("stage_name")
    return {"id": number, "name": name, "entered_at": visit.get("entered_at") if here else None}


def _began_at(application: Row, stage: Row | None) -> datetime | None:
    """When the present state began. A hire says nothing of its time, so it is as old as the application."""
    begun: object = None
    if application.get("status") == "rejected":
        begun = application.get("rejected_at")
    elif application.get("status") != "hired" and stage is not None:
        begun = stage["entered_at"]
    return _time(begun) or _time(application.get("created_at"))


def _time(written: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(written) if isinstance(written, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def _cut(row: Row | None, names: tuple[str, ...]) -> Row | None:
    return None if row is None else {name: row[name] for name in names if name in row}


def _canonical(value: Row) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")
