"""SendGrid's inbound parse: a mail to us, posted as a form.

Read from the raw bytes, never through a web framework: that decodes every field as UTF-8 and loses what a mail server
passed on in another charset, refuses large fields, and leaves nothing to check the signature on (measured). The
signature is the one of the event webhook: check it with `ecdsa_signature.believe` before anything is opened.

Decision: recipients and sender are the envelope's. What a mail says about itself in To and From is anybody's word.

Two modes. *Raw* posts the whole mail in one field and is the one to choose. *Default* posts it taken apart; what a
reply or a bounce needs is put together again: its headers, its text, and the parts of a delivery report.
"""

import codecs
import hashlib
import itertools
from dataclasses import dataclass, field

from notifier.core.errors import Unreadable
from notifier.deliver import reported
from notifier.deliver.multipart import ContentType, Part, content_type, cut, read_part

#: Bytes of a post; SendGrid passes on mails of up to 30 MB.
MOST_BYTES = 35 * 1024 * 1024

#: Fields of a form, and recipients of an envelope, that are looked at.
MOST_FIELDS = 500
MOST_RECIPIENTS = 100

#: Codecs that Python knows by name and no mail is written in; some need quadratic time.
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"})

#: What a delivery report consists of beside its text.
_REPORT_PARTS = ("message/", "text/rfc822-headers")


@dataclass(frozen=True, slots=True)
class InboundMail:
    """A mail as it reached us. `sender` is empty for a bounce; both are the envelope's and empty if it was not told."""

    mime: bytes = field(repr=False)
    recipients: tuple[str, ...] = field(repr=False)
    sender: str = field(repr=False)


def open_post(content_type_header: str, body: bytes) -> InboundMail:
    """The mail in one post, from its Content-Type header and its raw body.

    Raises Unreadable if it is no such form, and nothing else.
    """
    fields = _fields(content_type(content_type_header), body)
    recipients, sender = _envelope(fields.get("envelope"))
    if "email" in fields:
        return InboundMail(fields["email"].body, recipients, sender)
    if "headers" not in fields:
        raise Unreadable("email", "missing, and so is headers")
    return InboundMail(_put_together(fields), recipients, sender)


def _fields(form: ContentType, body: bytes) -> dict[str, Part]:
    """The form's fields by name. A name that comes twice is refused.

    The boundary SendGrid uses is known to all, so a mail that contains it would be cut short, or bring an envelope of
    its own.
    """
    if form.media != "multipart/form-data" or not form.boundary:
        raise Unreadable("content-type", "not a form")
    if len(body) > MOST_BYTES:
        raise Unreadable("body", "too large")
    fields: dict[str, Part] = {}
    for number, raw in enumerate(cut(body, form.boundary)):
        if number == MOST_FIELDS:
            raise Unreadable("body", "too many fields")
        part = read_part(raw)
        if not part.field:
            raise Unreadable("body", "a field without a name")
        if part.field in fields:
            raise Unreadable("body", "a field comes twice")
        fields[part.field] = part
    return fields


def _envelope(part: Part | None) -> tuple[tuple[str, ...], str]:
    """Whom the mail server delivered to and for whom. A missing or odd envelope names nobody."""
    envelope = _object(part)
    to, sender = envelope.get("to"), envelope.get("from")
    listed = [one for one in to if isinstance(one, str)] if isinstance(to, list) else []
    recipients = filter(None, map(reported.mailbox, listed[:MOST_RECIPIENTS]))
    return tuple(dict.fromkeys(recipients)), reported.mailbox(sender) if isinstance(sender, str) else ""


def _put_together(fields: dict[str, Part]) -> bytes:
    """One mail again from what the default mode took apart, so that it is read as any other.

    The same fields give the same bytes: a post that comes twice is recognised by them.
    """
    head = fields["headers"].body.replace(b"\r\n", b"\n").strip(b"\n")
    was = read_part(head).type
    kept = b"\n".join(_without_content_headers(head))
    text = _text(fields)
    if was.media != "multipart/report":
        return b"\n".join((kept, *text))
    parts = [b"\n".join(text), *(_as_sent(part) for part in fields.values() if _of_report(part))]
    boundary = hashlib.sha256(b"".join(parts)).hexdigest().encode("ascii")  # so it occurs in none of them
    kind = f'Content-Type: multipart/report; report-type="{was.report_type}"; boundary="'.encode()
    cut_parts = itertools.chain.from_iterable((b"--" + boundary, part) for part in parts)
    return b"\n".join((kept, kind + boundary + b'"', b"", *cut_parts, b"--" + boundary + b"--", b""))


def _without_content_headers(head: bytes) -> list[bytes]:
    """The header lines, without those that describe a body that is not there any more."""
    lines: list[bytes] = []
    dropping = False
    for line in head.split(b"\n"):
        folded = line[:1] in (b" ", b"\t")
        dropping = dropping if folded else line.lower().startswith((b"content-", b"mime-version:")) or not line
        if not dropping:
            lines.append(line)
    return [*lines, b"MIME-Version: 1.0"]


def _text(fields: dict[str, Part]) -> tuple[bytes, ...]:
    """The readable part in UTF-8: its header lines, an empty line, the text, or the HTML if that is all there is."""
    charsets = _object(fields.get("charsets"))
    name, kind = ("html", b"html") if "text" not in fields and "html" in fields else ("text", b"plain")
    text = _decoded(fields[name].body, charsets.get(name)) if name in fields else ""
    header = b"Content-Type: text/" + kind + b"; charset=utf-8"
    return header, b"Content-Transfer-Encoding: 8bit", b"", text.encode("utf-8", "replace")


def _object(part: Part | None) -> dict[str, object]:
    """The JSON object in a field; an empty one if there is none."""
    try:
        told = reported.read_json(part.body) if part is not None else None
    except Unreadable:
        told = None
    return told if isinstance(told, dict) else {}


def _decoded(raw: bytes, charset: object) -> str:
    """Text in the charset it was said to be in, or in UTF-8. What does not fit becomes a replacement character."""
    try:
        known = codecs.lookup(charset).name if isinstance(charset, str) and len(charset) <= 40 else "utf-8"
        return raw.decode("utf-8" if known in _NO_CHARSETS else known, "replace")
    except (LookupError, ValueError):
        return raw.decode("utf-8", "replace")


def _of_report(part: Part) -> bool:
    return "content-type" in part.headers and part.type.media.startswith(_REPORT_PARTS)


def _as_sent(part: Part) -> bytes:
    names = ("content-type", "content-transfer-encoding")
    head = [f"{name}: {part.headers[name]}".encode() for name in names if name in part.headers]
    return b"\n".join((*head, b"", part.body))
