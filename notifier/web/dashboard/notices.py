"""What everybody must know before they look at anything else: that nothing leaves, and since when.

A queue that looks calm while no process sends is the worst page this product could show.
"""

from dataclasses import dataclass

from flask import current_app, g

from notifier.flow.parts import Flow
from notifier.store import heartbeats
from notifier.store.workspaces import EVERYTHING, Pause, list_workspaces, pauses


@dataclass(frozen=True, slots=True)
class Notice:
    """A banner: what is the matter, and what ends it (`command` is typed in a terminal)."""

    headline: str
    text: str
    command: str


#: For each kind of process: the headline while none is running, and what that means.
MISSING = {
    "worker": ("No worker is running", "nothing leaves until one is started; nothing is lost."),
    "relay": ("No relay is running", "promises and silences are not watched until one is started."),
}


def notices() -> list[Notice]:
    """The banners for the signed-in person, gravest first."""
    flow: Flow = current_app.extensions["flow"]
    with flow.db.read() as tx:
        names = {workspace.id: workspace.name for workspace in list_workspaces(tx)}
        found = [_paused(row, names) for row in pauses(tx) if _concerns(row)]
        beats = {kind: heartbeats.last_beat(tx, kind) for kind in MISSING}
    found += [_missing(kind) for kind, at in beats.items() if at is None or g.now - at > heartbeats.FRESH]
    return found


def _paused(row: Pause, names: dict[str, str]) -> Notice:
    kind, _, name = row.scope.partition(":")
    where = "" if row.scope == EVERYTHING else f" for {names.get(name, name) if kind == 'workspace' else name}"
    why = (row.why or "no reason given").replace("_", " ").rstrip(".")
    return Notice(f"Sending is paused{where}", f"{why}. Messages wait and none is lost.", "notifier resume")


def _missing(kind: str) -> Notice:
    headline, text = MISSING[kind]
    return Notice(headline, text, f"notifier {kind}")


def _concerns(row: Pause) -> bool:
    kind, _, name = row.scope.partition(":")
    return kind != "workspace" or name in g.person.workspaces
