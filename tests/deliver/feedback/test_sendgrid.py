import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.core.errors import Unreadable
from notifier.core.feedback import Address, Heard, Report
from notifier.deliver.feedback.sendgrid import EPOCH, open_feedback
from tests.deliver.feedback.signed import ATT, MID, an_event, post

FEEDBACK = open_feedback()

#: Published events, where they lie beside the project.
CAPTURED = Path(__file__).parents[3] / "../shared/payloads/sendgrid/events"


def heard(**changes: Any) -> Report:
    (report,) = FEEDBACK.read(post(an_event(**changes)))
    return report


def meaning(**changes: Any) -> tuple[Heard, Address, str]:
    report = heard(**changes)
    return report.heard, report.about, report.why


class TestReading:
    def test_an_event_is_read_whole(self) -> None:
        report = heard()

        assert (report.heard, report.about, report.why) == (Heard.DELIVERED, Address.UNTOUCHED, "")
        assert report.at == datetime.fromtimestamp(1795516200, UTC)
        assert (report.mid, report.att, report.env) == (MID, ATT, "notifier.northwind.example")
        assert report.provider_id == "q3Zk8vXwT1mB5nR7cY2dLg"
        assert report.message_id == "q3Zk8vXwT1mB5nR7cY2dLg@ismtpd0047p1iad1.sendgrid.net"
        assert report.address == "ana.silva@mail.example"
        assert report.event_id == "ZGVsaXZlcmVkLTAtNzY1NDMyMS1xM1prOHZYdw"
        assert json.loads(report.raw) == an_event()

    def test_events_keep_their_order(self) -> None:
        names = ["delivered", "processed", "open", "bounce"]

        reports = FEEDBACK.read(post(*(an_event(event=name) for name in names)))

        assert [report.heard for report in reports] == [Heard.DELIVERED, Heard.PROCESSED, Heard.OTHER, Heard.BOUNCED]

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("processed", Heard.PROCESSED),
            ("Processed", Heard.PROCESSED),
            ("DELIVERED", Heard.DELIVERED),
            ("unsubscribe", Heard.UNSUBSCRIBED),
            ("group_unsubscribe", Heard.UNSUBSCRIBED),
            ("group_resubscribe", Heard.OTHER),
            ("open", Heard.OTHER),
            ("click", Heard.OTHER),
            ("account_status_change", Heard.OTHER),
            ("something new", Heard.OTHER),
        ],
    )
    def test_names_are_read_in_any_case_and_unknown_ones_are_kept(self, name: str, expected: Heard) -> None:
        assert heard(event=name).heard is expected
        assert heard(event=name).about is Address.UNTOUCHED

    @pytest.mark.parametrize("written", [1795516200, "1795516200", 1795516200000, "1795516200000", 1795516200.0])
    def test_the_time_is_read_as_seconds_text_or_milliseconds(self, written: object) -> None:
        assert heard(timestamp=written).at == datetime.fromtimestamp(1795516200, UTC)

    @pytest.mark.parametrize("written", [None, "", "soon", 0, -5, True, [], "nan", "inf", 10**18, 10**30, "9" * 400])
    def test_without_a_time_nothing_is_said_to_have_happened(self, written: object) -> None:
        report = heard(event="bounce", type="bounce", timestamp=written)

        assert (report.heard, report.about, report.at) == (Heard.OTHER, Address.UNTOUCHED, EPOCH)
        assert (report.mid, report.att) == (MID, ATT)

    @pytest.mark.parametrize("odd", [None, 1, "text", [], True])
    def test_a_single_odd_event_does_not_cost_the_others(self, odd: object) -> None:
        first, second = FEEDBACK.read(json.dumps([odd, an_event()]).encode())

        assert (first.heard, second.heard) == (Heard.OTHER, Heard.DELIVERED)
        assert json.loads(first.raw) == odd

    def test_odd_events_are_told_apart(self) -> None:
        reports = FEEDBACK.read(b'[1, 2, {}, {"event": "bounce"}, {"event": "bounce", "email": "a@b.example"}]')

        assert len({report.digest for report in reports}) == 5

    def test_one_event_without_a_list_is_read(self) -> None:
        (report,) = FEEDBACK.read(json.dumps(an_event(**{"smtp-id": ""})).encode())

        assert (report.heard, report.message_id) == (Heard.DELIVERED, "")

    @pytest.mark.parametrize(
        "body", [b"", b"x", b"[", b"{}{}", b"1", b'"a"', b"null", b"[" * 100_000, b"[" * 30 + b"]" * 30]
    )
    def test_what_is_no_post_is_unreadable(self, body: bytes) -> None:
        with pytest.raises(Unreadable):
            FEEDBACK.read(body)

    def test_odd_values_do_not_cost_the_event(self) -> None:
        values = f'"a":NaN,"b":1e999,"c":{"9" * 5000},"d":"\\ud800","e":"caf\xe9"'
        odd = f'{{"event":"delivered","event":"bounce","timestamp":1795516200,{values}}}'

        (report,) = FEEDBACK.read(odd.encode("latin-1"))

        assert report.heard is Heard.BOUNCED
        assert json.loads(report.raw)["b"] == "1e999"

    @pytest.mark.parametrize("value", [None, True, ["x"], {"x": 1}, "two words", "x" * 401, "a\x00b", "\ud800"])
    def test_a_field_that_is_no_id_is_as_good_as_missing(self, value: object) -> None:
        report = heard(mid=value, att=value, env=value, sg_event_id=value, **{"smtp-id": value, "email": value})

        kept = report.mid, report.att, report.env, report.event_id, report.message_id, report.address
        assert kept == ("",) * 6

    def test_a_number_is_read_as_its_digits(self) -> None:
        assert heard(mid=7).mid == "7"

    def test_an_address_is_kept_in_its_normal_form(self) -> None:
        assert heard(email="Ana@XN--EXMPLE-CUA.org").address == "Ana@exämple.org"
        assert heard(email="invalid@invalid").address == "invalid@invalid"

    @settings(deadline=None)
    @given(st.binary())
    def test_no_bytes_raise_anything_but_unreadable(self, body: bytes) -> None:
        with suppress(Unreadable):
            FEEDBACK.read(body)

    @settings(deadline=None)
    @given(
        st.lists(
            st.dictionaries(
                st.sampled_from([*an_event(), "type", "status", "reason", "attempt", "url", "bounce_classification"]),
                st.none()
                | st.booleans()
                | st.integers()
                | st.floats()
                | st.text()
                | st.sampled_from(["bounce", "dropped"]),
            ),
            max_size=3,
        )
    )
    def test_every_event_becomes_one_report_that_can_be_kept(self, events: list[dict[str, Any]]) -> None:
        reports = FEEDBACK.read(json.dumps(events).encode())

        assert len(reports) == len(events)
        for report in reports:
            ids = report.mid, report.att, report.provider_id, report.message_id, report.event_id
            assert all(word.isascii() and word.isprintable() for word in ids)
            assert all(word.isprintable() for word in (report.env, report.address))
            assert report.at.tzinfo is not None
            assert len(report.digest) == 64
            assert len(report.why) < 100


