"""The moments that choices mean, in the zone of those who chose."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask, g
from hypothesis import given
from hypothesis import strategies as st

from notifier.core.errors import Refused
from notifier.decide.timing import end_of_day
from notifier.store import workspaces
from notifier.web.dashboard.filters import promise_word
from notifier.web.dashboard.moments import morning, spoken, told_at
from tests.world import World

ZONES = ["UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Auckland", "Asia/Kolkata"]
START = datetime(2025, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 3 * 365 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("now", "choice", "expected"),
    [
        ("2026-11-24T10:00", "tomorrow", "2026-11-25T09:00"),
        ("2026-11-27T10:00", "tomorrow", "2026-11-30T09:00"),  # a Friday
        ("2026-11-24T10:00", "monday", "2026-11-30T09:00"),
        ("2026-11-30T10:00", "monday", "2026-12-07T09:00"),  # a Monday
        ("2026-11-24T10:00", "", None),
        ("2026-11-24T10:00", "nonsense", None),
    ],
)
def test_a_choice_means_a_morning(now: str, choice: str, expected: str | None) -> None:
    found = morning(choice, "UTC", datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert (found.isoformat(timespec="minutes")[:16] if found else None) == expected


@given(now=MOMENTS, zone=st.sampled_from(ZONES), choice=st.sampled_from(["tomorrow", "monday"]))
def test_a_morning_always_lies_ahead(now: datetime, zone: str, choice: str) -> None:
    found = morning(choice, zone, now)
    assert found is not None
    assert now < found <= now + timedelta(days=8)


@given(now=MOMENTS, zone=st.sampled_from(ZONES), ago=st.integers(0, 366))
def test_a_day_on_which_they_were_told_never_lies_ahead(now: datetime, zone: str, ago: int) -> None:
    day = now.astimezone(ZoneInfo(zone)).date() - timedelta(days=ago)
    found = told_at(day.isoformat(), zone, now)
    assert (found is None) is (ago == 0)
    assert found is None or (found < now and found.date() == day)


@pytest.mark.parametrize(
    "day", ["2026-11-25", "2024-01-01", "0001-01-01", "9999-12-31", "yesterday", "2026-13-01", "\x00"]
)
@pytest.mark.parametrize("zone", ZONES)
def test_a_day_that_cannot_be_is_refused_in_words(day: str, zone: str) -> None:
    with pytest.raises(Refused):
        told_at(day, zone, datetime(2026, 11, 24, 10, tzinfo=UTC))


def test_today_is_said_as_a_time_and_another_day_by_its_name() -> None:
    now = datetime(2026, 11, 24, 10, tzinfo=UTC)
    assert spoken(now + timedelta(minutes=60), "Europe/Berlin", now) == "at 12:00"
    assert spoken(now + timedelta(days=1), "Europe/Berlin", now) == "on Wednesday 25 November at 11:00"


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (-3, ("late", "3 days late")),
        (-1, ("late", "1 day late")),
        (0, ("soon", "today")),
        (1, ("soon", "tomorrow")),
        (2, ("", "in 2 days")),
    ],
)
@pytest.mark.parametrize("hour", [0, 9, 23])
def test_a_promise_is_counted_in_days_where_it_was_given(
    world: World, app: Flask, zone: str, days: int, expected: tuple[str, str], hour: int
) -> None:
    with world.db.begin() as tx:
        place = workspaces.add_workspace(tx, "Elsewhere", zone=zone).id
    today = date(2026, 11, 25)
    with app.app_context():
        g.now = datetime(2026, 11, 25, hour, 30, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        assert promise_word(end_of_day(today + timedelta(days=days), zone), place) == expected


def test_no_date_is_said_so(app: Flask) -> None:
    with app.app_context():
        assert promise_word(None, "any") == ("", "no date given")
