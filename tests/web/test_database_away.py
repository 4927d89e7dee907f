"""The database goes away: webhooks are asked to come again, people get a sentence, and nothing pretends to work."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from notifier.core.change import Delivery
from notifier.ingest.registry import adapters
from notifier.store.database import Database, Tx
from notifier.web.app import make_app
from tests.world import SECRETS, World


def app_over(world: World, db: Any) -> Flask:
    flow = replace(world.flow, db=db, clock=db.clock)
    return make_app(flow, secret_keys=SECRETS, trusted_hosts=("localhost",), base_url="http://localhost")


@pytest.fixture
def away() -> Database:
    """Nobody listens there. It has the clock that real installations have, which is the database's own."""
    return Database("postgresql+psycopg://nobody@127.0.0.1:1/none", secrets=SECRETS)


@pytest.fixture
def browser(world: World, away: Database) -> FlaskClient:
    return app_over(world, away).test_client()


def test_a_webhook_is_asked_to_come_again(world: World, browser: FlaskClient) -> None:
    body = b'{"action":"ping","payload":{}}'
    headers = (
        adapters()["greenhouse"].signed(Delivery({}, body), world.greenhouse.secret, world.clock(), "evt-1").headers
    )

    answer = browser.post(f"/hooks/ats/{world.greenhouse.key}", data=body, headers=headers)

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"
    assert answer.get_json() == {"error": 503}


@pytest.mark.parametrize(
    ("address", "status"),
    [("/healthz", 200), ("/readyz", 503), ("/metrics", 503), ("/sign-in", 200), ("/static/notifier.css", 200)],
)
def test_what_needs_no_database_still_answers(browser: FlaskClient, address: str, status: int) -> None:
    with browser.get(address) as answer:
        assert answer.status_code == status


def test_readiness_names_the_database(browser: FlaskClient) -> None:
    body = browser.get("/readyz").get_json()
    assert body["ok"] is False
    assert body["checks"]["database"]["ok"] is False
    assert body["checks"]["database"]["why"]


def test_somebody_signed_in_gets_a_sentence(browser: FlaskClient) -> None:
    browser.set_cookie("notifier_session", "whatever-it-was")
    answer = browser.get("/")
    assert answer.status_code == 503
    assert "The database cannot be reached right now" in answer.get_data(as_text=True)


class Vanishing:
    """A database that answers `reads` more transactions and is gone then."""

    def __init__(self, there: Database, gone: Database, reads: int) -> None:
        self.clock, self.engine, self.keyring = there.clock, there.engine, there.keyring
        self.begin = there.begin
        self._there, self._gone, self._reads = there, gone, reads

    @contextmanager
    def read(self) -> Iterator[Tx]:
        self._reads -= 1
        with (self._there if self._reads >= 0 else self._gone).read() as tx:
            yield tx


@pytest.mark.parametrize("address", ["/", "/trouble"])
def test_it_may_go_at_any_moment_of_a_page(world: World, away: Database, recruiter: FlaskClient, address: str) -> None:
    world.change("a1", outcome="rejected", stage="Onsite", kind="interview")
    world.settle_down()
    cookie = recruiter.get_cookie("notifier_session")
    assert cookie is not None
    answers = []
    while not answers or answers[-1].status_code != 200:
        client = app_over(world, Vanishing(world.db, away, reads=len(answers))).test_client()
        client.set_cookie("notifier_session", cookie.value)
        answers.append(client.get(address))
        assert len(answers) < 10, "no page asks that often"

    assert len(answers) > 3, "it was away before, between and after"
    for answer in answers[:-1]:
        assert answer.status_code == 503
        assert "The database cannot be reached right now" in answer.get_data(as_text=True)
