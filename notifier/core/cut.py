"""Keeping of a JSON document only the members that are read.

What is not stored cannot be lost, and special categories of data (health, race, criminal records) must not be stored at
all. So members are named that stay, never members that go: what an ATS adds tomorrow goes by itself.
"""

import json
from collections.abc import Mapping
from typing import Final

#: The whole value stays, whatever it is.
ALL: Final = "all"

#: The name under which `members` holds what stays of every member whose name is an id.
ANY: Final = "*"


def cut(document: object, members: Mapping[str, object]) -> object:
    """`document` with only those `members` of it: each name leads to ALL or to the members that stay inside.

    Lists are looked through; what is neither an object nor a list has no members and stays as it is, so that an odd
    shape is seen by whoever reads it.
    """
    if isinstance(document, list):
        return [cut(part, members) for part in document]
    if not isinstance(document, dict):
        return document
    kept = {}
    for name, value in document.items():
        inside = members.get(name, members.get(ANY))
        if inside is not None:
            kept[name] = cut(value, inside) if isinstance(inside, Mapping) else value
    return kept


def canonical(document: object) -> bytes:
    """The document as ASCII, names in order, without spaces: the same for the same meaning."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode("ascii")
