"""What wording is warned about, per language: data for `notifier.deliver.lint`.

A list entry is a regular expression, matched without regard to case, and what to tell the author. They flag and
explain; a person decides. The lists follow what hiring writers and employment lawyers agree on; a language without
lists is linted by everything that needs no words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

#: A pattern and what is said about it.
Entry = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Wordlist:
    """One language. `says_no` is what the first line of a "no" must contain one of.

    `warned` is flagged everywhere, `warned_in_a_no` only in a "no", `warned_without_consent` everywhere but in the
    message that keeps in touch with people who agreed to it.
    """

    says_no: tuple[str, ...]
    warned: tuple[Entry, ...]
    warned_in_a_no: tuple[Entry, ...]
    warned_without_consent: tuple[Entry, ...]


_VAGUE = "says no date; name the day instead"
_COLD = "reads as a form letter; say plainly what is the case"
_GENDER = "assumes a gender; use the name, or no salutation"
_BIAS = "can be read as a reason that the law forbids; leave it out"
_COMPARE = "invites comparison with somebody else; say that another person was chosen"
_POOL = "promises something; say it only where the person agreed and it is true"

ENGLISH = Wordlist(
    says_no=(
        (
            r"\b(?:will|can|are|were|is|have|has|do|did)(?: not|n't|not) (?:be )?(?:\w+ )?"
            r"(?:take|taking|taken|go|going|move|moving|offer|offering|able|make|continue|continuing|consider)"
        ),
        r"\bwon't (?:be )?(?:take|taking|go|going|move|moving|offer|offering|continue|continuing)",
        r"\bdecided (?:not|against)\b",
        r"\b(?:chosen|chose|hired|selected|taken) (?:someone|somebody|another)\b",
        r"\b(?:has been|was|is|are) (?:now )?(?:filled|closed|cancelled)\b",
    ),
    warned=(
        (r"\b(?:soon|shortly)\b", _VAGUE),
        (r"\bin due course\b", _VAGUE),
        (r"\bas soon as possible\b|\bASAP\b", _VAGUE),
        (r"\b(?:un)?fortunately\b", _COLD),
        (r"\bwe regret to inform\b", _COLD),
        (r"\brejected\b", "is not a word for candidates; say what was decided"),
        (r"\b(?:mr|mrs|ms|miss|sir|madam|ma'am)\b|\bhe/she\b|\b(?:his|her)/(?:her|his)\b", _GENDER),
        (r"\b(?:girls?|guys?)\b", _GENDER),
        (r"\b(?:over-?qualified|digital natives?|recent graduates?|young|energetic|dynamic team|mature)\b", _BIAS),
        (
            r"\b(?:cultur(?:e|al) fit|good fit|personality|chemistry)\b",
            "cannot be proved and can hide bias; leave it out",
        ),
        (r"\b(?:accent|native speakers?|local experience|where you are from)\b", _BIAS),
        (r"\b(?:maternity|family|children|health|disabilit(?:y|ies)|physically|career gap)\b", _BIAS),
        (
            r"\b(?:background check|credit (?:check|report)|criminal)\b",
            "has a procedure of its own; ask before sending",
        ),
        (r"\b(?:algorithm|the AI|your score|scored)\b", "an automated decision must be announced; ask before sending"),
    ),
    warned_in_a_no=(
        (r"\b(?:stronger|better|more qualified|more suitable) (?:candidate|applicant|person|match)", _COMPARE),
        (r"\bimpressed\b", "is praise everybody gets; leave it out"),
        (r"\bat this (?:time|point|stage)\b|\bfor now\b", "sounds as if it were not over; say that it is"),
        (r"\btell you (?:what|why)\b", "promises a reason; only where reasons are turned on and the place allows them"),
    ),
    warned_without_consent=(
        (r"\b(?:keep|kept|hold|store) (?:\w+ ){0,3}(?:resume|résumé|cv|details|application) (?:on|in)\b", _POOL),
        (r"\bkeep you in mind\b|\bin our (?:talent )?pool\b|\bapply again\b|\bnext time\b", _POOL),
    ),
)

WORDLISTS: Mapping[str, Wordlist] = MappingProxyType({"en": ENGLISH})
