"""The configuration: the only reader of the environment.

`load()` gives a frozen `Config` or raises `ConfigError` with *all* mistakes in one list. Every variable may also be
given as NAME_FILE, the path of a file that holds its value (so secrets can be mounted); an empty text counts as not
given. The order is: read (`Environment`), validate each value (the fields), ask for what the chosen parts need
(`_absent`), and only then, if nothing is wrong, make up the secret key where one may be made up.

What a variable expects is written once, as the description of its field, and is all that a mistake says: a wrong value
is never shown, as it may be a secret in the wrong place. pydantic's own error, which quotes values, stays in here.

A secret key is made up for the default database only. Such an installation is one folder on one machine; anywhere else
several machines must have the same key, and one made up would be lost with its container.
"""

import base64
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

DEFAULT_DATABASE = "sqlite:///var/notifier.db"
_MASK = "********"

_HOST = r"(?i:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)"
_PORT = r"(?::[0-9]{1,5})?"
_LOOPBACK = r"(?i:(?:[a-z0-9-]+\.)*localhost|127(?:\.[0-9]{1,3}){3}|\[?::1\]?)"
_REDIS = rf"^(?:rediss?://(?:[^/?#\s]*@)?{_HOST}{_PORT}(?:[/?]\S*)?|unix://\S+)$"
_SMTP = rf"^smtp://(?:[^/?#\s]*@)?{_HOST}{_PORT}/?(?:\?starttls=[01])?$"
_SENDER = rf'^(?:(?:"[^"\r\n]*"\s*|[^<>@",;\r\n]*)<[^<>@\s,;]+@{_HOST}>|[^<>@\s,;]+@{_HOST})$'
# Unencrypted only where it stays on the machine: cookies are Secure, and the key of a provider is a secret.
_WEB = rf"^(?:https://{_HOST}|http://{_LOOPBACK}){_PORT}/?$"
_WEB_TEXT = "https://host, or http://host:port on this machine only"


class ConfigError(Exception):
    """The environment cannot be used. `mistakes` has one line for each variable at fault; none shows a value."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


def _database(url: str) -> str:
    scheme, _, rest = url.partition("://")
    if scheme in {"postgres", "postgresql", "postgresql+psycopg"} and rest:
        return f"postgresql+psycopg://{rest}"
    # A database in memory would be a different one in every process, and gone with it.
    if scheme == "sqlite" and rest.strip("/") and ":memory:" not in rest:
        return url
    raise ValueError("not a database address")


def _public_key(text: str) -> str:
    """A key as the provider shows it: base64 of DER, with or without its PEM frame; on the curve P-256, as SendGrid
    makes them. Kept as given. One that cannot verify anything would refuse every event without a word."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    body = re.sub(r"-----[A-Z ]+-----|\s", "", text)
    try:
        key = load_der_public_key(base64.b64decode(body, validate=True))
    except UnsupportedAlgorithm as fault:
        raise ValueError("not a public key") from fault
    if getattr(getattr(key, "curve", None), "name", "") != ec.SECP256R1.name:
        raise ValueError("not a key on the curve P-256")
    return text


def _own_hosts(given: dict[str, Any]) -> tuple[str, ...]:
    """The hosts that requests may name where TRUSTED_HOSTS is not given: that of the public address."""
    host = urlsplit(given["base_url"]).hostname or ""
    return tuple(dict.fromkeys((host, "127.0.0.1", "localhost"))) if re.fullmatch(_LOOPBACK, host) else (host,)


def _split(text: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    if not parts:
        # An empty list would be worse than none: no trusted host means every host to Flask.
        raise ValueError("nothing between the commas")
    return parts


_Several = BeforeValidator(_split)
_Key = Annotated[str, Field(min_length=32)]
_WebAddress = Annotated[str, Field(pattern=_WEB), AfterValidator(lambda url: url.rstrip("/").lower())]
_PublicKey = Annotated[str, AfterValidator(_public_key)]
_Domain = Annotated[str, BeforeValidator(str.lower), Field(pattern=rf"^{_HOST}$")]
_TrustedHost = Annotated[str, BeforeValidator(str.lower), Field(pattern=rf"^\.?{_HOST}$")]
_Level = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(str.upper)]


