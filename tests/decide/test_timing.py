"""When a hold ends, a window opens and a message is due, above all on the days when clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.core.rule import Hold, Window
from notifier.decide.timing import (
    after_hold,
    due,
    end_of_day,
    is_open,
    next_open,
    promise_day,
)

BERLIN = "Europe/Berlin"
# A change of an hour in spring and autumn, the other way round in the south by half an hour, at midnight, on a Friday,
# a skipped day, a quarter of an hour, and none.
ZONES = (
    BERLIN,
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Havana",
    "Africa/Cairo",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "UTC",
)

zones = st.sampled_from(ZONES)
windows = st.sampled_from(Window)
days = st.dates(date(2000, 1, 1), date(2040, 12, 31))
moments = st.timedeltas(timedelta(0), timedelta(days=15_000)).map(
    lambda passed: datetime(2000, 1, 1, tzinfo=UTC) + passed
)
holds = st.builds(Hold, minutes=st.integers(0, 10_000), working_days=st.integers(0, 30))


def at(text: str, zone: str = BERLIN) -> datetime:
    """A local time, as people write it, as a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


# ---- holds


def test_a_hold_of_minutes_is_elapsed_time_across_a_clock_change() -> None:
    before_the_gap = at("2026-03-29T01:30")

    assert after_hold(before_the_gap, Hold(minutes=60), BERLIN) == before_the_gap + timedelta(hours=1)


@pytest.mark.parametrize(
    ("now", "zone", "expected"),
    [
        ("2026-03-27T10:00", BERLIN, "2026-03-30T10:00"),  # Friday to Monday, an hour lost on Sunday
        ("2026-10-23T10:00", BERLIN, "2026-10-26T10:00"),  # and gained
        ("2026-03-06T10:00", "America/New_York", "2026-03-09T10:00"),
        ("2026-10-30T10:00", "America/New_York", "2026-11-02T10:00"),
        ("2026-10-02T10:00", "Australia/Lord_Howe", "2026-10-05T10:00"),  # half an hour, in its spring
        ("2026-04-03T10:00", "Australia/Lord_Howe", "2026-04-06T10:00"),
        ("2026-11-28T11:15", BERLIN, "2026-11-30T11:15"),  # Saturday to Monday
    ],
)
def test_a_hold_of_a_working_day_ends_at_the_same_local_time(now: str, zone: str, expected: str) -> None:
    assert after_hold(at(now, zone), Hold(working_days=1), zone) == at(expected, zone)


def test_a_hold_that_ends_in_a_gap_ends_behind_it() -> None:
    # Cairo's clocks go from 00:00 to 01:00 on Friday, 24 April 2026.
    ends = after_hold(at("2026-04-23T00:30", "Africa/Cairo"), Hold(working_days=1), "Africa/Cairo")

    assert ends == at("2026-04-24T01:30", "Africa/Cairo")


def test_a_hold_that_ends_in_a_fold_ends_at_the_first_occurrence() -> None:
    # Cairo's clocks go from 24:00 back to 23:00 on Thursday, 29 October 2026.
    ends = after_hold(at("2026-10-28T23:30", "Africa/Cairo"), Hold(working_days=1), "Africa/Cairo")

    assert ends == datetime(2026, 10, 29, 20, 30, tzinfo=UTC)


def test_a_hold_that_begins_in_the_second_half_of_a_fold_keeps_its_local_time() -> None:
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # 02:30 for the second time, a Sunday

    assert after_hold(second, Hold(working_days=1), BERLIN) == at("2026-10-26T02:30")


def test_days_and_minutes_of_a_hold_add_up() -> None:
    assert after_hold(at("2026-11-27T17:50"), Hold(minutes=30, working_days=1), BERLIN) == at("2026-11-30T18:20")


@given(moments, holds, zones)
def test_a_hold_never_ends_before_it_began(now: datetime, hold: Hold, zone: str) -> None:
    ends = after_hold(now, hold, zone)

    assert ends >= now + timedelta(minutes=hold.minutes)
    assert ends.tzinfo is UTC


@given(moments, st.integers(1, 30), st.sampled_from(ZONES[:3]))
def test_a_hold_of_working_days_ends_on_a_working_day(now: datetime, n: int, zone: str) -> None:
    assert after_hold(now, Hold(working_days=n), zone).astimezone(ZoneInfo(zone)).weekday() < 5


# ---- windows


@pytest.mark.parametrize(
    ("moment", "window", "expected"),
    [
        ("2026-11-28T03:00", Window.ANY, True),
        ("2026-11-23T08:59:59.999999", Window.WORKING_HOURS, False),
        ("2026-11-23T09:00", Window.WORKING_HOURS, True),
        ("2026-11-23T17:59:59.999999", Window.WORKING_HOURS, True),
        ("2026-11-23T18:00", Window.WORKING_HOURS, False),
        ("2026-11-27T17:00", Window.WORKING_HOURS, True),  # Friday
        ("2026-11-28T12:00", Window.WORKING_HOURS, False),
        ("2026-11-29T12:00", Window.WORKING_HOURS, False),
        ("2026-11-26T17:29", Window.DECISION, True),  # Thursday
        ("2026-11-26T17:30", Window.DECISION, False),
        ("2026-11-27T14:59", Window.DECISION, True),
        ("2026-11-27T15:00", Window.DECISION, False),
        ("2026-11-28T12:00", Window.DECISION, False),
    ],
)
def test_each_window_is_open_as_the_rule_says(moment: str, window: Window, expected: bool) -> None:
    assert is_open(at(moment), window, BERLIN) is expected


