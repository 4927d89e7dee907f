"""Delivery reports that arrive as mail: what a mail server writes when it cannot, or cannot yet, deliver.

They are the only feedback of plain SMTP. Read by RFC 3464 (the machine's part of a *multipart/report*) and, where a
server leaves that part empty (seen from Gmail), by the header and the text for people. An automatic answer of a person
("I am on holiday") is no such report, whatever it says.

Decision: a report proves nothing by itself, for anybody can write one; what ties it to a message is the Message-ID in
it, which only we and the recipient know. So it is read for that, and a report without it settles nothing.

Decision: an address is dead only if the status blames the address (5.1.x). A full mailbox, a refused text or days of
silence end this message, but the next one may arrive.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from notifier.core.feedback import Address, Heard, Report
from notifier.deliver import reported
from notifier.deliver.multipart import Part, cut, read_fields, read_part

#: Bytes of a mail that is looked at; a report sends the original back with it.
MOST_BYTES = 35 * 1024 * 1024

#: Parts of one level, recipients of one report, and bytes of its machine-readable or human part that are read.
MOST_PARTS = 20
MOST_RECIPIENTS = 100
MOST_TEXT = 256 * 1024

_ACTIONS = {
    "failed": Heard.BOUNCED,
    "delayed": Heard.DEFERRED,
    "delivered": Heard.DELIVERED,
    "relayed": Heard.PROCESSED,  # passed on to where nothing is reported from
    "expanded": Heard.PROCESSED,  # passed on to the members of a list
}

_STATUS_PARTS = ("message/delivery-status", "message/global-delivery-status")
_ORIGINAL_PARTS = ("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers")

_BLANK_LINES = re.compile(rb"\n(?:[ \t]*\r?\n)+")
_ANGLES = re.compile(r"<[^<>\s]{1,500}>")

#: How a mere warning begins, or what Gmail puts behind its usual subject.
_LATE = re.compile(r"warning|delay|delivery delay|.{0,80}\(delay", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class BounceReport:
    """What became of one mail for one recipient.

    `original_message_id` is without angle brackets; `mid` and `att` are learned from it if it is ours. `action` is RFC
    3464's word: failed, delayed, delivered, relayed or expanded. `permanent` says that the server gave up at
    once and not after days of trying. `why` has no personal data.
    """

    original_message_id: str
    action: str
    status: str
    permanent: bool
    why: str
    mid: str = ""
    att: str = ""
    recipient: str = field(default="", repr=False)


def read_report(mime: bytes) -> tuple[BounceReport, ...]:
    """What a mail reports, one entry for each recipient; empty for a mail that is no delivery report.

    Total: any bytes give an answer, nothing raises.
    """
    if len(mime) > MOST_BYTES:
        return ()
    mail = read_part(mime.lstrip(b"\r\n"))
    if mail.type.media != "multipart/report" or mail.type.report_type not in ("delivery-status", ""):
        return ()
    parts = _parts(mail)
    states = [part for part in parts if part.type.media in _STATUS_PARTS]
    if not mail.type.report_type and not states:
        return ()
    message_id = _original_message_id(mail, parts)
    found = _told(states, message_id) or _guessed(mail, parts, message_id)
    return tuple(dict.fromkeys(found))


def to_report(bounce: BounceReport, received_at: datetime) -> Report:
    """The same as any provider's report. `received_at` is aware; a mail server's own date is not relied upon.

    A warning that is repeated day after day has one fingerprint: it says the same thing again.
    """
    return Report(
        heard=_ACTIONS[bounce.action],
        at=received_at,
        mid=bounce.mid,
        att=bounce.att,
        message_id=bounce.original_message_id,
        address=bounce.recipient,
        about=_about(bounce),
        why=bounce.why,
        digest=reported.fingerprint(bounce.original_message_id, bounce.recipient, bounce.action, bounce.status),
        raw=reported.canonical(asdict(bounce)),
    )


def _about(bounce: BounceReport) -> Address:
    if bounce.action != "failed":
        return Address.UNTOUCHED
    return Address.DEAD if reported.faults_the_address(bounce.status) else Address.DOUBTFUL


def _parts(mail: Part) -> list[Part]:
    return [read_part(raw) for raw in itertools.islice(cut(mail.body, mail.type.boundary), MOST_PARTS)]


def _told(states: Sequence[Part], message_id: str) -> list[BounceReport]:
    """By the machine-readable parts: blocks of fields, one block for each recipient after one about the mail."""
    blocks = itertools.chain.from_iterable(_BLANK_LINES.split(part.content()[:MOST_TEXT]) for part in states)
    found = [one for one in (_told_of_one(read_fields(block), message_id) for block in blocks) if one is not None]
    return found[:MOST_RECIPIENTS]


def _told_of_one(fields: dict[str, str], message_id: str) -> BounceReport | None:
    """One block; `None` if it names no recipient or does not say what happened."""
    recipient = _recipient(fields.get("original-recipient", "")) or _recipient(fields.get("final-recipient", ""))
    status = _status(fields)
    word = re.match("[a-z]*", fields.get("action", "").lower())
    action = word[0] if word and word[0] in _ACTIONS else _action_of(status)
    return _bounce(message_id, recipient, action, status) if recipient and action else None


def _guessed(mail: Part, parts: Sequence[Part], message_id: str) -> list[BounceReport]:
    """By the header and the text for people, where the machine-readable part says nothing."""
    failed = mail.headers.get("x-failed-recipients", "").split(",")[:MOST_RECIPIENTS]
    recipients = [recipient for recipient in map(reported.mailbox, failed) if recipient]
    status = reported.reply_status(_text(parts))
    if not recipients and not status:
        return []
    late = "warning" in mail.headers.get("auto-submitted", "") or _LATE.match(mail.headers.get("subject", ""))
    action = "delayed" if late else "failed"
    return [_bounce(message_id, recipient, action, status) for recipient in recipients or [""]]


def _bounce(message_id: str, recipient: str, action: str, status: str) -> BounceReport:
    mid, att = reported.our_ids(message_id)
    return BounceReport(
        original_message_id=message_id,
        action=action,
        status=status,
        permanent=action == "failed" and not status.startswith("4"),
        why=f"{action} {status}".rstrip(),
        mid=mid,
        att=att,
        recipient=recipient,
    )


def _recipient(written: str) -> str:
    """The address in "rfc822; ana@example.org", with or without angle brackets."""
    kind, semicolon, named = written.partition(";")
    return reported.mailbox((named if semicolon else kind).strip().removeprefix("<").removesuffix(">"))


def _status(fields: dict[str, str]) -> str:
    """The status; where it is a mere class ("5.0.0", as Exim always writes) the one the other server replied with."""
    told = reported.status(fields.get("status", ""))
    replied = reported.reply_status(fields.get("diagnostic-code", ""))
    vague = not told or (told.endswith(".0.0") and replied.startswith(told[0]))
    return (replied or told) if vague else told


def _action_of(status: str) -> str:
    """The action that goes with a status, where a server names none that RFC 3464 knows."""
    return {"5": "failed", "4": "delayed", "2": "delivered"}.get(status[:1], "")


def _original_message_id(mail: Part, parts: Sequence[Part]) -> str:
    """The Message-ID of the mail reported on: from its headers, which come back with it, else from the threading."""
    for part in parts:
        if part.type.media in _ORIGINAL_PARTS:
            returned = reported.message_id(read_part(part.content()).headers.get("message-id", ""))
            if returned:
                return returned
    named = f"{mail.headers.get('references', '')} {mail.headers.get('in-reply-to', '')}"
    known = [message_id for message_id in map(reported.message_id, _ANGLES.findall(named)) if message_id]
    ours = [message_id for message_id in known if reported.our_ids(message_id) != ("", "")]
    return (ours or known or [""])[-1]


def _text(parts: Sequence[Part], levels: int = 3) -> str:
    """The first text for people; it may lie in parts of parts, beside its HTML or a picture."""
    for part in parts:
        if part.type.media == "text/plain":
            return part.content()[:MOST_TEXT].decode("utf-8", "replace")
        if part.type.media.startswith("multipart/") and levels:
            return _text(_parts(part), levels - 1)
    return ""
