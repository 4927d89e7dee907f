"""How long a message takes to read, and how hard it is: two estimates for the linter.

Silent reading of plain English runs at about 240 words a minute. The grade is Flesch and Kincaid's; it counts syllables
and is only defined for English, so other languages have none.
"""

import re
from collections.abc import Sequence

WORDS_A_MINUTE = 240

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|\d+")

_VOWELS = re.compile(r"[aeiouy]+", re.IGNORECASE)


def seconds_to_read(lines: Sequence[str]) -> float:
    """Seconds an adult needs for these lines."""
    return sum(len(_WORD.findall(line)) for line in lines) * 60 / WORDS_A_MINUTE


def grade(lines: Sequence[str], language: str) -> float | None:
    """School years needed to read these lines at once; `None` for a language without a formula."""
    words = [word for line in lines for word in _WORD.findall(line)]
    if language != "en" or not words:
        return None
    sentences = sum(max(1, len([part for part in re.split(r"[.!?:;]", line) if part.strip()])) for line in lines)
    syllables = sum(_syllables(word) for word in words)
    return 0.39 * len(words) / sentences + 11.8 * syllables / len(words) - 15.59


def _syllables(word: str) -> int:
    groups = len(_VOWELS.findall(word))
    silent = word.endswith("e") and not word.endswith(("le", "ee")) and groups > 1
    return max(1, groups - silent)
