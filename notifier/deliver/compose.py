"""Rendered lines and the people concerned -> one e-mail, complete.

A message is two lines and a signature. The HTML part is made from the text, line by line, so both always say the same;
it has no colours, sizes, tables or images, because a mail client turns plain HTML dark by itself and mangles every
colour one sets. It comes from a person and takes replies. Pure: the same parts give the same e-mail.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from notifier.core.errors import Refused
from notifier.deliver import text
from notifier.deliver.address import address, domain_of, wire
from notifier.deliver.email import Email
from notifier.deliver.phrases import signature
from notifier.deliver.template import Rendered

#: Characters of a subject; mail clients show about half of it.
LONGEST_SUBJECT = 150

#: Message-IDs in References: the first and the newest.
MOST_REFERENCES = 6

#: Short enough that References stay below the 998 characters of a header line (RFC 5322).
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]{1,75}@[!-;=?A-~]{1,75}>")

_PAGE = """\
<!doctype html>
<html lang="{language}" dir="auto">
<head>
<meta charset="utf-8">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
</head>
<body>
{paragraphs}
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Parts:
    """What an e-mail is made of beside its lines.

    `mail_from` is the address this installation may send from, `mail_from_name` the name where there is no owner.
    `reply_to` overrides where replies go. `previous_message_ids` are the Message-IDs of the application's earlier
    mails, oldest first. `approved_by_person` says that somebody looked at this very message. `message_id_domain` is
    ours.
    """

    mid: str
    att: str
    workspace: str
    company: str
    owner_name: str = field(repr=False)
    owner_email: str = field(repr=False)
    candidate_name: str = field(repr=False)
    candidate_address: str = field(repr=False)
    mail_from: str
    mail_from_name: str
    message_id_domain: str
    approved_by_person: bool
    language: str = "en"
    reply_to: str = ""
    previous_message_ids: tuple[str, ...] = ()
    status_link: str = field(default="", repr=False)


def compose(parts: Parts, rendered: Rendered) -> Email:
    """Put the e-mail together. Raises Refused if the candidate has no usable address."""
    to = address(parts.candidate_address)
    if to is None:
        raise Refused("the candidate has no usable e-mail address")
    subject = text.header(text.shorten(text.one_line(rendered.subject), LONGEST_SUBJECT))
    last_line = signature(parts.owner_name, parts.company, parts.language, link=parts.status_link)
    links = (*rendered.links, parts.status_link) if parts.status_link else rendered.links
    owner = address(parts.owner_email)
    return Email(
        mid=parts.mid,
        att=parts.att,
        workspace=parts.workspace,
        to_address=wire(to),
        to_name=text.header_name(parts.candidate_name),
        from_address=_from_address(owner, parts.mail_from),
        from_name=_from_name(parts),
        reply_to=_reply_to(owner, parts),
        subject=subject,
        text=as_text(rendered.lines, last_line),
        html=as_html(subject, (*rendered.lines, last_line), parts.language, links),
        language=parts.language,
        headers=_headers(parts),
    )


def as_text(lines: Sequence[str], last_line: str) -> str:
    """The text part: the lines, a blank line, the signature."""
    return "\n".join((*lines, "", last_line)) + "\n"


def as_html(title: str, lines: Sequence[str], language: str, links: Sequence[str] = ()) -> str:
    """The HTML part: every line escaped and in one paragraph.

    Only `links`, which are ours or a recruiter's, can be clicked: not every mail client finds them by itself, and
    nothing in a name may become one. A link reads as what it is, so the words stay those of the text.
    """
    paragraphs = "\n".join(f"<p>{_anchored(html.escape(line), links)}</p>" for line in lines)
    return _PAGE.format(language=html.escape(language), title=html.escape(title), paragraphs=paragraphs)


def _anchored(escaped: str, links: Sequence[str]) -> str:
    if not links:
        return escaped
    # Longest first and in one pass, so that no link is found inside another.
    either = "|".join(re.escape(html.escape(link)) for link in sorted(links, key=len, reverse=True))
    return re.sub(either, lambda found: f'<a href="{found[0]}">{found[0]}</a>', escaped)


def _from_address(owner: str | None, mail_from: str) -> str:
    """The owner's own address where this installation may send for its domain; else mail filters refuse it (DMARC)."""
    if owner is not None and domain_of(owner) == domain_of(mail_from):
        return wire(owner)
    return wire(mail_from)


def _from_name(parts: Parts) -> str:
    names = (text.header_name(name) for name in (parts.owner_name, parts.mail_from_name))
    # A company may be called as its domain, so its name is cleaned as a name, not as a stranger's.
    return next((name for name in names if name), text.name(parts.company).replace(",", "").replace(";", ""))


def _reply_to(owner: str | None, parts: Parts) -> str:
    override = address(parts.reply_to)
    return wire(override or owner or parts.mail_from)


def _headers(parts: Parts) -> dict[str, str]:
    headers = {"Message-ID": f"<{wire(f'{parts.mid}.{parts.att}@{parts.message_id_domain}')}>"}
    # Some were reported by a provider: what is not a Message-ID is left out.
    previous = [known for known in parts.previous_message_ids if _MESSAGE_ID.fullmatch(known)]
    if previous:
        kept = previous if len(previous) <= MOST_REFERENCES else [previous[0], *previous[1 - MOST_REFERENCES :]]
        headers["In-Reply-To"] = previous[-1]
        headers["References"] = " ".join(kept)
    if not parts.approved_by_person:
        # RFC 3834, and the same for Exchange: no out-of-office answers to what no person sent.
        headers["Auto-Submitted"] = "auto-generated"
        headers["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    return headers
