"""The edge: webhooks over HTTP, signing in, headers, health."""

import json
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from notifier.core.change import Delivery
from notifier.ingest.registry import adapters
from notifier.store import heartbeats
from notifier.store.users import IDLE_LIMIT, LINK_LIFE, Role, invite, make_link
from notifier.web.app import make_app
from notifier.web.auth import safe_next
from tests.web.conftest import csrf
from tests.world import SECRETS, Here, World

PING = b'{"action":"ping","payload":{}}'


def hook(client: FlaskClient, here: Here, body: bytes, clock: Callable[[], object], **more: str) -> int:
    headers = adapters()[here.ats].signed(Delivery({}, body), here.secret, clock(), "evt-1").headers
    headers |= {name.lower(): value for name, value in more.items()}
    return client.post(f"/hooks/ats/{here.key}", data=body, headers=headers).status_code


class TestWebhooks:
    def test_a_signed_one_is_answered_200_and_so_is_its_copy(self, world: World, anybody: FlaskClient) -> None:
        assert hook(anybody, world.greenhouse, PING, world.clock) == 200
        assert hook(anybody, world.greenhouse, PING, world.clock) == 200

    def test_a_signed_one_nobody_can_read_is_answered_the_same(self, world: World, anybody: FlaskClient) -> None:
        assert hook(anybody, world.greenhouse, b"\xff\xfe not json", world.clock) == 200

    def test_refusals_look_alike_and_set_no_cookie(self, world: World, anybody: FlaskClient) -> None:
        address = f"/hooks/ats/{world.greenhouse.key}"
        answers = [
            anybody.post(address, data=PING, headers={"Signature": signature})
            for signature in ("", "sha256 " + "0" * 64, "x" * 9000, "sha256 \xe9")
        ]
        assert {answer.status_code for answer in answers} == {401}
        assert len({answer.get_data() for answer in answers}) == 1
        assert all("Set-Cookie" not in answer.headers for answer in answers)

    def test_an_unknown_key_is_not_found(self, anybody: FlaskClient) -> None:
        assert anybody.post("/hooks/ats/nobody", data=PING).status_code == 404

    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"])
    def test_another_method_is_refused(self, world: World, anybody: FlaskClient, method: str) -> None:
        answer = anybody.open(f"/hooks/ats/{world.greenhouse.key}", method=method)
        assert answer.status_code == 405
        assert answer.headers["Allow"] == "POST"

    @pytest.mark.parametrize(
        "kind", ["application/json", "application/json; charset=utf-8", "application/vnd.ats+json", "text/plain", ""]
    )
    def test_json_is_taken_under_any_of_its_names(self, world: World, anybody: FlaskClient, kind: str) -> None:
        more = {"Content-Type": kind} if kind else {}
        assert hook(anybody, world.greenhouse, PING, world.clock, **more) == 200

    def test_the_largest_body_is_taken_and_one_byte_more_is_not(self, world: World, anybody: FlaskClient) -> None:
        assert hook(anybody, world.greenhouse, b" " * 1024 * 1024, world.clock) == 200
        assert hook(anybody, world.greenhouse, b" " * (1024 * 1024 + 1), world.clock) == 413

    @pytest.mark.parametrize(
        "headers",
        [
            {"Content-Encoding": "gzip"},
            {"Content-Type": "application/x-www-form-urlencoded"},
            {"Content-Type": "multipart/form-data; boundary=x"},
        ],
    )
    def test_encoded_and_form_bodies_are_refused(
        self, world: World, anybody: FlaskClient, headers: dict[str, str]
    ) -> None:
        assert hook(anybody, world.greenhouse, PING, world.clock, **headers) == 415


