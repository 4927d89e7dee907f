"""What an ATS, a forger and a recruiter see of one world: the hook over HTTP, the log, the pages."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
import structlog
from flask.testing import FlaskClient
from structlog.testing import capture_logs
from structlog.typing import EventDict
from werkzeug.test import TestResponse

from notifier.core.change import Delivery
from notifier.ingest.registry import adapters
from notifier.store import users
from notifier.store.inbox import InboxItem, list_items
from notifier.store.users import Role
from notifier.web.app import make_app
from tests.compiled import COMPILED
from tests.web.conftest import csrf
from tests.world import SECRETS, Here, World

every_ats = pytest.mark.parametrize("ats", sorted(adapters()))

#: Those that sign every byte of a body. Whoever signs less is asked for what the body says.
every_sealing_ats = pytest.mark.parametrize("ats", sorted(name for name, ats in adapters().items() if ats.signs_body))


class Edge:
    """The web application over a world. Bodies are posted as they are, signed or not."""

    def __init__(self, world: World, *, base_url: str = "http://localhost") -> None:
        self.world = world
        self.app = make_app(world.flow, secret_keys=SECRETS, trusted_hosts=("localhost",), base_url=base_url)
        self.app.jinja_env.bytecode_cache = COMPILED

    def signed(
        self,
        here: Here,
        body: bytes,
        event_id: str = "evt-1",
        *,
        secret: str = "",
        at: datetime | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Delivery:
        """`body` as this ATS would send it `at` a moment (now, where none is given)."""
        return adapters()[here.ats].signed(
            Delivery(dict(headers or {}), body), secret or here.secret, at or self.world.clock.now, event_id
        )

    def genuine(self, here: Here, name: str = "", event_id: str = "evt-1", **more: Any) -> Delivery:
        """A sample as this ATS would send it: the one named, or one that moves an application."""
        plain = sample_of(here.ats, name)
        secret, at = more.get("secret") or here.secret, more.get("at") or self.world.clock.now
        return adapters()[here.ats].signed(plain, secret, at, event_id)

    def headers(self, here: Here, body: bytes, event_id: str = "evt-1", **more: Any) -> dict[str, str]:
        """The headers with which this ATS would send `body`; for an ATS that puts neither id nor signature into it."""
        delivery = self.signed(here, body, event_id, **more)
        assert delivery.body == body
        return delivery.headers

    def send(self, here: Here, delivery: Delivery, **more: Any) -> TestResponse:
        """Post a delivery as it is."""
        return self.post(here, delivery.body, delivery.headers, **more)

    def post(self, here: Here, body: bytes, headers: Mapping[str, str] | None = None, **more: Any) -> TestResponse:
        """Post `body`, signed as `here` signs unless `headers` are given."""
        if headers is None:
            return self.send(here, self.signed(here, body), **more)
        return self.app.test_client().post(f"/hooks/ats/{here.key}", data=body, headers=dict(headers), **more)

    def recruiter(self, role: Role = Role.RECRUITER) -> FlaskClient:
        """A browser of somebody who is signed in."""
        with self.world.db.begin() as tx:
            user = users.invite(tx, "maria@example.com", self.world.workspace, role)
            link = "/sign-in/" + users.make_link(tx, user)
        client = self.app.test_client()
        form = {"csrf_token": csrf(client.get(link).get_data(as_text=True))}
        assert client.post(link, data=form).status_code == 303
        return client

    def page(self, address: str) -> str:
        """A page as a recruiter sees it."""
        answer = self.recruiter().get(address)
        assert answer.status_code == 200
        return answer.get_data(as_text=True)


def here_of(world: World, ats: str) -> Here:
    """The world's source of this ATS, made if there is none yet."""
    made = {"greenhouse": world.greenhouse, "generic": world.generic}
    return made[ats] if ats in made else world.add_source(ats)


def sample(ats: str, name: str = "") -> bytes:
    """The body of a sample."""
    return sample_of(ats, name).body


def sample_of(ats: str, name: str = "") -> Delivery:
    """A sample of an ATS: the one named, or one that moves an application."""
    samples = adapters()[ats].samples()
    return samples[name] if name else max(samples.values(), key=lambda plain: len(plain.body))


def items(world: World) -> list[InboxItem]:
    """Everything that was kept at the door, oldest first."""
    with world.db.read() as tx:
        return list_items(tx, limit=10_000)[::-1]


def count(world: World, table: str) -> int:
    """The rows of a table."""
    with world.db.engine.connect() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())


@contextmanager
def log_lines() -> Iterator[list[EventDict]]:
    """What is logged meanwhile, from INFO on."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    try:
        with capture_logs() as lines:
            yield lines
    finally:
        structlog.configure(**before)


def said(lines: list[EventDict], event: str) -> list[EventDict]:
    """The lines of one event, without their level."""
    return [{k: v for k, v in line.items() if k != "log_level"} for line in lines if line["event"] == event]
