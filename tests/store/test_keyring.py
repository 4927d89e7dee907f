"""Sealed values: readable by whoever has the key, by nobody else, and through a change of keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.store.keyring import CannotOpen, KeyRing

OLD, NEW = "an-old-secret-of-more-than-32-characters", "a-new-secret-of-more-than-32-characters!"


@given(st.text())
def test_what_is_sealed_opens_again_and_never_looks_the_same(text: str) -> None:
    ring = KeyRing([OLD])

    first, second = ring.seal(text, "candidate.address"), ring.seal(text, "candidate.address")

    assert ring.open(first, "candidate.address") == text
    assert first != second


def test_a_rotated_ring_opens_old_values_and_seals_new_ones_with_the_new_key() -> None:
    before, between, after = KeyRing([OLD]), KeyRing([NEW, OLD]), KeyRing([NEW])
    old = before.seal("ana@example.org", "candidate.address")

    assert between.open(old, "candidate.address") == "ana@example.org"
    assert after.open(between.seal("ana@example.org", "candidate.address"), "candidate.address") == "ana@example.org"
    with pytest.raises(CannotOpen, match="not on the ring"):
        after.open(old, "candidate.address")


def test_an_address_is_found_under_every_key_of_the_ring() -> None:
    before, between = KeyRing([OLD]), KeyRing([NEW, OLD])

    assert before.blind("Ana@Example.org ") in between.blinds("ana@example.org")
    assert between.blind("ana@example.org") != before.blind("ana@example.org")


def test_a_changed_value_or_one_moved_to_another_column_does_not_open() -> None:
    ring = KeyRing([OLD])
    sealed = ring.seal("ana@example.org", "candidate.address")

    with pytest.raises(CannotOpen):
        ring.open(sealed, "owner.address")
    with pytest.raises(CannotOpen):
        ring.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), "candidate.address")
    with pytest.raises(CannotOpen):
        ring.open(b"", "candidate.address")