class Config(BaseSettings):
    """Every setting, by the lower-case name of its variable; "" or () where an optional one is not given.

    A description says what its variable expects. Fields with `repr=False` are, or may hold, secrets.
    """

    model_config = SettingsConfigDict(frozen=True, validate_default=False, hide_input_in_errors=True)

    database_url: Annotated[str, AfterValidator(_database)] = Field(
        default=DEFAULT_DATABASE,
        repr=False,
        description="sqlite:///path/to/file or postgresql://user:password@host/name",
    )
    redis_url: str = Field(
        default="", repr=False, pattern=_REDIS, description="redis://host:port/number, rediss://... or unix:///path"
    )
    secret_key: _Key = Field(default="", repr=False, description="at least 32 random characters")
    secret_key_fallbacks: Annotated[tuple[_Key, ...], _Several] = Field(
        default=(), repr=False, description="earlier secret keys, at least 32 characters each, separated by commas"
    )
    port: int = Field(default=8000, ge=1, le=65535, description="a whole number from 1 to 65535")
    web_concurrency: int = Field(default=1, ge=1, description="a whole number of web processes, 1 or more")
    base_url: _WebAddress = Field(
        default_factory=lambda given: f"http://127.0.0.1:{given['port']}",
        description=f"the public address without a path: {_WEB_TEXT}",
    )
    trusted_hosts: Annotated[tuple[_TrustedHost, ...], _Several] = Field(
        default_factory=_own_hosts,
        description="host names without scheme and port, separated by commas; .example.com includes its subdomains",
    )
    mail_provider: Literal["mailbox", "smtp", "sendgrid"] = Field(
        default="mailbox", description="mailbox, smtp or sendgrid"
    )
    sendgrid_api_key: str = Field(default="", repr=False, description="a SendGrid API key")
    sendgrid_api_url: _WebAddress = Field(default="https://api.sendgrid.com", description=_WEB_TEXT)
    sendgrid_events_public_key: Annotated[tuple[_PublicKey, ...], _Several] = Field(
        default=(), description="one or more verification keys in base64, separated by commas"
    )
    sendgrid_replies_public_key: _PublicKey = Field(default="", description="one verification key in base64")
    smtp_url: str = Field(
        default="", repr=False, pattern=_SMTP, description="smtp://user:password@host:port, with ?starttls=1 for TLS"
    )
    mail_from: str = Field(
        default="Hiring team <hiring@example.com>", pattern=_SENDER, description="address, or: Name <address>"
    )
    reply_domain: _Domain = Field(default="", description="the domain for candidates' replies: reply.example.com")
    sending: Literal["live", "shadow"] = Field(default="live", description="live or shadow")
    mail_rate: float | None = Field(default=None, gt=0, allow_inf_nan=False, description="e-mails per second, above 0")
    log_level: _Level = Field(default="INFO", description="DEBUG, INFO, WARNING, ERROR or CRITICAL")
    log_format: Literal["console", "json"] = Field(default="console", description="console or json")

    @classmethod
    def settings_customise_sources(cls, *_: Any, **sources: Any) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` hands over: a Config made in a test never picks up what lies about in the environment."""
        return (sources["init_settings"],)

    @property
    def var_folder(self) -> Path:
        """Where the embedded parts keep their files: under the folder that the process was started in."""
        return Path("var")

    @property
    def templates_folder(self) -> Path:
        """The e-mails that come with the product."""
        return Path(__file__).parent / "templates" / "emails"

    @property
    def secret_ring(self) -> tuple[str, ...]:
        """The secret keys, newest first: the first one signs and encrypts, all of them read."""
        return (self.secret_key, *self.secret_key_fallbacks)

    @property
    def mail_from_name(self) -> str:
        """The name in MAIL_FROM; "" if there is none."""
        return parseaddr(self.mail_from)[0]

    @property
    def mail_from_address(self) -> str:
        """The address in MAIL_FROM."""
        return parseaddr(self.mail_from)[1]

    def masked(self) -> dict[str, str]:
        """Every variable and its value as text, fit for a screen: no secret, no password within an address."""
        return {name.upper(): _masked(name, getattr(self, name), field) for name, field in Config.model_fields.items()}


class Environment(PydanticBaseSettingsSource):
    """NAME, or the content of the file named by NAME_FILE, for every field. `mistakes` says which could not be read."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(Config)
        self.environ = environ
        self.mistakes: dict[str, str] = {}

    def __call__(self) -> dict[str, str]:
        """The values that are given, by field."""
        read = {name: self.get_field_value(field, name)[0] for name, field in Config.model_fields.items()}
        return {name: value for name, value in read.items() if value}

    def get_field_value(self, _field: FieldInfo, field_name: str) -> tuple[str, str, bool]:
        """The value ("" if not given), the field's name, and that the value is no JSON."""
        name = field_name.upper()
        value, path = (self.environ.get(one, "").strip() for one in (name, f"{name}_FILE"))
        if value and path:
            self.mistakes[field_name] = f"{name}: give {name} or {name}_FILE, not both"
        elif path:
            value = self._read(field_name, path)
        return value, field_name, False

    def _read(self, field_name: str, path: str) -> str:
        """A file's text. The path is not shown either: somebody may have put the secret itself there."""
        try:
            if text := Path(path).read_text(encoding="utf-8").strip():
                return text
            why = "the file is empty"
        except OSError as error:
            why = f"the file cannot be read ({error.strerror})"
        except ValueError:
            why = "the file is not UTF-8 text"
        self.mistakes[field_name] = f"{field_name.upper()}_FILE: {why}"
        return ""


def load(environ: Mapping[str, str] | None = None) -> Config:
    """The configuration of this process, from `os.environ` unless another one is given.

    Raises ConfigError with every mistake. May write var/secret_key (see the module).
    """
    environment = Environment(os.environ if environ is None else environ)
    given = environment()
    config, invalid = _validated(given)
    mistakes = _absent(given) | invalid | environment.mistakes
    if config is None or mistakes:
        raise ConfigError(tuple(mistakes[name] for name in Config.model_fields if name in mistakes))
    if config.secret_key:
        return config
    return config.model_copy(update={"secret_key": _own_secret(config.var_folder / "secret_key")})


def _validated(given: dict[str, str]) -> tuple[Config | None, dict[str, str]]:
    """The Config, or what is wrong by field. A default that hangs on a wrong value is not a mistake of its own."""
    try:
        return Config.model_validate(given), {}
    except ValidationError as error:
        wrong = {str(one["loc"][0]) for one in error.errors()}
        return None, {name: _expected(name) for name in wrong & given.keys()}


def _absent(given: dict[str, str]) -> dict[str, str]:
    """What is not given but needed by what is."""
    provider = given.get("mail_provider", "mailbox")
    needs = {
        "secret_key": given.get("database_url", DEFAULT_DATABASE) != DEFAULT_DATABASE and "DATABASE_URL is given",
        "sendgrid_api_key": provider == "sendgrid" and "MAIL_PROVIDER is sendgrid",
        "smtp_url": provider == "smtp" and "MAIL_PROVIDER is smtp",
        "mail_from": provider in {"smtp", "sendgrid"} and f"MAIL_PROVIDER is {provider}",
    }
    return {name: f"{_expected(name)}; needed as {why}" for name, why in needs.items() if why and name not in given}


def _expected(name: str) -> str:
    return f"{name.upper()}: expected {Config.model_fields[name].description}"


def _own_secret(file: Path) -> str:
    """The key of this installation, made up by whichever process comes first; the others read the same one."""
    try:
        if not file.exists():
            _write_once(file, secrets.token_urlsafe(48))
        key = file.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError((f"{_expected('secret_key')}; none can be kept in {file} ({why})",)) from None
    if len(key) < 32:
        raise ConfigError((f"{_expected('secret_key')}; {file} holds less",))
    return key


def _write_once(file: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all; one that is there already stays as it is."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}-{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, text.encode("ascii"))
        os.fsync(descriptor)
        # A link, unlike a rename, never replaces what another process has put there a moment ago.
        with suppress(FileExistsError):
            os.link(draft, file)
    finally:
        os.close(descriptor)
        draft.unlink()


def _masked(name: str, value: object, field: FieldInfo) -> str:
    if isinstance(value, tuple):
        return ", ".join(_masked(name, one, field) for one in value)
    text = "" if value is None else str(value)
    if field.repr or not text:
        return text
    if not name.endswith("_url"):
        return _MASK
    text = re.sub(r"(://[^:/?#@]*:).*@", rf"\1{_MASK}@", text)
    return re.sub(r"(?i)([?&][^=&]*password=)[^&#]*", rf"\1{_MASK}", text)
