"""OAuth 2.0 clients: a token for all questions, a new one when it ends, and a client that is refused."""

from collections.abc import Iterator
from typing import Any

import pytest

from notifier.store import askings, sources
from tests.faults.edge import Edge
from tests.standins.ats_api import AtsApi
from tests.world import World

CANDIDATE, JOB = "6d1f0a52-0001-4000-8000-000000000001", "b7a3c9e4-0001-4000-8000-000000000001"
CLIENT = "client-1:s3cret"


@pytest.fixture
def api() -> Iterator[AtsApi]:
    with AtsApi(clients=(CLIENT,)) as made:
        yield made


class Office:
    """A source of SmartRecruiters whose key is a client's id and secret."""

    def __init__(self, world: World, api: AtsApi, key: str) -> None:
        self.world, self.api, self.number = world, api, 0
        self.here = world.add_source("smartrecruiters")
        with world.db.begin() as tx:
            source = sources.get_source(tx, None, self.here.id)
            sources.set_api_key(tx, source, key)
            source.api_url = f"{api.url}/v1"

    def say(self, status: str) -> None:
        application = f"/v1/candidates/{CANDIDATE}/jobs/{JOB}"
        person: dict[str, Any] = {"firstName": "Ines", "email": "ines@example.org", "phoneNumber": "5550199"}
        self.api.records |= {
            application: {"status": status},
            f"{application}/status/history": {"content": []},
            f"/v1/candidates/{CANDIDATE}": person,
            f"/v1/jobs/{JOB}": {"title": "Field Engineer"},
        }

    def tell(self, name: str) -> None:
        self.number += 1
        self.world.clock.tick(minutes=1)
        edge = Edge(self.world)
        assert edge.send(self.here, edge.genuine(self.here, name, f"e-{self.number}")).status_code == 202
        self.world.settle_down()


def test_one_token_serves_until_it_ends_and_then_a_new_one(world_on: World, api: AtsApi) -> None:
    office = Office(world_on, api, CLIENT)
    office.say("NEW")
    office.tell("application.created")
    assert api.tokens == 1
    api.forget()
    office.say("REJECTED")
    office.tell("application.status.updated")
    world_on.run_for(days=8)

    assert api.tokens == 2
    tokens = [line for line in api.requests if "token" in line]
    assert set(tokens) == {"POST /identity/oauth/token"}, "at the path the ATS documents, on the address that was given"
    assert ("rejected_after_application", "accepted") in world_on.live(f"{CANDIDATE}:{JOB}")
    assert {address for address, _ in world_on.mails()} == {"ines@example.org"}
    assert world_on.ledger().violations == ()


def test_a_client_that_is_refused_is_said_and_asks_for_nothing(world_on: World, api: AtsApi) -> None:
    office = Office(world_on, api, "client-1:wrong")
    office.tell("application.created")
    with world_on.db.read() as tx:
        ((_, number, _, why),) = askings.waiting(tx)
    assert number == 1
    assert "no access token for this key (401)" in why
    assert "wrong" not in why
    assert not [line for line in api.requests if "/candidates" in line]


def test_a_plain_key_stands_in_a_header_of_its_own(world_on: World, api: AtsApi) -> None:
    office = Office(world_on, api, "plain-key")
    office.tell("application.created")
    assert api.headers[0]["x-smarttoken"] == "plain-key"
    assert "authorization" not in api.headers[0]
