"""The rule book: the defaults, and its form as TOML for people.

A rule book is an ordered list; the first rule that matches counts. Import replaces the whole book, and every mistake in
the file is named at once. The defaults are those a careful recruiter would choose: statuses leave by the clock, a "no"
leaves after somebody decided it and after a hold in which it can be undone. What several applications of one person
end in on one day leaves as one e-mail; `join = false` in a rule keeps its messages apart.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from notifier.core.errors import Refused
from notifier.core.rule import Hold, Mode, Rule, Trigger, Window, hold_text, parse_hold
from notifier.core.stage import StageKind

RuleBook = tuple[Rule, ...]

_K = StageKind
_T = Trigger

#: What ends an application; only these messages share an e-mail, where several are due on one day.
ENDINGS = (_T.REJECTED, _T.WITHDRAWN, _T.HIRED)

#: Minutes in which one decided message can still be undone.
ONE = Hold(minutes=2)

#: The same for a "no".
NO = Hold(minutes=60)

DEFAULTS: RuleBook = (
    Rule(_T.ENTERED, "application_received", Mode.AUTO, frozenset({_K.APPLIED}), promise_days=5),
    Rule(_T.ENTERED, "in_review", Mode.AUTO, frozenset({_K.SCREEN}), None, ONE, Window.WORKING_HOURS, 5),
    Rule(
        _T.ENTERED,
        "interview_next_steps",
        Mode.APPROVE,
        frozenset({_K.INTERVIEW, _K.FINAL}),
        None,
        ONE,
        Window.WORKING_HOURS,
    ),
    Rule(_T.ENTERED, "offer_coming", Mode.ONE_BY_ONE, frozenset({_K.OFFER}), None, ONE, Window.WORKING_HOURS, 2),
    Rule(_T.ENTERED, "on_hold", Mode.APPROVE, frozenset({_K.ON_HOLD}), None, ONE, Window.WORKING_HOURS),
    Rule(
        _T.REJECTED,
        "rejected_after_application",
        Mode.AUTO,
        interviewed=False,
        hold=Hold(working_days=1),
        window=Window.DECISION,
    ),
    Rule(_T.REJECTED, "rejected_after_interview", Mode.ONE_BY_ONE, interviewed=True, hold=NO, window=Window.DECISION),
    Rule(_T.WITHDRAWN, "withdrawn_ack", Mode.AUTO, hold=ONE),
    Rule(_T.HIRED, "hired_handoff", Mode.APPROVE, hold=ONE, window=Window.WORKING_HOURS, promise_days=2),
    Rule(_T.REOPENED_AFTER_TOLD, "sent_in_error", Mode.ONE_BY_ONE, hold=ONE, promise_days=2),
    Rule(_T.SILENCE, "still_in_review", Mode.AUTO, hold=ONE, window=Window.WORKING_HOURS, promise_days=5, at_most=3),
    Rule(_T.PROMISE_AT_RISK, "need_longer", Mode.APPROVE, hold=ONE, window=Window.WORKING_HOURS, promise_days=5),
)


def find(book: RuleBook, trigger: Trigger, kind: StageKind, *, interviewed: bool) -> Rule | None:
    """The first rule for this trigger, or nothing."""
    for rule in book:
        if (
            rule.trigger is trigger
            and (not rule.kinds or kind in rule.kinds)
            and (rule.interviewed is None or rule.interviewed is interviewed)
        ):
            return rule
    return None


def joins(book: RuleBook, template: str) -> bool:
    """Whether messages of this template may share an e-mail; one whose rule has gone since may."""
    return all(rule.joins for rule in book if rule.template == template)


def dump(book: Iterable[Rule]) -> str:
    """The book as TOML."""
    lines = ["# When something happens, which message follows. The first rule that matches counts."]
    for rule in book:
        lines += ["", "[[rule]]", f'on = "{rule.trigger}"']
        if rule.kinds:
            kinds = ", ".join(f'"{kind}"' for kind in StageKind if kind in rule.kinds)
            lines.append(f"stages = [{kinds}]")
        if rule.interviewed is not None:
            lines.append(f"interviewed = {str(rule.interviewed).lower()}")
        lines.append(f'send = "{rule.template}"')
        lines.append(f'mode = "{rule.mode}"')
        lines.append(f'hold = "{hold_text(rule.hold)}"')
        lines.append(f'window = "{rule.window}"')
        if rule.promise_days is not None:
            lines.append(f"promise_days = {rule.promise_days}")
        if rule.at_most != 1:
            lines.append(f"at_most = {rule.at_most}")
        if not rule.joins:
            lines.append("join = false")
    return "\n".join(lines) + "\n"


def load(text: str, templates: Sequence[str]) -> RuleBook:
    """Read a book. Raises Refused with every mistake, one a line; `templates` are the keys a rule may send."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise Refused(f"not TOML: {fault}") from fault
    tables = document.pop("rule", [])
    mistakes = [f"unknown table {name!r}: only [[rule]] is known" for name in document]
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise Refused('rules are written as "[[rule]]" tables')
    book = []
    for number, table in enumerate(tables, start=1):
        rule, faults = _rule(table, templates)
        mistakes += [f"rule {number}: {fault}" for fault in faults]
        book.append(rule)
    if mistakes:
        raise Refused("\n".join(mistakes))
    return tuple(rule for rule in book if rule is not None)


