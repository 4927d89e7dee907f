"""Words from outside, made fit for a mail: one line, no trickery, no smuggled links, not endless.

A candidate types their own name, so a name is the one place where a stranger writes into a mail that carries an
employer's good name. Whatever in it looks like a link or an address is left out before the mail is written; the rest
stays exactly as given, because nobody's name is ours to correct (case, accents, order, script).
"""

import re
import unicodedata
from collections.abc import Callable

#: Controls, line and paragraph separators, direction overrides and isolates, the byte order mark, lone surrogates.
#: The first would end a header, the overrides turn a line around, and a surrogate cannot be written as UTF-8.
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")

#: What every mail client turns into a link, and e-mail addresses.
_LINK = re.compile(r"\w+://|\bwww\.|\b(?:mailto|tel|sms):|[^\s@]+@[^\s@]+\.[^\s@]+", re.IGNORECASE)

#: "evil.example": many clients link a bare host name too. Full stops of other scripts count.
_HOST = re.compile(r"[^\W_]{2,}[.\uff0e\u3002\uff61][^\W\d_]{2,}")

#: "evil.example/win", but also "ASP.NET/C#": whoever types a template means a link, whoever names a job does not.
_HOST_AND_PATH = re.compile(r"[^\W_]+\.[^\W\d_]{2,}/\S")

#: No name is cleaned beyond this many characters, so that a name of a megabyte costs nothing.
_LOOK_AT = 2_000


def one_line(text: str) -> str:
    """`text` without control and direction characters, its white space collapsed to single spaces."""
    return " ".join(CONTROLS.sub(" ", text).split())


def shorten(text: str, most: int) -> str:
    """`text` in at most `most` characters, cut at a space where there is one near, with an ellipsis."""
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    head, space, _ = cut.rpartition(" ")
    return (head if space and len(head) > most // 2 else cut).rstrip(" ,;:-") + "\u2026"


def name(text: str, most: int = 80) -> str:
    """A job's, company's or colleague's name on one line, without links and e-mail addresses; may come out empty.

    A bare "booking.com" stays: companies are called so, and "ASP.NET/C#" is a job.
    """
    return shorten(_without(text, lambda word: bool(_LINK.search(word))), most)


def person(text: str, most: int = 80) -> str:
    """A candidate's name on one line, without anything a mail client could turn into a link; may come out empty."""
    return shorten(_without(text, lambda word: bool(_LINK.search(word) or _HOST.search(word))), most)


def header_name(text: str) -> str:
    """A display name for an address header: as `person`, and without "," and ";", which SendGrid refuses in names."""
    return header(" ".join(person(text).replace(",", " ").replace(";", " ").split()))


def header(text: str) -> str:
    """`text` as a header value, so that no mail client takes a part of it for an encoded word (RFC 2047)."""
    return text.replace("=?", "= ?")


def links(text: str) -> tuple[str, ...]:
    """The words of `text` that are links or e-mail addresses, without the punctuation around them."""
    return tuple(word.strip("()<>[]\"',;.!?") for word in text.split() if _LINK.search(word))


def has_bare_link(text: str) -> bool:
    """Whether a host with a path stands in `text`, as people type links; a job title can look the same."""
    return bool(_HOST_AND_PATH.search(text))


def _without(text: str, unwanted: Callable[[str], bool]) -> str:
    words = one_line(text[:_LOOK_AT]).split(" ")
    # Full-width letters are folded for the look only: clients link "ｗｗｗ．evil" as well.
    return " ".join(word for word in words if not unwanted(unicodedata.normalize("NFKC", word)))
