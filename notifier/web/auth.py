"""Signing in by one-time link, and who may do what.

Denied by default: whoever is not signed in reaches only the blueprints named in `OPEN`, whatever a new view forgets.
GET shows a button and changes nothing, because mail scanners open every link; POST spends the link and starts a
sign-in, which is a row in the database and can be ended there at once. The cookie holds a random token and nothing
else.
"""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from flask import Blueprint, abort, current_app, g, redirect, render_template, request, session, url_for
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from werkzeug.wrappers import Response

from notifier.flow.parts import Flow
from notifier.store import users
from notifier.store.users import Role

auth = Blueprint("auth", __name__, template_folder="templates")

#: Guards what anybody may call; counted per web process.
limiter = Limiter(get_remote_address, storage_uri="memory://", default_limits=[], headers_enabled=True)

#: How stale "last seen" may be.
SEEN_EVERY = timedelta(minutes=5)

MAY_APPROVE = frozenset({Role.ADMIN, Role.RECRUITER, Role.APPROVER})
MAY_DECIDE = frozenset({Role.ADMIN, Role.RECRUITER})
MAY_MANAGE = frozenset({Role.ADMIN})

#: Machines prove themselves in other ways, and the sign-in pages are how one gets in. All else needs a person.
OPEN = frozenset({"auth", "hooks", "health"})

#: What `Sec-Fetch-Site` says of a form of our own, or of an address somebody typed.
OWN_SITE = frozenset({"same-origin", "none"})


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in, and their role in each workspace."""

    id: str
    address: str
    roles: dict[str, Role]

    @property
    def workspaces(self) -> list[str]:
        """The workspaces they may see."""
        return sorted(self.roles)

    def may(self, allowed: frozenset[Role], workspace_id: str) -> bool:
        """Whether their role in this workspace is among `allowed`."""
        return self.roles.get(workspace_id) in allowed


def cookie_name() -> str:
    """The cookie's name; `__Host-` binds it to this host where the address is https."""
    return "__Host-notifier_session" if current_app.config["HTTPS"] else "notifier_session"


def guard() -> Response | None:
    """Let a request through only if it is open to all or comes from a signed-in person and from our own pages.

    Others are sent to the sign-in page and come back afterwards. Raises 401 where coming back would lose a form.
    """
    load_person()
    if request.blueprint in ("hooks", "health"):
        return None
    changes = request.method not in ("GET", "HEAD", "OPTIONS")
    if changes and request.headers.get("Sec-Fetch-Site", "none") not in OWN_SITE:
        abort(403)
    if g.person is not None or request.endpoint in (None, "static") or request.blueprint in OPEN:
        return None
    if changes:
        abort(401)
    return redirect(url_for("auth.sign_in", next=request.full_path.rstrip("?")))


def load_person() -> None:
    """Find out who is asking, and when. Machines (webhooks, monitoring) and files are nobody and cost no query."""
    g.person = None
    token = request.cookies.get(cookie_name())
    if not token or request.endpoint in (None, "static") or request.blueprint in ("hooks", "health"):
        return
    flow: Flow = current_app.extensions["flow"]
    with flow.db.read() as tx:
        found = users.signed_in(tx, token)
        if found is None:
            return
        user, roles = found
        g.person = Person(user.id, tx.keyring.open(user.address, "user.address"), roles)
        stale = users.last_seen(tx, token)
        # The one moment that everything on the page is measured from.
        g.now = tx.now
    if stale is None or g.now - stale > SEEN_EVERY:
        with flow.db.begin() as tx:
            users.seen(tx, token)


def demand(allowed: frozenset[Role], workspace_id: str) -> None:
    """Go on only if the signed-in person's role in this workspace is among `allowed`; else 403."""
    if not g.person.may(allowed, workspace_id):
        abort(403)


def safe_next(given: str | None) -> str:
    """A path of this site to go to, else the queue. Anything a browser could read as another site is refused."""
    if not given or not given.startswith("/") or given.startswith(("//", "/\\")) or "\\" in given:
        return "/"
    parts = urlsplit(given)
    if parts.scheme or parts.netloc or any(ord(character) < 32 for character in given):
        return "/"
    return given


@auth.get("/sign-in")
def sign_in() -> str:
    """Say how one gets in. Where they wanted to go is kept in their own cookie until they have a link."""
    if "next" in request.args:
        session["next"] = safe_next(request.args["next"])
    return render_template("web/sign_in.html")


@auth.get("/sign-in/<token>")
@limiter.limit("60 per minute")
def show_link(token: str) -> tuple[str, int] | str:
    """Show the button. Nothing is spent."""
    flow: Flow = current_app.extensions["flow"]
    with flow.db.read() as tx:
        good = users.link_is_good(tx, token)
    return render_template("web/sign_in_link.html", good=good), 200 if good else 410


@auth.post("/sign-in/<token>")
@limiter.limit("20 per minute")
def use_link(token: str) -> Response | tuple[str, int]:
    """Spend the link and sign in."""
    flow: Flow = current_app.extensions["flow"]
    with flow.db.begin() as tx:
        cookie = users.use_link(tx, token)
    if cookie is None:
        return render_template("web/sign_in_link.html", good=False), 410
    goal = safe_next(session.get("next"))
    # Whatever an attacker may have planted in this browser before the sign-in ends with it.
    session.clear()
    response = redirect(goal, 303)
    response.set_cookie(
        cookie_name(),
        cookie,
        max_age=users.ABSOLUTE_LIMIT,
        secure=current_app.config["HTTPS"],
        httponly=True,
        samesite="Lax",
        path="/",
    )
    return response


@auth.post("/sign-out")
def sign_out() -> Response:
    """End the sign-in, here and in the database."""
    token = request.cookies.get(cookie_name())
    if token:
        flow: Flow = current_app.extensions["flow"]
        with flow.db.begin() as tx:
            users.sign_out(tx, token)
    response = redirect(url_for("auth.sign_in"), 303)
    response.delete_cookie(cookie_name(), path="/", secure=current_app.config["HTTPS"], httponly=True, samesite="Lax")
    return response
