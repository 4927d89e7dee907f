from datetime import date

import pytest

from notifier.core.errors import NotFound
from notifier.core.stage import StageKind
from notifier.deliver import phrases
from tests.deliver.awkward import NAMES


def test_a_date_has_its_month_in_words_and_its_year() -> None:
    assert phrases.day(date(2026, 11, 27), "en") == "Friday 27 November 2026"
    assert phrases.day(date(2027, 1, 4), "en") == "Monday 4 January 2027"


def test_every_language_has_a_phrase_for_every_stage() -> None:
    for language in phrases.LANGUAGES:
        for kind in StageKind:
            assert phrases.stage_phrase(kind, language)


def test_no_stage_phrase_gives_an_offer_or_a_no_away() -> None:
    for kind in (StageKind.OFFER, StageKind.FINAL):
        assert "offer" not in phrases.stage_phrase(kind, "en")
    assert "reject" not in phrases.stage_phrase(StageKind.REJECTED, "en")


@pytest.mark.parametrize(
    ("count", "phrase"),
    [
        (None, "time"),
        (0, "time"),
        (1, "conversation"),
        (2, "two conversations"),
        (12, "twelve conversations"),
        (13, "13 conversations"),
    ],
)
def test_conversations_are_counted_where_somebody_counted_them(count: int | None, phrase: str) -> None:
    assert phrases.interview_count_phrase(count, "en") == phrase


@pytest.mark.parametrize(
    ("things", "said"),
    [
        ((), ""),
        (("Backend engineer",), "Backend engineer"),
        (("Backend engineer", "Frontend engineer"), "Backend engineer and Frontend engineer"),
        (("Nurse", "Cook", "Driver"), "Nurse, Cook and Driver"),
    ],
)
def test_several_things_are_listed_as_people_list_them(things: tuple[str, ...], said: str) -> None:
    assert phrases.listing(things, "en") == said


def test_every_language_lists_three_things_in_their_order() -> None:
    for language in phrases.LANGUAGES:
        said = phrases.listing(("Nurse", "Cook", "Driver"), language)
        assert said.index("Nurse") < said.index("Cook") < said.index("Driver")


@pytest.mark.parametrize(("given", "called"), NAMES.items())
def test_a_person_is_called_as_they_call_themselves_or_greeted_without_a_name(given: str, called: str) -> None:
    assert phrases.greeting_name(given, "en") == called


def test_the_full_name_stands_in_for_a_missing_first_name() -> None:
    assert phrases.greeting_name(None, "en", full_name="Alex Kim") == "Alex Kim"
    assert phrases.greeting_name("ana@example.org", "en", full_name="Ana Kim") == "Ana Kim"


def test_a_language_without_words_is_refused_by_name() -> None:
    with pytest.raises(NotFound, match="'xx'"):
        phrases.day(date(2026, 1, 1), "xx")


def test_the_last_line_says_who_and_where_to_reply() -> None:
    assert phrases.signature("Maria Lopez", "Example Co.", "en") == "Maria Lopez, Example Co. Replies reach me."
    assert phrases.signature("Maria Lopez", "Example", "en") == "Maria Lopez, Example. Replies reach me."
    assert phrases.signature("", "Example", "en") == "Example. Replies reach us."


def test_the_last_line_can_lead_to_the_candidates_page() -> None:
    line = phrases.signature("Maria", "Example", "en", link="https://n.example/s/abc")

    assert line == "Maria, Example. Replies reach me. Where you are: https://n.example/s/abc"
