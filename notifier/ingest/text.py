"""Strings from outside, made safe for a database, a mail header and a screen.

What a person reads is cleaned and shortened: one odd character in a name must not cost a candidate their answer. What
names a thing (an id, an address) is taken whole or not at all: cleaning it could make it name something else.
"""

import unicodedata

#: Characters of a name, title or stage that are kept. No true name is longer; what is longer is a mistake or an attack.
SHOWN_LIMIT = 200

#: Characters of an id. Longer ones are refused, never cut: two cut ids could become one.
ID_LIMIT = 200

#: Characters of an e-mail address: 64 before the @, 255 after it (RFC 5321, section 4.5.3.1).
ADDRESS_LIMIT = 320

#: Control characters and lone surrogates: no database takes all of them, and CR LF would end a mail header.
_DROPPED_CATEGORIES = frozenset({"Cc", "Cs"})

#: Characters nobody sees that turn text around (embeddings, overrides, isolates) or make an empty name look filled.
_DROPPED = frozenset(map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200B, 0xFEFF]))


def shown(text: str) -> str:
    """`text` as people may see it: one line, no control or direction-changing characters, at most SHOWN_LIMIT long.

    The joiners inside Persian and Indic words and inside emoji stay. Empty if nothing is left.
    """
    # Ten times the limit is looked at, so that a name of a megabyte costs nothing.
    kept = "".join(character for character in text[: 10 * SHOWN_LIMIT] if character.isspace() or _harmless(character))
    return " ".join(kept.split())[:SHOWN_LIMIT].rstrip()


def is_id(text: str) -> bool:
    """Whether `text` can be an ATS's id: 1 to ID_LIMIT printable characters without a space at either end."""
    return 0 < len(text) <= ID_LIMIT and text.isprintable() and text == text.strip()


def is_possible_address(text: str) -> bool:
    """Whether `text` could be an address at all. Whether it *is* a valid one is decided where mail is sent."""
    return 0 < len(text) <= ADDRESS_LIMIT and text.isprintable()


def _harmless(character: str) -> bool:
    return character not in _DROPPED and unicodedata.category(character) not in _DROPPED_CATEGORIES
