"""When Greenhouse does not let us in, not now, or does not answer as it should."""

from datetime import UTC, datetime, timedelta

import pytest

from notifier.pull.asking import Patience
from notifier.pull.ats.greenhouse import Puller
from notifier.pull.port import Access, Later, Page, Refused
from tests.pull.asked import MONDAY, TUESDAY, ask, read
from tests.standins.behaviours import Cut, Delay, Drip, Hang, Refuse, Truncate
from tests.standins.greenhouse import Greenhouse

SOON = timedelta(minutes=1)


class TestGettingIn:
    def test_a_token_serves_until_its_end(self, greenhouse: Greenhouse) -> None:
        puller = Puller()
        for _ in range(3):
            read(greenhouse, puller=puller)
        assert len(greenhouse.forms) == 1
        assert greenhouse.forms[0] == {"grant_type": "client_credentials"}

    def test_a_token_near_its_end_is_replaced(self, greenhouse: Greenhouse) -> None:
        greenhouse.token_life = timedelta(seconds=30)
        puller = Puller()
        for _ in range(2):
            read(greenhouse, puller=puller, now=datetime.now(UTC))
        assert len(greenhouse.forms) >= 2

    def test_a_token_that_was_ended_by_somebody_else_is_replaced(self, greenhouse: Greenhouse) -> None:
        puller = Puller()
        read(greenhouse, puller=puller)
        read(greenhouse, puller=Puller())
        read(greenhouse, puller=puller)
        assert len(greenhouse.forms) == 3

    def test_the_user_behind_the_key_is_named_where_it_is_given(self, greenhouse: Greenhouse) -> None:
        read(greenhouse, key=f"{greenhouse.key}:4080")
        assert greenhouse.forms == [{"grant_type": "client_credentials", "sub": "4080"}]

    def test_a_wrong_secret_needs_a_person(self, greenhouse: Greenhouse) -> None:
        assert ask(greenhouse, key="client-1:other") == Refused(
            "greenhouse: no access token for this key (401): is it right, and not replaced?"
        )

    @pytest.mark.parametrize(
        "key", ["", "only-one-part", ":secret", "client:", "cli ent:secret", "clïent:secret", "a:b\n"]
    )
    def test_a_key_of_the_wrong_form_is_not_sent(self, greenhouse: Greenhouse, key: str) -> None:
        stopped = Puller().page(Access(key, greenhouse.url), MONDAY, "", TUESDAY)
        assert isinstance(stopped, Refused)
        assert "<client id>:<client secret>" in stopped.why
        assert not greenhouse.requests

    def test_a_list_that_is_not_permitted_is_named(self, greenhouse: Greenhouse) -> None:
        greenhouse.account.apply(66001, MONDAY)
        greenhouse.permitted.remove("candidates")
        stopped = ask(greenhouse)
        assert isinstance(stopped, Refused)
        assert "harvest:candidates:list" in stopped.why

    @pytest.mark.parametrize(
        "url",
        [
            "http://harvest.example",
            "ftp://127.0.0.1",
            "https://user:pass@harvest.example",
            "https://harvest.example/?key=1",
            "https://",
            "https://[::1",
            "https://127.0.0.1:99999",
            "harvest.example",
        ],
    )
    def test_the_key_is_sent_to_https_or_to_this_machine(self, url: str) -> None:
        stopped = Puller().page(Access("client-1:s3cret", url), MONDAY, "", TUESDAY)
        assert isinstance(stopped, Refused)
        assert "address" in stopped.why

    def test_the_key_is_in_no_text_and_no_answer(self, greenhouse: Greenhouse) -> None:
        access = Access(greenhouse.key, greenhouse.url)
        assert greenhouse.secret not in repr(access)
        for status in (400, 401, 403, 404, 418, 422, 429, 500, 302):
            greenhouse.always(
                Refuse(
                    status, {"Location": "https://elsewhere.example/"}, f"{greenhouse.secret} lena@example.org".encode()
                )
            )
            answer = Puller().page(access, MONDAY, "", TUESDAY)
            assert greenhouse.secret not in repr(answer)
            assert "lena" not in repr(answer)

    def test_no_proxy_is_taken_from_the_environment(
        self, greenhouse: Greenhouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        read(greenhouse)


class TestNotNow:
    def test_too_many_requests_name_the_moment(self, greenhouse: Greenhouse) -> None:
        greenhouse.always(Refuse(429, {"Retry-After": "7"}))
        answer = ask(greenhouse)
        assert isinstance(answer, Later)
        assert timedelta(seconds=7) <= answer.at - TUESDAY < timedelta(seconds=12)

    def test_the_later_of_two_moments_counts(self, greenhouse: Greenhouse) -> None:
        reset = int((TUESDAY + timedelta(seconds=40)).timestamp())
        greenhouse.always(Refuse(429, {"Retry-After": "7", "X-RateLimit-Reset": str(reset)}))
        answer = ask(greenhouse)
        assert isinstance(answer, Later)
        assert answer.at == TUESDAY + timedelta(seconds=40)

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "soon",
            "-1",
            "999999999",
            "Mon, 99 Nov 2026 09:00:00 GMT",
            f"Mon, 23 Nov {'9' * 20} 09:00:00 GMT",
            "9" * 400,
        ],
    )
    def test_a_moment_that_cannot_be_is_soon_or_at_most_a_day(self, greenhouse: Greenhouse, header: str) -> None:
        greenhouse.always(Refuse(429, {"Retry-After": header}))
        answer = ask(greenhouse)
        assert isinstance(answer, Later)
        assert TUESDAY < answer.at <= TUESDAY + timedelta(days=1, minutes=1)

    def test_when_a_window_is_used_up_nothing_is_asked_before_the_next(self, greenhouse: Greenhouse) -> None:
        greenhouse.limit = 3
        greenhouse.account.apply(66001, MONDAY)
        now = datetime.now(UTC)
        answer = ask(greenhouse, now=now)
        assert isinstance(answer, Later)
        assert now < answer.at <= now + timedelta(seconds=32)
        assert len(greenhouse.requests) == 1 + 3

    @pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
    def test_an_api_that_is_out_of_order_is_asked_again(self, greenhouse: Greenhouse, status: int) -> None:
        greenhouse.then(Delay(0), Refuse(status))
        answer = ask(greenhouse)
        assert isinstance(answer, Later)
        assert str(status) in answer.why
        assert TUESDAY + SOON <= answer.at < TUESDAY + 2 * SOON

    @pytest.mark.parametrize("at", range(4))
    def test_a_cut_connection_anywhere_is_asked_again(self, greenhouse: Greenhouse, at: int) -> None:
        greenhouse.account.apply(66001, MONDAY)
        greenhouse.then(*[Delay(0)] * at, Cut())
        assert isinstance(ask(greenhouse), Later)
        assert isinstance(ask(greenhouse), Page)

    def test_half_an_answer_is_no_answer(self, greenhouse: Greenhouse) -> None:
        greenhouse.account.apply(66001, MONDAY)
        greenhouse.then(Delay(0), Truncate())
        assert isinstance(ask(greenhouse), Later)

    def test_nobody_there_is_asked_again(self) -> None:
        answer = Puller().page(Access("client-1:s3cret", "http://127.0.0.1:9"), MONDAY, "", TUESDAY)
        assert isinstance(answer, Later)
        assert "ConnectError" in answer.why

    @pytest.mark.parametrize("behaviour", [Hang(3), Drip(0.1), Delay(3)])
    def test_a_slow_answer_ends_in_time(self, greenhouse: Greenhouse, behaviour: Hang | Drip | Delay) -> None:
        """A server that drips keeps every single wait short; the whole is bounded all the same."""
        puller = Puller(patience=Patience(request=0.5))
        read(greenhouse, puller=puller)
        greenhouse.then(behaviour)
        begun = datetime.now(UTC)
        answer = ask(greenhouse, puller=puller)
        assert isinstance(answer, Later)
        assert answer.why == "greenhouse: no answer in time"
        assert datetime.now(UTC) - begun < timedelta(seconds=2)

    def test_many_slow_answers_end_in_time_too(self, greenhouse: Greenhouse) -> None:
        greenhouse.account.apply(66001, MONDAY)
        greenhouse.always(Delay(0.2))
        answer = ask(greenhouse, puller=Puller(patience=Patience(page=0.5)))
        assert isinstance(answer, Later)
        assert answer.why == "greenhouse: a page took longer than 0.5 s"

    @pytest.mark.parametrize(
        "content", [b"", b"<html>", b"{}", b"[1]", b"\xff", b"[" * 100_000, b'{"access_token": 5}']
    )
    def test_an_answer_nobody_understands_is_asked_again(self, greenhouse: Greenhouse, content: bytes) -> None:
        greenhouse.then(Refuse(200, {}, content))
        assert isinstance(ask(greenhouse), Later)
        greenhouse.then(Delay(0), Refuse(200, {}, content))
        assert isinstance(ask(greenhouse), Later)


class TestNotSo:
    @pytest.mark.parametrize("status", [302, 400, 404, 405, 418, 422])
    def test_an_answer_that_will_not_change_needs_a_person(self, greenhouse: Greenhouse, status: int) -> None:
        greenhouse.then(Delay(0), Refuse(status, {"Location": "/v3/elsewhere"}))
        stopped = ask(greenhouse)
        assert isinstance(stopped, Refused)
        assert str(status) in stopped.why

    def test_an_answer_without_end_is_not_read_to_its_end(self, greenhouse: Greenhouse) -> None:
        greenhouse.then(Delay(0), Refuse(200, {}, b" " * (17 * 1024 * 1024)))
        assert ask(greenhouse) == Refused("greenhouse: an answer is too large")

    def test_a_list_without_end_is_not_read_to_its_end(self, greenhouse: Greenhouse) -> None:
        greenhouse.account.apply(66001, MONDAY)
        greenhouse.endless = "candidates"
        assert ask(greenhouse) == Refused("greenhouse: the list of candidates does not end")
