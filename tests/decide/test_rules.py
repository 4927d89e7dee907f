"""The rule book: its TOML round-trips, and a wrong one names every mistake."""

import pytest

from notifier.core.errors import Refused
from notifier.core.rule import Hold, Mode, Trigger, hold_text, parse_hold
from notifier.core.stage import StageKind
from notifier.decide.rules import DEFAULTS, dump, find, joins, load
from tests.world import LIBRARY

TEMPLATES = sorted({template.key for template in LIBRARY.all()})


def test_the_defaults_survive_export_and_import() -> None:
    assert load(dump(DEFAULTS), TEMPLATES) == DEFAULTS


def test_every_default_sends_a_template_that_exists() -> None:
    assert {rule.template for rule in DEFAULTS} <= set(TEMPLATES)


def test_the_defaults_agree_with_the_templates_about_mode_and_dates() -> None:
    for rule in DEFAULTS:
        template = LIBRARY.get(rule.template, "en")
        assert template.mode is rule.mode, rule.template
        assert template.hold == rule.hold, rule.template
        names_a_date = "next_update_by" in "".join(template.lines)
        assert names_a_date == (rule.promise_days is not None), rule.template


def test_no_default_sends_a_no_after_an_interview_by_itself() -> None:
    rule = find(DEFAULTS, Trigger.REJECTED, StageKind.FINAL, interviewed=True)

    assert rule is not None
    assert rule.mode is Mode.ONE_BY_ONE


def test_every_mistake_is_named_at_once() -> None:
    book = """
    [[rule]]
    on = "entred"
    send = "application_recieved"
    mode = "auto"
    hold = "soon"

    [[rule]]
    on = "rejected"
    send = "position_never"
    mode = "auto"
    promise_days = 0
    colour = "red"
    stages = ["applied", "nowhere"]
    """

    with pytest.raises(Refused) as caught:
        load(book, TEMPLATES)

    mistakes = str(caught.value).splitlines()
    assert len(mistakes) == 7
    for word in ("entred", "application_recieved", "soon", "position_never", "promise_days", "colour", "nowhere"):
        assert any(word in mistake for mistake in mistakes), word


def test_a_rule_can_keep_its_messages_apart() -> None:
    book = dump(DEFAULTS).replace('send = "withdrawn_ack"', 'send = "withdrawn_ack"\njoin = false')

    apart = load(book, TEMPLATES)

    assert load(dump(apart), TEMPLATES) == apart
    assert not joins(apart, "withdrawn_ack")
    assert joins(apart, "rejected_after_application")
    assert joins(apart, "a_rule_that_has_gone")


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ('on = "rejected"\njoin = "no"', "join is 'no'; it must be true or false"),
        (
            'on = "silence"\njoin = false',
            "join is for what ends an application, on = one of: rejected, withdrawn, hired",
        ),
        ('on = "rejected"\ninterviewed = 1', "interviewed is 1; it must be true or false"),
    ],
)
def test_a_switch_that_would_switch_nothing_is_refused(line: str, mistake: str) -> None:
    with pytest.raises(Refused) as caught:
        load(f'[[rule]]\n{line}\nsend = "withdrawn_ack"\nmode = "auto"', TEMPLATES)

    assert str(caught.value) == f"rule 1: {mistake}"


@pytest.mark.parametrize("text", ["not toml [", "rule = 3", "[other]\na = 1"])
def test_what_is_no_rule_book_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        load(text, TEMPLATES)


@pytest.mark.parametrize(
    ("text", "hold"),
    [
        ("0m", Hold()),
        ("2m", Hold(minutes=2)),
        ("3h", Hold(minutes=180)),
        ("1 working day", Hold(working_days=1)),
        ("2 working days", Hold(working_days=2)),
    ],
)
def test_a_hold_is_written_for_people(text: str, hold: Hold) -> None:
    assert parse_hold(text) == hold
    assert parse_hold(hold_text(hold)) == hold


@pytest.mark.parametrize("text", ["", "2", "-1m", "1 day", "m", "1000000000m"])
def test_a_hold_nobody_can_mean_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        parse_hold(text)
