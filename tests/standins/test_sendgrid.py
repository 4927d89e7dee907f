import json
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from notifier.core.answer import Accepted
from notifier.deliver.providers.sendgrid import SendGrid, payload
from tests.deliver.values import an_email
from tests.standins.sendgrid_rules import problems


class TestStandIn:
    """The stand-in is trusted by many tests, so it is tested too."""

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"personalizations": []}, "personalizations"),
            ({"personalizations": [{"to": []}]}, "personalizations.0.to"),
            (
                {"personalizations": [{"to": [{"email": "a@x.org"}, {"email": "A@x.org"}]}]},
                "personalizations.0.to.1.email",
            ),
            ({"personalizations": [{"to": [{"email": "a@x.org"}], "custom_args": {"mid": 1}}]}, ""),
            (
                {"personalizations": [{"to": [{"email": "a@x.org"}], "custom_args": {}}]},
                "personalizations.0.custom_args",
            ),
            ({"from": None}, "from"),
            ({"from": {"email": "maria"}}, "from.email"),
            ({"from": {"email": "a@x.org", "name": "Lopez; Maria"}}, "from.name"),
            ({"subject": ""}, "subject"),
            ({"content": []}, "content"),
            ({"content": [{"type": "text/html", "value": "x"}, {"type": "text/plain", "value": "x"}]}, "content"),
            ({"content": [{"type": "text/plain", "value": ""}]}, "content.0.value"),
            ({"content": [{"type": "text/plain; charset=utf-8", "value": "x"}]}, "content.0.type"),
            ({"headers": {"Subject": "x"}}, "headers.Subject"),
            ({"headers": {"X-A": 1}}, "headers.X-A"),
            ({"headers": {"X-A": "é"}}, "headers.X-A"),
            ({"categories": ["a", "a"]}, "categories"),
            ({"tracking_settings": {"click_tracking": {"enable": "false"}}}, "tracking_settings.click_tracking.enable"),
            ({"reply_to_list": []}, "reply_to"),
            ({"surprise": 1}, "surprise"),
        ],
    )
    def test_it_refuses_what_sendgrid_refuses(self, change: dict[str, object], field: str) -> None:
        assert field in [place for _, place in problems(payload(an_email(), "test") | change)]

    def test_run_by_hand_it_records_on_the_disk_before_it_answers(self, tmp_path: Path) -> None:
        record = tmp_path / "mails.jsonl"
        command = [sys.executable, "-m", "tests.standins.sendgrid", "--record", str(record), "--delay", "10"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            provider = SendGrid("SG.key", url, environment="test", now=lambda: datetime(2026, 11, 24, tzinfo=UTC))
            answers = [provider.send(an_email(number)) for number in range(3)]
            provider.close()
            lines = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
            process.send_signal(signal.SIGTERM)

        assert process.returncode == 0
        assert [Accepted(line["x_message_id"]) for line in lines] == answers
        assert [line["payload"]["personalizations"][0]["custom_args"]["mid"] for line in lines] == [
            "msg_0",
            "msg_1",
            "msg_2",
        ]
