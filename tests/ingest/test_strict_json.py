"""`strict_json.read`: what is JSON to everybody is read, every trick is refused by the same error."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.core.errors import Unreadable
from notifier.ingest.strict_json import read

TRICKS = {
    "nothing": b"",
    "not JSON": b"hello",
    "cut off": b'{"a": 1',
    "a byte-order mark": b'\xef\xbb\xbf{"a": 1}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-16 without a mark": '{"a": 1}'.encode("utf-16-le"),
    "Latin-1": '{"a": "é"}'.encode("latin-1"),
    "an encoded surrogate": b'{"a": "\xed\xa0\x80"}',
    "something after it": b'{"a": 1} {"a": 2}',
    "a zero byte after it": b'{"a": 1}\x00',
    "a name twice": b'{"a": 1, "a": 2}',
    "a name twice, written in two ways": b'{"a": 1, "\\u0061": 2}',
    "a name twice, deep inside": b'{"x": [{"y": {"a": 1, "b": 2, "a": 3}}]}',
    "NaN": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}',
    "a number beyond floats": b'{"a": 1e999}',
    "a number of 5,000 digits": b'{"a": ' + b"9" * 5000 + b"}",
    "a number of 21 digits": b'{"a": ' + b"9" * 21 + b"}",
    "100,000 levels": b'{"a":' * 100_000,
    "100,000 lists": b'{"a":' + b"[" * 100_000,
    "a list": b"[1]",
    "a string": b'"a"',
    "null": b"null",
    "a number": b"1",
    "a raw line end in a string": b'{"a": "x\ny"}',
}


@pytest.mark.parametrize("body", TRICKS.values(), ids=TRICKS.keys())
def test_a_trick_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable) as refused:
        read(body)
    assert refused.value.why


def test_an_ordinary_document_is_read_as_it_is() -> None:
    body = ' {"id": 18446744073709551615, "f": -1.5e3, "s": "\\u003cé", "l": [null, true], "o": {}}\n'.encode()
    assert read(body) == {"id": 2**64 - 1, "f": -1500.0, "s": "<é", "l": [None, True], "o": {}}


def test_a_repeated_name_is_named_only_if_it_is_plain() -> None:
    with pytest.raises(Unreadable) as plain:
        read(b'{"can_email": true, "can_email": false}')
    assert plain.value.path == "can_email"
    with pytest.raises(Unreadable) as personal:
        read(b'{"ana@example.com": 1, "ana@example.com": 2}')
    assert "ana" not in str(personal.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_unreadable(body: bytes) -> None:
    with contextlib.suppress(Unreadable):
        assert isinstance(read(body), dict)


numbers = st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=5), values, max_size=5))
def test_what_python_writes_is_read_back(document: dict[str, object]) -> None:
    assert read(json.dumps(document).encode()) == document
