import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.deliver import text


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("Booking.com", "Booking.com"),
        ("ASP.NET/C# Developer", "ASP.NET/C# Developer"),
        ("Engineer @ Night", "Engineer @ Night"),
        ("Nurse, see https://evil.example", "Nurse, see"),
        ("Nurse (www.evil.example)", "Nurse"),
        ("Maria maria@example.com Lopez", "Maria Lopez"),
        ("mailto:x", ""),
    ],
)
def test_a_job_or_company_loses_links_and_keeps_dots(given_name: str, shown: str) -> None:
    assert text.name(given_name) == shown


def test_a_candidates_name_loses_bare_host_names_too() -> None:
    assert text.person("Win evil.example now") == "Win now"
    assert text.person("Win evil\u3002example now") == "Win now"


def test_initials_and_hyphens_stay_in_a_candidates_name() -> None:
    assert text.person("J. R. R. Anne-Marie") == "J. R. R. Anne-Marie"


def test_what_is_too_long_is_cut_at_a_space() -> None:
    assert text.shorten("a long title for a job", 14) == "a long title\u2026"
    assert text.shorten("x" * 20, 10) == "x" * 9 + "\u2026"
    assert text.shorten("short", 10) == "short"


def test_a_display_name_has_neither_commas_nor_semicolons_nor_encoded_words() -> None:
    assert text.header_name("Lopez, Maria; Ana") == "Lopez Maria Ana"
    assert "=?" not in text.header_name("=?utf-8?q?Maria?=")


def test_links_are_found_with_punctuation_around_them() -> None:
    assert text.links("See (https://a.example/x), or <b@c.example>.") == ("https://a.example/x", "b@c.example")
    assert text.links("ASP.NET/C#") == ()
    assert text.links("A/B test at 9:30, i.e. tomorrow") == ()


def test_a_host_with_a_path_is_how_people_type_links() -> None:
    assert text.has_bare_link("see a.example/win")
    assert not text.has_bare_link("A/B test, and/or e.g. a.example")


@given(st.text())
def test_one_line_is_one_line_that_can_be_written(anything: str) -> None:
    line = text.one_line(anything)

    assert line == line.strip()
    assert len(line.splitlines()) <= 1
    line.encode()


@given(st.text(), st.integers(min_value=2, max_value=50))
def test_shortening_keeps_to_its_limit(anything: str, most: int) -> None:
    assert len(text.shorten(anything, most)) <= most


@given(st.text())
def test_nothing_in_a_cleaned_name_is_a_link(anything: str) -> None:
    assert text.links(text.person(anything)) == ()
