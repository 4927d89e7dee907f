"""Who gets in, what a role allows, and that another workspace does not exist."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from notifier.core.message import Submission
from notifier.store.mailbox import keep_mail, list_mails
from notifier.store.users import Membership, Role, User
from notifier.store.workspaces import add_workspace
from notifier.web.auth import OPEN
from tests.web.conftest import csrf, message_of, press, text
from tests.world import World

SignIn = Callable[..., FlaskClient]


def routes(app: Flask, method: str) -> list[str]:
    """Every address that takes a method and is not open to all, with something in the place of ids."""
    return [
        str(rule).replace("<", "").replace(">", "")
        for rule in app.url_map.iter_rules()
        if method in rule.methods and rule.endpoint != "static" and rule.endpoint.partition(".")[0] not in OPEN
    ]


class TestGettingIn:
    def test_nobody_sees_a_page_before_they_sign_in(self, app: Flask, anybody: FlaskClient) -> None:
        assert len(routes(app, "GET")) >= 8
        for address in routes(app, "GET"):
            answer = anybody.get(address)
            assert answer.status_code == 302, address
            assert answer.headers["Location"].startswith("/sign-in?next=/"), address

    def test_nobody_changes_anything_before_they_sign_in(self, app: Flask, anybody: FlaskClient) -> None:
        page = anybody.get("/sign-in/x").get_data(as_text=True)
        assert "csrf_token" not in page, "a link that is no good offers no form"
        app.config["WTF_CSRF_ENABLED"] = False
        assert len(routes(app, "POST")) >= 7
        for address in routes(app, "POST"):
            assert anybody.post(address).status_code == 401, address

    def test_a_view_that_forgets_to_ask_is_closed(self, app: Flask, anybody: FlaskClient) -> None:
        app.add_url_rule("/forgotten", view_func=lambda: "secret")
        assert anybody.get("/forgotten").status_code == 302

    @pytest.mark.parametrize(
        ("site", "status"), [("same-origin", 303), ("none", 303), ("cross-site", 403), ("same-site", 403)]
    )
    def test_a_form_of_another_site_is_refused(
        self, busy: World, recruiter: FlaskClient, site: str, status: int
    ) -> None:
        address = f"/messages/{message_of(busy, 'rejected_after_interview')}"
        form = {"csrf_token": csrf(text(recruiter, address))}
        assert recruiter.post(f"{address}/hold", data=form, headers={"Sec-Fetch-Site": site}).status_code == status

    @pytest.mark.parametrize("verb", ["approve", "hold", "cancel", "told"])
    def test_a_form_without_its_token_is_refused(self, busy: World, recruiter: FlaskClient, verb: str) -> None:
        address = f"/messages/{message_of(busy, 'rejected_after_interview')}/{verb}"

        assert recruiter.post(address).status_code == 400
        assert busy.message("rejected_after_interview").state is Submission.AWAITING_APPROVAL

    def test_somebody_disabled_is_out_at_once(self, world: World, recruiter: FlaskClient) -> None:
        text(recruiter, "/")
        with world.db.begin() as tx:
            tx.session.execute(sa.update(User).values(disabled_at=tx.now))
        assert recruiter.get("/").status_code == 302


class TestRoles:
    @pytest.mark.parametrize(
        ("role", "verb", "status"),
        [
            (Role.VIEWER, "approve", 403),
            (Role.VIEWER, "hold", 403),
            (Role.VIEWER, "cancel", 403),
            (Role.VIEWER, "told", 403),
            (Role.APPROVER, "cancel", 403),
            (Role.APPROVER, "told", 403),
            (Role.APPROVER, "approve", 200),
            (Role.APPROVER, "hold", 200),
            (Role.RECRUITER, "cancel", 200),
            (Role.RECRUITER, "told", 200),
            (Role.ADMIN, "approve", 200),
            (Role.ADMIN, "told", 200),
        ],
    )
    def test_a_role_may_do_what_it_says(self, busy: World, sign_in: SignIn, role: Role, verb: str, status: int) -> None:
        client = sign_in(role, address=f"{role}@example.com")
        address = f"/messages/{message_of(busy, 'rejected_after_interview')}"
        page = text(client, address)
        assert (f"{verb}" in buttons(page)) is (status == 200), "a button is shown to those who may press it"

        assert press(client, page, f"{address}/{verb}", how="phone")[0] == status

    @pytest.mark.parametrize(
        ("role", "map_it", "read_it", "tell_it"),
        [
            (Role.VIEWER, False, False, False),
            (Role.APPROVER, False, False, False),
            (Role.RECRUITER, True, False, True),
            (Role.ADMIN, True, True, True),
        ],
    )
    def test_trouble_offers_what_a_role_may_do(
        self, busy: World, sign_in: SignIn, role: Role, map_it: bool, read_it: bool, tell_it: bool
    ) -> None:
        admin = sign_in(Role.ADMIN, address="admin@example.com")
        other = f"/messages/{message_of(busy, 'rejected_after_application', 'a2')}"
        press(admin, text(admin, other), f"{other}/cancel", why="I will call")
        everything = text(admin, "/trouble")
        client = sign_in(role, address=f"{role}@example.com")
        page = text(client, "/trouble")

        for action, allowed in (("/map", map_it), ("/replay", read_it), ("/told", tell_it)):
            (address,) = [one for one in everything.split('action="') if one.partition('"')[0].endswith(action)]
            address = address.partition('"')[0]
            assert (address in page) is allowed, action
            status, _ = press(client, page, address, kind="screen", how="phone")
            assert status == (200 if allowed else 403), action

    def test_a_role_that_is_lowered_counts_at_once(self, busy: World, sign_in: SignIn) -> None:
        client = sign_in(Role.RECRUITER)
        address = f"/messages/{message_of(busy, 'rejected_after_interview')}"
        page = text(client, address)
        with busy.db.begin() as tx:
            tx.session.execute(sa.update(Membership).values(role=Role.VIEWER))
        assert press(client, page, f"{address}/approve")[0] == 403


def buttons(page: str) -> set[str]:
    """The last words of the addresses that the forms of a page post to."""
    return {part.partition('"')[0].rpartition("/")[2] for part in page.split('action="')[1:]}


class TestAnotherWorkspace:
    @pytest.fixture
    def stranger(self, busy: World, sign_in: SignIn) -> FlaskClient:
        with busy.db.begin() as tx:
            other = add_workspace(tx, "Other Co").id
        return sign_in(Role.ADMIN, address="stranger@example.com", workspace=other)

    def test_its_lists_are_empty(self, busy: World, stranger: FlaskClient) -> None:
        for address in ("/", "/outbox", "/held", "/trouble", "/mailbox"):
            page = text(stranger, address)
            for word in ("Ana", "Eva", "Quokka", "alert(1)", "Example Co"):
                assert word not in page, address

    def test_none_of_its_things_is_found(self, busy: World, stranger: FlaskClient, sign_in: SignIn) -> None:
        mine = message_of(busy, "rejected_after_interview")
        application = busy.application("a1").application.id
        with busy.db.begin() as tx:
            keep_mail(tx, busy.workspace, mine, to="ana@example.org", subject="Ana", mime=b"Subject: Ana\n\nAna")
            (mail,) = list_mails(tx, [busy.workspace])
        for address in (f"/messages/{mine}", f"/applications/{application}", f"/mailbox/{mail.id}"):
            assert "Ana" not in text(stranger, address, 404)
        ours = text(sign_in(Role.ADMIN, address="admin@example.com"), "/trouble")
        posts = [part.partition('"')[0] for part in ours.split('action="')[1:]]
        posts = [address for address in posts if address != "/sign-out"]
        posts += [f"/messages/{mine}/{verb}" for verb in ("approve", "hold", "cancel", "told")]
        posts += [f"/applications/{application}/told"]
        assert len(posts) >= 7
        page = text(stranger, "/")
        for address in posts:
            assert press(stranger, page, address, kind="screen", how="phone")[0] == 404, address
        assert busy.message("rejected_after_interview").state is Submission.AWAITING_APPROVAL

    def test_a_page_cannot_be_asked_for_after_its_messages(self, busy: World, stranger: FlaskClient) -> None:
        assert "Ana" not in text(stranger, f"/?after={message_of(busy, 'rejected_after_interview')}")
