"""When something happens, which message follows, and how it leaves."""

import re
from dataclasses import dataclass
from enum import StrEnum

from notifier.core.stage import StageKind


class Trigger(StrEnum):
    """What makes a rule apply."""

    ENTERED = "entered"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    HIRED = "hired"
    REOPENED_AFTER_TOLD = "reopened_after_told"
    SILENCE = "silence"
    PROMISE_AT_RISK = "promise_at_risk"


class Mode(StrEnum):
    """auto: leaves without approval. approve: waits for a person. one_by_one: waits, and never leaves in bulk."""

    AUTO = "auto"
    APPROVE = "approve"
    ONE_BY_ONE = "one_by_one"


class Window(StrEnum):
    """When it may leave, in the workspace's time zone.

    any: at once. working_hours: Monday to Friday, 09:00 to 18:00. decision: as working_hours, until 17:30, and not
    after 15:00 on a Friday, so that nobody is left alone with a "no" over a weekend.
    """

    ANY = "any"
    WORKING_HOURS = "working_hours"
    DECISION = "decision"


@dataclass(frozen=True, slots=True)
class Hold:
    """How long a decided message waits in the outbox, where it can still be undone."""

    minutes: int = 0
    working_days: int = 0


def hold_text(hold: Hold) -> str:
    """How files and pages write it: "2m", "1 working day", "0m"."""
    if hold.working_days:
        return f"{hold.working_days} working day{'s' if hold.working_days > 1 else ''}"
    return f"{hold.minutes}m"


def parse_hold(text: str) -> Hold:
    """The reverse of `hold_text`, and "2h"; raises ValueError."""
    if found := re.fullmatch(r"(\d{1,3}) working days?", text):
        return Hold(working_days=int(found[1]))
    if found := re.fullmatch(r"(\d{1,5})([mh])", text):
        return Hold(minutes=int(found[1]) * (60 if found[2] == "h" else 1))
    raise ValueError(f'{text!r}: write "2m", "3h" or "1 working day"')


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the rule table.

    `kinds` (empty: any) and `interviewed` (`None`: either) narrow the trigger. `promise_days` is the number of working
    days after which the candidate hears again; `None` where the message ends the wait. `at_most` bounds how often a
    silence rule may repeat itself for one application before a person is asked. `joins`: an outcome may share an e-mail
    with what the same person is due about other applications on the same day.
    """

    trigger: Trigger
    template: str
    mode: Mode
    kinds: frozenset[StageKind] = frozenset()
    interviewed: bool | None = None
    hold: Hold = Hold()
    window: Window = Window.ANY
    promise_days: int | None = None
    at_most: int = 1
    joins: bool = True
