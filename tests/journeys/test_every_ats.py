"""Every ATS against one running installation: signed as documented, forged, and copied; from hook to message."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from notifier.core.stage import Outcome
from notifier.ingest.registry import adapters
from notifier.store import sources
from notifier.store.inbox import list_items
from notifier.store.ledger import read_ledger
from notifier.store.views import list_applications, list_messages
from tests.processes import System, system
from tests.standins.ats_api import ANYBODY, AtsApi

LEVER = "0bb07000-0001-4000-8000-000000000001"
SMART = ("6d1f0a52-0001-4000-8000-000000000001", "b7a3c9e4-0001-4000-8000-000000000001")
TEAM = "52001"


@dataclass(frozen=True)
class Story:
    """Somebody applies and is rejected: the two samples, and what the API says before each of them."""

    applied: str
    rejected: str
    says: Callable[[bool], dict[str, Any]] = lambda _: {}


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def millis() -> int:
    return int(time.time() * 1000)


def lever(rejected: bool) -> dict[str, Any]:
    record = {
        "id": LEVER,
        "contact": "c-lever",
        "name": "Ines Marković",
        "emails": ["lever@example.org"],
        "updatedAt": millis(),
        "stage": {"id": "applicant-new", "text": "New applicant"},
        "archived": {"reason": "r1", "archivedAt": millis()} if rejected else None,
        "applications": [{"id": "a", "posting": "p1"}],
    }
    return {
        f"/opportunities/{LEVER}": {"data": record},
        "/archive_reasons/r1": {"data": {"id": "r1", "text": "Underqualified", "type": "non-hired"}},
        "/postings/p1": {"data": {"id": "p1", "text": "Field Engineer"}},
    }


def smartrecruiters(rejected: bool) -> dict[str, Any]:
    candidate, job = SMART
    return {
        f"/candidates/{candidate}/jobs/{job}": {"status": "REJECTED" if rejected else "NEW"},
        f"/candidates/{candidate}": {"id": candidate, "firstName": "Ines", "email": "smart@example.org"},
        f"/candidates/{candidate}/jobs/{job}/status/history": {
            "content": [{"changedOn": now(), "status": "REJECTED" if rejected else "NEW"}]
        },
        f"/jobs/{job}": {"id": job, "title": "Field Engineer"},
    }


def teamtailor(rejected: bool) -> dict[str, Any]:
    included = [
        {"id": "1", "type": "candidates", "attributes": {"first-name": "Ines", "email": "team@example.org"}},
        {"id": "2", "type": "jobs", "attributes": {"title": "Field Engineer"}},
        {"id": "3", "type": "stages", "attributes": {"name": "Inbox", "stage-type": "Inbox"}},
    ]
    relations = {"candidate": included[0], "job": included[1], "stage": included[2]}
    data = {
        "id": TEAM,
        "attributes": {"updated-at": now(), "rejected-at": now() if rejected else None},
        "relationships": {name: {"data": {"id": it["id"], "type": it["type"]}} for name, it in relations.items()},
    }
    return {f"/job-applications/{TEAM}": {"data": data, "included": included}}


def merge(rejected: bool) -> dict[str, Any]:
    row = {
        "id": "m1",
        "modified_at": now(),
        "applied_at": now(),
        "rejected_at": now() if rejected else None,
        "candidate": {"id": "c", "first_name": "Ines", "email_addresses": [{"value": "merge@example.org"}]},
        "current_stage": {"id": "s", "name": "Application Review"},
        "job": {"id": "j", "name": "Field Engineer"},
    }
    return {"/applications": {"next": None, "results": [row]}}


def kombo(rejected: bool) -> dict[str, Any]:
    row = {
        "id": "k1",
        "changed_at": now(),
        "remote_created_at": now(),
        "outcome": "DECLINED" if rejected else "PENDING",
        "rejected_at": now() if rejected else None,
        "candidate": {"id": "c", "first_name": "Ines", "email_addresses": [{"email_address": "kombo@example.org"}]},
        "current_stage": {"id": "s", "name": "Application Review"},
        "job": {"id": "j", "name": "Field Engineer"},
    }
    return {"/ats/applications": {"status": "success", "data": {"next": None, "results": [row]}}}


STORIES = {
    "ashby": Story("applicationSubmit", "rejected"),
    "breezy": Story("candidateAdded", "rejected"),
    "generic": Story("applied", "rejected"),
    "greenhouse": Story("new_candidate_application", "reject_candidate"),
    "jazzhr": Story("applied", "rejected"),
    "kombo": Story("dataChanged", "dataChanged", kombo),
    "lever": Story("applicationCreated", "candidateArchiveChange", lever),
    "merge": Story("applicationAdded", "applicationRejected", merge),
    "recruitee": Story("applied", "disqualified"),
    "smartrecruiters": Story("application.created", "application.status.updated", smartrecruiters),
    "teamtailor": Story("job_application.create", "rejected", teamtailor),
    "workable": Story("candidate_created", "disqualified"),
}


def test_there_is_a_story_for_every_ats() -> None:
    assert set(STORIES) == set(adapters())


class Told:
    """What one source's installation shows in the end."""

    def __init__(self, started: System, ats: str) -> None:
        with started.db.read() as tx:
            source = sources.get_source(tx, None, started.here[ats].id)
            mine = [source.workspace_id]
            everything = list_applications(tx, mine, limit=1000)
            self.applications = [view.application for view in everything if view.application.source_id == source.id]
            ids = {application.id for application in self.applications}
            views = list_messages(tx, mine, limit=1000)
            self.templates = sorted(view.message.template for view in views if view.message.application_id in ids)


