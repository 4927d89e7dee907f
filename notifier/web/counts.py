"""The ledger's counts for pages and for monitoring, read seldom.

A reading costs little, but many people may look, and on a busy day there is much in hand. Everybody who looks within a
few seconds is shown the same reading, and its age; a reading that was slow is shown for longer, so that a process never
spends more than a twentieth of its time on the ledger.

The ages an alarm looks at cost next to nothing, and are never kept.
"""

import threading
import time
from dataclasses import dataclass
from datetime import datetime

from notifier.flow.parts import Flow
from notifier.store import soundness
from notifier.store.ledger import Ledger, read_ledger
from notifier.store.waiting import Waiting, read_waiting
from notifier.store.workspaces import pauses

#: Seconds for which a reading is shown again, and how many times as long as it took, whichever is longer.
KEPT = 10.0
TIMES = 20


@dataclass(frozen=True, slots=True)
class Reading:
    """A ledger, how many pauses there were, and the moment both were read at."""

    ledger: Ledger
    pauses: int
    at: datetime


class Ledgers:
    """Reads the ledger of a workspace, or of all, as seldom as the module says. Shared by the threads of a process."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._lock = threading.Lock()
        self._kept: dict[str | None, tuple[float, Reading]] = {}

    def read(self, workspace_id: str | None = None) -> Reading:
        """The reading for a workspace (`None`: for all). Raises DatabaseAway."""
        # One thread reads while the others wait for it: several at once would only make it slower for all of them.
        with self._lock:
            until, reading = self._kept.get(workspace_id, (0.0, None))
            started = time.monotonic()
            if reading is None or started > until:
                with self._flow.db.read() as tx:
                    reading = Reading(read_ledger(tx, workspace_id), len(pauses(tx)), tx.now)
                ended = time.monotonic()
                self._kept[workspace_id] = (ended + max(KEPT, TIMES * (ended - started)), reading)
            return reading

    def waiting(self) -> Waiting:
        """Since when the oldest of each kind waits, in every workspace. Raises DatabaseAway."""
        with self._flow.db.read() as tx:
            return read_waiting(tx)

    def clock_offset(self) -> float:
        """Seconds by which this process's clock is ahead of the database's. Raises DatabaseAway."""
        return soundness.clock_offset(self._flow.db, self._flow.clock)
