"""P14, and the door: signed reports about nothing of ours or without sense, and posts that are not for this address."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from notifier.core.message import Submission
from notifier.deliver.ecdsa_signature import SIGNATURE, TIMESTAMP
from notifier.store.database import Database
from notifier.store.users import Role
from notifier.web.app import make_app
from notifier.web.hooks import EVENTS_LIMIT
from tests.faults.edge import count
from tests.faults.mailing import ARRIVAL, EVENTS, Mailing, mailing
from tests.standins.sendgrid_events import written
from tests.world import SECRETS

#: Captured posts, where they lie beside the project.
CAPTURED = Path(__file__).parents[2] / "../shared/payloads/sendgrid/events"

#: What can be signed and makes no sense.
GARBAGE = {
    "no JSON": b"not json",
    "cut": b"{",
    "deep": b"[" * 100_000,
    "no events": b'[1,null,"x",[]]',
    "no text": b"\xff\xfe",
    "no time": b'[{"event":"bounce"}]',
    "a text": b'"text"',
    "too large a number": b"1e999",
}

#: What a field may hold that no field should.
ODD: tuple[Any, ...] = (
    *("", "\x00", "\ud800@example.org", "a@\ud800.org", "<a\x00@b>", "\u202egnp", "a" * 5000, "-1", "1e999", "NaN"),
    *(None, True, -1, 10**30, 1e308, [], ["a"], {}, {"event": "bounce"}),
)

NOBODY: dict[str, Any] = {"personalizations": [{"to": [{"email": "nobody@example.org"}], "custom_args": {}}]}


@pytest.fixture
def site(database_url: str) -> Iterator[Mailing]:
    with mailing(database_url) as made:
        yield made


class TestNothingOfOurs:
    @pytest.mark.parametrize(
        "ids", [{"mid": "msg_01unknown0000", "att": "att_01unknown0000"}, {"mid": None, "att": None}]
    )
    def test_p14_an_unknown_message_is_204_an_orphan_and_no_change(self, site: Mailing, ids: dict[str, Any]) -> None:
        row = site.tell()
        before = site.states()
        strange = site.event("bounce", replace(site.mails(row)[0], x_message_id="never-ours"), **ids)

        site.hear(strange, strange)

        assert (site.orphans(), site.states()) == (1, before)
        page = site.edge.recruiter(Role.ADMIN).get("/trouble").get_data(as_text=True)
        assert "Reports about nothing of ours" in page
        assert "unknown message" in page

    def test_p14_only_who_runs_the_installation_is_shown_orphans(self, site: Mailing) -> None:
        site.hear(site.event("delivered", replace(site.mails(site.tell())[0], payload=NOBODY)))

        assert "Reports about nothing of ours" not in site.edge.page("/trouble")

    @pytest.mark.parametrize("name", GARBAGE)
    def test_p14_signed_garbage_is_204_and_an_orphan(self, site: Mailing, name: str) -> None:
        site.tell()
        before = site.states()

        assert site.post(GARBAGE[name]).status_code == 204
        site.read()

        assert site.orphans() >= 1
        assert site.states() == before
        assert site.edge.recruiter(Role.ADMIN).get("/trouble").status_code == 200

    def test_p14_odd_values_in_any_field_are_taken_and_break_nothing(self, site: Mailing) -> None:
        row = site.tell()
        usual = site.event("open", site.mails(row)[0])
        events = [usual | {field: odd} for field in usual for odd in ODD]

        assert site.post(json.dumps(events).encode()).status_code == 204
        site.read()

        assert site.message(ARRIVAL).state is Submission.ACCEPTED
        assert site.edge.recruiter(Role.ADMIN).get("/trouble").status_code == 200
        assert site.edge.recruiter().get(f"/messages/{row.id}").status_code == 200
        assert site.world.ledger().violations == ()

    @pytest.mark.parametrize("name", ["signed_real_batch_11_events", "signed_real_single_dropped"])
    def test_p14_captured_posts_are_believed_and_are_about_nothing_of_ours(self, site: Mailing, name: str) -> None:
        if not CAPTURED.is_dir():
            return
        meta = json.loads((CAPTURED / f"{name}.meta.json").read_bytes())
        body = (CAPTURED / f"{name}.body").read_bytes()
        headers = {SIGNATURE: meta["signature"], TIMESTAMP: meta["timestamp"]}
        site.set(event_keys={"sendgrid": (meta["public_key"],)})
        site.world.clock.now = datetime.fromtimestamp(int(meta["timestamp"]) + 20, UTC)

        assert site.post(body[:-1], headers).status_code == 401
        assert [site.post(body, headers).status_code for _ in range(2)] == [204, 204]
        site.read()

        assert site.orphans() == len(json.loads(body)) == count(site.world, "provider_events")
        assert site.edge.recruiter(Role.ADMIN).get("/trouble").get_data(as_text=True).count("unknown message") >= 1
        assert site.world.ledger().violations == ()


class TestTheDoor:
    def test_a_post_that_is_too_large_is_413(self, site: Mailing) -> None:
        assert site.post(b" " * EVENTS_LIMIT).status_code == 204
        assert site.post(b" " * (EVENTS_LIMIT + 1)).status_code == 413
        assert site.post(b" " * (EVENTS_LIMIT + 1), {}).status_code == 413

    @pytest.mark.parametrize("provider", ["pigeon", "../ats", "SENDGRID", "sendgrid%00"])
    def test_another_provider_is_404(self, site: Mailing, provider: str) -> None:
        assert site.post(b"[]", address=EVENTS.replace("sendgrid", provider)).status_code == 404

    @pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "OPTIONS", "DELETE"])
    def test_another_method_is_405(self, site: Mailing, method: str) -> None:
        assert site.edge.app.test_client().open(EVENTS, method=method).status_code == 405

    def test_with_the_database_away_it_is_503_and_comes_again(self, site: Mailing) -> None:
        away = Database("postgresql+psycopg://nobody@127.0.0.1:1/none", secrets=SECRETS, clock=site.world.clock)
        flow = replace(site.world.flow, db=away)
        app = make_app(flow, secret_keys=SECRETS, trusted_hosts=("localhost",), base_url="http://localhost")
        body = written([site.event("delivered", site.mails(site.tell())[0])])

        answer = app.test_client().post(
            EVENTS, data=body, headers=site.signer.headers(body, site.world.clock.now.timestamp())
        )

        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
        assert count(site.world, "provider_events") == 0