def outcomes(started: System, ats: str) -> list[Outcome]:
    return [application.outcome for application in Told(started, ats).applications]


def until(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_an_application_and_its_rejection_reach_the_right_person(tmp_path: Path) -> None:
    """One installation for all of them: starting one takes longer than a story."""
    with AtsApi(ANYBODY, clients=("key:account",)) as api, system(tmp_path) as started:
        with started.db.begin() as tx:
            for ats, adapter in adapters().items():
                if adapter.api is not None:
                    source = sources.get_source(tx, None, started.here[ats].id)
                    sources.set_api_key(tx, source, "key:account")
                    source.api_url = api.url
        for ats, story in STORIES.items():
            live_through(started, api, ats, story)
        with started.db.read() as tx:
            mine = sorted({sources.get_source(tx, None, here.id).workspace_id for here in started.here.values()})
            assert len(list_messages(tx, mine, limit=1000)) == 2 * len(STORIES)
            assert read_ledger(tx, full=True).violations == ()


def live_through(started: System, api: AtsApi, ats: str, story: Story) -> None:
    """Somebody applies and is rejected; each webhook is forged once and copied twice."""
    adapter = adapters()[ats]
    for number, (name, rejected) in enumerate([(story.applied, False), (story.rejected, True)]):
        api.records |= story.says(rejected)
        plain = adapter.samples()[name]
        body, event = plain.body, f"{ats}-{number}"
        assert started.post(ats, body, event, headers=plain.headers, secret=adapter.new_secret())[0] == adapter.refusal
        for _ in range(3):
            assert started.post(ats, body, event, headers=plain.headers)[0] == adapter.success
        outcome = Outcome.REJECTED if rejected else Outcome.NONE
        assert until(lambda: outcomes(started, ats) == [outcome]), name  # noqa: B023 - called before the next round

    # The samples of two ATSs are about somebody who was interviewed.
    expected = [["application_received", f"rejected_after_{how}"] for how in ("application", "interview")]
    assert until(lambda: Told(started, ats).templates in expected), Told(started, ats).templates
    with started.db.read() as tx:
        items = [item for item in list_items(tx, limit=1000) if item.source_id == started.here[ats].id]
        assert {item.state.value for item in items} == {"planned"}
        assert len([item for item in items if item.origin == "webhook"]) == 2, "a copy is kept once, a forgery never"
