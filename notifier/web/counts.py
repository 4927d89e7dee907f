"""The ledger's counts for pages and for monitoring, read seldom.

They count the whole history, so they cost more the longer an installation lives; everybody who looks within a few
seconds is shown the same reading, and its age.
"""

import threading
import time
from dataclasses import dataclass
from datetime import datetime

from notifier.flow.parts import Flow
from notifier.store.ledger import Ledger, read_ledger
from notifier.store.workspaces import pauses

#: Seconds for which a reading is shown again.
KEPT = 10.0


@dataclass(frozen=True, slots=True)
class Reading:
    """A ledger, how many pauses there were, and the moment both were read at."""

    ledger: Ledger
    pauses: int
    at: datetime


class Ledgers:
    """Reads the ledger of a workspace, or of all, at most every `KEPT` seconds. Shared by the threads of a process."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._lock = threading.Lock()
        self._kept: dict[str | None, tuple[float, Reading]] = {}

    def read(self, workspace_id: str | None = None) -> Reading:
        """The reading for a workspace (`None`: for all). Raises DatabaseAway."""
        # One thread reads while the others wait for it: several at once would only make it slower for all of them.
        with self._lock:
            read_at, reading = self._kept.get(workspace_id, (0.0, None))
            if reading is None or time.monotonic() - read_at > KEPT:
                with self._flow.db.read() as tx:
                    reading = Reading(read_ledger(tx, workspace_id), len(pauses(tx)), tx.now)
                self._kept[workspace_id] = (time.monotonic(), reading)
            return reading
