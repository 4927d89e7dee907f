"""Words that depend on the language and on nothing else: dates, stages, greetings, the last line.

A language is data: one entry in `LANGUAGES`, its word lists in `notifier.deliver.wordlists` and its files in
`templates/emails/`. A language without an entry is refused by name (NotFound); nothing falls back by itself, because a
mail in the wrong language looks like a mistake to the one who gets it and like success to everybody else.

The nameless: whoever has no usable name is greeted with `nameless` ("Hello"). It is put where the first name would
stand, so "{{ first_name }}, we have ..." reads "Hello, we have ..."; `render` drops a greeting in front of it, so that
"Hi {{ first_name }}, your ..." reads "Hello, your ..." and never "Hi Hello" or "Hi None".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from notifier.core.errors import NotFound
from notifier.core.stage import StageKind
from notifier.deliver import text


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language.

    `weekdays` begin with Monday, `months` with January. `day` takes {weekday}, {day}, {month}, {year}. `stages` are
    clauses that follow "there is no decision yet;" and "the true state:". `conversations` takes {count} and follows
    "thank you for the"; `counts` are the words for 2, 3, ...; `one_conversation` and `any_conversations` stand for one
    and for an unknown number. `comma` and `last_comma` stand between things that are listed, the second before the last
    one. `greetings` may stand before a first name, `nameless` instead of both. `replies` takes
    {who}, `status` takes {link}.
    """

    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    day: str
    stages: Mapping[StageKind, str]
    one_conversation: str
    any_conversations: str
    conversations: str
    counts: tuple[str, ...]
    comma: str
    last_comma: str
    greetings: tuple[str, ...]
    nameless: str
    replies_to_person: str
    replies_to_company: str
    status: str


ENGLISH = Phrases(
    weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    months=(
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
    day="{weekday} {day} {month} {year}",
    stages=MappingProxyType(
        {
            StageKind.APPLIED: "applications are still being read",
            StageKind.SCREEN: "first conversations are under way",
            StageKind.INTERVIEW: "interviews are still under way",
            StageKind.FINAL: "the last conversations are under way",
            # Nothing here may give an offer or a "no" away before the message that tells it.
            StageKind.OFFER: "the last details are being settled",
            StageKind.HIRED: "the job is yours",
            StageKind.REJECTED: "your application has ended",
            StageKind.WITHDRAWN: "your application is withdrawn, as you asked",
            StageKind.ON_HOLD: "the search is paused",
            StageKind.UNMAPPED: "your application is with us",
        }
    ),
    one_conversation="conversation",
    any_conversations="time",
    conversations="{count} conversations",
    counts=("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    comma=", ",
    last_comma=" and ",
    greetings=("Hi", "Hello", "Dear", "Good morning"),
    nameless="Hello",
    replies_to_person="Replies reach me.",
    replies_to_company="Replies reach us.",
    status="Where you are: {link}",
)

LANGUAGES: Mapping[str, Phrases] = MappingProxyType({"en": ENGLISH})

#: A longer first name is no name to greet somebody by.
LONGEST_FIRST_NAME = 40


def phrases(language: str) -> Phrases:
    """The words of `language`; raises NotFound if there are none."""
    try:
        return LANGUAGES[language]
    except KeyError:
        raise NotFound(f"no phrases in language {language!r}") from None


def day(on: date, language: str) -> str:
    """A date as candidates read it, with the month in words and the year: "Friday 27 November 2026"."""
    words = phrases(language)
    weekday, month = words.weekdays[on.weekday()], words.months[on.month - 1]
    return words.day.format(weekday=weekday, day=on.day, month=month, year=on.year)


def stage_phrase(kind: StageKind, language: str) -> str:
    """What a stage means to the candidate, as a clause."""
    return phrases(language).stages[kind]


def interview_count_phrase(count: int | None, language: str) -> str:
    """What a person who was interviewed is thanked for: "two conversations"; "time" where nobody counted."""
    words = phrases(language)
    if not count or count < 1:
        return words.any_conversations
    if count == 1:
        return words.one_conversation
    number = words.counts[count - 2] if count - 2 < len(words.counts) else str(count)
    return words.conversations.format(count=number)


def listing(things: Sequence[str], language: str) -> str:
    """Several things as one reads them aloud: "Nurse, Cook and Driver". One is itself; of none nothing is left."""
    words = phrases(language)
    *first, last = things or ("",)
    return words.last_comma.join([words.comma.join(first), last]) if first else last


def greeting_name(first_name: str | None, language: str = "en", *, full_name: str = "") -> str:
    """What stands for `first_name` in a message: the first name as given, else the full name, else "Hello".

    Links and addresses in a name are left out; a name of nothing else counts as none. Never empty.
    """
    for candidate in (first_name or "", full_name):
        usable = text.person(candidate)
        if usable and len(usable) <= LONGEST_FIRST_NAME and any(letter.isalnum() for letter in usable):
            return usable
    return phrases(language).nameless


def signature(owner_name: str, company: str, language: str, *, link: str = "") -> str:
    """The last line of every message: who wrote it, that replies arrive, and where the candidate's page is.

    Without an owner the company signs.
    """
    words = phrases(language)
    by = ", ".join(part for part in (text.name(owner_name), text.name(company)) if part)
    stop = "" if not by or by.endswith(".") else "."
    replies = words.replies_to_person if text.name(owner_name) else words.replies_to_company
    parts = [by + stop, replies, words.status.format(link=link) if link else ""]
    return " ".join(part for part in parts if part)