class TestSigningIn:
    def link(self, world: World) -> str:
        with world.db.begin() as tx:
            return "/sign-in/" + make_link(tx, invite(tx, "maria@example.com", world.workspace, Role.RECRUITER))

    def test_looking_at_a_link_spends_nothing_and_pressing_the_button_spends_it(
        self, world: World, anybody: FlaskClient
    ) -> None:
        link = self.link(world)
        for _ in range(3):
            page = anybody.get(link)
            assert page.status_code == 200
        form = {"csrf_token": csrf(page.get_data(as_text=True))}

        answer = anybody.post(link, data=form)
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert anybody.get("/").status_code == 200
        assert anybody.get(link).status_code == 410

    def test_two_browsers_with_one_link_make_one_sign_in(self, world: World, app: Flask) -> None:
        link = self.link(world)
        first, second = app.test_client(), app.test_client()
        forms = [{"csrf_token": csrf(client.get(link).get_data(as_text=True))} for client in (first, second)]
        assert first.post(link, data=forms[0]).status_code == 303
        assert second.post(link, data=forms[1]).status_code == 410
        assert second.get("/").status_code == 302

    def test_one_comes_back_to_the_page_one_wanted(self, world: World, anybody: FlaskClient) -> None:
        asked = anybody.get("/held?after=x")
        assert asked.headers["Location"] == "/sign-in?next=/held?after%3Dx"
        anybody.get(asked.headers["Location"])
        link = self.link(world)
        answer = anybody.post(link, data={"csrf_token": csrf(anybody.get(link).get_data(as_text=True))})
        assert answer.headers["Location"] == "/held?after=x"

    def test_a_planted_next_leads_nowhere_else(self, world: World, anybody: FlaskClient) -> None:
        anybody.get("/sign-in?next=//evil.example")
        link = self.link(world)
        answer = anybody.post(link, data={"csrf_token": csrf(anybody.get(link).get_data(as_text=True))})
        assert answer.headers["Location"] == "/"

    def test_a_session_planted_before_the_sign_in_does_not_outlive_it(self, world: World, anybody: FlaskClient) -> None:
        link = self.link(world)
        anybody.set_cookie("notifier_session", "planted")
        form = {"csrf_token": csrf(anybody.get(link).get_data(as_text=True))}
        anybody.post(link, data=form)
        cookie = anybody.get_cookie("notifier_session")
        assert cookie is not None
        assert cookie.value != "planted"
        assert anybody.post("/sign-out", data=form).status_code == 400, "its forms have new tokens"

    def test_a_link_ends_by_itself(self, world: World, anybody: FlaskClient) -> None:
        link = self.link(world)
        world.clock.now += LINK_LIFE
        assert anybody.get(link).status_code == 410

    def test_signing_out_ends_it_in_the_database_too(self, world: World, recruiter: FlaskClient, app: Flask) -> None:
        cookie = recruiter.get_cookie("notifier_session")
        assert cookie is not None
        thief = app.test_client()
        thief.set_cookie("notifier_session", cookie.value)
        assert thief.get("/").status_code == 200

        recruiter.post("/sign-out", data={"csrf_token": csrf(recruiter.get("/").get_data(as_text=True))})

        assert thief.get("/").status_code == 302

    def test_an_idle_sign_in_ends(self, world: World, recruiter: FlaskClient) -> None:
        world.clock.now += IDLE_LIMIT
        assert recruiter.get("/").status_code == 200
        world.clock.now += IDLE_LIMIT * 1.01
        assert recruiter.get("/").status_code == 302

    def test_links_cannot_be_tried_without_end(self, anybody: FlaskClient) -> None:
        statuses = [anybody.get(f"/sign-in/guess{number}").status_code for number in range(70)]
        assert statuses[0] == 410
        assert statuses[-1] == 429

    @pytest.mark.parametrize(
        ("given", "goes_to"),
        [
            ("/held", "/held"),
            ("/messages/x?a=b", "/messages/x?a=b"),
            (None, "/"),
            ("", "/"),
            ("//evil.example", "/"),
            ("https:evil.example", "/"),
            ("/\\evil.example", "/"),
            ("\\evil", "/"),
            ("/ok\r\nX: y", "/"),
            ("javascript:alert(1)", "/"),
        ],
    )
    def test_nobody_is_led_to_another_site(self, given: str | None, goes_to: str) -> None:
        assert safe_next(given) == goes_to


class TestHeaders:
    def test_every_answer_carries_them(self, anybody: FlaskClient) -> None:
        for address in ("/sign-in", "/", "/nothing", "/healthz"):
            headers = anybody.get(address).headers
            assert headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert "script" not in headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Cache-Control"] == "no-store"
            assert headers["X-Request-ID"]

    def test_a_foreign_host_name_is_refused(self, anybody: FlaskClient) -> None:
        assert anybody.get("/sign-in", headers={"Host": "evil.example"}).status_code == 400

    def test_https_makes_cookies_secure_and_bound_to_the_host(self, world: World) -> None:
        app = make_app(
            world.flow, secret_keys=SECRETS, trusted_hosts=("localhost",), base_url="https://notifier.example.com"
        )
        page = app.test_client().get("/sign-in/none", base_url="https://localhost")
        assert "max-age=31536000" in page.headers["Strict-Transport-Security"]
        assert app.config["SESSION_COOKIE_SECURE"] is True
        assert str(app.config["SESSION_COOKIE_NAME"]).startswith("__Host-")

    def test_a_fault_shows_no_trace_of_itself(self, app: Flask, sign_in: Callable[..., FlaskClient]) -> None:
        @app.get("/boom")
        def boom() -> str:
            raise RuntimeError("ana@example.org")

        answer = sign_in().get("/boom")
        assert answer.status_code == 500
        assert "ana@" not in answer.get_data(as_text=True)
        assert "RuntimeError" not in answer.get_data(as_text=True)


class TestHealth:
    def test_it_says_what_works(self, world: World, anybody: FlaskClient) -> None:
        with world.db.begin() as tx:
            heartbeats.beat(tx, "worker", "w1")

        answer = anybody.get("/readyz")
        body = json.loads(answer.get_data())
        assert answer.status_code == 200
        assert body["ok"] is False, "no relay has been seen"
        assert {name: check["ok"] for name, check in body["checks"].items()} == {
            "database": True,
            "migrations": True,
            "redis": True,
            "worker": True,
            "relay": False,
        }

    def test_the_counts_are_there_for_prometheus_and_name_nobody(self, world: World, anybody: FlaskClient) -> None:
        world.change("a1", outcome="rejected")
        world.settle_down()

        text = anybody.get("/metrics").get_data(as_text=True)
        assert 'notifier_waiting{state="pending"} 1.0' in text
        assert 'notifier_law_violations{law="L1"} 0.0' in text
        assert "ana" not in text.casefold()
