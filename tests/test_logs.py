"""The second wall against personal data in logs."""

import json
import subprocess
import sys

import pytest

from notifier.logs import BLANK, blank


@pytest.mark.parametrize("text", ["ana@example.org", "sent to josé@exämple.org today", '"Ana" <ana@example.org>'])
def test_an_address_is_blanked_wherever_it_stands(text: str) -> None:
    assert "@" not in blank(text)
    assert BLANK in blank(text)
    assert "@" not in str(blank({"to": [text, {"deep": (text,)}]}))


def test_other_values_stay_what_they_are() -> None:
    assert blank({"message": "msg_1", "count": 3, "none": None}) == {"message": "msg_1", "count": 3, "none": None}


def test_a_line_is_json_and_a_traceback_names_nobody() -> None:
    program = """
import structlog
from notifier.logs import configure
configure("INFO", "json")
log = structlog.get_logger()
address = "ana@example.org"
try:
    raise ValueError("no such person: " + address)
except ValueError:
    log.exception("mail.broken", message="msg_1", to=address)
log.debug("never.shown")
"""
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stderr

    line = json.loads(shown)
    assert (line["event"], line["level"], line["message"]) == ("mail.broken", "error", "msg_1")
    assert "ana@" not in shown
    assert "ValueError" in line["exception"]
