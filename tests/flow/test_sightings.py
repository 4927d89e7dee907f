"""What a source was seen to do, and what is probably wrong with what was refused."""

import json
from datetime import timedelta

import pytest

from notifier.core.change import Delivery
from notifier.flow.receive import receive
from notifier.ingest.registry import adapters
from notifier.store import sightings, sources
from tests.faults.edge import Edge, count
from tests.world import Here, World


def seen(world: World, here: Here) -> dict[str, str]:
    with world.db.read() as tx:
        return {one.what: one.detail for one in sightings.of_source(tx, here.id)}


def refused(world: World, here: Here, delivery: Delivery) -> str:
    """The sentence that is kept about a delivery that was not believed."""
    world.clock.tick(minutes=2)
    assert receive(world.flow, here.key, delivery).word == "refused"
    return next(detail for what, detail in seen(world, here).items() if what.startswith(sightings.REFUSED))


def test_each_kind_of_event_is_noted_once_with_its_first_and_last_time(world_on: World) -> None:
    world, here = world_on, world_on.greenhouse
    first = world.clock.now
    for minutes in (0, 0, 5):
        world.clock.tick(minutes=minutes)
        for name in ("candidate_stage_change", "reject_candidate"):
            world.post(here, adapters()["greenhouse"].samples()[name].body)
        world.plan()
    with world.db.read() as tx:
        rows = sightings.of_source(tx, here.id)
    assert {row.what for row in rows} == {"event:candidate_stage_change", "event:reject_candidate"}
    assert {(row.first_at, row.last_at) for row in rows} == {(first, first + timedelta(minutes=5))}


@pytest.mark.parametrize("ats", sorted(adapters()))
def test_every_ats_names_the_kind_of_its_events(ats: str) -> None:
    adapter = adapters()[ats]
    kinds = {adapter.kind(plain) for plain in adapter.samples().values() if adapter.handshake(plain) is None}
    assert kinds - {""}


def test_a_handshake_is_noted_although_nothing_of_it_is_kept(world: World) -> None:
    here = world.add_source("recruitee")
    assert receive(world.flow, here.key, Delivery({}, b'{"test":true}')).word == "ping"
    assert seen(world, here) == {"handshake:ping": ""}
    assert count(world, "inbox_items") == 0


class TestSuspicion:
    @pytest.fixture
    def here(self, world: World) -> Here:
        return world.add_source("workable")

    def sent(self, world: World, secret: str) -> Delivery:
        adapter = adapters()["workable"]
        return adapter.signed(adapter.samples()["hired"], secret, world.clock.now, "w1")

    def test_no_signature(self, world: World, here: Here) -> None:
        assert "signs nothing" in refused(world, here, adapters()["workable"].samples()["hired"])

    def test_another_form(self, world: World, here: Here) -> None:
        odd = self.sent(world, here.secret).with_headers({"x-workable-signature": "v1,abc"})
        assert "another form" in refused(world, here, odd)

    @pytest.mark.parametrize("beside", ["\n", " ", "\r\n"])
    def test_a_space_beside_the_secret(self, world: World, here: Here, beside: str) -> None:
        assert "a space or a line end" in refused(world, here, self.sent(world, here.secret + beside))

    def test_an_older_secret(self, world: World, here: Here) -> None:
        with world.db.begin() as tx:
            source = sources.get_source(tx, None, here.id)
            sources.add_secret(tx, source, adapters()["workable"].new_secret(), others_end=tx.now)
        assert "an older secret" in refused(world, here, self.sent(world, here.secret))

    def test_the_secret_of_another_source(self, world: World, here: Here) -> None:
        other = world.add_source("workable")
        assert "another source" in refused(world, here, self.sent(world, other.secret))

    def test_a_body_that_is_written_anew(self, world: World, here: Here) -> None:
        genuine = self.sent(world, here.secret)
        spaced = json.dumps(json.loads(genuine.body), indent=1).encode()
        assert "writes the body anew" in refused(world, here, Delivery(genuine.headers, spaced))

    def test_anything_else(self, world: World, here: Here) -> None:
        assert refused(world, here, self.sent(world, adapters()["workable"].new_secret())) == "another secret is in use"

    def test_a_wrong_clock(self, world: World) -> None:
        adapter, here = adapters()["generic"], world.generic
        late = adapter.signed(adapter.samples()["ping"], here.secret, world.clock.now - timedelta(hours=1), "e")
        assert "clock" in refused(world, here, late)

    def test_a_storm_of_forgeries_is_one_row_a_minute(self, world: World, here: Here) -> None:
        for _ in range(20):
            receive(world.flow, here.key, self.sent(world, adapters()["workable"].new_secret()))
        assert len(seen(world, here)) == 1


def test_the_schema_of_our_own_format_is_served_to_anybody(world: World) -> None:
    browser = Edge(world).app.test_client()
    answer = browser.get("/hooks/schemas/generic.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/schema+json")
    assert answer.get_json() == adapters()["generic"].schema()
    for name in ("greenhouse", "nothing", "..%2Fgeneric"):
        assert browser.get(f"/hooks/schemas/{name}.json").status_code == 404


def test_trouble_says_what_waits_for_an_ats(world: World) -> None:
    here = world.add_source("lever")
    world.post(here, {"event": "candidateHired", "data": {"opportunityId": "o1"}})
    world.settle_down()
    page = Edge(world).page("/trouble")
    assert "Waiting for the ATS" in page
    assert "1 webhook since" in page
    assert "Lever: not reached" in page
