"""Retention: what is kept how long, and what becomes of it then.

Proof must be kept and content must go, so a record is split: what was said and to whom is blanked, what proves that it
was said stays. Kept in any case, whatever its age:

- whatever is live: a message that waits, is held, being sent or in doubt, an outcome that stands open, a webhook that
  is quarantined or not read yet;
- the evidence: applications, messages, attempts, promises and the audit trail, with states, times, the version of the
  wording, the transport result and a hash of the text; no names, no addresses. The longest duty there is to keep it is
  three years (Ontario, Colorado), and this product removes none of it by itself: an application that nobody remembered
  would look new when its ATS mentions it again, and its candidate would be written to again;
- the tombstones of erased people.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """One kind of thing that leaves."""

    INBOX_BODIES = "inbox_bodies"
    INBOX_KEYS = "inbox_keys"
    REPORTS = "reports"
    REPORT_KEYS = "report_keys"
    ORPHANS = "orphans"
    PROVIDER_IDS = "provider_ids"
    MAILBOX = "mailbox"
    LETTERS = "letters"
    DELETED_LETTERS = "deleted_letters"
    SIGN_IN_LINKS = "sign_in_links"
    SIGN_INS = "sign_ins"


class Then(StrEnum):
    """blanked: the row stays and its content goes. removed: the row goes."""

    BLANKED = "blanked"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Keep:
    """How long one kind is kept, what becomes of it then, and what it is in words."""

    age: timedelta
    then: Then
    what: str


def _blank_after(days: int, what: str) -> Keep:
    return Keep(timedelta(days=days), Then.BLANKED, what)


def _remove_after(days: int, what: str) -> Keep:
    return Keep(timedelta(days=days), Then.REMOVED, what)


KEEP: Mapping[Kind, Keep] = MappingProxyType({
    # Long enough to look at a webhook after an adapter was mended; 30 to 90 days is usual. The row stays with its key
    # and its hash, so that a copy is still known as one.
    Kind.INBOX_BODIES: _blank_after(90, "bodies of webhooks that were read"),
    # A signature without a time in it (Greenhouse) is good for ever, so a copy may come at any time. After this long it
    # is read as new, and then it is a stale change or about somebody erased: both are named silences.
    Kind.INBOX_KEYS: _remove_after(400, "webhooks that were read, with their keys"),
    # SendGrid itself keeps its log for 30 days at most.
    Kind.REPORTS: _blank_after(30, "addresses in provider's reports"),
    # SendGrid repeats a report for 24 hours, and up to two more pass on the way: copies are known for much longer.
    Kind.REPORT_KEYS: _remove_after(60, "provider's reports that were read, with their keys"),
    Kind.ORPHANS: _remove_after(30, "provider's reports about nothing of ours"),
    # What the provider cannot be asked about any more (30 days, as above) is no use to anybody.
    Kind.PROVIDER_IDS: _blank_after(30, "the provider's names of messages"),
    # As raw webhooks: for looking at, not for proving.
    Kind.MAILBOX: _remove_after(90, "e-mails in the built-in mailbox"),
    # The longest of the usual 6 to 12 months after an application has ended; claims run for less (Germany: two months
    # from the receipt of a rejection, then three more). The Message-ID header goes with it: replies are threaded by it.
    Kind.LETTERS: _blank_after(365, "letters and people of applications that were told"),
    Kind.DELETED_LETTERS: _blank_after(365, "letters and people of applications that the ATS deleted"),
    # Both are worthless when they are over; a month is for looking into who signed in.
    Kind.SIGN_IN_LINKS: _remove_after(30, "sign-in links that are spent"),
    Kind.SIGN_INS: _remove_after(30, "sign-ins that have ended"),
})  # fmt: skip
