"""The built-in mailbox: what would have left, while no mail provider is set up."""

from email import message_from_bytes, policy

from flask import Blueprint, g, render_template

from notifier.store.mailbox import get_mail, list_mails
from notifier.web.dashboard.pages import flow, tabs

mailbox = Blueprint("mailbox", __name__, url_prefix="/mailbox", template_folder="templates")


@mailbox.get("")
def index() -> str:
    """The newest hundred."""
    with flow().db.read() as tx:
        mails = list_mails(tx, g.person.workspaces)
        return render_template("dashboard/mailbox.html", mails=mails, tabs=tabs(tx), provider=flow().provider.name)


@mailbox.get("/<mail_id>")
def mail(mail_id: str) -> str:
    """One e-mail: what the candidate reads, and everything around it."""
    with flow().db.read() as tx:
        found = get_mail(tx, g.person.workspaces, mail_id)
        parsed = message_from_bytes(found.mime, policy=policy.default)
        text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
        return render_template(
            "dashboard/mail.html",
            mail=found,
            headers=[(name, str(value)) for name, value in parsed.items()],
            text=text.get_content() if text is not None else "",
            html=html.get_content() if html is not None else "",
            tabs=tabs(tx),
        )
