"""O15 and the reconciling pull: what web hooks and a sweep both tell has one effect, and no page is lost."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifier.core.errors import Refused as Impossible
from notifier.core.message import Purpose, Submission
from notifier.core.ports import Job
from notifier.core.stage import Outcome
from notifier.flow.sweep import sweep_batch, sweep_now
from notifier.flow.watch import watch
from notifier.store import sources, sweeps
from notifier.store.sweeps import LEASE, OVERLAP, PERIOD
from tests.faults import crash_points
from tests.faults.children import child, context, end_of, wait_until
from tests.faults.edge import Edge
from tests.faults.office import ANA, Office
from tests.ingest.ats.pulled import web_hook
from tests.standins.behaviours import Delay, Refuse
from tests.standins.greenhouse import Greenhouse

#: What may become of somebody who applied.
STORIES = (("move",), ("reject",), ("move", "reject"), ("reject", "unreject"))


@pytest.fixture
def office(database_url: str) -> Iterator[Office]:
    with Greenhouse(limit=10_000) as greenhouse:
        made = Office(database_url, greenhouse)
        yield made
        made.world.close()


class TestBothTell:
    @settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_o15_in_any_interleaving_of_hooks_and_sweeps_there_is_one_effect(self, data: st.DataObject) -> None:
        with Greenhouse(limit=10_000) as greenhouse:
            office = Office("sqlite://", greenhouse)
            self._live(office, data)
            office.sweep()
            office.world.plan()
            office.world.run_for(days=4)
            self._check(office)
            office.world.close()

    @staticmethod
    def _live(office: Office, data: st.DataObject) -> None:
        """Deeds in their order; each of their web hooks comes some time, perhaps twice, or never."""
        deeds = [
            "apply",
            *data.draw(st.sampled_from([["move"], ["reject"], ["move", "reject"], ["reject", "unreject"]])),
        ]
        told: list[dict[str, Any]] = []
        for step in data.draw(st.lists(st.sampled_from(["do", "tell", "sweep", "plan"]), max_size=10)):
            if step == "do" and deeds:
                told.append(office.do(deeds.pop(0)))
            elif step == "tell" and told:
                office.tell(data.draw(st.sampled_from(told)))
            elif step == "sweep":
                office.sweep()
            elif step == "plan":
                office.world.plan()
        for deed in deeds:
            office.do(deed)

    @staticmethod
    def _check(office: Office) -> None:
        truth = office.account.lists["applications"][ANA]
        found = office.world.application(str(ANA))
        assert found.application.outcome is (Outcome.REJECTED if truth["status"] == "rejected" else Outcome.NONE)
        assert found.stage is not None
        assert found.stage.external_id == str(truth["job_interview_stage_id"])
        rows = office.world.messages(str(ANA))
        alive = [row for row in rows if row.purpose is Purpose.OUTCOME and row.state is not Submission.CANCELLED]
        assert len(alive) == (1 if truth["status"] == "rejected" else 0)
        left = [mail.mid for mail in office.world.provider.accepted]
        templates = [row.template for row in rows if row.state is Submission.ACCEPTED]
        assert len(set(left)) == len(left)
        assert len(set(templates)) == len(templates), "nobody is told the same twice"
        assert office.world.ledger().violations == ()

    @pytest.mark.parametrize("first", ["hook", "sweep"])
    def test_o15_whoever_tells_second_tells_nothing_new(self, office: Office, first: str) -> None:
        office.tell(office.do("apply"))
        hook = office.do("reject")
        tellers = [lambda: office.tell(hook), office.sweep]
        for tell in tellers if first == "hook" else reversed(tellers):
            tell()
            office.world.plan()

        rows = [row for row in office.world.messages(str(ANA)) if row.purpose is Purpose.OUTCOME]
        assert len(rows) == 1
        office.world.run_for(days=3)
        assert len(office.world.provider.accepted) <= 2
        assert office.world.ledger().violations == ()

    def test_o15_at_the_same_moment_too(self, office: Office) -> None:
        hook = office.do("apply")
        office.greenhouse.then(Delay(0.2))
        threads = [threading.Thread(target=office.sweep)]
        threads += [threading.Thread(target=office.tell, args=(hook,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            office.world.plan()
            thread.join()
        office.world.settle_down()

        assert len(office.world.provider.accepted) == 1
        assert office.world.ledger().violations == ()


class TestPages:
    def test_what_changed_while_a_sweep_was_half_read_is_read_too(self, office: Office) -> None:
        for number in range(60):
            office.do("apply", ANA + number)
        assert sweep_batch(office.world.flow, office.here.id) == 1
        assert office.row.began_at is not None
        office.world.clock.tick(hours=5)
        office.do("apply", ANA + 100)
        office.world.clock.tick(minutes=1)

        _, kept, why = office.sweep()

        assert (kept, why) == (61, "")

    def test_a_source_without_a_key_is_left_alone_until_it_has_one_again(self, office: Office) -> None:
        office.sweep()
        office.world.clock.now += PERIOD
        with office.world.db.begin() as tx:
            sources.set_api_key(tx, sources.get_source(tx, None, office.here.id), "")
        office.do("apply")

        assert watch(office.world.flow).jobs == ()
        assert sweep_batch(office.world.flow) == 0

        with office.world.db.begin() as tx:
            sources.set_api_key(tx, sources.get_source(tx, None, office.here.id), office.greenhouse.key)
        assert watch(office.world.flow).jobs == (Job.SWEEP,)
        assert (sweep_batch(office.world.flow), len(office.kept())) == (1, 1)

    def test_o15_every_page_is_kept_though_a_worker_dies_between_two(self, office: Office) -> None:
        for number in range(120):
            office.do("apply", ANA + number)
        assert sweep_batch(office.world.flow, office.here.id) == 1
        cursor = office.row.cursor
        with office.world.db.begin() as tx:
            assert sweeps.claim(tx, ["greenhouse"], office.here.id) is not None  # and that was the last of this worker

        assert sweep_batch(office.world.flow, office.here.id) == 0, "its lease holds"
        office.world.clock.now += LEASE + timedelta(seconds=1)
        assert office.row.cursor == cursor, "the same page is asked for again"
        _, kept, why = office.sweep()

        assert (kept, why) == (120, "")
        assert len(set(office.kept())) == 120
        assert office.row.since == office.world.clock.now - OVERLAP

    def test_o15_killed_while_it_asks_it_leaves_a_lease_and_nothing_else(self, office: Office) -> None:
        office.do("apply")
        seconds = context.Value("d", (office.world.clock.now - crash_points.MORNING).total_seconds())
        office.greenhouse.always(Delay(30))
        with child(ask, office.url, seconds) as process:
            wait_until(lambda: office.greenhouse.requests)
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            assert end_of(process) == -signal.SIGKILL
        office.greenhouse.always(None)
        with pytest.raises(Impossible, match="another worker"):
            office.sweep()

        office.world.clock.now += LEASE + timedelta(seconds=1)
        assert office.sweep() == (1, 1, "")

    def test_o15_one_who_was_away_for_longer_than_its_lease_writes_no_cursor_back(self, office: Office) -> None:
        office.do("apply")
        office.greenhouse.then(Delay(0.5))
        results: list[int] = []
        slow = threading.Thread(target=lambda: results.append(sweep_batch(office.world.flow, office.here.id)))
        slow.start()
        wait_until(lambda: office.greenhouse.requests)
        office.world.clock.now += LEASE + timedelta(seconds=1)
        office.do("apply", ANA + 1)
        assert office.sweep() == (2, 2, "")
        since, ended = office.row.since, office.row.ended_at
        slow.join()

        assert results == [0]
        assert (office.row.since, office.row.ended_at) == (since, ended)
        assert len(office.kept()) == 2

    def test_o15_two_workers_never_read_the_same_page_at_once(self, office: Office) -> None:
        office.do("apply")
        office.greenhouse.always(Delay(0.5))
        results: list[int] = []
        workers = [threading.Thread(target=lambda: results.append(sweep_batch(office.world.flow))) for _ in range(4)]
        for worker in workers:
            worker.start()
            time.sleep(0.01)
        for worker in workers:
            worker.join()

        assert sorted(results) == [0, 0, 0, 1]
        assert sum("/v3/applications?" in request for request in office.greenhouse.requests) == 1


class TestPutOff:
    def test_o15_not_now_keeps_the_cursor_and_goes_on_from_there(self, office: Office) -> None:
        for number in range(60):
            office.do("apply", ANA + number)
        assert sweep_batch(office.world.flow) == 1
        cursor = office.row.cursor
        office.greenhouse.then(Refuse(429, {"Retry-After": "7"}))

        assert sweep_batch(office.world.flow) == 0
        row = office.row
        assert (row.cursor, row.read) == (cursor, 50)
        assert "too many requests" in row.why
        assert timedelta(seconds=6) <= row.due_at - office.world.clock.now <= timedelta(seconds=9)
        assert sweep_batch(office.world.flow) == 0, "nobody asks before"
        office.world.clock.now = row.due_at
        assert sweep_batch(office.world.flow) == 1
        assert (office.row.read, office.row.kept, office.row.why) == (60, 60, "")

    def test_o15_a_refused_key_is_shown_until_it_is_mended(self, office: Office) -> None:
        office.do("apply")
        office.greenhouse.permitted -= {"candidates"}
        read, kept, why = office.sweep()
        assert (read, kept) == (0, 0)
        assert why.startswith("refused: greenhouse:")
        assert office.row.due_at == office.world.clock.now + PERIOD
        recruiter = Edge(office.world).recruiter()
        assert "The ATS cannot be asked" in recruiter.get("/trouble").get_data(as_text=True)

        office.greenhouse.permitted |= {"candidates"}
        assert office.sweep() == (1, 1, "")
        assert "The ATS cannot be asked" not in recruiter.get("/trouble").get_data(as_text=True)


class TestSince:
    def test_o15_the_first_sweep_leaves_old_endings_of_strangers_alone(self, office: Office) -> None:
        old = office.world.clock.now - timedelta(days=2)
        for number in range(3):
            office.account.apply(ANA + number, old)
        office.account.reject(ANA, old + timedelta(hours=1))
        office.account.reject(ANA + 1, old + timedelta(hours=1))
        office.tell(web_hook(office.account, "new_candidate_application", ANA + 1))
        office.world.plan()
        office.do("reject", ANA + 2)

        read, kept, _ = office.sweep()
        office.world.plan()

        assert (read, kept) == (3, 2), "a stranger who was told by others, one we have heard of, one refused today"
        assert sorted(key.split(":")[2] for key in office.kept()) == [str(ANA + 1), str(ANA + 2)]

    def test_o15_reading_back_further_brings_no_copies(self, office: Office) -> None:
        office.do("apply")
        assert office.sweep() == (1, 1, "")
        office.world.clock.tick(days=5)
        assert office.sweep() == (1, 0, ""), "what lies within the overlap is read twice and kept once"
        assert office.sweep() == (0, 0, "")

        back = sweep_now(office.world.flow, office.here.id, since=office.world.clock.now - timedelta(days=6))

        assert back == (1, 0, "")
        office.world.plan()
        assert len(office.kept()) == 1


def ask(url: str, seconds: Any) -> None:
    """Be a worker that reads one page."""
    flow = crash_points.open_flow(url, "http://127.0.0.1:9", crash_points.SharedClock(seconds), None)
    sweep_batch(flow)
