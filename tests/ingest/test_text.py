"""`text`: what people read is made harmless, what names a thing is taken whole or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.ingest.text import SHOWN_LIMIT, is_id, is_possible_address, shown


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Ana", "Ana"),
        ("  Ana \t Li\u00a0 ", "Ana Li"),
        ("x\r\nBcc: y@example.com", "x Bcc: y@example.com"),
        ("Ana\u2028Li\x85Wu", "Ana Li Wu"),
        ("A\x00n\x07a\x7f\x9f", "Ana"),
        ("A\ud800na", "Ana"),
        ("\u202egnp.exe\u202c", "gnp.exe"),
        ("\u2066Ana\u2069", "Ana"),
        ("\u200b\ufeff", ""),
        (" \r\n ", ""),
        ("می‌خواهم", "می‌خواهم"),
        ("👩‍💻 Zoë 李", "👩‍💻 Zoë 李"),
    ],
)
def test_a_name_keeps_what_is_its_own(given: str, kept: str) -> None:
    assert shown(given) == kept


def test_a_name_of_a_megabyte_is_cut() -> None:
    assert shown("n" * 1_000_000) == "n" * SHOWN_LIMIT


@given(st.text(st.characters(), max_size=SHOWN_LIMIT * 2))
def test_shown_text_is_one_safe_line_and_does_not_change_again(text: str) -> None:
    clean = shown(text)
    assert len(clean) <= SHOWN_LIMIT
    assert clean.encode("utf-8").decode() == clean
    assert clean == clean.strip()
    assert not any(ord(character) < 32 or character in "\x7f\u202e\u2066\u2028" for character in clean)
    assert shown(clean) == clean


@pytest.mark.parametrize("text", ["", " 7", "7\n", "a\x00b", "a\ud800", "\u202e7", "9" * 201])
def test_an_id_is_not_repaired(text: str) -> None:
    assert not is_id(text)


@pytest.mark.parametrize("text", ["7", "A-17", "müller/3", "a b", "9" * 200])
def test_an_id_may_be_any_printable_text(text: str) -> None:
    assert is_id(text)


@pytest.mark.parametrize("text", ["", "a@x.com\r\nBcc: b@x.com", "a\x00@x.com", "a" * 321])
def test_what_no_mail_system_takes_is_no_address(text: str) -> None:
    assert not is_possible_address(text)
