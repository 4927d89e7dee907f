"""Every file in templates/emails keeps the rules, whatever people and jobs are called."""

import html
import re
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from notifier.core.rule import Hold, Mode
from notifier.deliver.compose import Parts, compose
from notifier.deliver.lint import Level, is_no, lint, lint_rendered
from notifier.deliver.mime import to_bytes
from notifier.deliver.phrases import LANGUAGES, greeting_name
from notifier.deliver.template import LONGEST_LINE, Library, Template, placeholders, render
from tests.deliver.awkward import JOBS, NAMES
from tests.deliver.values import VALUES

FOLDER = Path(__file__).parents[2] / "templates" / "emails"
TEMPLATES = Library(FOLDER).all()

PARTS = Parts(
    mid="msg_1",
    att="att_1",
    workspace="wsp_1",
    company="Example Co.",
    owner_name="Maria Lopez",
    owner_email="maria@example.com",
    candidate_name="Ana",
    candidate_address="ana@example.org",
    mail_from="jobs@example.com",
    mail_from_name="",
    message_id_domain="example.com",
    approved_by_person=False,
)

every_template = pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: f"{one.key}.{one.language}")


def test_the_set_is_whole() -> None:
    assert {template.key for template in TEMPLATES if template.language == "en"} >= {
        *("application_received", "in_review", "still_in_review", "need_longer", "interview_next_steps", "on_hold"),
        *("rejected_after_application", "rejected_after_interview", "withdrawn_ack", "offer_coming", "hired_handoff"),
        "sent_in_error",
    }


@every_template
def test_it_lints_without_a_finding(template: Template) -> None:
    assert lint(template) == ()


@every_template
def test_its_language_has_words_for_what_is_filled_in(template: Template) -> None:
    assert template.language in LANGUAGES


@every_template
def test_the_subject_stays_the_same_within_a_thread(template: Template) -> None:
    others = {other.subject for other in TEMPLATES if other.language == template.language}

    assert others == {template.subject}
    assert placeholders(replace(template, lines=("a", "b"))) == {"job"}


@every_template
def test_a_no_is_held_so_that_it_can_be_undone(template: Template) -> None:
    if is_no(template.key):
        assert template.hold in (Hold(minutes=60), Hold(working_days=1))
        assert template.closes


@every_template
def test_a_no_after_an_interview_never_leaves_by_itself(template: Template) -> None:
    if template.key == "rejected_after_interview":
        assert template.mode is Mode.ONE_BY_ONE


@every_template
@pytest.mark.parametrize("job", JOBS)
def test_two_good_lines_come_out_whatever_the_job_is_called(template: Template, job: str) -> None:
    for name in NAMES:
        rendered = render(template, VALUES | {"first_name": greeting_name(name, template.language), "job": job})

        findings = lint_rendered(rendered, template, ())
        assert [finding for finding in findings if finding.level is Level.ERROR] == []
        assert all(0 < len(line) <= LONGEST_LINE for line in rendered.lines)
        assert not re.search(r"\b(?:None|null)\b", rendered.lines[0])
        assert "{{" not in "".join((*rendered.lines, rendered.subject)).replace("{{ 7*7 }}", "").replace(job, "")


@every_template
def test_nobody_is_called_hi_hello(template: Template) -> None:
    rendered = render(template, VALUES | {"first_name": greeting_name(None, template.language)})

    assert rendered.lines[0].startswith("Hello, ")


@every_template
def test_the_html_says_what_the_text_says(template: Template) -> None:
    for name in NAMES:
        values = VALUES | {"first_name": greeting_name(name, template.language), "job": JOBS[3]}
        email = compose(replace(PARTS, candidate_name=name), render(template, values))

        raw = to_bytes(email)

        message = message_from_bytes(raw, policy=SMTP)
        assert isinstance(message, EmailMessage)
        text, page = (part.get_content().replace("\r\n", "\n") for part in message.iter_parts())
        paragraphs = re.findall(r"<p>(.*)</p>", page)
        shown = [html.unescape(re.sub(r"</?a\b[^>]*>", "", paragraph)) for paragraph in paragraphs]
        assert shown == [line for line in text.split("\n") if line]
        assert re.findall(r'<a href="([^"]*)"', page) == [html.escape(VALUES["link"])] * (
            "link" in placeholders(template)
        )
        assert len(raw) < 4000
