"""An employer whose recruiters work in Greenhouse: its account, its web hooks, and an installation that may ask."""

from datetime import datetime, timedelta
from typing import Any

from notifier.flow.sweep import sweep_now
from notifier.store import sources
from notifier.store.inbox import SWEEP
from notifier.store.sweeps import Sweep
from tests.faults.edge import items
from tests.ingest.ats.pulled import web_hook
from tests.standins.greenhouse import Greenhouse
from tests.world import MORNING, World

#: Who applies, if nobody else is named.
ANA = 66001


class Office:
    """An employer whose recruiters work in Greenhouse. What they do is told by web hooks, unless those get lost."""

    def __init__(self, url: str, greenhouse: Greenhouse, *, now: datetime = MORNING) -> None:
        self.url, self.greenhouse = url, greenhouse
        self.world = World(url)
        self.world.clock.now = now
        self.account = greenhouse.account
        # They worked there before; this installation was connected an hour ago.
        self.account.hire_staff(self.world.clock.now - timedelta(days=30))
        stage = {"id": 4403, "job_id": 2201, "name": "Onsite interview", "active": True}
        self.account.add("job_interview_stages", stage, self.world.clock.now - timedelta(days=30))
        self.here = self.world.add_source("greenhouse")
        with self.world.db.begin() as tx:
            source = sources.get_source(tx, None, self.here.id)
            sources.set_api_key(tx, source, greenhouse.key)
            source.api_url = greenhouse.url
        self.world.clock.tick(hours=1)

    def do(self, what: str, number: int = ANA) -> dict[str, Any]:
        """Something happens there a minute later; the body of the web hook that tells it."""
        self.world.clock.tick(minutes=1)
        at = self.world.clock.now
        match what:
            case "apply":
                self.account.apply(number, at)
            case "move":
                self.account.move(number, 4403, at)
            case "reject":
                self.account.reject(number, at)
            case "unreject":
                self.account.unreject(number, at)
        action = {"apply": "new_candidate_application", "move": "candidate_stage_change"}
        hook: dict[str, Any] = web_hook(self.account, action.get(what, f"{what}_candidate"), number)
        return hook

    def tell(self, hook: dict[str, Any]) -> None:
        assert self.world.post(self.here, hook).status == 200

    def sweep(self) -> tuple[int, int, str]:
        return sweep_now(self.world.flow, self.here.id)

    @property
    def row(self) -> Sweep:
        with self.world.db.read() as tx:
            return tx.session.get_one(Sweep, self.here.id)

    def kept(self) -> list[str]:
        """The states that sweeps have kept."""
        return [item.event_key for item in items(self.world) if item.origin == SWEEP]
