"""What follows from a change: which messages have lost their reason, which is owed now, how it leaves.

Pure: it is told everything (`Situation`) and returns everything (`Plan`). Doing nothing has a name: a plan without a
draft says why in `silence`, and an outcome without a message says in `open_reason` why it stands on somebody's list.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from notifier.core.candidacy import Standing
from notifier.core.message import MAY_BE_OUT, STOPPABLE, Purpose, Submission
from notifier.core.rule import Hold, Mode, Rule, Trigger, Window
from notifier.core.stage import Outcome, StageKind
from notifier.decide import timing
from notifier.decide.rules import RuleBook, find

#: The usual order of kinds; going back to an earlier one is never announced.
RANK = {
    StageKind.APPLIED: 0,
    StageKind.SCREEN: 1,
    StageKind.INTERVIEW: 2,
    StageKind.FINAL: 3,
    StageKind.OFFER: 4,
    StageKind.HIRED: 5,
}

#: A second stage of the same kind is worth a message only where it asks something new of the candidate.
REPEATS = frozenset({StageKind.INTERVIEW, StageKind.FINAL})

#: The obstacle that stops only what informs: they called a mail of ours spam, or unsubscribed.
COMPLAINED = "complained"

TRIGGER_OF_OUTCOME = {
    Outcome.REJECTED: Trigger.REJECTED,
    Outcome.WITHDRAWN: Trigger.WITHDRAWN,
    Outcome.HIRED: Trigger.HIRED,
}


@dataclass(frozen=True, slots=True)
class Existing:
    """A message there is already.

    `told_by_hand`: it was cancelled because somebody had told them already; `stopped_by_hand`: because a person did not
    want it. `left`: an attempt at it was taken, or may have been, whatever became of the message since.
    """

    id: str
    template: str
    purpose: Purpose
    version: int
    state: Submission
    told_by_hand: bool = False
    stopped_by_hand: bool = False
    left: bool = False


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a decision needs.

    `silence` is core's word for a change that moved nothing. `obstacle` says why the candidate cannot be written to
    (empty: they can). `ats_writes` are the template keys the ATS sends itself. `told` says that the outcome before this
    change was told by hand. `arrived`: the event was the arrival of the application; `undoes`: it takes an ending back.
    `imported`: it stands in a table of old applications, so that a person looks before anybody is written to.
    """

    now: datetime
    zone: str
    before: Standing | None
    after: Standing
    silence: str
    arrived: bool
    undoes: bool
    obstacle: str
    shadow: bool
    ats_writes: frozenset[str]
    told: bool
    promise_due: datetime | None
    messages: Sequence[Existing]
    imported: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be written down."""

    template: str
    purpose: Purpose
    version: int
    mode: Mode
    hold: Hold
    window: Window
    state: Submission
    reason: str
    due_at: datetime | None
    promise_days: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do: stop messages (id, reason), write a draft, or name the silence.

    `takes_back`: beside the draft, or alone, comes one that says once more that the last ending was an error.
    `told_by_ats`: the outcome is told by the ATS's own mail. `open_reason`: no message can carry this outcome.
    """

    stop: tuple[tuple[str, str], ...] = ()
    draft: Draft | None = None
    silence: str = ""
    told_by_ats: bool = False
    open_reason: str = ""
    takes_back: Draft | None = None


def plan(situation: Situation, book: RuleBook) -> Plan:
    """Decide what follows from one change of one application."""
    before, after = situation.before, situation.after
    if situation.silence:
        return _reworded(situation, book, Plan(silence=situation.silence))
    stop = _lost_their_reason(situation)
    if after.outcome is not Outcome.NONE:
        if before is not None and after.outcome_version == before.outcome_version:
            return _reworded(situation, book, Plan(stop, silence="outcome_stands"))
        return _outcome(situation, book, stop)
    if before is not None and before.outcome is not Outcome.NONE:
        return _reopened(situation, book, stop)
    return _and_take_back(situation, book, _entered(situation, book, stop))


def draft_for(rule: Rule, situation: Situation, *, purpose: Purpose, version: int, held: str = "") -> Draft:
    """The message a rule makes in this situation; `held` forces it onto the hold list with that reason."""
    # A reason that asks for a person comes first: an obstacle may go away by itself, and must not take it along.
    reason = held or situation.obstacle or ("shadow" if situation.shadow else "")
    due_at = None
    if reason:
        state = Submission.HELD
    elif rule.mode is Mode.AUTO:
        state = Submission.SCHEDULED
        not_after = situation.promise_due if purpose is Purpose.STATUS else None
        due_at = timing.due(situation.now, rule.hold, rule.window, situation.zone, not_after)
    else:
        state = Submission.AWAITING_APPROVAL
    return Draft(
        rule.template, purpose, version, rule.mode, rule.hold, rule.window, state, reason, due_at, rule.promise_days
    )


def _lost_their_reason(situation: Situation) -> tuple[tuple[str, str], ...]:
    after, before = situation.after, situation.before
    if after.outcome is not Outcome.NONE:
        reason = str(after.outcome)
    elif before is not None and before.outcome is not Outcome.NONE:
        reason = f"no_longer_{before.outcome}"
    else:
        reason = "stage_changed"
    return tuple(
        (message.id, reason)
        for message in situation.messages
        if message.state in STOPPABLE and not _is_current(message, after)
    )


def _is_current(message: Existing, after: Standing) -> bool:
    return message.version == (after.outcome_version if message.purpose is Purpose.OUTCOME else after.version)


def _may_be_out(message: Existing) -> bool:
    return message.state in MAY_BE_OUT or message.left


