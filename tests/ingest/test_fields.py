"""`Fields`: typed reading that names the path at fault and never repeats a value."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from notifier.core.errors import Unreadable
from notifier.ingest.fields import COUNT_LIMIT, Fields

DEEP = Fields(
    {"payload": {"application": {"id": 7, "emails": [{"value": "a@x.com"}, "b"], "ids": [1, True], "at": "today"}}}
)


def application() -> Fields:
    return DEEP.nested("payload").nested("application")


@pytest.mark.parametrize(
    ("ask", "path"),
    [
        (lambda: application().text("name"), "payload.application.name"),
        (lambda: application().text("id"), "payload.application.id"),
        (lambda: application().time("at"), "payload.application.at"),
        (lambda: application().nested("job"), "payload.application.job"),
        (lambda: application().nested("id"), "payload.application.id"),
        (lambda: application().items("emails"), "payload.application.emails[1]"),
        (lambda: application().addresses("emails"), "payload.application.emails[0]"),
        (lambda: application().identifiers("ids"), "payload.application.ids[1]"),
        (lambda: application().identifiers("id"), "payload.application.id"),
        (lambda: application().optional_flag("at"), "payload.application.at"),
        (lambda: application().count("at"), "payload.application.at"),
        (lambda: application().only("id", "emails", "ids"), "payload.application.at"),
        (lambda: DEEP.text("action"), "action"),
    ],
)
def test_an_error_names_the_whole_path(ask: Callable[[], object], path: str) -> None:
    with pytest.raises(Unreadable) as refused:
        ask()
    assert refused.value.path == path


def test_absent_null_and_blank_are_the_same() -> None:
    fields = Fields({"null": None, "blank": " \r\n"})
    assert [fields.optional_text(name) for name in ("absent", "null", "blank")] == [None, None, None]
    assert fields.optional_nested("null") is None
    assert fields.optional_flag("null") is None
    assert fields.optional_time("null") is None
    assert fields.items("null") == ()
    assert fields.identifiers("absent") == ()
    assert fields.addresses("absent") == ()
    assert not fields.has("null")


@pytest.mark.parametrize("value", [0, "", "false", "true", 1, [], {}])
def test_a_flag_in_another_type_is_not_taken_for_an_absent_one(value: object) -> None:
    with pytest.raises(Unreadable):
        Fields({"can_email": value}).optional_flag("can_email")


@pytest.mark.parametrize(("value", "identifier"), [(7, "7"), ("7", "7"), (-1, "-1"), (2**64 - 1, str(2**64 - 1))])
def test_an_id_is_text_however_it_is_written(value: object, identifier: str) -> None:
    assert Fields({"id": value}).identifier("id") == identifier


@pytest.mark.parametrize("value", [None, True, 7.0, "", " 7", "7\x00", "\ud800", "9" * 201, [7], {"id": 7}])
def test_what_is_no_id_is_refused(value: object) -> None:
    with pytest.raises(Unreadable):
        Fields({"id": value}).identifier("id")


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2015-02-09T16:38:36Z", datetime(2015, 2, 9, 16, 38, 36, tzinfo=UTC)),
        ("2015-02-09t16:38:36z", datetime(2015, 2, 9, 16, 38, 36, tzinfo=UTC)),
        ("2015-02-09T16:38:36.25+05:30", datetime(2015, 2, 9, 11, 8, 36, 250000, tzinfo=UTC)),
        ("2022-11-03T20:26:10.344522123Z", datetime(2022, 11, 3, 20, 26, 10, 344522, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_time_becomes_utc(value: str, moment: datetime) -> None:
    read = Fields({"at": value}).time("at")
    assert read == moment
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        "2015-02-09T16:38:36",
        "2015-02-09",
        "16:38:36Z",
        "2015-02-30T00:00:00Z",
        "2015-02-09T16:38:36+25:00",
        "0001-01-01T00:00:00+23:59",
        "20150209T163836Z",
        "2015-02-09T16:38:36Z\n",
        "٢٠١٥-02-09T16:38:36Z",
        "",
        1423499916,
        True,
    ],
)
def test_a_time_without_a_zone_or_that_cannot_be_is_refused(value: object) -> None:
    with pytest.raises(Unreadable):
        Fields({"at": value}).optional_time("at")


def test_an_address_is_trimmed_and_never_repaired() -> None:
    fields = Fields({"list": [" a@x.com ", "", "b@x.com\r\nBcc: c@x.com", "d@x.com, e@x.com"], "one": "\x00a@x.com"})
    assert fields.addresses("list") == ("a@x.com", "d@x.com, e@x.com")
    assert fields.optional_address("one") is None


@pytest.mark.parametrize("value", [-1, COUNT_LIMIT + 1, 1.0, True, "1"])
def test_a_count_is_a_whole_number_that_a_column_holds(value: object) -> None:
    with pytest.raises(Unreadable):
        Fields({"n": value}).count("n")
    assert Fields({"n": COUNT_LIMIT}).count("n") == COUNT_LIMIT
    assert Fields({}).count("n") == 0


def test_an_error_repeats_no_value_and_no_odd_name() -> None:
    fields = Fields({"ana@example.com": 1}, "data")
    with pytest.raises(Unreadable) as refused:
        fields.only("id")
    assert (refused.value.path, "ana" in str(refused.value)) == ("data", False)
    with pytest.raises(Unreadable) as other:
        Fields({"name": ["Ana"]}).text("name")
    assert "Ana" not in str(other.value)


def test_printing_fields_shows_no_personal_data() -> None:
    assert "Ana" not in repr(Fields({"name": "Ana"}, "candidate"))