class TestMeaning:
    @pytest.mark.parametrize(
        ("changes", "about", "why"),
        [
            ({"type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 ana@x.org?"}, Address.DEAD, "bounce 5.1.1"),
            ({"type": "bounce", "status": "5.0.0", "reason": "500 unknown"}, Address.DEAD, "bounce 5.0.0"),
            ({"type": "Bounce"}, Address.DEAD, "bounce"),
            ({"type": "blocked", "status": "5.7.1"}, Address.DOUBTFUL, "blocked 5.7.1"),
            ({"type": "blocked", "status": "5.1.1"}, Address.DOUBTFUL, "blocked 5.1.1"),
            ({"type": "blocked", "bounce_classification": "Reputation"}, Address.DOUBTFUL, "blocked Reputation"),
            ({"type": "blocked", "bounce_classification": "ana@x.org"}, Address.DOUBTFUL, "blocked"),
            ({"type": "expired", "reason": "421 4.4.1 ana@x.org"}, Address.DOUBTFUL, "expired 4.4.1"),
            ({"status": "5.0.0", "reason": "500 unknown recipient"}, Address.DOUBTFUL, "bounce 5.0.0"),
            ({"reason": "no such host"}, Address.DOUBTFUL, "bounce"),
            ({"reason": "550 <ana@x.org> refused"}, Address.DOUBTFUL, "bounce 550"),
            ({"status": "5.1.1"}, Address.DEAD, "bounce 5.1.1"),
            ({"status": "5.1.10"}, Address.DEAD, "bounce 5.1.10"),
            ({"status": "5.1.8"}, Address.DOUBTFUL, "bounce 5.1.8"),
            ({"reason": "550-5.1.1 The account of ana@x.org"}, Address.DEAD, "bounce 5.1.1"),
            ({"reason": "refused by [5.1.1.7]"}, Address.DOUBTFUL, "bounce"),
            ({"bounce_classification": "Invalid Address"}, Address.DEAD, "bounce Invalid Address"),
            ({"bounce_classification": "Content", "status": "5.7.1"}, Address.DOUBTFUL, "bounce 5.7.1 Content"),
            ({"type": "something new", "status": "5.1.2"}, Address.DEAD, "bounce 5.1.2"),
        ],
    )
    def test_a_bounce_is_judged_by_type_then_by_status(self, changes: dict[str, str], about: Address, why: str) -> None:
        assert meaning(event="bounce", **changes) == (Heard.BOUNCED, about, why)

    @pytest.mark.parametrize(
        ("reason", "about", "why"),
        [
            ("Bounced Address", Address.DEAD, "Bounced Address"),
            ("bounced address ", Address.DEAD, "Bounced Address"),
            ("Invalid", Address.DEAD, "Invalid"),
            ("Invalid SMTPAPI header", Address.UNTOUCHED, "Invalid SMTPAPI header"),
            ("Spam Reporting Address", Address.COMPLAINED, "Spam Reporting Address"),
            ("Unsubscribed Address", Address.UNTOUCHED, "Unsubscribed Address"),
            ("Spam Content", Address.UNTOUCHED, "Spam Content"),
            ("Recipient List over Package Quota", Address.UNTOUCHED, "Recipient List over Package Quota"),
            ("ana@x.org is odd", Address.UNTOUCHED, "dropped"),
            (None, Address.UNTOUCHED, "dropped"),
        ],
    )
    def test_a_drop_is_judged_by_its_reason(self, reason: str | None, about: Address, why: str) -> None:
        assert meaning(event="dropped", reason=reason) == (Heard.DROPPED, about, why)

    def test_a_deferral_says_its_code_and_not_its_text(self) -> None:
        assert meaning(event="deferred", response="450 4.2.1 ana@x.org is busy", attempt="5") == (
            Heard.DEFERRED,
            Address.UNTOUCHED,
            "deferred 4.2.1",
        )
        assert meaning(event="deferred", response="400 try again later")[2] == "deferred 400"
        assert meaning(event="deferred", response="Email was deferred: [IPs were throttled]")[2] == "deferred"

    def test_a_complaint_is_one_about_the_address_too(self) -> None:
        assert meaning(event="spamreport") == (Heard.COMPLAINED, Address.COMPLAINED, "reported as spam")


