"""`event_key`: short printable ASCII whatever a header holds."""

from hypothesis import given
from hypothesis import strategies as st

from notifier.ingest import event_key


def test_an_ordinary_id_is_its_own_key() -> None:
    assert event_key.from_header("msg_p5jXN8AQM9LWM0D4loKWxJek") == "msg_p5jXN8AQM9LWM0D4loKWxJek"


@given(st.text(st.characters(), min_size=1, max_size=300), st.text(st.characters(), min_size=1, max_size=300))
def test_a_key_is_bounded_and_different_for_different_ids(one: str, other: str) -> None:
    key = event_key.from_header(one)
    assert 0 < len(key) <= 200
    assert all("!" <= character <= "~" for character in key)
    assert (key == event_key.from_header(other)) == (one == other)


@given(st.binary(), st.binary())
def test_equal_bodies_and_only_they_have_one_key(one: bytes, other: bytes) -> None:
    assert (event_key.from_body(one) == event_key.from_body(other)) == (one == other)
