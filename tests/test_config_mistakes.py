"""A wrong environment is told everything at once, with the name of each variable and never a value."""

import base64
import traceback
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from config import Config, ConfigError, load

KEY = "an-example-of-a-key-that-is-long-enough"

#: One wrong value for every variable that can have one, in the order in which they are told.
WRONG = {
    "DATABASE_URL": "mysql://u:p@db/x",
    "REDIS_URL": "http://cache",
    "SECRET_KEY": "too-short",
    "SECRET_KEY_FALLBACKS": f"{KEY},too-short",
    "PORT": "65536",
    "WEB_CONCURRENCY": "0",
    "BASE_URL": "http://hiring.example.com",
    "TRUSTED_HOSTS": "https://example.com",
    "MAIL_PROVIDER": "pigeon",
    "SENDGRID_API_URL": "http://api.sendgrid.com",
    "SENDGRID_EVENTS_PUBLIC_KEY": "bm90LWEta2V5,not base64!",
    "SENDGRID_REPLIES_PUBLIC_KEY": "not base64!",
    "SMTP_URL": "mail:587",
    "MAIL_FROM": "Ada Ek",
    "REPLY_DOMAIN": "ada@reply.example.com",
    "SENDING": "maybe",
    "MAIL_RATE": "0",
    "LOG_LEVEL": "loud",
    "LOG_FORMAT": "xml",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of its own for each test: `var` is below the current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def mistakes(environ: dict[str, str]) -> tuple[str, ...]:
    """What `load` has to say about a wrong environment."""
    with pytest.raises(ConfigError) as caught:
        load(environ)
    assert str(caught.value).splitlines() == list(caught.value.mistakes)
    return caught.value.mistakes


@pytest.mark.parametrize(("name", "wrong"), WRONG.items(), ids=WRONG)
def test_a_wrong_value_is_one_mistake_that_names_its_variable(name: str, wrong: str) -> None:
    told = mistakes({"SECRET_KEY": KEY} | {name: wrong})

    assert len(told) == 1
    assert told[0] == f"{name}: expected {Config.model_fields[name.lower()].description}"


def written(curve: ec.EllipticCurve) -> str:
    """A public key on this curve, as a provider would show it."""
    made = ec.generate_private_key(curve).public_key()
    return base64.b64encode(made.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "postgresql+asyncpg://u:p@db/x"),
        ("DATABASE_URL", "var/notifier.db"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "redis://cache:port"),
        ("BASE_URL", "hiring.example.com"),
        ("BASE_URL", "https://hiring.example.com/path"),
        ("BASE_URL", "https://u:p@hiring.example.com"),
        ("BASE_URL", "http://127.0.0.1.example.com"),
        ("BASE_URL", "http://0.0.0.0:8000"),
        ("BASE_URL", "https://exa mple.com"),
        ("SENDGRID_API_URL", "ftp://api.sendgrid.com"),
        ("TRUSTED_HOSTS", ","),
        ("TRUSTED_HOSTS", "*"),
        ("TRUSTED_HOSTS", "example.com:8000"),
        ("SECRET_KEY_FALLBACKS", ","),
        ("SENDGRID_EVENTS_PUBLIC_KEY", ","),
        ("SENDGRID_EVENTS_PUBLIC_KEY", "QUJD"),
        ("SENDGRID_EVENTS_PUBLIC_KEY", written(ec.SECP384R1())),
        ("SENDGRID_REPLIES_PUBLIC_KEY", written(ec.SECP384R1())),
        ("SMTP_URL", "smtp://mail/path"),
        ("SMTP_URL", "smtp://mail?starttls=maybe"),
        ("MAIL_FROM", "a@example.com, b@example.com"),
        ("MAIL_FROM", "Ada <ada@example.com>\r\nBcc: b@example.com"),
        ("MAIL_RATE", "nan"),
        ("MAIL_RATE", "inf"),
        ("MAIL_RATE", "-1"),
        ("PORT", "0"),
        ("PORT", "http"),
    ],
)
def test_a_value_that_only_looks_right_is_refused(name: str, wrong: str) -> None:
    assert [one.split(":")[0] for one in mistakes({"SECRET_KEY": KEY} | {name: wrong})] == [name]


