import dataclasses
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.core.feedback import Address, Heard
from notifier.deliver.bounce_report import MOST_BYTES, BounceReport, read_report, to_report

DSN = Path(__file__).parents[1] / "payloads/dsn"
CAPTURED = Path(__file__).parents[2] / "../shared/payloads/sendgrid/inbound"

MID, ATT = "msg_01jd5x8k2v9qa7m3c6r0t4w1hz", "att_01jd5x8k7n2bf5g8p1s6y9e3kd"
OURS = f"{MID}.{ATT}@northwind.example"
ANA = "ana.silva@mail.example"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def read(name: str) -> tuple[BounceReport, ...]:
    return read_report((DSN / f"{name}.eml").read_bytes())


def a_report(fields: str, *, headers: str = "", original: str = f"Message-ID: <{OURS}>") -> bytes:
    """A report with these fields about its recipients."""
    return (
        f"Subject: Undeliverable\n{headers}Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        f"--b\n\nText.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n{fields}\n"
        f"--b\nContent-Type: text/rfc822-headers\n\n{original}\n\n--b--\n"
    ).encode()


class TestReading:
    def test_each_recipient_is_reported(self) -> None:
        first, second = read("failed_two_recipients")

        assert (first.recipient, first.action, first.status, first.permanent) == (ANA, "failed", "5.1.1", True)
        assert (second.recipient, second.action, second.status) == ("ana.silva@old.example", "failed", "5.2.2")
        assert {(one.original_message_id, one.mid, one.att) for one in (first, second)} == {(OURS, MID, ATT)}

    def test_an_empty_status_part_is_made_up_for_by_header_and_text(self) -> None:
        (bounce,) = read("empty_status")

        assert (bounce.recipient, bounce.action, bounce.status, bounce.permanent) == (ANA, "failed", "5.1.1", True)
        assert (bounce.original_message_id, bounce.mid, bounce.att) == (OURS, MID, ATT)

    def test_an_empty_status_part_of_a_mere_delay_is_one(self) -> None:
        mime = (DSN / "empty_status.eml").read_bytes()

        for changed in (
            mime.replace(b"(Failure)", b"(Delay)"),
            mime.replace(b"Auto-Submitted: auto-replied", b"Auto-Submitted: auto-generated (warning-timeout)"),
        ):
            (bounce,) = read_report(changed)
            assert (bounce.action, bounce.permanent) == ("delayed", False)

    def test_a_warning_is_a_delay(self) -> None:
        (bounce,) = read("delayed")

        assert (bounce.action, bounce.status, bounce.permanent) == ("delayed", "4.2.2", False)
        assert bounce.mid == MID

    def test_a_vague_status_gives_way_to_the_servers_reply_and_threading_names_the_mail(self) -> None:
        (bounce,) = read("vague_status")

        assert (bounce.status, bounce.mid, bounce.att) == ("5.1.1", MID, ATT)

    def test_after_days_of_trying_a_failure_is_not_permanent(self) -> None:
        (bounce,) = read("gave_up")

        assert (bounce.action, bounce.status, bounce.permanent) == ("failed", "4.4.7", False)
        assert bounce.original_message_id == "1f0c44be-77aa@ismtpd0047p1iad1.sendgrid.net"
        assert (bounce.mid, bounce.att) == ("", "")

    def test_a_delivery_is_reported_too(self) -> None:
        (bounce,) = read("delivered")

        assert (bounce.action, bounce.status, bounce.permanent) == ("delivered", "2.1.5", False)

    @pytest.mark.parametrize("name", ["vacation", "read_receipt"])
    def test_what_a_person_or_their_mail_program_answers_is_no_report(self, name: str) -> None:
        assert read(name) == ()

    @pytest.mark.parametrize(
        ("fields", "action", "status"),
        [
            ("Final-Recipient: rfc822; ana@x.example\nStatus: 5.1.1 (unknown)", "failed", "5.1.1"),
            ("Final-Recipient: rfc822; ana@x.example\nAction: bounced\nStatus: 4.2.2", "delayed", "4.2.2"),
            ("Final-Recipient: rfc822; ana@x.example\nACTION: Failed", "failed", ""),
            ("Final-Recipient: ana@x.example\nAction: failed\nStatus: n/a", "failed", ""),
            ("Final-Recipient: utf-8; <ana@x.example>\nAction: relayed\nStatus: 2.0.0", "relayed", "2.0.0"),
            (
                "Final-Recipient: rfc822; ana@x.example\nAction: failed\nDiagnostic-Code: smtp; 550-5.7.1 no",
                "failed",
                "5.7.1",
            ),
        ],
    )
    def test_fields_are_read_as_servers_write_them(self, fields: str, action: str, status: str) -> None:
        (bounce,) = read_report(a_report(fields))

        assert (bounce.recipient, bounce.action, bounce.status) == ("ana@x.example", action, status)

    @pytest.mark.parametrize(
        "fields",
        [
            "",
            "Action: failed\nStatus: 5.1.1",
            "Final-Recipient: rfc822; ana@x.example",
            "Final-Recipient: ;\nAction: failed",
        ],
    )
    def test_a_report_that_says_nothing_is_none(self, fields: str) -> None:
        assert read_report(a_report(fields)) == ()

    def test_the_same_said_twice_is_said_once(self) -> None:
        block = "Final-Recipient: rfc822; ana@x.example\nAction: failed\nStatus: 5.1.1\n\n"

        assert len(read_report(a_report(block * 3))) == 1

    def test_without_a_report_type_only_a_status_part_makes_a_report(self) -> None:
        mime = a_report("Final-Recipient: rfc822; ana@x.example\nAction: failed")

        assert len(read_report(mime.replace(b" report-type=delivery-status;", b""))) == 1
        assert read_report(mime.replace(b" report-type=delivery-status;", b"").replace(b"delivery-status", b"x")) == ()

    def test_a_mail_that_only_holds_a_report_is_none(self) -> None:
        inner = a_report("Final-Recipient: rfc822; ana@x.example\nAction: failed")
        forwarded = b"Content-Type: multipart/mixed; boundary=outer\n\n--outer\nContent-Type: message/rfc822\n\n"

        assert read_report(forwarded + inner + b"\n--outer--\n") == ()

    def test_our_own_message_id_is_preferred_in_the_threading(self) -> None:
        headers = f"References: <{OURS}> <reply@mail.example>\n"

        (bounce,) = read_report(
            a_report("Final-Recipient: rfc822; a@x.example\nAction: failed", headers=headers, original="")
        )

        assert bounce.mid == MID

    @pytest.mark.parametrize(
        "odd", ["msg_1.att_1", "<msg_1.att_1@x y>", "<msg_1@x>", "<MSG_1.ATT_1@x>", "<msg_1.att_1@x@y>"]
    )
    def test_a_message_id_that_is_not_ours_gives_no_ids(self, odd: str) -> None:
        (bounce,) = read_report(
            a_report("Final-Recipient: rfc822; a@x.example\nAction: failed", original=f"Message-ID: {odd}")
        )

        assert (bounce.mid, bounce.att) == ("", "")

    def test_nothing_shown_holds_an_address(self) -> None:
        for bounce in read("failed_two_recipients"):
            assert "ana" not in repr(bounce)
            assert "ana" not in bounce.why


