"""The stand-in is trusted by many tests, so it is tested too."""

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from notifier.pull.ats.greenhouse import Puller
from notifier.pull.port import Access, Page
from tests.standins.greenhouse import Greenhouse

NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v3/applications?updated_at=gte|2026-11-23T09:00:00Z|lte|2026-11-24T09:00:00Z&per_page=500", 200),
        ("/v3/applications?page=2", 422),
        ("/v3/applications?per_page=501", 422),
        ("/v3/applications?cursor=abc&per_page=50", 422),
        ("/v3/applications?cursor=abc", 422),
        ("/v3/candidates?ids=" + ",".join(map(str, range(51))), 422),
        ("/v3/rejection_details?job_ids=1", 422),
        ("/v3/offers", 404),
    ],
)
def test_it_refuses_what_greenhouse_refuses(path: str, status: int) -> None:
    with Greenhouse() as greenhouse:
        form = {"grant_type": "client_credentials"}
        token = httpx.post(f"{greenhouse.url}/token", data=form, auth=(greenhouse.client_id, greenhouse.secret)).json()[
            "access_token"
        ]
        answer = httpx.get(greenhouse.url + path, headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == status
        assert answer.headers["x-ratelimit-remaining"] == "49"
        assert httpx.get(greenhouse.url + path, headers={"authorization": "Bearer other"}).status_code == 401


def test_run_by_hand_it_has_an_account_to_be_read() -> None:
    command = [sys.executable, "-m", "tests.standins.greenhouse"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url, key = process.stdout.readline().split()
        page = Puller().page(Access(key, url), NOW - timedelta(days=1), "", NOW)
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 0
    assert isinstance(page, Page)
    assert [record.subject for record in page.records] == ["66003", "66002", "66001"]