@pytest.mark.parametrize(
    ("moment", "window", "expected"),
    [
        ("2026-11-28T03:00", Window.ANY, "2026-11-28T03:00"),
        ("2026-11-23T11:11", Window.WORKING_HOURS, "2026-11-23T11:11"),
        ("2026-11-23T06:00", Window.WORKING_HOURS, "2026-11-23T09:00"),
        ("2026-11-23T18:00", Window.WORKING_HOURS, "2026-11-24T09:00"),
        ("2026-11-27T19:00", Window.WORKING_HOURS, "2026-11-30T09:00"),
        ("2026-11-29T23:00", Window.WORKING_HOURS, "2026-11-30T09:00"),
        ("2026-11-26T17:40", Window.DECISION, "2026-11-27T09:00"),
        ("2026-11-27T15:00", Window.DECISION, "2026-11-30T09:00"),
        ("2026-03-27T15:00", Window.DECISION, "2026-03-30T09:00"),  # over the gap
        ("2026-10-23T15:00", Window.DECISION, "2026-10-26T09:00"),  # over the fold
    ],
)
def test_the_next_opening_is_the_earliest(moment: str, window: Window, expected: str) -> None:
    assert next_open(at(moment), window, BERLIN) == at(expected)


def test_the_window_is_that_of_the_zone_not_of_utc() -> None:
    friday_evening_in_berlin = at("2026-11-27T19:00")

    assert next_open(friday_evening_in_berlin, Window.WORKING_HOURS, "America/New_York") == friday_evening_in_berlin


def test_a_day_that_a_zone_left_out_is_not_an_opening() -> None:
    evening = at("2011-12-29T20:00", "Pacific/Apia")  # a Thursday; the Friday after it did not exist

    assert next_open(evening, Window.WORKING_HOURS, "Pacific/Apia") == at("2012-01-02T09:00", "Pacific/Apia")


@given(moments, windows, zones)
def test_the_next_opening_is_open_not_earlier_and_its_own_next(moment: datetime, window: Window, zone: str) -> None:
    opening = next_open(moment, window, zone)

    assert is_open(opening, window, zone)
    assert opening >= moment
    assert next_open(opening, window, zone) == opening
    assert opening.tzinfo is UTC


@given(moments, moments, windows, zones)
def test_a_later_moment_never_opens_earlier(one: datetime, other: datetime, window: Window, zone: str) -> None:
    assert next_open(min(one, other), window, zone) <= next_open(max(one, other), window, zone)


@given(moments, windows, zones, st.floats(0, 1, exclude_max=True))
def test_everything_before_the_next_opening_is_closed(
    moment: datetime, window: Window, zone: str, share: float
) -> None:
    opening = next_open(moment, window, zone)
    between = moment + (opening - moment) * share

    assert between >= opening or not is_open(between, window, zone)


# ---- due

NO = Hold(working_days=1)


def test_a_message_waits_for_its_hold_and_then_for_its_window() -> None:
    assert due(at("2026-11-26T17:45"), NO, Window.DECISION, BERLIN, None) == at("2026-11-30T09:00")


def test_the_window_never_pushes_past_a_promised_date() -> None:
    promised = end_of_day(date(2026, 11, 27), BERLIN)

    assert due(at("2026-11-26T17:45"), NO, Window.DECISION, BERLIN, promised) == at("2026-11-27T17:45")


def test_a_promise_behind_the_opening_changes_nothing() -> None:
    promised = end_of_day(date(2026, 11, 30), BERLIN)

    assert due(at("2026-11-26T17:45"), NO, Window.DECISION, BERLIN, promised) == at("2026-11-30T09:00")


def test_the_hold_is_kept_even_past_the_promise() -> None:
    promised = at("2026-11-26T18:00")

    assert due(at("2026-11-26T17:45"), NO, Window.ANY, BERLIN, promised) == at("2026-11-27T17:45")


@given(moments, holds, windows, zones, st.none() | moments)
def test_due_keeps_the_hold_and_leaves_the_window_only_for_a_promise(
    now: datetime, hold: Hold, window: Window, zone: str, not_after: datetime | None
) -> None:
    result = due(now, hold, window, zone, not_after)
    held_until = after_hold(now, hold, zone)

    assert result >= held_until
    if not_after is None:
        assert is_open(result, window, zone)
    else:
        assert result <= max(held_until, not_after)
        assert result == held_until or is_open(result, window, zone)


# ---- what is refused


def test_a_moment_without_an_offset_is_refused() -> None:
    naive = datetime.combine(date(2026, 11, 23), time(9))

    for call in (
        lambda: after_hold(naive, Hold(), BERLIN),
        lambda: is_open(naive, Window.ANY, BERLIN),
        lambda: next_open(naive, Window.ANY, BERLIN),
        lambda: promise_day(naive, 1, BERLIN),
    ):
        with pytest.raises(ValueError, match="aware"):
            call()


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        next_open(at("2026-11-23T09:00"), Window.ANY, "Europe/Atlantis")