def _outcome(situation: Situation, book: RuleBook, stop: tuple[tuple[str, str], ...]) -> Plan:
    after = situation.after
    rule = find(book, TRIGGER_OF_OUTCOME[after.outcome], after.kind, interviewed=after.interviewed)
    if rule is None:
        return Plan(stop, open_reason="no_rule")
    if rule.template in situation.ats_writes:
        return Plan(stop, silence="ats_writes_itself", told_by_ats=True)
    again = after.outcome is Outcome.REJECTED and any(
        message.purpose is Purpose.OUTCOME and (_may_be_out(message) or message.told_by_hand)
        for message in situation.messages
    )
    held = "rejected_again" if again else ""
    if situation.imported and not held:
        held = "imported"
    return Plan(stop, draft_for(rule, situation, purpose=Purpose.OUTCOME, version=after.outcome_version, held=held))


def _reopened(situation: Situation, book: RuleBook, stop: tuple[tuple[str, str], ...]) -> Plan:
    if not (situation.told or _believe_in_an_ending(situation, book, stop)):
        return Plan(stop, silence="reopened_before_told")
    rule = find(book, Trigger.REOPENED_AFTER_TOLD, situation.after.kind, interviewed=situation.after.interviewed)
    if rule is None:
        return Plan(stop, silence="no_rule")
    return Plan(stop, draft_for(rule, situation, purpose=Purpose.STATUS, version=situation.after.version))


def _and_take_back(situation: Situation, book: RuleBook, entered: Plan) -> Plan:
    """Whoever was told an ending in error is told so wherever they stand by now: the message that waited to say it has
    named the old stage, so it is written anew. It says where they stand, so nothing else says so before it."""
    says_so, stopped = _takes_back(book), {message_id for message_id, _ in entered.stop}
    waited = any(one.id in stopped and one.template in says_so for one in situation.messages)
    after = situation.after
    rule = find(book, Trigger.REOPENED_AFTER_TOLD, after.kind, interviewed=after.interviewed)
    if rule is None or not (waited or _believe_in_an_ending(situation, book, entered.stop)):
        return entered
    only_informs = entered.draft is not None and entered.draft.mode is Mode.AUTO
    return replace(
        entered,
        takes_back=draft_for(rule, situation, purpose=Purpose.STATUS, version=after.version),
        draft=None if only_informs else entered.draft,
    )


def _believe_in_an_ending(situation: Situation, book: RuleBook, stop: tuple[tuple[str, str], ...]) -> bool:
    """Whether an ending has left, or may have, that nothing since has taken back; whichever it was: what was told first
    may have been changed in the ATS before it was reopened. What a person did not want to be said counts as said."""
    says_so, stopped = _takes_back(book), {message_id for message_id, _ in stop}
    taken_back = (
        one.version
        for one in situation.messages
        if one.template in says_so
        and one.id not in stopped
        and (one.state is not Submission.CANCELLED or one.told_by_hand or one.stopped_by_hand)
    )
    since = max(taken_back, default=0)
    return any(
        one.purpose is Purpose.OUTCOME and one.version > since and _may_be_out(one) for one in situation.messages
    )


def _takes_back(book: RuleBook) -> set[str]:
    return {rule.template for rule in book if rule.trigger is Trigger.REOPENED_AFTER_TOLD}


def _entered(situation: Situation, book: RuleBook, stop: tuple[tuple[str, str], ...]) -> Plan:
    before, after = situation.before, situation.after
    if before is None and situation.undoes:
        # We never heard of the ending, so there is nothing to take back and nothing new.
        return Plan(stop, silence="reopened_before_told")
    kind = StageKind.APPLIED if before is None and situation.arrived else after.kind
    if kind is StageKind.UNMAPPED:
        return Plan(stop, silence="unmapped_stage")
    if before is not None:
        if kind is before.kind and kind not in REPEATS:
            return Plan(stop, silence="same_kind_of_stage")
        if RANK.get(kind, 9) < RANK.get(before.kind, -1):
            return Plan(stop, silence="moved_back")
    rule = find(book, Trigger.ENTERED, kind, interviewed=after.interviewed)
    if rule is None:
        return Plan(stop, silence="no_rule")
    if situation.obstacle == COMPLAINED and rule.mode is Mode.AUTO:
        return Plan(stop, silence=COMPLAINED)  # what a person looks at is held for them: an offer is no newsletter
    if rule.template in situation.ats_writes:
        return Plan(stop, silence="ats_writes_itself")
    return Plan(stop, draft_for(rule, situation, purpose=Purpose.STATUS, version=after.version))


def _reworded(situation: Situation, book: RuleBook, silent: Plan) -> Plan:
    """A change that says nothing new of the outcome. One thing may still follow: the "no" on its way was worded for
    somebody who had not been interviewed, and now we know better."""
    after = situation.after
    if after.outcome is Outcome.NONE or situation.before is None or situation.before.interviewed == after.interviewed:
        return silent
    waiting = [
        message
        for message in situation.messages
        if message.purpose is Purpose.OUTCOME and message.state in STOPPABLE and _is_current(message, after)
    ]
    rule = find(book, TRIGGER_OF_OUTCOME[after.outcome], after.kind, interviewed=after.interviewed)
    if not waiting or rule is None or rule.template == waiting[0].template:
        return silent
    draft = draft_for(rule, situation, purpose=Purpose.OUTCOME, version=after.outcome_version)
    return Plan((*silent.stop, *((message.id, "interviewed_after_all") for message in waiting)), draft)
