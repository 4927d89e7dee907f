"""Every documented Greenhouse event leads to the state and the message that it means."""

import json
from pathlib import Path

import pytest

from notifier.store.inbox import get_item
from notifier.store.views import list_applications
from tests.world import World

OWN = Path(__file__).parents[1] / "payloads" / "greenhouse"
PUBLISHED = Path(__file__).parents[2].parent / "shared" / "payloads" / "ats" / "greenhouse"

#: file -> (state and reason of the inbox item, outcome and kind of the application, template and state of the message)
MEANING = {
    "application_updated": ("planned", "", "none", "applied", "application_received", "held"),
    "candidate_anonymized": ("planned", "candidate_erased", None, None, None, None),
    "candidate_stage_change": ("planned", "unmapped_stage", "none", "unmapped", None, None),
    "delete_application": ("ignored", "unknown_application", None, None, None, None),
    "delete_candidate": ("planned", "candidate_erased", None, None, None, None),
    "department_deleted": ("ignored", "organization_moves_nobody", None, None, None, None),
    "hire_candidate": ("planned", "", "hired", "unmapped", "hired_handoff", "awaiting_approval"),
    "interview_deleted": ("ignored", "interview_changes_no_stage", None, None, None, None),
    "merge_candidate": ("ignored", "unknown_candidate", None, None, None, None),
    "new_candidate_application": ("planned", "", "none", "applied", "application_received", "accepted"),
    "new_prospect_application": ("ignored", "prospect", None, None, None, None),
    "offer_created": ("ignored", "offer_changes_no_stage", None, None, None, None),
    "offer_deleted": ("ignored", "offer_changes_no_stage", None, None, None, None),
    "ping": ("ignored", "ping", None, None, None, None),
    "reject_candidate": ("planned", "", "rejected", "unmapped", "rejected_after_application", "scheduled"),
    "reject_candidate_withdrawn": ("planned", "", "withdrawn", "unmapped", "withdrawn_ack", "scheduled"),
    "unhire_candidate": ("planned", "reopened_before_told", "none", "offer", None, None),
    "unreject_candidate": ("planned", "reopened_before_told", "none", "unmapped", None, None),
    "update_candidate": ("ignored", "unknown_candidate", None, None, None, None),
}

#: The published examples name other stages: "Assessment", "Preliminary Phone Screen", "Offer".
PUBLISHED_MEANING = {
    "candidate_stage_change": ("planned", "", "none", "screen", "in_review", "scheduled"),
    "hire_candidate": MEANING["hire_candidate"],
    "new_candidate_application": ("planned", "", "none", "screen", "application_received", "accepted"),
    "offer_created": MEANING["offer_created"],
    "ping": MEANING["ping"],
    "reject_candidate": ("planned", "", "rejected", "offer", "rejected_after_interview", "awaiting_approval"),
    "unreject_candidate": ("planned", "reopened_before_told", "none", "offer", None, None),
}


def outcome_of(world: World, body: bytes) -> tuple[str | None, ...]:
    """Post one body; what the inbox, the mirror and the outbox say afterwards."""
    receipt = world.post(world.greenhouse, body)
    world.settle_down()
    assert receipt.status == 200
    assert receipt.item_id is not None
    with world.db.read() as tx:
        item = get_item(tx, world.workspace, receipt.item_id)
        rows = [view.application for view in list_applications(tx, [world.workspace])]
    (row,) = rows or [None]
    (message,) = world.messages() or [None]
    assert world.ledger().violations == ()
    return (
        item.state.value,
        item.reason,
        row.outcome.value if row else None,
        row.kind.value if row else None,
        message.template if message else None,
        message.state.value if message else None,
    )


def test_every_fixture_has_a_meaning() -> None:
    assert {path.stem for path in OWN.glob("*.json")} == set(MEANING)


@pytest.mark.parametrize("name", MEANING)
def test_an_event_leads_to_the_state_and_message_it_means(world_on: World, name: str) -> None:
    assert outcome_of(world_on, (OWN / f"{name}.json").read_bytes()) == MEANING[name]


@pytest.mark.parametrize("name", PUBLISHED_MEANING if PUBLISHED.is_dir() else [])
def test_a_published_example_leads_to_the_state_and_message_it_means(world: World, name: str) -> None:
    assert outcome_of(world, (PUBLISHED / f"{name}.json").read_bytes()) == PUBLISHED_MEANING[name]


def applicant(world: World) -> dict[str, object]:
    body: dict[str, object] = json.loads((OWN / "new_candidate_application.json").read_bytes())
    world.post(world.greenhouse, body)
    world.settle_down()
    return body


@pytest.mark.parametrize("name", ["candidate_anonymized", "delete_candidate", "delete_application"])
def test_a_person_or_application_that_is_deleted_gets_no_mail_and_is_not_brought_back(
    world_on: World, name: str
) -> None:
    world = world_on
    body = applicant(world)
    application = body["payload"]["application"]
    rejection = json.loads((OWN / "reject_candidate.json").read_bytes())
    rejection["payload"]["application"] |= {"id": application["id"], "candidate": application["candidate"]}
    world.clock.tick(minutes=1)
    rejection["payload"]["application"]["last_activity_at"] = "2026-11-24T09:59:00Z"
    rejection["payload"]["application"]["rejected_at"] = "2026-11-24T09:59:00Z"
    world.post(world.greenhouse, rejection)
    world.settle_down()
    assert ("rejected_after_application", "scheduled") in world.live(str(application["id"]))

    deletion = json.loads((OWN / f"{name}.json").read_bytes())
    if name == "candidate_anonymized":
        deletion["payload"]["candidate_id"] = application["candidate"]["id"]
    elif name == "delete_candidate":
        deletion["payload"]["person"]["id"] = application["candidate"]["id"]
    else:
        deletion["payload"]["application"]["id"] = application["id"]
    world.post(world.greenhouse, deletion)
    world.settle_down()
    world.post(world.greenhouse, rejection | {"again": True}, event_id="another-delivery")
    world.run_for(days=3)

    assert [state for template, state in world.live(str(application["id"])) if template.startswith("rejected")] == []
    assert len(world.provider.accepted) == 1
    assert world.ledger().violations == ()
