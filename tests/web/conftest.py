"""A browser without a screen: the application over a real world, and people who are signed in."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from notifier.store import users
from notifier.store.users import Role
from notifier.web.app import make_app
from tests.compiled import COMPILED
from tests.world import SECRETS, World


@pytest.fixture
def app(world: World) -> Flask:
    made = make_app(
        world.flow,
        secret_keys=SECRETS,
        trusted_hosts=("localhost", "127.0.0.1"),
        base_url="http://127.0.0.1:8000",
    )
    made.config["TESTING"] = False
    made.jinja_env.bytecode_cache = COMPILED
    return made


@pytest.fixture
def anybody(app: Flask) -> FlaskClient:
    """A browser that is not signed in."""
    return app.test_client()


@pytest.fixture
def sign_in(app: Flask, world: World) -> Callable[..., FlaskClient]:
    """Sign somebody in with a role, through the link as people do it."""

    def signed_in(
        role: Role = Role.RECRUITER, *, address: str = "maria@example.com", workspace: str = ""
    ) -> FlaskClient:
        with world.db.begin() as tx:
            token = users.make_link(tx, users.invite(tx, address, workspace or world.workspace, role))
        client = app.test_client()
        page = client.get(f"/sign-in/{token}")
        answer = client.post(f"/sign-in/{token}", data={"csrf_token": csrf(page.get_data(as_text=True))})
        assert answer.status_code == 303
        return client

    return signed_in


@pytest.fixture
def recruiter(sign_in: Callable[..., FlaskClient]) -> FlaskClient:
    return sign_in(Role.RECRUITER)


def csrf(page: str) -> str:
    """The token of the first form of a page."""
    return page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]


@pytest.fixture
def busy(world: World) -> World:
    """Something in every view: a "no" to approve, one going out, one on hold, a stage nobody mapped, a bad webhook."""
    world.change("a1", outcome="rejected", stage="Onsite", kind="interview", first_name="Ana")
    world.change("a2", outcome="rejected", email="eva@example.org", first_name="Eva")
    world.change("a3", outcome="rejected", email=None, first_name="<script>alert(1)</script>")
    world.change("a4", stage="Quokka", first_name="Gus", email="gus@example.org")
    world.post(world.generic, b"[]")
    world.settle_down()
    return world


def text(client: FlaskClient, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_data(as_text=True)


def press(client: FlaskClient, page: str, address: str, **form: str) -> tuple[int, str]:
    """Press a button of a page, as a browser does: with its token, then follow."""
    answer = client.post(address, data={"csrf_token": csrf(page), **form}, follow_redirects=True)
    return answer.status_code, answer.get_data(as_text=True)


def message_of(world: World, template: str, external_id: str = "a1") -> str:
    return world.message(template, external_id).id
