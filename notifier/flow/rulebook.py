"""Export and import a workspace's rules."""

from notifier.core.errors import Refused
from notifier.decide.rules import RuleBook, dump, load
from notifier.flow.parts import Flow, rules_of, template_keys
from notifier.store.wording import keep_rules
from notifier.store.workspaces import get_workspace


def export_rules(flow: Flow, workspace_id: str) -> str:
    """The rules that count now, as TOML. Raises NotFound."""
    with flow.db.read() as tx:
        get_workspace(tx, workspace_id)
        return dump(rules_of(flow, tx, workspace_id))


def import_rules(flow: Flow, workspace_id: str, toml: str, *, by: str, dry_run: bool = False) -> RuleBook:
    """Replace the workspace's rules; with `dry_run` only check them.

    They count for what is planned from now on; messages that are planned already stay as they are. Raises Refused with
    every mistake in the text, and for a text without any rule: an empty file is a slip of the hand, and would silence
    everything. Raises NotFound.
    """
    book = load(toml, template_keys(flow))
    if not book:
        raise Refused("there is no rule in it, so nobody would be told anything; to stop sending: notifier pause")
    with flow.db.begin() as tx:
        get_workspace(tx, workspace_id)
        if not dry_run:
            keep_rules(tx, workspace_id, toml, by=by)
    return book
