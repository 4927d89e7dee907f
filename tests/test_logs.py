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
import logging
import structlog
from notifier.logs import configure
configure("INFO", "json")
log = structlog.get_logger()
address = "ana@example.org"
try:
    try:
        raise KeyError("Zebedee Quillfeather")
    except KeyError as fault:
        raise ValueError("no such person: Zebedee Quillfeather, " + address) from fault
except ValueError:
    log.exception("mail.broken", message="msg_1", to=address)
    logging.getLogger("library").exception("cannot write to %s", address)
log.debug("never.shown")
"""
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stderr

    first, *library = shown.splitlines()
    line = json.loads(first)
    assert (line["event"], line["level"], line["message"]) == ("mail.broken", "error", "msg_1")
    assert "ana@" not in shown
    assert "Zebedee" not in shown
    for told in (line["exception"], "\n".join(library)):
        assert "ValueError\nled to by\n" in told
        assert told.endswith("KeyError")
        assert 'File "<string>", line 10' in told
    assert library[0] == "ERROR library cannot write to [address]"
