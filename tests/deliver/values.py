"""A value for every placeholder, and an e-mail ready to be handed over."""

from typing import Any

from notifier.deliver.email import Email

VALUES = {
    "first_name": "Ana",
    "job": "Nurse",
    "company": "Example Co.",
    "owner_name": "Maria Lopez",
    "next_update_by": "Friday 27 November 2026",
    "stage_phrase": "interviews are still under way",
    "interview_time": "Tuesday 1 December 2026, 10:00",
    "duration": "45 minutes",
    "interest": "ward work",
    "interview_count_phrase": "time",
    "interview_kind": "a video call",
    "interviewer": "Sam Lee",
    "link": "https://calendar.example.net/maria?slot=1",
    "old_date": "Friday 20 November 2026",
    "people_contact": "Kim Park",
    "pick_by": "Monday 30 November 2026",
    "reason": "one interview had to move",
    "start_date": "Monday 4 January 2027",
    "tz": "Central European Time",
}


def an_email(number: int = 1, **changed: Any) -> Email:
    """One e-mail; `number` keeps several apart."""
    fields: dict[str, Any] = {
        "mid": f"msg_{number}",
        "att": f"att_{number}",
        "workspace": "wsp_1",
        "to_address": f"ana{number}@example.org",
        "to_name": "Ana Žižek",
        "from_address": "maria@example.com",
        "from_name": "Maria Lopez",
        "reply_to": "maria@example.com",
        "subject": "Your Nurse application",
        "text": "Ana, one.\n.Two — with a dot in front.\n\nMaria Lopez, Example Co. Replies reach me.\n",
        "html": '<!doctype html>\n<html lang="en" dir="auto"><body><p>Ana, one.</p></body></html>\n',
        "language": "en",
        "headers": {"Message-ID": f"<msg_{number}.att_{number}@example.com>", "Auto-Submitted": "auto-generated"},
    }
    return Email(**(fields | changed))