class TestLimits:
    @settings(deadline=None)
    @given(st.binary())
    def test_any_bytes_are_a_report_or_none(self, mime: bytes) -> None:
        head = b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n"

        assert read_report(mime) == ()
        assert isinstance(read_report(head + mime), tuple)

    @settings(deadline=None)
    @given(
        st.lists(
            st.sampled_from(
                [*b"\r\n:;<>-= \x00\xff".decode("latin-1"), "Final-Recipient", "Action", "failed", "Status", "\n\n"]
            )
            | st.text(max_size=5)
        )
    )
    def test_any_fields_become_reports_that_can_be_kept(self, words: list[str]) -> None:
        mime = a_report(
            "Final-Recipient: rfc822; ana@x.example\nAction: failed\n"
            + "".join(words).encode("utf-8", "replace").decode()
        )

        for bounce in read_report(mime):
            kept = to_report(bounce, NOW)
            kept.address.encode()
            assert kept.message_id.isascii()

    @pytest.mark.parametrize("cut", range(0, 3000, 37))
    def test_a_report_that_breaks_off_is_read_as_far_as_it_goes(self, cut: int) -> None:
        assert len(read_report((DSN / "failed_two_recipients.eml").read_bytes()[:cut])) <= 2

    def test_what_is_too_large_is_no_report(self) -> None:
        assert read_report(bytes(MOST_BYTES + 1)) == ()

    def test_only_so_many_recipients_are_read(self) -> None:
        blocks = "".join(f"Final-Recipient: rfc822; a{number}@x.example\nAction: failed\n\n" for number in range(2000))

        assert len(read_report(a_report(blocks))) == 100

    @pytest.mark.parametrize(
        "unit",
        [
            "\n",
            "\n \n",
            "<" * 50,
            "a:b\n",
            "\n--b",
            "\n--b\n",
            "550 5.1.",
            ";",
            "Status: 5.0.0\n ",
            "\n--b\nContent-Type: multipart/x; boundary=b\n\n",
        ],
    )
    def test_time_grows_with_the_size_only(self, unit: str) -> None:
        filler = unit * (1_000_000 // len(unit))
        started = time.perf_counter()

        read_report(a_report(filler))
        read_report(a_report("", headers=f"References: {filler}\n"))
        read_report(a_report("", original=filler))

        assert time.perf_counter() - started < 3


class TestAsReport:
    @pytest.mark.parametrize(
        ("action", "status", "heard", "about"),
        [
            ("failed", "5.1.1", Heard.BOUNCED, Address.DEAD),
            ("failed", "5.1.10", Heard.BOUNCED, Address.DEAD),
            ("failed", "5.1.8", Heard.BOUNCED, Address.DOUBTFUL),
            ("failed", "5.7.1", Heard.BOUNCED, Address.DOUBTFUL),
            ("failed", "5.2.2", Heard.BOUNCED, Address.DOUBTFUL),
            ("failed", "4.4.7", Heard.BOUNCED, Address.DOUBTFUL),
            ("failed", "", Heard.BOUNCED, Address.DOUBTFUL),
            ("delayed", "4.2.2", Heard.DEFERRED, Address.UNTOUCHED),
            ("delayed", "5.1.1", Heard.DEFERRED, Address.UNTOUCHED),
            ("delivered", "2.1.5", Heard.DELIVERED, Address.UNTOUCHED),
            ("relayed", "2.0.0", Heard.PROCESSED, Address.UNTOUCHED),
            ("expanded", "2.0.0", Heard.PROCESSED, Address.UNTOUCHED),
        ],
    )
    def test_an_action_and_a_status_mean_the_same_as_a_providers_event(
        self, action: str, status: str, heard: Heard, about: Address
    ) -> None:
        fields = f"Final-Recipient: rfc822; {ANA}\nAction: {action}\nStatus: {status}"
        (bounce,) = read_report(a_report(fields))

        report = to_report(bounce, NOW)

        assert (report.heard, report.about) == (heard, about)

    def test_a_report_carries_what_is_needed_to_find_the_message(self) -> None:
        (bounce,) = read("empty_status")

        report = to_report(bounce, NOW)

        assert (report.mid, report.att, report.message_id) == (MID, ATT, OURS)
        assert (report.address, report.at, report.why) == (ANA, NOW, "failed 5.1.1")
        assert json.loads(report.raw)["recipient"] == ANA

    def test_a_repeated_warning_is_one_event_and_a_failure_after_it_another(self) -> None:
        (late,) = read("delayed")
        failed = dataclasses.replace(late, action="failed")

        assert to_report(late, NOW).digest == to_report(late, datetime(2026, 11, 25, tzinfo=UTC)).digest
        assert to_report(late, NOW).digest != to_report(failed, NOW).digest


@pytest.mark.parametrize(
    ("name", "count", "action", "statuses"),
    [
        ("dsn_gmail_chatwoot_address_not_found", 1, "failed", {"5.1.1"}),
        ("dsn_mikelmail_multi_address_bounce1", 5, "failed", {"5.1.1"}),
        ("dsn_mikelmail_multipart_report_multiple_status", 1, "failed", {"5.3.0"}),
        ("dsn_mikelmail_report_422", 1, "delayed", {"4.2.2"}),
        ("dsn_mikelmail_report_530", 1, "failed", {"5.3.0"}),
        ("autoreply_chatwoot_arabic_plus_token", 0, "", set()),
        ("autoreply_chatwoot_auto_submitted_generated", 0, "", set()),
        ("autoreply_chatwoot_x_autoreply", 0, "", set()),
    ],
)
def test_every_published_mail_is_understood(name: str, count: int, action: str, statuses: set[str]) -> None:
    path = CAPTURED / f"{name}.eml"
    if not path.is_file():
        return

    found = read_report(path.read_bytes())

    assert len(found) == count
    assert {bounce.status for bounce in found} == statuses
    assert {bounce.action for bounce in found} == ({action} if count else set())
    assert all(bounce.original_message_id and bounce.recipient for bounce in found)
