"""`text_secret`: what is refused, and that the reason says what to do."""

import pytest

from notifier.ingest import text_secret


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("", "empty"),
        (" 0123456789abcdef", "space"),
        ("0123456789abcdef\n", "space or line end"),
        ("0123456789abcdé0", "ASCII"),
        ("0123456789ab\tcdef", "printable"),
        ("0123456789abcde", "shorter"),
    ],
)
def test_an_unusable_secret_is_refused_with_its_reason(secret: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        text_secret.check(secret)


def test_a_new_secret_is_usable_and_never_the_same() -> None:
    made = {text_secret.new() for _ in range(50)}
    assert len(made) == 50
    for secret in made:
        text_secret.check(secret)


def test_sixteen_characters_are_enough() -> None:
    text_secret.check("0123456789abcdef")
