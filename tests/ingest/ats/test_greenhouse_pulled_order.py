"""Greenhouse: what was pulled among web hooks, in any order, with any of them lost."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.core.candidacy import Standing, advance
from notifier.core.change import StageChange
from notifier.core.stage import Outcome, StageKind
from tests.ingest.ats.pulled import MONDAY, NUMBER, account, hook, record, said
from tests.standins.greenhouse_account import Account

KIND = {"4401": StageKind.APPLIED, "4402": StageKind.INTERVIEW, "4404": StageKind.OFFER}
#: Deeds happen inside a second: the API shows when, and web hooks do not.
INSIDE = timedelta(milliseconds=700)

OUTCOME = {"in_process": Outcome.NONE, "rejected": Outcome.REJECTED, "hired": Outcome.HIRED}


def standing_after(events: list[StageChange]) -> Standing:
    standing: Standing | None = None
    for number, event in enumerate(events):
        kind = KIND[event.stage.external_id] if event.stage else StageKind.UNMAPPED
        standing = advance(standing, event, kind, f"{number}").after
    assert standing is not None
    return standing


def act(made: Account, what: str, at: datetime) -> StageChange | None:
    """Do something that is possible now; what its web hook says, or nothing where there is none."""
    status = made.lists["applications"][NUMBER]["status"]
    if what in ("4401", "4402", "4404") and status == "in_process":
        made.move(NUMBER, int(what), at)
        return hook(made, "candidate_stage_change")
    if what == "reject" and status == "in_process":
        made.reject(NUMBER, at)
        return hook(made, "reject_candidate")
    if what == "unreject" and status == "rejected":
        made.unreject(NUMBER, at)
        return hook(made, "unreject_candidate")
    if what == "hire" and status == "in_process":
        made.hire(NUMBER, at)
        return hook(made, "hire_candidate")
    if what == "edit":
        made.edit(NUMBER, at, job_post_id=9)
    return None


acts = st.lists(
    st.tuples(
        st.sampled_from(["4401", "4402", "4404", "reject", "unreject", "unreject", "hire", "edit", "pull", "pull"]),
        st.integers(1, 7200),
    ),
    max_size=12,
)


def story(deeds: list[tuple[str, int]]) -> tuple[Account, list[StageChange], list[StageChange]]:
    """The account after these deeds, the web hooks it sent, and the pulls, the last one at the end."""
    made, at = account(), MONDAY + INSIDE
    made.apply(NUMBER, at)
    hooks, pulls = [hook(made, "new_candidate_application")], []
    for what, seconds in deeds:
        at += timedelta(seconds=seconds)
        if what == "pull":
            pulls.append(said(record(made)))
        elif (told := act(made, what, at)) is not None:
            hooks.append(told)
    return made, hooks, [*pulls, said(record(made))]


@settings(deadline=None, max_examples=300)
@given(deeds=acts, data=st.data())
def test_after_a_pull_we_stand_where_greenhouse_does_whatever_was_lost(
    deeds: list[tuple[str, int]], data: st.DataObject
) -> None:
    """I7 with loss: any of the web hooks, any order, and the pull after the last change."""
    made, hooks, pulls = story(deeds)
    heard = [told for told in hooks if data.draw(st.booleans())]
    reached = standing_after(data.draw(st.permutations([*heard, *pulls])))
    application = made.lists["applications"][NUMBER]
    assert reached.outcome is OUTCOME[application["status"]]
    assert reached.stage == str(application["job_interview_stage_id"])


@settings(deadline=None, max_examples=300)
@given(deeds=acts)
def test_pulls_between_web_hooks_that_all_arrive_change_nothing(deeds: list[tuple[str, int]]) -> None:
    """O15: the same version at the end, so nothing was told twice."""
    made, at = account(), MONDAY + INSIDE
    made.apply(NUMBER, at)
    alone = [hook(made, "new_candidate_application")]
    among = [*alone]
    for what, seconds in deeds:
        at += timedelta(seconds=seconds)
        if what == "pull":
            among.append(said(record(made)))
        elif (told := act(made, what, at)) is not None:
            alone.append(told)
            among.append(told)
    assert standing_after(among).version == standing_after(alone).version


@settings(deadline=None, max_examples=200)
@given(deeds=acts)
def test_a_web_hook_that_comes_after_the_pull_of_its_change_says_nothing_new(deeds: list[tuple[str, int]]) -> None:
    """O15 the other way round: the pull was quicker."""
    made, at = account(), MONDAY + INSIDE
    made.apply(NUMBER, at)
    standing = standing_after([said(record(made))])
    late = [hook(made, "new_candidate_application")]
    for what, seconds in deeds:
        at += timedelta(seconds=seconds)
        told = act(made, what, at)
        step = advance(standing, said(record(made)), _kind(said(record(made))), "pull")
        standing = step.after
        late.extend([told] if told is not None else [])
    for number, told in enumerate(late):
        step = advance(standing, told, _kind(told), f"hook-{number}")
        assert step.silence in {"stale", "unchanged"}
        assert step.after.version == standing.version
        standing = step.after


@pytest.mark.parametrize("swapped", [False, True])
def test_a_pull_of_the_rejection_never_outruns_the_web_hook_of_its_undoing(*, swapped: bool) -> None:
    """The published undoing carries the activity of the rejection: equal times, and the meaning decides."""
    made = account()
    made.apply(NUMBER, MONDAY + INSIDE)
    made.reject(NUMBER, MONDAY + INSIDE + timedelta(hours=1))
    made.edit(NUMBER, MONDAY + timedelta(hours=2), job_post_id=9)
    read = said(record(made))
    made.unreject(NUMBER, MONDAY + timedelta(hours=3))
    undone = hook(made, "unreject_candidate")
    assert undone.occurred_at == read.occurred_at
    events = [undone, read] if swapped else [read, undone]
    assert standing_after(events).outcome is Outcome.NONE


def _kind(event: StageChange) -> StageKind:
    return KIND[event.stage.external_id] if event.stage else StageKind.UNMAPPED