class _Fields:
    """Reads the fields of one table and collects what is wrong with them."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self.table = dict(table)
        self.faults: list[str] = []

    def word(self, name: str, kind: type[Any], default: Any = None) -> Any:
        """A field that is one of an enum's words."""
        value = self.table.pop(name, default)
        try:
            return kind(value)
        except ValueError:
            words = ", ".join(str(word) for word in kind)
            self.faults.append(f"{name} is {value!r}; it must be one of: {words}")
            return None

    def number(self, name: str, default: int | None) -> int | None:
        """A whole number from 1 to 365."""
        value = self.table.pop(name, default)
        if value is not None and (type(value) is not int or not 1 <= value <= 365):
            self.faults.append(f"{name} is {value!r}; it must be a whole number from 1 to 365")
            return default
        return value

    def flag(self, name: str, default: bool | None) -> bool | None:
        """True or false."""
        value = self.table.pop(name, default)
        if value is not None and not isinstance(value, bool):
            self.faults.append(f"{name} is {value!r}; it must be true or false")
            return default
        return value


def _rule(table: Mapping[str, Any], templates: Sequence[str]) -> tuple[Rule | None, list[str]]:
    fields = _Fields(table)
    trigger = fields.word("on", Trigger)
    mode = fields.word("mode", Mode)
    window = fields.word("window", Window, Window.ANY)
    template = fields.table.pop("send", None)
    if template not in templates:
        fields.faults.append(f"send is {template!r}; there is no such template")
    kinds = fields.table.pop("stages", [])
    words = set(StageKind)
    if not isinstance(kinds, list) or not all(kind in words for kind in kinds):
        fields.faults.append(f"stages is {kinds!r}; it must be a list of: {', '.join(StageKind)}")
        kinds = []
    interviewed = fields.flag("interviewed", None)
    try:
        hold = parse_hold(str(fields.table.pop("hold", "0m")))
    except ValueError as fault:
        fields.faults.append(f"hold is {fault}")
        hold = Hold()
    promise_days = fields.number("promise_days", None)
    at_most = fields.number("at_most", 1) or 1
    if "join" in fields.table and trigger is not None and trigger not in ENDINGS:
        fields.faults.append(f"join is for what ends an application, on = one of: {', '.join(ENDINGS)}")
    join = fields.flag("join", True) is not False
    fields.faults += [f"unknown field {name!r}" for name in fields.table]
    if fields.faults:
        return None, fields.faults
    chosen = frozenset(StageKind(kind) for kind in kinds)
    return Rule(trigger, template, mode, chosen, interviewed, hold, window, promise_days, at_most, join), []
