"""What the environment may say, what follows from it, and the secret key that an installation makes up itself."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from pydantic import ValidationError

import config
from config import Config, ConfigError, load

KEY = "an-example-of-a-key-that-is-long-enough"
OLDER = "an-older-example-of-a-key-that-is-long-enough"
PUBLIC = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAExQKCD8UpvSoXIDxkjSVUs+uEp5"
    "vWynz5FFJ+ZcFti5pCLRuvyNTV5vDhTZflWd0wTqae0Jl8uWDKVMVyQUzf+A=="
)
PEM = f"-----BEGIN PUBLIC KEY-----\n{PUBLIC[:64]}\n{PUBLIC[64:]}\n-----END PUBLIC KEY-----"

# Every variable, a text for it, and the value that it then has.
VARIABLES: list[tuple[str, str, object]] = [
    ("DATABASE_URL", "postgresql+psycopg://u:p@db/notifier", "postgresql+psycopg://u:p@db/notifier"),
    ("REDIS_URL", "rediss://:p@cache:6380/1", "rediss://:p@cache:6380/1"),
    ("SECRET_KEY", KEY, KEY),
    ("SECRET_KEY_FALLBACKS", f"{KEY}, {OLDER}", (KEY, OLDER)),
    ("PORT", "9000", 9000),
    ("WEB_CONCURRENCY", "4", 4),
    ("BASE_URL", "https://hiring.example.com/", "https://hiring.example.com"),
    ("TRUSTED_HOSTS", "Hiring.example.com, .example.org", ("hiring.example.com", ".example.org")),
    ("MAIL_PROVIDER", "mailbox", "mailbox"),
    ("SENDGRID_API_KEY", "SG.example", "SG.example"),
    ("SENDGRID_API_URL", "https://api.eu.sendgrid.com", "https://api.eu.sendgrid.com"),
    ("SENDGRID_EVENTS_PUBLIC_KEY", f"{PUBLIC},{PEM}", (PUBLIC, PEM)),
    ("SENDGRID_REPLIES_PUBLIC_KEY", PEM, PEM),
    ("SMTP_URL", "smtp://u:p@mail:587?starttls=1", "smtp://u:p@mail:587?starttls=1"),
    ("MAIL_FROM", "Ada Ek <ada@example.com>", "Ada Ek <ada@example.com>"),
    ("REPLY_DOMAIN", "reply.example.com", "reply.example.com"),
    ("SENDING", "shadow", "shadow"),
    ("MAIL_RATE", "2.5", 2.5),
    ("LOG_LEVEL", "debug", "DEBUG"),
    ("LOG_FORMAT", "json", "json"),
]
NAMES = [name for name, _, _ in VARIABLES]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of its own for each test: `var` is below the current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ---- what may be said


def test_the_table_above_has_every_variable() -> None:
    assert [name.lower() for name in NAMES] == list(Config.model_fields)


@pytest.mark.parametrize(("name", "text", "value"), VARIABLES, ids=NAMES)
def test_a_variable_is_read_from_the_environment(name: str, text: str, value: object) -> None:
    assert getattr(load({"SECRET_KEY": KEY} | {name: f" {text} "}), name.lower()) == value


@pytest.mark.parametrize(("name", "text", "value"), VARIABLES, ids=NAMES)
def test_a_variable_is_read_from_its_file(name: str, text: str, value: object, folder: Path) -> None:
    (folder / "value").write_text(f"{text}\n", encoding="utf-8")
    key = {} if name == "SECRET_KEY" else {"SECRET_KEY": KEY}

    assert getattr(load(key | {f"{name}_FILE": "value"}), name.lower()) == value


def test_without_any_variable_everything_has_its_default() -> None:
    loaded = load({})

    assert loaded.model_dump(exclude={"secret_key"}) == {
        "database_url": "sqlite:///var/notifier.db",
        "redis_url": "",
        "secret_key_fallbacks": (),
        "port": 8000,
        "web_concurrency": 1,
        "base_url": "http://127.0.0.1:8000",
        "trusted_hosts": ("127.0.0.1", "localhost"),
        "mail_provider": "mailbox",
        "sendgrid_api_key": "",
        "sendgrid_api_url": "https://api.sendgrid.com",
        "sendgrid_events_public_key": (),
        "sendgrid_replies_public_key": "",
        "smtp_url": "",
        "mail_from": "Hiring team <hiring@example.com>",
        "reply_domain": "",
        "sending": "live",
        "mail_rate": None,
        "log_level": "INFO",
        "log_format": "console",
    }


def test_an_empty_text_counts_as_not_given() -> None:
    empty = dict.fromkeys([*NAMES, *(f"{name}_FILE" for name in NAMES)], " ")

    assert load(empty | {"SECRET_KEY": KEY}) == load({"SECRET_KEY": KEY})


def test_the_environment_of_the_process_is_read_unless_another_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9001")

    assert load().port == 9001
    assert load({}).port == 8000
    assert Config().port == 8000


def test_a_loaded_configuration_does_not_change() -> None:
    with pytest.raises(ValidationError):
        load({}).port = 1


# ---- one follows from another


def test_the_public_address_follows_the_port() -> None:
    assert load({"PORT": "9000"}).base_url == "http://127.0.0.1:9000"


@pytest.mark.parametrize(
    ("base_url", "hosts"),
    [
        ("https://hiring.example.com", ("hiring.example.com",)),
        ("https://Hiring.example.com:8443/", ("hiring.example.com",)),
        ("http://localhost:8000", ("localhost", "127.0.0.1")),
        ("http://notifier.localhost", ("notifier.localhost", "127.0.0.1", "localhost")),
        ("http://[::1]:8000", ("::1", "127.0.0.1", "localhost")),
    ],
)
def test_trusted_hosts_follow_the_public_address(base_url: str, hosts: tuple[str, ...]) -> None:
    assert load({"BASE_URL": base_url}).trusted_hosts == hosts


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_postgresql_scheme_names_the_one_driver(scheme: str) -> None:
    loaded = load({"DATABASE_URL": f"{scheme}://u:p@/x?host=/run/pg", "SECRET_KEY": KEY})

    assert loaded.database_url == "postgresql+psycopg://u:p@/x?host=/run/pg"


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("ada@example.com", "", "ada@example.com"),
        ("Ada Ek <ada@example.com>", "Ada Ek", "ada@example.com"),
        ('"Ek, Ada" <ada@example.com>', "Ek, Ada", "ada@example.com"),
        ("Équipe <rh@Example.com>", "Équipe", "rh@Example.com"),
    ],
)
def test_the_sender_has_a_name_and_an_address(text: str, name: str, address: str) -> None:
    loaded = load({"MAIL_FROM": text})

    assert (loaded.mail_from_name, loaded.mail_from_address) == (name, address)


def test_the_secret_ring_is_newest_first() -> None:
    assert load({"SECRET_KEY": KEY, "SECRET_KEY_FALLBACKS": OLDER}).secret_ring == (KEY, OLDER)


def test_the_templates_are_those_that_come_with_the_product() -> None:
    assert load({}).templates_folder == Path(config.__file__).parent / "templates" / "emails"


def test_var_is_where_the_process_was_started(folder: Path) -> None:
    assert load({}).var_folder.resolve() == folder / "var"


# ---- what may be shown

SECRET = "hunter2"


def test_no_secret_is_shown_by_a_configuration_or_its_masked_form() -> None:
    loaded = load(
        {
            "DATABASE_URL": f"postgresql://u:{SECRET}/@{SECRET}@db/x?sslpassword={SECRET}&application_name=n",
            "REDIS_URL": f"redis://:{SECRET}@cache/0",
            "SECRET_KEY": SECRET * 8,
            "SECRET_KEY_FALLBACKS": f"{SECRET * 6},{SECRET * 7}",
            "SENDGRID_API_KEY": SECRET,
            "SMTP_URL": f"smtp://u:{SECRET}@mail:25",
        }
    )

    assert SECRET not in repr(loaded) + str(loaded)
    masked = loaded.masked()
    assert SECRET not in str(masked)
    assert masked["DATABASE_URL"] == "postgresql+psycopg://u:********@db/x?sslpassword=********&application_name=n"
    assert masked["REDIS_URL"] == "redis://:********@cache/0"
    assert masked["SMTP_URL"] == "smtp://u:********@mail:25"
    assert masked["SECRET_KEY_FALLBACKS"] == "********, ********"


def test_the_masked_form_has_every_variable_as_text() -> None:
    masked = load({"SECRET_KEY": KEY, "TRUSTED_HOSTS": "a.example, b.example"}).masked()

    assert list(masked) == NAMES
    assert masked["TRUSTED_HOSTS"] == "a.example, b.example"
    assert masked["DATABASE_URL"] == "sqlite:///var/notifier.db"
    assert (masked["PORT"], masked["MAIL_RATE"], masked["SENDGRID_API_KEY"]) == ("8000", "", "")


# ---- the secret key of the embedded installation


def test_a_secret_key_is_made_up_once_and_kept_for_its_owner_only(folder: Path) -> None:
    first = load({}).secret_key

    assert len(first) >= 32
    assert load({}).secret_key == load({"DATABASE_URL": config.DEFAULT_DATABASE}).secret_key == first
    assert stat.S_IMODE((folder / "var" / "secret_key").stat().st_mode) == 0o600
    assert [file.name for file in (folder / "var").iterdir()] == ["secret_key"]


def test_no_secret_key_is_made_up_where_one_is_given_or_anything_is_wrong(folder: Path) -> None:
    load({"SECRET_KEY": KEY})
    for wrong in ({"PORT": "none"}, {"DATABASE_URL": "sqlite:///elsewhere.db"}):
        with pytest.raises(ConfigError):
            load(wrong)

    assert not (folder / "var").exists()


@pytest.mark.parametrize("_", range(10))
def test_threads_that_start_together_have_one_secret_key(_: int) -> None:
    together = Barrier(8)

    def start(_: int) -> str:
        together.wait()
        return load({}).secret_key

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(start, range(8)))) == 1
    assert [file.name for file in Path("var").iterdir()] == ["secret_key"]


def test_processes_that_start_together_have_one_secret_key(folder: Path) -> None:
    # Eight children wait for the end of a pipe, so that they meet in the file.
    program = """
import os, config
waiting, closing = os.pipe()
for _ in range(8):
    if os.fork() == 0:
        os.close(closing)
        os.read(waiting, 1)
        os.write(1, config.load({}).secret_key.encode() + b"\\n")
        os._exit(0)
os.close(closing)
for _ in range(8):
    os.wait()
"""
    environ = os.environ | {"PYTHONPATH": str(Path(config.__file__).parent)}

    keys = subprocess.run([sys.executable, "-c", program], cwd=folder, env=environ, stdout=subprocess.PIPE, check=True)

    assert len(keys.stdout.splitlines()) == 8
    assert len(set(keys.stdout.splitlines())) == 1
    assert [file.name for file in (folder / "var").iterdir()] == ["secret_key"]
