"""A message with made-up values, for looking at a wording."""

from datetime import datetime

from notifier.core.stage import StageKind
from notifier.decide.timing import promise_day
from notifier.deliver import phrases
from notifier.deliver.compose import Parts, compose
from notifier.deliver.email import Email
from notifier.deliver.template import Template, render

COMPANY, OWNER, CANDIDATE = "Example Co", "Maria Lopez", "ana@example.org"

#: What no recruiter would have to look up.
VALUES = {
    "job": "Backend engineer",
    "company": COMPANY,
    "owner_name": OWNER,
    "interview_kind": "a video call",
    "interview_time": "Friday at 10:00",
    "interviewer": "Sam Okafor",
    "duration": "45 minutes",
    "interest": "backend work",
    "link": "https://example.com/pick-a-time",
    "people_contact": "Hana Rossi",
    "reason": "the panel meets a week later",
    "tz": "Berlin time",
}

#: Dates, as working days from now.
DAYS = {"old_date": 0, "pick_by": 3, "next_update_by": 5, "start_date": 20}


def sample_letter(template: Template, first_name: str, now: datetime, *, sender: str) -> Email:
    """The e-mail that a made-up candidate called `first_name` would get at `now` (aware).

    Raises NotFound for a language without phrases, and TemplateFault for values that do not fit.
    """
    language = template.language
    values = VALUES | {
        "first_name": phrases.greeting_name(first_name, language),
        "stage_phrase": phrases.stage_phrase(StageKind.INTERVIEW, language),
        "interview_count_phrase": phrases.interview_count_phrase(2, language),
    }
    values |= {name: phrases.day(promise_day(now, days, "UTC"), language) for name, days in DAYS.items()}
    parts = Parts(
        mid="sample",
        att="preview",
        workspace="sample",
        company=COMPANY,
        owner_name=OWNER,
        owner_email="",
        candidate_name=first_name,
        candidate_address=CANDIDATE,
        mail_from=sender,
        mail_from_name="",
        message_id_domain="example.com",
        approved_by_person=True,
        language=language,
    )
    return compose(parts, render(template, values))