class TestIds:
    @pytest.mark.parametrize(
        ("sg_message_id", "smtp_id", "expected"),
        [
            ("q3Zk8v.filter0017.1.2.0", None, "q3Zk8v"),
            ("q3Zk8v.recvd-5f54b5d587-pczjm-1-67BADEEA-6.0", "<a@northwind.example>", "q3Zk8v"),
            ("whole", None, "whole"),
            ("14c5d75ce93.dfd.64b469.filter0001.16648.0", "<14c5d75ce93.dfd.64b469@ismtpd-555>", "14c5d75ce93"),
            ("filter0093p1las1.9128.5717FB8127.0", "<q3Zk8v@ismtpd0006p1sjc2.sendgrid.net>", "q3Zk8v"),
            ("filter0093p1las1.9128.5717FB8127.0", "<a.b@northwind.example>", ""),
            (None, "<q3Zk8v@ismtpd0006p1sjc2.sendgrid.net>", "q3Zk8v"),
            (None, "<q3Zk8v@geopod-ismtpd-24>", "q3Zk8v"),
            (None, "", ""),
            (None, None, ""),
        ],
    )
    def test_the_providers_id_is_the_one_it_answered_with(
        self, sg_message_id: str | None, smtp_id: str | None, expected: str
    ) -> None:
        assert heard(sg_message_id=sg_message_id, **{"smtp-id": smtp_id}).provider_id == expected

    def test_a_late_bounce_is_matched_by_our_message_id(self) -> None:
        report = heard(
            event="bounce", mid=None, att=None, sg_message_id=None, **{"smtp-id": f"<{MID}.{ATT}@northwind.example>"}
        )

        assert (report.mid, report.att) == (MID, ATT)
        assert report.message_id == f"{MID}.{ATT}@northwind.example"

    def test_p12_a_copy_under_another_event_id_has_the_same_digest(self) -> None:
        first, second = FEEDBACK.read(post(an_event(), an_event(sg_event_id="b3RoZXI")))

        assert first.event_id != second.event_id
        assert first.digest == second.digest

    @pytest.mark.parametrize(
        "changes",
        [
            {"att": "att_2"},
            {"email": "bo@mail.example"},
            {"event": "processed"},
            {"timestamp": 1795516201},
            {"attempt": "2"},
            {"type": "blocked"},
            {"url": "https://northwind.example"},
        ],
    )
    def test_another_event_has_another_digest(self, changes: dict[str, Any]) -> None:
        assert heard(**changes).digest != heard().digest

    def test_without_our_id_the_providers_id_keeps_events_apart(self) -> None:
        assert heard(att=None, sg_message_id="one.x").digest != heard(att=None, sg_message_id="two.x").digest


@pytest.mark.parametrize("path", sorted(CAPTURED.glob("*.json")) or [None], ids=lambda path: path and path.stem)
def test_every_published_event_is_understood(path: Path | None) -> None:
    if path is None or path.name.endswith(".meta.json"):
        return
    told = json.loads(path.read_bytes())
    events = told if isinstance(told, list) else [told]

    reports = FEEDBACK.read(path.read_bytes())

    quiet = {"open", "click", "group_resubscribe"}
    assert [report.heard is Heard.OTHER for report in reports] == [event["event"] in quiet for event in events]
    assert all(report.address and report.why != "not understood" for report in reports)
