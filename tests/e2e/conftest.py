"""A real browser in front of the real application, served over HTTP on this machine."""

import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from notifier.deliver.mime import to_bytes
from notifier.flow.envelope import envelope
from notifier.flow.settle import cancel
from notifier.store import users
from notifier.store.mailbox import keep_mail, list_mails
from notifier.store.users import Role
from notifier.web.app import make_app
from tests.compiled import COMPILED
from tests.servers import complete
from tests.world import SECRETS, World

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)

#: No background traffic, and no sandbox because tests may run as root.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        reason = "no Chromium on PATH: browser tests need one"
        pytest.fail(reason) if complete() else pytest.skip(reason)  # one clear line where it is missing
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield started
        started.close()


@dataclass
class Desk:
    """A recruiter's desk: the world behind it, its address, and how to sit down at it."""

    world: World
    address: str
    browser: Browser

    def sit_down(self, role: Role = Role.RECRUITER, **context: object) -> Page:
        """A page of a new browser window, signed in through the link by pressing its button."""
        with self.world.db.begin() as tx:
            person = users.invite(tx, f"{role}@example.com", self.world.workspace, role)
            token = users.make_link(tx, person)
        page = self.browser.new_context(**context).new_page()
        page.goto(f"{self.address}/sign-in/{token}")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{self.address}/")
        return page

    @property
    def mail(self) -> str:
        """The id of the mail in the mailbox."""
        with self.world.db.read() as tx:
            return list_mails(tx, [self.world.workspace])[0].id

    def message(self, template: str, external_id: str = "a1") -> str:
        return f"{self.address}/messages/{self.world.message(template, external_id).id}"


@pytest.fixture
def desk(world: World, browser: Browser) -> Iterator[Desk]:
    """A desk with something in every view."""
    world.change("a1", outcome="rejected", stage="Onsite", kind="interview", first_name="Ana")
    world.change("a2", outcome="rejected", email="eva@example.org", first_name="Eva")
    world.change("a6", outcome="rejected", email="kim@example.org", first_name="Kim")
    world.change("a3", outcome="rejected", email=None, first_name="نورة")
    world.change("a4", stage="Quokka", first_name="Gus", email="gus@example.org")
    world.change("a5", stage="Onsite", kind="interview", first_name="X" * 60, email="long@example.org")
    world.post(world.generic, b"[]")
    world.settle_down()
    cancel(world.flow, world.workspace, world.message("rejected_after_application", "a2").id, by="system", why="")
    view = world.view(world.message("rejected_after_interview").id)
    with world.db.begin() as tx:
        email = envelope(world.flow, tx, view.message, view.application)
        keep_mail(tx, email.workspace, email.mid, to=email.to_address, subject=email.subject, mime=to_bytes(email))
    app = make_app(world.flow, secret_keys=SECRETS, trusted_hosts=("127.0.0.1",), base_url="http://127.0.0.1:8000")
    app.jinja_env.bytecode_cache = COMPILED
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Desk(world, f"http://127.0.0.1:{server.port}", browser)
    for context in browser.contexts:
        context.close()
    server.shutdown()
    server.server_close()
    thread.join()