def test_all_mistakes_are_told_at_once() -> None:
    assert [one.split(":")[0] for one in mistakes(WRONG)] == list(WRONG)


def test_wrong_values_missing_ones_and_unreadable_files_are_told_together() -> None:
    told = mistakes(
        {
            "DATABASE_URL": "postgresql://db/notifier",
            "MAIL_PROVIDER": "sendgrid",
            "SENDGRID_API_KEY_FILE": "nowhere",
            "PORT": "none",
        }
    )

    assert told == (
        "SECRET_KEY: expected at least 32 random characters; needed as DATABASE_URL is given",
        "PORT: expected a whole number from 1 to 65535",
        "SENDGRID_API_KEY_FILE: the file cannot be read (No such file or directory)",
        "MAIL_FROM: expected address, or: Name <address>; needed as MAIL_PROVIDER is sendgrid",
    )


@pytest.mark.parametrize(
    ("provider", "needed"),
    [("mailbox", []), ("smtp", ["SMTP_URL", "MAIL_FROM"]), ("sendgrid", ["SENDGRID_API_KEY", "MAIL_FROM"])],
)
def test_each_mail_provider_needs_its_own(provider: str, needed: list[str]) -> None:
    texts = {"SENDGRID_API_KEY": "SG.example", "SMTP_URL": "smtp://mail", "MAIL_FROM": "ada@example.com"}
    environ = {"MAIL_PROVIDER": provider}

    if needed:
        assert [one.split(":")[0] for one in mistakes(environ)] == needed
    assert load(environ | {name: texts[name] for name in needed}).mail_provider == provider


def test_a_value_and_a_file_for_it_are_too_much(folder: Path) -> None:
    (folder / "value").write_text("9000", encoding="utf-8")

    assert mistakes({"PORT": "9000", "PORT_FILE": "value"}) == ("PORT: give PORT or PORT_FILE, not both",)


@pytest.mark.parametrize(
    ("content", "why"), [(b" \n", "the file is empty"), (b"\xff\xfe\x00", "the file is not UTF-8 text")]
)
def test_a_file_without_a_text_is_a_mistake(content: bytes, why: str, folder: Path) -> None:
    (folder / "value").write_bytes(content)

    assert mistakes({"SECRET_KEY_FILE": "value"}) == (f"SECRET_KEY_FILE: {why}",)


def test_a_secret_key_that_cannot_be_kept_is_a_mistake(folder: Path) -> None:
    (folder / "var").write_text("in the way", encoding="utf-8")

    (told,) = mistakes({})
    assert told.startswith("SECRET_KEY: expected at least 32 random characters; none can be kept in var/secret_key (")


@pytest.mark.parametrize("content", [b"", b"cut off", b"\xff" * 40])
def test_a_damaged_secret_key_is_a_mistake_and_stays(content: bytes, folder: Path) -> None:
    (folder / "var").mkdir()
    (folder / "var" / "secret_key").write_bytes(content)

    (told,) = mistakes({})
    assert told.startswith("SECRET_KEY: ")
    assert (folder / "var" / "secret_key").read_bytes() == content


# ---- secrets are not shown

SECRET = "hunter2"
SECRET_PLACES = {
    "DATABASE_URL": f"mysql://u:{SECRET}@db/x",
    "REDIS_URL": f"http://:{SECRET}@cache",
    "SECRET_KEY": SECRET,
    "SECRET_KEY_FALLBACKS": f"{KEY},{SECRET}",
    "SMTP_URL": f"imap://u:{SECRET}@mail",
    "PORT": SECRET,
    "SENDGRID_API_KEY_FILE": SECRET,
}


def test_no_mistake_shows_what_was_given() -> None:
    with pytest.raises(ConfigError) as caught:
        load(SECRET_PLACES)

    assert len(caught.value.mistakes) == len(SECRET_PLACES)
    assert SECRET not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert caught.value.__context__ is None
