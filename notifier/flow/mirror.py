"""Apply one translated event: bring our mirror up to it, then let `decide` say what follows.

Every function returns the name of the silence, or an empty text when a message or a cancellation followed.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from notifier.core.candidacy import Advance, Standing, advance
from notifier.core.change import (
    ApplicationDeleted,
    CandidateChanged,
    CandidateErased,
    CandidateFacts,
    CandidateMerged,
    OwnerFacts,
    StageChange,
    StagesReplaced,
)
from notifier.core.message import MAY_BE_OUT, Purpose, Submission
from notifier.core.stage import Outcome, StageKind
from notifier.decide.plan import COMPLAINED, Existing, Plan, Situation, plan
from notifier.decide.stage_names import guess
from notifier.deliver.address import address as strict_address
from notifier.flow import again, drafting, settle
from notifier.flow.parts import Flow, rules_of
from notifier.store import applications, evidence, inbox, mailbox, messages, people, provider_events, stages, sweeps
from notifier.store.applications import Application
from notifier.store.database import Tx
from notifier.store.inbox import InboxItem
from notifier.store.sources import Source
from notifier.store.workspaces import get_workspace

#: Why a message was cancelled by somebody who had told the candidate already.
TOLD_BY_HAND = frozenset({"told_phone", "told_in_person", "told_own_mail"})

#: Silences that did change our mirror: the item is *planned*, and the silence is its reason.
EFFECTS = frozenset({
    "unmapped_stage",
    "same_kind_of_stage",
    "moved_back",
    "no_rule",
    "ats_writes_itself",
    "complained",
    "outcome_stands",
    "reopened_before_told",
    "candidate_updated",
    "candidate_merged",
    "candidate_erased",
    "application_deleted",
    "stages_replaced",
    "source_is_read",
    "before_us",
})  # fmt: skip


def first_valid(emails: tuple[str, ...] | None) -> str | None:
    """The first address a mail can be sent to, or `None`."""
    return next((found for raw in emails or () if (found := strict_address(raw))), None)


def stage_change(flow: Flow, tx: Tx, source: Source, change: StageChange, item: InboxItem) -> str:
    """An application is now somewhere: the middle of the whole story.

    At equal times and sequences the digest of the signed body decides, and not the event key: a header that names an
    event is signed by few ATSs, and a replay under another name must not win a tie.
    """
    row = applications.find_application(tx, source.id, change.application_id)
    if row is not None and row.deleted_at is not None:
        named = people.find_candidate(tx, source.id, change.candidate.external_id) if change.candidate else None
        return "candidate_is_erased" if _of_erased(tx, named, item) else "application_is_deleted"
    candidate = _candidate(tx, source, change.candidate, change.occurred_at)
    if _of_erased(tx, candidate, item):
        return "candidate_is_erased"
    stage = _stage(tx, source, change)
    tie_break = item.body_hash.hex()
    before = applications.standing(row) if row is not None else None
    step = advance(before, change, stage.kind if stage is not None else StageKind.UNMAPPED, tie_break)
    if row is None and _before_us(source, change, item):
        step = replace(step, silence="before_us")
    told = row is not None and row.told_at is not None and row.told_how != "email"
    actor = f"ats:{source.id}"
    if row is None:
        row = applications.add_application(tx, source, change.application_id, step.after, actor)
    elif step.after != before:
        applications.move(tx, row, step.after, actor=actor, reason=item.id)
    if stage is not None and step.after.stage_order[2] == tie_break:
        row.stage_id = stage.id
    if step.silence != "stale":
        _mirror_facts(tx, source, row, change)
    if candidate is not None:
        if row.candidate_id is None or step.silence != "stale":
            row.candidate_id = candidate.id
        _release_reachable(flow, tx, candidate)
    situation = _situation(flow, tx, source, row, change, before, step, told=told)
    situation = replace(situation, imported=item.origin == inbox.IMPORT)
    decided = plan(situation, rules_of(flow, tx, source.workspace_id))
    return carry_out(flow, tx, row, decided, actor=actor)


def _before_us(source: Source, change: StageChange, item: InboxItem) -> bool:
    """Whether a record that was read or imported, and that no event told of, is of an application that goes on since
    before this source was connected. It is taken down as it stands; the next move of it is news."""
    if change.outcome not in (None, Outcome.NONE):
        return False
    if item.origin == inbox.IMPORT:
        return True
    return item.origin == inbox.SWEEP and change.applied_at is not None and change.applied_at < source.created_at


def _of_erased(tx: Tx, candidate: people.Candidate | None, item: InboxItem) -> bool:
    """Note whom the item is about. If they were erased, nothing of it is kept but that it came."""
    if candidate is None:
        return False
    item.candidate_id = candidate.id
    if candidate.erased_at is not None:
        inbox.blank_items(tx, [item.id])
    return candidate.erased_at is not None


def _stage(tx: Tx, source: Source, change: StageChange) -> stages.Stage | None:
    if change.stage is None:
        return None
    facts = change.stage
    return stages.mirror_stage(tx, source, facts.external_id, facts.name, guessed=guess(facts.name), said=facts.kind)


def _situation(
    flow: Flow,
    tx: Tx,
    source: Source,
    row: Application,
    change: StageChange,
    before: Standing | None,
    step: Advance,
    *,
    told: bool,
) -> Situation:
    return Situation(
        now=tx.now,
        zone=get_workspace(tx, source.workspace_id).zone,
        before=before,
        after=step.after,
        silence=step.silence,
        arrived=change.arrived,
        undoes=change.undoes,
        obstacle=_obstacle(tx, row),
        shadow=flow.settings.shadow or source.sending == "shadow",
        ats_writes=frozenset(source.ats_writes),
        told=told,
        promise_due=row.promise_due,
        messages=_existing(tx, messages.of_application(tx, row.id, lock=True)),
    )


def _existing(tx: Tx, there: Sequence[messages.Message]) -> list[Existing]:
    # The state of a message tells that it may be out until its doubt is dropped or it is sent again; its attempts know.
    asked = [one.id for one in there if one.purpose is Purpose.OUTCOME and one.state not in MAY_BE_OUT]
    left = evidence.may_have_left(tx, asked)
    return [
        Existing(
            one.id,
            one.template,
            one.purpose,
            one.version,
            one.state,
            told_by_hand=one.state is Submission.CANCELLED and one.reason in TOLD_BY_HAND,
            stopped_by_hand=one.state is Submission.CANCELLED and one.reason == settle.CANCELLED_BY_HAND,
            left=one.id in left,
        )
        for one in there
    ]


def carry_out(flow: Flow, tx: Tx, row: Application, decided: Plan, *, actor: str) -> str:
    """Write a plan down: cancellations, the new message, or the name of the silence."""
    for message_id, reason in decided.stop:
        message = messages.get_message(tx, row.workspace_id, message_id)
        messages.move(tx, message, Submission.CANCELLED, actor=actor, reason=reason)
    if decided.takes_back is not None:
        drafting.write(flow, tx, row, decided.takes_back, actor=actor)
    if decided.told_by_ats:
        applications.tell(tx, row, how="ats", by=actor, at=tx.now)
    elif decided.open_reason:
        applications.leave_open(tx, row, decided.open_reason, actor=actor)
    elif decided.draft is not None:
        drafting.write(flow, tx, row, decided.draft, actor=actor)
    if decided.draft is not None or decided.stop or decided.open_reason:
        return ""
    return decided.silence


def candidate_changed(flow: Flow, tx: Tx, source: Source, event: CandidateChanged, item: InboxItem) -> str:
    """New data about a person: a message that waited for a valid address may go on.

    A person no application has named yet is not kept: whoever has not applied is none of our business.
    """
    known = people.find_candidate(tx, source.id, event.candidate.external_id)
    if known is None:
        return "unknown_candidate"
    candidate = _candidate(tx, source, event.candidate, event.occurred_at or item.received_at)
    assert candidate is not None  # facts were given
    if _of_erased(tx, candidate, item):
        return "candidate_is_erased"
    _release_reachable(flow, tx, candidate)
    return "candidate_updated"


def candidate_merged(tx: Tx, source: Source, event: CandidateMerged, item: InboxItem) -> str:
    """Two records became one: the old one's applications belong to the new one, and pending mails are stopped until a
    newer change or a person starts them again, because the ATS may have answered the person under the other record."""
    old = people.find_candidate(tx, source.id, event.external_id)
    if old is None:
        _of_erased(tx, people.find_candidate(tx, source.id, event.into.external_id), item)
        return "unknown_candidate"
    new = _candidate(tx, source, event.into, old.order_at)
    assert new is not None  # facts were given
    item.candidate_id = new.id
    if new.id == old.id:
        return "candidate_merged"
    old.merged_into = new.id
    for row in applications.of_candidate(tx, old.id):
        row.candidate_id = new.id
        _stop_all(tx, row, "candidate_merged", f"ats:{source.id}")
    return "candidate_merged"


def candidate_erased(
    tx: Tx, source: Source, event: CandidateErased, item: InboxItem | None = None, *, by: str = ""
) -> str:
    """The person was deleted or anonymised: cancel, blank, keep a tombstone. Deleting is not rejecting.

    So are the records that were merged into this one: they are the same person. `by` is who does it, else the ATS.
    """
    candidate = people.find_candidate(tx, source.id, event.external_id)
    if candidate is None:
        candidate = people.mirror_candidate(tx, source, CandidateFacts(event.external_id), None, tx.now)
    actor = by or f"ats:{source.id}"
    named = [applications.find_application(tx, source.id, external_id) for external_id in event.application_ids]
    known = applications.of_candidate(tx, candidate.id)
    for row in known + [row for row in named if row is not None and row not in known]:
        _stop_all(tx, row, f"candidate_{event.how}", actor)
        applications.delete(tx, row, actor=actor, reason=f"candidate_{event.how}")
        said = messages.of_application(tx, row.id, lock=True)
        messages.blank(tx, said)
        row.blanked_at = tx.now
        mailbox.forget(tx, [message.id for message in said])
        provider_events.blank_of(tx, [message.id for message in said])
    if item is not None:
        item.candidate_id = candidate.id
        tx.session.flush()
    for record in people.records_of(tx, candidate):
        inbox.blank(tx, record.id)
        people.erase_candidate(tx, record)
    return "candidate_erased"


def application_deleted(tx: Tx, source: Source, event: ApplicationDeleted) -> str:
    """The application was deleted in the ATS: cancel what is pending. Deleting is not rejecting."""
    row = applications.find_application(tx, source.id, event.application_id)
    if row is None:
        return "unknown_application"
    actor = f"ats:{source.id}"
    _stop_all(tx, row, "application_deleted", actor)
    applications.delete(tx, row, actor=actor, reason="application_deleted")
    return "application_deleted"


def stages_replaced(tx: Tx, source: Source, event: StagesReplaced) -> str:
    """What people said of the old stages holds for their successors. Where the applications stand is told by itself."""
    for old, new in event.stages:
        stages.succeed(tx, source, old, new)
    return "stages_replaced"


def source_changed(tx: Tx, source: Source) -> str:
    """Read the source now. What it brings comes into the inbox by itself."""
    sweeps.hurry(tx, source)
    return "source_is_read"


def _stop_all(tx: Tx, row: Application, reason: str, actor: str) -> None:
    stopped = messages.stop(tx, messages.of_application(tx, row.id, lock=True), reason, actor=actor)
    lost_outcome = any(message.version == row.outcome_version for message in stopped)
    if row.outcome is not Outcome.NONE and lost_outcome and row.deleted_at is None:
        applications.leave_open(tx, row, reason, actor=actor)


def _candidate(tx: Tx, source: Source, facts: CandidateFacts | None, occurred_at: datetime) -> people.Candidate | None:
    if facts is None:
        return None
    return people.mirror_candidate(tx, source, facts, first_valid(facts.emails), occurred_at)


def _owner(tx: Tx, source: Source, facts: OwnerFacts | None) -> people.Owner | None:
    if facts is None:
        return None
    return people.mirror_owner(tx, source, facts, strict_address(facts.email))


def _mirror_facts(tx: Tx, source: Source, row: Application, change: StageChange) -> None:
    owner = _owner(tx, source, change.owner)
    job = stages.mirror_job(tx, source, change.job) if change.job is not None else None
    row.owner_id = owner.id if owner is not None else row.owner_id
    row.job_id = job.id if job is not None else row.job_id
    tx.session.flush()


def _obstacle(tx: Tx, row: Application) -> str:
    candidate = tx.session.get(people.Candidate, row.candidate_id) if row.candidate_id else None
    if candidate is None:
        return "unknown_candidate"
    return people.reach(tx, candidate).obstacle or (COMPLAINED if candidate.complained_at is not None else "")


def _release_reachable(flow: Flow, tx: Tx, candidate: people.Candidate) -> None:
    if people.reach(tx, candidate).obstacle:
        return
    for row in applications.of_candidate(tx, candidate.id):
        # Only another address than the one that failed makes this candidate reachable after a bounce.
        if candidate.address_state == "good" and again.returned(tx, row) is not None:
            again.draft(flow, tx, row, actor=f"ats:{row.source_id}")
        for message in messages.of_application(tx, row.id, lock=True):
            if message.state is Submission.HELD and message.reason in ("no_valid_address", "address_dead"):
                drafting.release(tx, row, message, actor=f"ats:{row.source_id}")
