"""Twilio SendGrid's signed event webhook: what became of the mails it took.

An event is matched by our own ids, which come back at its top level as custom arguments; where they are missing (as on
bounces that a mail server returns later) the Message-ID may hold them, and SendGrid's own id is the last resort. Events
come in any order and any number of times, a copy sometimes under another `sg_event_id`, hence the fingerprint.

Decision: a free text (`reason`, `response`) is read for its codes and never kept outside the raw event, because mail
servers quote the address in it. What is not understood is kept as *other* and changes nothing.

Documented: the types, the fields, the drop reasons. Seen in practice: a bounce without `status` or `type`, `event`
with a capital letter, the timestamp as text or in milliseconds, one object instead of a list. Not confirmed: custom
arguments on bounces that come back later.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from notifier.core.errors import Unreadable
from notifier.core.feedback import Address, Heard, Report
from notifier.deliver import ecdsa_signature, reported

#: A day with no event in it: what is said to have happened then happened at a time we were not told.
EPOCH = datetime.fromtimestamp(0, UTC)

#: Seconds since 1970 with ten digits. What is larger is in milliseconds.
_LAST_SECOND = 9_999_999_999

#: With these, `sg_message_id` begins with the host that dropped a mail and not with our X-Message-Id (seen 2016-2018).
_HOSTS = ("filter", "stfilter", "recvd")

#: Characters of an id or a name; longer ones are refused, never cut.
_LONGEST = 200

_HEARD = {
    "processed": Heard.PROCESSED,
    "deferred": Heard.DEFERRED,
    "delivered": Heard.DELIVERED,
    "bounce": Heard.BOUNCED,
    "dropped": Heard.DROPPED,
    "spamreport": Heard.COMPLAINED,
    "unsubscribe": Heard.UNSUBSCRIBED,
    "group_unsubscribe": Heard.UNSUBSCRIBED,
}

#: Why SendGrid did not even try, as documented, in lower case; and what it means for the address.
_DROPS = {
    "bounced address": ("Bounced Address", Address.DEAD),
    "invalid": ("Invalid", Address.DEAD),
    "spam reporting address": ("Spam Reporting Address", Address.COMPLAINED),
    "unsubscribed address": ("Unsubscribed Address", Address.UNTOUCHED),
    "spam content": ("Spam Content", Address.UNTOUCHED),
    "invalid smtpapi header": ("Invalid SMTPAPI header", Address.UNTOUCHED),
    "recipient list over package quota": ("Recipient List over Package Quota", Address.UNTOUCHED),
}

#: A *bounce* is on SendGrid's suppression list now, a *blocked* mail is not: the next one goes out.
_BOUNCES = {"bounce": Address.DEAD, "blocked": Address.DOUBTFUL, "expired": Address.DOUBTFUL}

_INVALID = "Invalid Address"
_CLASSIFICATIONS = frozenset(
    {
        *(_INVALID, "Technical", "Content", "Reputation", "Frequency or Volume Too High", "Mailbox Unavailable"),
        "Unclassified",
    }
)


class SendGridEvents:
    """Believes and reads the posts of the event webhook."""

    name = "sendgrid"
    success = 204

    def believe(self, headers: Mapping[str, str], body: bytes, keys: Sequence[str], now: datetime) -> bool:
        """Whether SendGrid signed these bytes with one of `keys`. Never raises."""
        return ecdsa_signature.believe(headers, body, keys, now)

    def read(self, body: bytes) -> Sequence[Report]:
        """The events of one post. Raises Unreadable if it is no JSON list or object, or is nested absurdly."""
        events = reported.read_json(body)
        if isinstance(events, dict):
            return (_report(events),)
        if not isinstance(events, list):
            raise Unreadable("body", "neither a list of events nor one event")
        return tuple(_report(event) for event in events)


def open_feedback() -> SendGridEvents:
    """What `notifier.deliver.hearing` asks every file here for."""
    return SendGridEvents()


def _report(event: object) -> Report:
    """One event. What has no name or no time is kept as *other*: a state cannot change at no time."""
    raw = reported.canonical(event)
    fields = event if isinstance(event, dict) else {}
    name, at = _text(fields, "event").strip().lower(), _moment(_text(fields, "timestamp"))
    if not name or at is None:
        heard, about, why = Heard.OTHER, Address.UNTOUCHED, "not understood"
    else:
        heard = _HEARD.get(name, Heard.OTHER)
        about, why = _meaning(heard, fields)
    message_id = reported.message_id(_text(fields, "smtp-id"))
    mid, att = _our_ids(fields, message_id)
    provider_id = _provider_id(fields, message_id)
    return Report(
        heard=heard,
        at=at or EPOCH,
        mid=mid,
        att=att,
        env=_text(fields, "env") if reported.is_word(_text(fields, "env"), _LONGEST) else "",
        provider_id=provider_id,
        message_id=message_id,
        address=reported.mailbox(_text(fields, "email")),
        about=about,
        why=why,
        event_id=_word(_text(fields, "sg_event_id")),
        digest=_digest(fields, name, att or provider_id) if name and at else reported.fingerprint(raw.decode("ascii")),
        raw=raw,
    )


def _meaning(heard: Heard, event: Mapping[str, object]) -> tuple[Address, str]:
    """What an event means for the address, and why it happened, in a few words without personal data."""
    if heard is Heard.BOUNCED:
        return _bounce(event)
    if heard is Heard.DROPPED:
        reason, about = _DROPS.get(_text(event, "reason").strip().lower(), ("", Address.UNTOUCHED))
        return about, reason or "dropped"
    if heard is Heard.DEFERRED:
        return Address.UNTOUCHED, _words("deferred", _code(event, "response"))
    if heard is Heard.COMPLAINED:
        return Address.COMPLAINED, "reported as spam"
    if heard is Heard.UNSUBSCRIBED:
        return Address.UNTOUCHED, "unsubscribed"
    return Address.UNTOUCHED, ""


def _bounce(event: Mapping[str, object]) -> tuple[Address, str]:
    """By its type; without one (seen on a test post) an address is dead only if it was said to be wrong itself."""
    kind = _text(event, "type").strip().lower()
    code = _code(event, "reason")
    classified = _text(event, "bounce_classification").strip()
    about = _BOUNCES.get(kind)
    if about is None:
        wrong = reported.faults_the_address(code) or classified == _INVALID
        kind, about = "bounce", Address.DEAD if wrong else Address.DOUBTFUL
    return about, _words(kind, code, classified if classified in _CLASSIFICATIONS else "")


def _code(event: Mapping[str, object], quoting: str) -> str:
    """The status, or the one quoted in the field `quoting`, or at least the reply code there."""
    reply = _text(event, quoting)
    return reported.status(_text(event, "status")) or reported.reply_status(reply) or reported.reply_code(reply)


def _our_ids(event: Mapping[str, object], message_id: str) -> tuple[str, str]:
    """The message and the attempt as custom arguments name them; what they leave out, from our own Message-ID."""
    mid, att = reported.our_ids(message_id)
    return _word(_text(event, "mid")) or mid, _word(_text(event, "att")) or att


def _provider_id(event: Mapping[str, object], message_id: str) -> str:
    """The X-Message-Id that SendGrid answered with: before the first full stop of `sg_message_id`, or of its own
    Message-ID where that is missing or begins with a host instead.
    """
    first = _word(_text(event, "sg_message_id").partition(".")[0])
    if first and not first.startswith(_HOSTS):
        return first
    local, _, domain = message_id.partition("@")
    return _word(local.partition(".")[0]) if domain.endswith(".sendgrid.net") or "ismtpd" in domain else ""


def _digest(event: Mapping[str, object], name: str, whose: str) -> str:
    """The same for every copy of an event, whatever `sg_event_id` it came under."""
    told = ("email", "timestamp", "attempt", "type", "url")
    return reported.fingerprint(whose, name, *(_text(event, field) for field in told))


def _moment(timestamp: str) -> datetime | None:
    """The time of an event, told in seconds since 1970 or in milliseconds. `None` for anything else."""
    try:
        seconds = float(timestamp)
    except ValueError:
        return None
    if seconds > _LAST_SECOND:
        seconds /= 1000
    return datetime.fromtimestamp(seconds, UTC) if 1 <= seconds <= _LAST_SECOND else None


def _text(event: Mapping[str, object], name: str) -> str:
    """A field as text: numbers are written out, what is neither is as good as missing."""
    value = event.get(name)
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _word(written: str) -> str:
    """An id, taken whole: printable ASCII without spaces. Anything else is none."""
    return written if written.isascii() and reported.is_word(written, _LONGEST) else ""


def _words(*parts: str) -> str:
    return " ".join(filter(None, parts))
