"""Times on the command line."""

from datetime import UTC, datetime, timedelta

import click
import pytest

from notifier.cli.times import Duration, Moment


@pytest.mark.parametrize(
    ("text", "length"),
    [("30m", timedelta(minutes=30)), ("24h", timedelta(hours=24)), ("7d", timedelta(days=7)), ("0m", timedelta(0))],
)
def test_a_duration_has_one_unit(text: str, length: timedelta) -> None:
    assert Duration().convert(text, None, None) == length
    assert Moment().convert(text, None, None) == length


@pytest.mark.parametrize("text", ["", "24", "h", "-1h", "1.5h", "1h30m", "24 h", "٣h", "99999d", "1w"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Duration().convert(text, None, None)


@pytest.mark.parametrize("text", ["2026-11-27T09:00:00Z", "2026-11-27T10:00+01:00", "2026-11-27 04:00:00-05:00"])
def test_a_moment_is_utc_whatever_its_offset(text: str) -> None:
    assert Moment().convert(text, None, None) == datetime(2026, 11, 27, 9, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-11-27T09:00:00", "2026-11-27", "tomorrow", "", "9999-12-31T23:59:59-12:00"])
def test_a_moment_without_an_offset_or_outside_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="2026-11-27T09:00:00Z"):
        Moment().convert(text, None, None)


def test_what_is_converted_already_stays() -> None:
    now = datetime(2026, 11, 27, 9, tzinfo=UTC)

    assert Moment().convert(now, None, None) == now
    assert Duration().convert(timedelta(hours=1), None, None) == timedelta(hours=1)
