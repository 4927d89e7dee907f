"""The published schema and the translator are two accounts of one format: they must agree on every body."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.core.change import Delivery, NothingToDo
from notifier.core.errors import Unreadable
from notifier.ingest.ats.generic import KINDS, OUTCOMES, Adapter

SCHEMA: dict[str, Any] = Adapter().schema()
PAGE = Path(__file__).parents[3] / "docs" / "ats" / "generic.md"
NOW = datetime(2026, 3, 2, tzinfo=UTC)
generic = Adapter()

TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
    "null": type(None),
}

#: The keywords that say nothing about validity, and those that `valid` knows.
SILENT = {"$schema", "$defs", "title", "description", "format"}
KNOWN = {
    *("type", "enum", "const", "$ref", "oneOf", "anyOf", "required", "properties", "additionalProperties"),
    *("items", "minLength", "maxLength", "pattern", "minimum", "maximum"),
}


def valid(value: object, rule: Mapping[str, Any]) -> bool:
    """Whether `value` is valid: the part of JSON Schema that our schema uses, and not a keyword more."""
    assert set(rule) <= SILENT | KNOWN, set(rule) - SILENT - KNOWN
    if "$ref" in rule and not valid(value, SCHEMA["$defs"][rule["$ref"].removeprefix("#/$defs/")]):
        return False
    if "anyOf" in rule and not any(valid(value, one) for one in rule["anyOf"]):
        return False
    if "oneOf" in rule and sum(valid(value, one) for one in rule["oneOf"]) != 1:
        return False
    return (
        _typed(value, rule)
        and ("const" not in rule or value == rule["const"])
        and ("enum" not in rule or (value in rule["enum"] and not isinstance(value, bool)))
        and (not isinstance(value, dict) or _valid_object(value, rule))
        and (not isinstance(value, list) or all(valid(item, rule.get("items", {})) for item in value))
        and (not isinstance(value, str) or _valid_text(value, rule))
        and (not isinstance(value, int) or rule.get("minimum", value) <= value <= rule.get("maximum", value))
    )


def _typed(value: object, rule: Mapping[str, Any]) -> bool:
    names = rule.get("type")
    if names is None:
        return True
    names = [names] if isinstance(names, str) else names
    return any(isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool)) for name in names)


def _valid_object(value: dict[str, Any], rule: Mapping[str, Any]) -> bool:
    known = rule.get("properties", {})
    return (
        all(name in value for name in rule.get("required", ()))
        and (rule.get("additionalProperties", True) or set(value) <= set(known))
        and all(valid(member, known[name]) for name, member in value.items() if name in known)
    )


def _valid_text(value: str, rule: Mapping[str, Any]) -> bool:
    # Only the form that the samples use: what else is a time is tried in the tests of `Fields`.
    if rule.get("format") == "date-time" and not re.fullmatch(r"2026-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z", value):
        return False
    fits = rule.get("minLength", 0) <= len(value) <= rule.get("maxLength", len(value))
    return fits and ("pattern" not in rule or re.search(rule["pattern"], value) is not None)


words = st.sampled_from(["", " ", "x", "rejected", "interview", "de", "a@x.com", "2026-03-02T00:00:00Z", "unmapped"])
leaves = st.none() | st.booleans() | st.integers(-2, 2**31) | st.just(1.5) | words
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2), max_leaves=4
)
member_names = sorted(
    {"type", "timestamp", "data", "into", "applications", "odd"}
    | {name for record in SCHEMA["$defs"].values() for name in record.get("properties", {})}
)


@st.composite
def bodies(draw: st.DrawFn) -> Any:
    """A sample in which a few members somewhere are replaced, added or taken away."""
    body = json.loads(draw(st.sampled_from([plain.body for plain in generic.samples().values()])))
    for _ in range(draw(st.integers(0, 2))):
        place = body
        while inner := [part for part in place.values() if isinstance(part, dict)]:
            if draw(st.booleans()):
                break
            place = draw(st.sampled_from(inner))
        name = draw(st.sampled_from(sorted(place)) | st.sampled_from(member_names)) if place else "odd"
        if draw(st.booleans()):
            place[name] = draw(values)
        else:
            place.pop(name, None)
    return body


@settings(deadline=None, max_examples=300)
@given(bodies())
def test_what_is_valid_is_translated_and_what_is_not_is_refused(body: Any) -> None:
    try:
        (event,) = generic.translate(Delivery({}, json.dumps(body).encode()), NOW)
        understood = event != NothingToDo("unknown_event")
    except Unreadable:
        understood = False
    assert understood == valid(body, SCHEMA)


@pytest.mark.parametrize("name", sorted(generic.samples()))
def test_every_sample_is_valid(name: str) -> None:
    assert valid(json.loads(generic.samples()[name].body), SCHEMA)


def test_the_schema_has_our_own_words() -> None:
    records = SCHEMA["$defs"]
    assert tuple(records["stage"]["properties"]["kind"]["enum"]) == (*KINDS, None)
    assert tuple(records["application_changed"]["properties"]["data"]["properties"]["outcome"]["enum"]) == (
        *OUTCOMES,
        None,
    )
    assert {branch["$ref"].rpartition("/")[2] for branch in SCHEMA["oneOf"]} == {
        word.replace(".", "_") for word in SCHEMA["properties"]["type"]["enum"]
    }


def test_the_page_names_every_type_member_and_word() -> None:
    page = PAGE.read_text("utf-8")
    for word in (*SCHEMA["properties"]["type"]["enum"], *KINDS, *OUTCOMES, "timestamp", "into", "applications"):
        assert f"`{word}`" in page, word
    for record in ("application", "candidate", "job", "stage", "owner"):
        for member in SCHEMA["$defs"][record]["properties"]:
            assert f"`{record}.{member}`" in page, member
