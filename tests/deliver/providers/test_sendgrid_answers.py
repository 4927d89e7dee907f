import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from notifier.core.answer import Accepted, Impossible, PauseAll, TryLater, Unknown
from notifier.deliver.providers.sendgrid import sort_answer

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)

BODIES = Path(__file__).parents[2] / "payloads" / "sendgrid" / "errors"


class TestHeadersOfALimit:
    @pytest.mark.parametrize(
        ("headers", "at"),
        [
            ({}, None),
            ({"Retry-After": "30"}, NOW + timedelta(seconds=30)),
            ({"Retry-After": "Tue, 24 Nov 2026 10:05:00 GMT"}, NOW + timedelta(minutes=5)),
            ({"X-RateLimit-Reset": str(int(NOW.timestamp()) + 60)}, NOW + timedelta(seconds=60)),
            ({"X-RateLimit-Reset": "60"}, NOW + timedelta(seconds=60)),
            ({"X-RateLimit-Reset": "60", "Retry-After": "90"}, NOW + timedelta(seconds=90)),
            ({"X-RateLimit-Reset": str(int(NOW.timestamp()) - 60)}, None),
            ({"Retry-After": "99999999"}, NOW + timedelta(days=1)),
            ({"Retry-After": "soon"}, None),
            ({"Retry-After": "9" * 40}, None),
            ({"Retry-After": f"Tue, 24 Nov {'9' * 20} 10:05:00 GMT"}, None),
            ({"Retry-After": "Tue, 24 Nov 9999 10:05:00 GMT"}, NOW + timedelta(days=1)),
            ({"Retry-After": "-1"}, None),
        ],
    )
    def test_the_later_moment_ahead_counts(self, headers: dict[str, str], at: datetime | None) -> None:
        answer = sort_answer(429, headers, b"", NOW)

        assert isinstance(answer, TryLater)
        assert answer.at == at


class TestBodies:
    @pytest.mark.parametrize("body", sorted(BODIES.glob("*")), ids=lambda path: path.name)
    def test_every_known_body_is_sorted_by_its_status_and_quotes_nobody(self, body: Path) -> None:
        answer = sort_answer(int(body.name[:3]), {}, body.read_bytes(), NOW)

        kind = {"400": Impossible, "413": Impossible, "429": TryLater, "500": Unknown}.get(body.name[:3], PauseAll)
        assert isinstance(answer, kind)
        assert "@" not in repr(answer)

    @pytest.mark.parametrize(
        "body",
        [b"", b"<html>", b"null", b"[]", b'{"errors": null}', b'{"errors": [null]}', b"\xff", b"[" * 100_000],
    )
    def test_any_body_can_be_read(self, body: bytes) -> None:
        assert sort_answer(400, {}, body, NOW) == Impossible("sendgrid: 400 the message is refused")

    def test_a_field_with_an_address_in_it_is_not_repeated(self) -> None:
        body = json.dumps({"errors": [{"field": "to ana@example.org"}, {"field": "subject"}]}).encode()

        assert sort_answer(400, {}, body, NOW) == Impossible("sendgrid: 400 the message is refused (subject)")

    @pytest.mark.parametrize("given", ["", "abc\x00", "x" * 500, "é"])
    def test_an_id_that_is_none_is_left_out(self, given: str) -> None:
        assert sort_answer(202, {"X-Message-Id": given}, b"", NOW) == Accepted("")
