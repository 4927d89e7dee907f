"""SMTP_URL: which server, how it is reached, who we are to it."""

from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

#: Hosts to which a password may travel unencrypted, because it does not travel.
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

FORM = (
    "write smtp://user:password@host:port?starttls=1, or smtps://user:password@host:port, with user and password "
    "percent-encoded"
)

_PORTS = {("smtps", False): 465, ("smtp", True): 587, ("smtp", False): 25}


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A mail server. `implicit_tls`: TLS from the first byte; `starttls`: TLS before anything of ours is said."""

    host: str
    port: int
    implicit_tls: bool
    starttls: bool
    user: str = ""
    password: str = field(default="", repr=False)


def read_smtp_url(url: str) -> SmtpServer:
    """Read "smtp://user:password@host:port?starttls=1" or "smtps://…"; raises ValueError without showing the password.

    User and password are percent-encoded. Without a port: 465, 587 with STARTTLS, else 25.
    """
    try:
        parts = urlsplit(url)
        given_port = parts.port
    except ValueError:
        # The parser's own words would show a piece of the password.
        raise ValueError(FORM) from None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError(FORM)
    options = parse_qs(parts.query, keep_blank_values=True)
    if set(options) - {"starttls"} or options.get("starttls", ["0"])[-1] not in ("0", "1"):
        raise ValueError("after ? only starttls=1 or starttls=0 may stand")
    starttls = parts.scheme == "smtp" and options.get("starttls", ["0"])[-1] == "1"
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) != bool(password):
        raise ValueError("user and password belong together")
    if not (user + password).isascii():
        raise ValueError("user and password must be ASCII; nothing else can log in")
    encrypted = starttls or parts.scheme == "smtps"
    if user and not encrypted and parts.hostname not in _LOOPBACK:
        raise ValueError("the password would travel unencrypted: add ?starttls=1 or write smtps://")
    port = given_port or _PORTS[parts.scheme, starttls]
    return SmtpServer(parts.hostname, port, parts.scheme == "smtps", starttls, user, password)
