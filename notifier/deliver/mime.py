"""An Email as the bytes that travel: multipart/alternative, text first, HTML second.

Written out by hand because an e-mail of ours has one shape: the standard library's `EmailMessage` parses and folds
every header again and takes 2.5 ms for it, this 0.1 ms. The tests read the bytes back with that same library and
compare. Non-ASCII bodies are quoted-printable, which every mail server takes; non-ASCII names and subjects are encoded
words. Only an address whose local part is not ASCII needs more (SMTPUTF8), see `needs_utf8`.
"""

import binascii
import re
from collections.abc import Iterator
from datetime import datetime
from email.header import Header
from email.utils import format_datetime

from notifier.deliver import text
from notifier.deliver.email import Email

#: Bytes of a line that are certainly taken: RFC 5321 allows 998.
_LONGEST_LINE = 900

#: What needs no quotes as a display name: RFC 5322's atoms and the spaces between them.
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")

_NOT_IN_AN_ADDRESS = re.compile(r"[\s<>,;:\"()\[\]\\]")


class UnwritableMail(ValueError):
    """A header that would say something else than it should. The text names the header and never its value."""


def needs_utf8(email: Email) -> bool:
    """Whether the mail can only travel between servers that speak SMTPUTF8 (RFC 6531)."""
    return not (email.to_address + email.from_address + email.reply_to).isascii()


def check(email: Email) -> None:
    """Raise UnwritableMail for a control character in a header or an address that is not exactly one.

    `compose` makes no such e-mail; every provider looks again, because nobody may add a recipient through a name.
    """
    named = {"From": email.from_name, "To": email.to_name, "Subject": email.subject, **email.headers}
    for header, words in named.items():
        if text.CONTROLS.search(header + words):
            raise UnwritableMail(f"control character in header {header!r}")
    addresses = {"From": email.from_address, "To": email.to_address, "Reply-To": email.reply_to}
    for header, address in addresses.items():
        if address.count("@") != 1 or _NOT_IN_AN_ADDRESS.search(address):
            raise UnwritableMail(f"no single address in header {header!r}")


def to_bytes(email: Email, at: datetime | None = None) -> bytes:
    """The e-mail with CRLF line ends; `at` (aware) becomes its Date, without it there is none.

    Raises UnwritableMail.
    """
    check(email)
    # Nobody who writes into a mail can know the attempt's id, so no line of a body can be taken for the boundary.
    boundary = f"=_{email.att}"
    lines = [*_headers(email, at), "MIME-Version: 1.0", f'Content-Type: multipart/alternative; boundary="{boundary}"']
    parts = [(email.text, "plain"), (email.html, "html")]
    bodies = [f"--{boundary}\r\n{_part(content, subtype, email.language)}" for content, subtype in parts]
    return "\r\n".join([*lines, "", *bodies, f"--{boundary}--", ""]).encode()


def _headers(email: Email, at: datetime | None) -> Iterator[str]:
    yield f"From: {_person('From', email.from_name, email.from_address)}"
    yield f"To: {_person('To', email.to_name, email.to_address)}"
    yield f"Reply-To: {_person('Reply-To', '', email.reply_to)}"
    yield f"Subject: {_words('Subject', email.subject)}"
    if at is not None:
        yield f"Date: {format_datetime(at)}"
    for name, value in email.headers.items():
        written = _words(name, value)
        if name == "References":
            written = written.replace(" ", "\r\n ")  # one a line: several together are longer than a line should be
        yield f"{name}: {written}"


def _words(header: str, words: str) -> str:
    if words.isascii():
        return words
    return Header(words, "utf-8", header_name=header).encode(linesep="\r\n")


def _person(header: str, name: str, address: str) -> str:
    if not name:
        return address
    written = _words(header, name)
    if name.isascii() and not _ATOMS.fullmatch(name):
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        written = f'"{escaped}"'
    return f"{written} <{address}>"


def _part(content: str, subtype: str, language: str) -> str:
    lines = content.split("\n")
    plain = content.isascii() and max(map(len, lines)) < _LONGEST_LINE
    if not plain:
        lines = binascii.b2a_qp(content.encode(), istext=True).decode("ascii").split("\n")
    head = [
        f'Content-Type: text/{subtype}; charset="utf-8"',
        f"Content-Transfer-Encoding: {'7bit' if plain else 'quoted-printable'}",
        f"Content-Language: {language}",
        "",
    ]
    return "\r\n".join([*head, *lines])
