"""L7: whatever the order of deliveries, the final state is the ATS's state. L6: a repeated event has one effect."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from notifier.core.candidacy import Standing, advance, implausible
from notifier.core.change import StageChange, StageFacts
from notifier.core.stage import Outcome, StageKind

START = datetime(2026, 11, 24, tzinfo=UTC)

KINDS = st.sampled_from(list(StageKind))


@st.composite
def changes(draw: st.DrawFn) -> list[tuple[StageChange, StageKind, str]]:
    """Changes of one application, with ties in time and in sequence, each with its own event key."""
    count = draw(st.integers(1, 7))
    events = []
    for number in range(count):
        kind = draw(KINDS)
        change = StageChange(
            "a1",
            START + timedelta(minutes=draw(st.integers(0, 4))),
            draw(st.integers(0, 2)),
            draw(st.sampled_from([None, *Outcome])),
            StageFacts(kind.value, kind.value) if draw(st.booleans()) else None,
        )
        events.append((change, kind, f"evt-{number}"))
    return events


def replay(events: list[tuple[StageChange, StageKind, str]]) -> Standing:
    standing = None
    for change, kind, key in events:
        standing = advance(standing, change, kind, key).after
    assert standing is not None
    return standing


@given(changes(), st.randoms(use_true_random=False))
def test_any_order_ends_where_the_newest_change_says(events: list[tuple[StageChange, StageKind, str]], random) -> None:
    newest = max(events, key=lambda event: (event[0].occurred_at, event[0].sequence, event[2]))
    shuffled = list(events)
    random.shuffle(shuffled)

    end = replay(shuffled)

    in_order = replay(sorted(events, key=lambda event: (event[0].occurred_at, event[0].sequence, event[2])))
    assert end.order == (newest[0].occurred_at, newest[0].sequence, newest[2])
    assert (end.stage, end.kind, end.interviewed) == (in_order.stage, in_order.kind, in_order.interviewed)
    if newest[0].stage is not None or newest[0].outcome not in (None, Outcome.NONE):
        assert end.outcome == in_order.outcome


@given(changes(), st.data())
def test_a_repeated_change_is_a_silence_and_changes_nothing(
    events: list[tuple[StageChange, StageKind, str]], data: st.DataObject
) -> None:
    before = replay(events)
    change, kind, key = data.draw(st.sampled_from(events))

    again = advance(before, change, kind, key)

    assert again.silence == "stale"
    assert again.after == before


@given(changes())
def test_the_version_only_counts_up_and_an_outcome_began_at_one_of_them(
    events: list[tuple[StageChange, StageKind, str]],
) -> None:
    standing = None
    for change, kind, key in events:
        after = advance(standing, change, kind, key).after
        assert after.version >= (standing.version if standing else 1)
        assert (after.outcome_version == 0) == (after.outcome is Outcome.NONE)
        assert after.outcome_version <= after.version
        standing = after


def test_times_nobody_can_mean_order_nothing() -> None:
    assert implausible(datetime(1970, 1, 1, tzinfo=UTC), START)
    assert implausible(datetime(2099, 1, 1, tzinfo=UTC), START)
    assert not implausible(START - timedelta(days=4000), START)
    assert not implausible(START + timedelta(hours=23), START)
