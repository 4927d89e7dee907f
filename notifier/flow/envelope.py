"""Put one message into its envelope: who writes, to whom, in which thread, in which words.

The same function makes the preview and the mail, so that what a person approved is what leaves.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from notifier.core.errors import TemplateFault
from notifier.core.message import MAY_BE_OUT
from notifier.deliver.compose import Parts, compose
from notifier.deliver.email import Email
from notifier.deliver.lint import Level, lint_rendered
from notifier.flow import drafting
from notifier.flow.parts import Flow
from notifier.store import messages, people
from notifier.store.applications import Application
from notifier.store.database import Tx
from notifier.store.messages import Message
from notifier.store.workspaces import get_workspace


def letter(flow: Flow, tx: Tx, message: Message, application: Application) -> Email:
    """What people are shown: the e-mail as it was handed over, else as it would leave now. Raises as `envelope`."""
    kept = messages.open_snapshot(tx, message) if message.state in MAY_BE_OUT else None
    return Email(**kept) if kept is not None else envelope(flow, tx, message, application)


def envelope(flow: Flow, tx: Tx, message: Message, application: Application, also: Sequence[Message] = ()) -> Email:
    """The e-mail as it would leave now; `also` travel in it and only their jobs are named. Raises TemplateFault where
    a value is missing or a word may not leave, and Refused where there is no address."""
    workspace = get_workspace(tx, message.workspace_id)
    candidate = tx.session.get(people.Candidate, application.candidate_id) if application.candidate_id else None
    owner = tx.session.get(people.Owner, application.owner_id) if application.owner_id else None
    parts = Parts(
        mid=message.id,
        att=message.attempt_id or "preview",
        workspace=workspace.id,
        company=workspace.name,
        owner_name=owner.name if owner is not None else workspace.sender,
        owner_email=people.owner_address(tx, owner),
        mail_from=flow.settings.mail_from_address,
        mail_from_name=flow.settings.mail_from_name,
        message_id_domain=flow.settings.message_id_domain,
        candidate_name=candidate.name if candidate is not None else "",
        candidate_address=people.reach(tx, candidate).address if candidate is not None else "",
        language=message.language,
        approved_by_person=bool(message.approved_by),
        previous_message_ids=tuple(messages.sent_before(tx, application.id)),
    )
    words = drafting.rendered(tx, message, workspace, tx.now, also)
    ours = [urlsplit(flow.settings.base_url).hostname or "", flow.settings.message_id_domain]
    findings = lint_rendered(words, drafting.template_of(tx, message), ours)
    for finding in findings:
        if finding.level is Level.ERROR:
            raise TemplateFault(finding.why, line=finding.line)
    return compose(parts, words)
