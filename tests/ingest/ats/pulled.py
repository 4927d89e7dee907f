"""Records of an account of Greenhouse as `notifier.pull` would bring them, and the web hooks it would have sent."""

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from notifier.core.change import Delivery, StageChange
from notifier.ingest.ats.greenhouse import Adapter
from notifier.pull.greenhouse_record import Related, newest, pulled
from tests.standins.greenhouse_account import Account, Row

PAYLOADS = Path(__file__).parents[2] / "payloads" / "greenhouse"
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
READ = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
NUMBER = 66001
greenhouse = Adapter()


def account() -> Account:
    """An account with a job, its stages and people, and nobody who applied."""
    made = Account()
    made.hire_staff(MONDAY)
    return made


def record(made: Account, number: int = NUMBER) -> Any:
    """What a pull of the application brings now, parsed."""
    lists = made.lists
    current = [visit for visit in lists["application_stages"].values() if visit["current"]]
    related = Related(
        candidates=lists["candidates"],
        jobs=lists["jobs"],
        users=lists["users"],
        visits=newest(current, "application_id", "entered_at"),
        stages=lists["job_interview_stages"],
        rejections=newest(lists["rejection_details"].values(), "application_id", "rejected_at"),
        reasons=lists["rejection_reasons"],
    )
    return json.loads(pulled(lists["applications"][number], related).body)


def said(content: Any) -> StageChange:
    """The one stage change a pulled record tells."""
    (event,) = greenhouse.translate_pulled(json.dumps(content).encode(), READ)
    assert isinstance(event, StageChange)
    return event


def hook(made: Account, action: str, number: int = NUMBER) -> StageChange:
    """What the web hook of an action says that was just done: the published shape, in whole seconds."""
    application, content = made.lists["applications"][number], web_hook(made, action, number)
    assert content["payload"]["application"]["id"] == application["id"]
    (event,) = greenhouse.translate(Delivery({}, json.dumps(content).encode()), READ)
    assert isinstance(event, StageChange)
    return event


def web_hook(made: Account, action: str, number: int = NUMBER) -> Any:
    """The body of a web hook about the application as it is now."""
    application = made.lists["applications"][number]
    person = made.lists["candidates"][application["candidate_id"]]
    content = json.loads((PAYLOADS / f"{action}.json").read_bytes())
    told = content["payload"]["application"]
    told |= {
        "id": application["id"],
        "status": {"in_process": "active"}.get(application["status"], application["status"]),
        "applied_at": _seconds(application["created_at"]),
        "last_activity_at": _seconds(application["last_activity_at"]),
        "rejected_at": _seconds(application["rejected_at"]),
        "rejection_reason": _reason(made, number),
        "current_stage": {"id": application["job_interview_stage_id"], "name": application["stage_name"]},
        "jobs": [{"id": 2201, "name": "Storyboard Artist"}],
        "offer": None,
    }
    told["candidate"] |= {name: copy.copy(person[name]) for name in ("id", "first_name", "last_name", "can_email")}
    told["candidate"] |= {"is_private": person["private"], "email_addresses": person["email_addresses"]}
    told["candidate"]["recruiter"] = {"id": 311, "name": "Ruth Castell", "email": "ruth.castell@studio.example"}
    return content


def _reason(made: Account, number: int) -> Row | None:
    detail = made.lists["rejection_details"].get(700_000 + number)
    if detail is None:
        return None
    reason = made.lists["rejection_reasons"][detail["rejection_reason_id"]]
    return {"id": reason["id"], "name": reason["name"], "type": {"id": 1, "name": reason["type"]["name"]}}


def _seconds(moment: str | None) -> str | None:
    return moment and moment[:19] + "Z"
