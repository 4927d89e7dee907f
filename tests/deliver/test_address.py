import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.deliver.address import address, domain_of, wire


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("ana@example.org", "ana@example.org"),
        (" ana@example.org ", "ana@example.org"),
        ("Ana.B+jobs@EXAMPLE.org", "Ana.B+jobs@example.org"),
        ("josé@exämple.org", "josé@exämple.org"),
    ],
)
def test_one_address_is_taken_in_its_normal_form(raw: str, normal: str) -> None:
    assert address(raw) == normal


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "ana",
        "ana@",
        "ana@localhost",
        "ana@example.org, bob@example.org",
        "ana@example.org;bob@example.org",
        "Ana <ana@example.org>",
        '"a@evil.example" <b@example.org>',
        "ana@example.org\r\nBcc: bob@example.org",
        "ana@example.org\n",
        '"ana b"@example.org',
        "ana@[192.0.2.1]",
        "ana..b@example.org",
        "\ud800@example.org",
        "a" * 400 + "@example.org",
    ],
)
def test_what_is_not_exactly_one_address_is_none(raw: str) -> None:
    assert address(raw) is None


@given(st.text())
def test_any_text_is_an_address_or_none(raw: str) -> None:
    normal = address(raw)

    assert normal is None or address(normal) == normal


def test_the_domain_travels_in_ascii_by_the_newer_rules() -> None:
    assert wire("ana@faß.de") == "ana@xn--fa-hia.de"
    assert wire("josé@exämple.org") == "josé@xn--exmple-cua.org"
    assert wire("ana@example.org") == "ana@example.org"


def test_domains_are_compared_without_case() -> None:
    assert domain_of("ana@Example.ORG") == "example.org"
