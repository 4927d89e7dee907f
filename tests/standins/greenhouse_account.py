"""What an account of Greenhouse holds, in the shapes of Harvest v3, and what people do in it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

Row = dict[str, Any]

#: The lists there are, and what each can be asked by beside `ids`.
FILTERS: dict[str, tuple[str, ...]] = {
    "applications": ("candidate_ids", "job_ids", "status", "prospect"),
    "candidates": ("email", "private"),
    "jobs": ("status",),
    "users": ("primary_email",),
    "application_stages": ("application_ids", "job_interview_stage_ids", "current"),
    "job_interview_stages": ("job_ids", "active"),
    "rejection_details": ("application_ids", "rejection_reason_ids"),
    "rejection_reasons": ("include_defaults",),
}


def written(moment: datetime) -> str:
    """A time as Greenhouse writes it: UTC, with milliseconds."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def problem(name: str, params: Mapping[str, str], *, knows_defaults: bool) -> str:
    """What is wrong with the parameters of a first page; empty if nothing is."""
    known = ("per_page", "ids", "created_at", "updated_at", *FILTERS[name])
    strange = [given for given in params if given not in known or (given == "include_defaults" and not knows_defaults)]
    if strange:
        return f"unknown parameter {strange[0]}"
    if not 1 <= int(params.get("per_page", "100")) <= 500:
        return "per_page must be from 1 to 500"
    if any(len(params[given].split(",")) > 50 for given in params if given.endswith("ids")):
        return "at most 50 ids"
    return ""


def wanted(row: Row, params: Mapping[str, str]) -> bool:
    """Whether a record is one that was asked for."""
    for name, value in params.items():
        if name.endswith("ids") and str(row.get(name[:-1])) not in value.split(","):
            return False
        if name in ("created_at", "updated_at") and not _in_window(row[name], value):
            return False
        if name == "current" and row["current"] is not (value == "true"):
            return False
    return True


def _in_window(moment: str, window: str) -> bool:
    """`gte|<time>`, with `|lte|<time>` and the like after it."""
    parts = window.split("|")
    at = datetime.fromisoformat(moment)
    tests = {
        "gte": lambda bound: at >= bound,
        "lte": lambda bound: at <= bound,
        "gt": lambda bound: at > bound,
        "lt": lambda bound: at < bound,
    }
    return all(tests[sign](datetime.fromisoformat(bound)) for sign, bound in zip(parts[::2], parts[1::2], strict=True))


class Account:
    """The lists, by name, each by id. An action changes what it changes in Greenhouse, at the moment `at` (UTC)."""

    def __init__(self) -> None:
        self.lists: dict[str, dict[int, Row]] = {name: {} for name in FILTERS}

    def add(self, name: str, row: Row, at: datetime) -> Row:
        """A record with its id in `row`; an existing one with this id is replaced."""
        whole = {"created_at": written(at), "updated_at": written(at), **row}
        self.lists[name][int(row["id"])] = whole
        return whole

    def hire_staff(self, at: datetime) -> None:
        """A job with three stages, a recruiter, a coordinator and three reasons."""
        self.add("jobs", {"id": 2201, "name": "Storyboard Artist", "status": "open", "custom_fields": {}}, at)
        for number, name in ((4401, "Application Review"), (4402, "Portfolio talk"), (4404, "Offer")):
            self.add("job_interview_stages", {"id": number, "job_id": 2201, "name": name, "active": True}, at)
        for number, name, address in (
            (311, "Ruth Castell", "ruth.castell@studio.example"),
            (313, "Omar Vale", "omar.vale@studio.example"),
        ):
            self.add("users", {"id": number, "name": name, "primary_email": address, "deactivated": False}, at)
        for number, key, kind, name in (
            (801, "WE_REJECTED_THEM", "We rejected them", "Not this time"),
            (802, "THEY_REJECTED_US", "They rejected us", "Took another offer"),
            (803, "NONE_SPECIFIED", "None specified", "Other"),
        ):
            self.add("rejection_reasons", {"id": number, "name": name, "type": {"id": 1, "key": key, "name": kind}}, at)

    def apply(self, number: int, at: datetime, *, candidate: Row | None = None, **more: Any) -> Row:
        """Somebody applies: application `number` of candidate `number`, if no other is given."""
        person: Row = {
            "id": number,
            "first_name": "Lena",
            "last_name": "Fuchs",
            "preferred_name": None,
            "private": False,
            "can_email": True,
            "email_addresses": [{"value": f"lena{number}@example.org", "type": "personal"}],
            "phone_numbers": [{"value": "+49 30 5550100", "type": "mobile"}],
            "tags": ["from fair"],
            **(candidate or {}),
        }
        self.add("candidates", person, at)
        application: Row = {
            "id": number,
            "candidate_id": person["id"],
            "job_id": 2201,
            "job_post_id": None,
            "recruiter_id": 311,
            "coordinator_id": 313,
            "stage_id": None,
            "stage_name": None,
            "job_interview_stage_id": None,
            "status": "in_process",
            "prospect": False,
            "rejected_at": None,
            "last_activity_at": written(at),
            "location_address": "1 Example Lane",
            "answers": [{"question": "Why us?", "answer": "The drawings."}],
            "custom_fields": {},
            "prospective_job_ids": [],
            **more,
        }
        self.add("applications", application, at)
        self.move(number, 4401, at)
        return application

    def move(self, number: int, stage: int, at: datetime) -> None:
        """The application enters a stage."""
        application = self.lists["applications"][number]
        visits = self.lists["application_stages"]
        for visit in visits.values():
            if visit["application_id"] == number and visit["current"]:
                visit.update(current=False, exited_at=written(at), updated_at=written(at))
        visit_id = 900_000 + len(visits)
        self.add(
            "application_stages",
            {
                "id": visit_id,
                "application_id": number,
                "job_interview_stage_id": stage,
                "entered_at": written(at),
                "exited_at": None,
                "current": True,
            },
            at,
        )
        name = self.lists["job_interview_stages"][stage]["name"]
        application.update(stage_id=visit_id, job_interview_stage_id=stage, stage_name=name)
        self._active(application, at)

    def reject(self, number: int, at: datetime, *, reason: int = 801) -> None:
        """The application is rejected, for one of the reasons."""
        application = self.lists["applications"][number]
        application.update(status="rejected", rejected_at=written(at))
        self._active(application, at)
        detail = {"id": 700_000 + number, "application_id": number, "rejected_by_id": 311, "rejection_note_id": None}
        self.add("rejection_details", {**detail, "rejection_reason_id": reason, "rejected_at": written(at)}, at)

    def unreject(self, number: int, at: datetime) -> None:
        """The rejection is taken back. As in the published web hook, that is no activity."""
        application = self.lists["applications"][number]
        application.update(status="in_process", rejected_at=None, updated_at=written(at))
        del self.lists["rejection_details"][700_000 + number]

    def hire(self, number: int, at: datetime) -> None:
        """The candidate is hired."""
        application = self.lists["applications"][number]
        application.update(status="hired")
        self._active(application, at)

    def edit(self, number: int, at: datetime, **changes: Any) -> None:
        """Something about the application changes that is no activity."""
        self.lists["applications"][number].update(changes, updated_at=written(at))

    @staticmethod
    def _active(application: Row, at: datetime) -> None:
        application.update(last_activity_at=written(at), updated_at=written(at))
