"""A template: a subject and two lines, with placeholders and nothing else.

What may stand in it is decided by `notifier.deliver.placeholders` before anything is rendered. The sandbox behind that
check is the second wall; alone it stops neither `'a' * 500000000` nor nested loops (Jinja's own documentation: "The
sandbox alone is not a solution for perfect security"). Values are plain strings and are never looked at again, so
`{{ 7*7 }}` in a name stays what it is.

The names among the values (`NAMES`) are cleaned here and nowhere else, so that no caller can forget it: on one line,
without links and e-mail addresses, cut to a length at which the line still fits.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from notifier.core.errors import NotFound, TemplateFault
from notifier.core.rule import Hold, Mode, parse_hold
from notifier.deliver import text
from notifier.deliver.phrases import LANGUAGES, listing
from notifier.deliver.placeholders import PLACEHOLDERS, names
from notifier.deliver.template_file import FrontMatter, split

__all__ = [
    "LONGEST_LINE",
    "PLACEHOLDERS",
    "Library",
    "Rendered",
    "Template",
    "located",
    "parse",
    "placeholders",
    "render",
]

#: Characters of a template file. A longer one is a mistake, and nobody should have to parse it.
LONGEST_SOURCE = 10_000

#: No hold may be longer: a candidate waits for what is already decided.
LONGEST_HOLD = Hold(minutes=7 * 24 * 60, working_days=10)

#: Characters of a line of a message; longer ones wrap twice on a phone.
LONGEST_LINE = 140

#: Characters of a job title that are kept however long the line is: enough to know which job it is.
SHORTEST_JOB = 24

#: What each name is cleaned by, and its longest form in a line.
NAMES: Mapping[str, tuple[Callable[[str, int], str], int]] = {
    "first_name": (text.person, 40),
    "job": (text.name, 60),
    "company": (text.name, 50),
    "owner_name": (text.name, 50),
}

_FILE_NAME = re.compile(r"(?P<key>[a-z][a-z0-9_]*)\.(?P<language>[a-z]{2,3}(-[A-Za-z0-9]{2,8})*)\.txt")

_HTTPS = re.compile(r"https://[^\s<>\"]{3,}")


@dataclass(frozen=True, slots=True)
class Template:
    """One template in one language, checked. `digest` is the SHA-256 of `source` in hexadecimal.

    `closes`: the message ends the candidate's wait, so it needs no date.
    """

    key: str
    language: str
    subject: str
    lines: tuple[str, str]
    mode: Mode
    hold: Hold
    closes: bool
    source: str = field(repr=False)
    digest: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A template with its values. `links` are the addresses a recruiter gave for `{{ link }}`."""

    subject: str = field(repr=False)
    lines: tuple[str, str] = field(repr=False)
    links: tuple[str, ...] = field(default=(), repr=False)


def parse(source: str, *, key: str, language: str) -> Template:
    """Read and check a template file's text. Raises TemplateFault with the line of the first mistake."""
    if len(source) > LONGEST_SOURCE:
        raise TemplateFault(f"longer than {LONGEST_SOURCE} characters")
    front, body = split(source)
    front_matter = FrontMatter(front)
    subject = front_matter.text("subject")
    mode = _mode(front_matter)
    hold = _hold(front_matter)
    closes = front_matter.flag("closes")
    front_matter.finish()
    if not subject.strip():
        raise TemplateFault("the subject is empty", line=front_matter.line("subject"))
    _check(subject, front_matter.line("subject"))
    for line, words in body:
        _check(words, line)
    digest = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
    return Template(key, language, subject.strip(), (body[0][1], body[1][1]), mode, hold, closes, source, digest)


def located(template: Template) -> tuple[tuple[int, str], ...]:
    """Subject, line 1 and line 2, each with its line in the file."""
    front, body = split(template.source)
    return ((FrontMatter(front).line("subject"), template.subject), *body)


def placeholders(template: Template) -> frozenset[str]:
    """The names a template needs values for."""
    return names(template.subject) | names(template.lines[0]) | names(template.lines[1])


def render(template: Template, values: Mapping[str, str], *, jobs: Sequence[str] = ()) -> Rendered:
    """Put the values in. Raises TemplateFault naming the first placeholder whose value is missing or empty.

    A job title too long for its line is shortened there, because a title of 90 letters must not hold up an answer.
    `jobs`, where given, are named together in place of `job`; raises TemplateFault too if a line cannot hold them so
    that one is known from another.
    """
    named = _jobs(jobs)
    fit = {name: _value(name, values) for name in sorted(placeholders(template)) if not (named and name == "job")}
    first, second = template.lines
    if template.language in LANGUAGES and fit.get("first_name") == LANGUAGES[template.language].nameless:
        first = _without_greeting(first, template.language)
    lines = (_fill_line(first, fit, named, template.language), _fill_line(second, fit, named, template.language))
    subject = _fill(template.subject, fit | {"job": listing(named, template.language)} if named else fit)
    return Rendered(subject, lines, (fit["link"],) if "link" in fit else ())


class Library:
    """All templates of a folder, read and checked once, at the start."""

    def __init__(self, folder: Path) -> None:
        """Raises TemplateFault with the mistakes of all files, one a line."""
        found, faults = {}, []
        for path in sorted(path for path in folder.glob("*") if not path.name.startswith(".")):
            try:
                template = _read(path)
                found[template.key, template.language] = template
            except TemplateFault as fault:
                faults.append(f"{path.name}: {fault}")
        if faults:
            raise TemplateFault("\n".join(faults))
        self._found = found

    def get(self, key: str, language: str) -> Template:
        """This template in this language; raises NotFound. No other language is taken instead: callers choose."""
        try:
            return self._found[key, language]
        except KeyError:
            raise NotFound(f"no template {key!r} in language {language!r}") from None

    def all(self) -> tuple[Template, ...]:
        """Every template, by key and language."""
        return tuple(self._found.values())


def _mode(front_matter: FrontMatter) -> Mode:
    try:
        return Mode(front_matter.text("mode"))
    except ValueError as fault:
        raise TemplateFault(f"mode must be one of: {', '.join(Mode)}", line=front_matter.line("mode")) from fault


def _hold(front_matter: FrontMatter) -> Hold:
    written = front_matter.text("hold", "0m")
    try:
        hold = parse_hold(written)
    except ValueError as fault:
        raise TemplateFault(f"hold is {fault}", line=front_matter.line("hold")) from fault
    if hold.minutes > LONGEST_HOLD.minutes or hold.working_days > LONGEST_HOLD.working_days:
        raise TemplateFault(f"{written} is too long to keep a candidate waiting", line=front_matter.line("hold"))
    return hold


def _check(words: str, line: int) -> None:
    if text.CONTROLS.search(words):
        raise TemplateFault("a control character stands in the text", line=line)
    try:
        names(words)
    except TemplateFault as fault:
        raise TemplateFault(fault.why, line=line) from fault


def _read(path: Path) -> Template:
    name = _FILE_NAME.fullmatch(path.name)
    if name is None:
        raise TemplateFault("name it <key>.<language>.txt, for example on_hold.en.txt")
    try:
        source = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as fault:
        raise TemplateFault("the file is not UTF-8") from fault
    return parse(source, key=name["key"], language=name["language"])


def _value(name: str, values: Mapping[str, str]) -> str:
    clean, most = NAMES.get(name, (_plain, 0))
    value = clean(values.get(name, ""), most)
    if not value:
        raise TemplateFault(f"{name} is empty")
    if name == "link" and not _HTTPS.fullmatch(value):
        raise TemplateFault("link must be one address that begins with https://")
    return value


def _plain(value: str, most: int) -> str:
    del most
    return text.one_line(value)


def _without_greeting(line: str, language: str) -> str:
    words = "|".join(re.escape(word) for word in LANGUAGES[language].greetings)
    return re.sub(rf"^(?:{words})\s+(?=\{{\{{\s*first_name\s*\}}\}})", "", line)


def _jobs(titles: Sequence[str]) -> tuple[str, ...]:
    """Each title once, cleaned."""
    return tuple(_value("job", {"job": title}) for title in dict.fromkeys(text.one_line(title) for title in titles))


def _fill_line(words: str, values: Mapping[str, str], jobs: Sequence[str], language: str) -> str:
    if "job" not in names(words):
        return _fill(words, values)
    if len(jobs) > 1:
        return _fill_with_all(words, values, jobs, language)
    values = {**values, "job": jobs[0]} if jobs else values
    line = _fill(words, values)
    excess = len(line) - LONGEST_LINE
    if excess <= 0:
        return line
    job = values["job"]
    return _fill(words, {**values, "job": text.shorten(job, max(SHORTEST_JOB, len(job) - excess))})


def _fill_with_all(words: str, values: Mapping[str, str], jobs: Sequence[str], language: str) -> str:
    """The line with every job in it, each as long as the line allows and none cut to look like another."""
    longest = max(SHORTEST_JOB, *(len(job) for job in jobs))
    for most in range(longest, SHORTEST_JOB - 1, -1):
        short = [text.shorten(job, most) for job in jobs]
        line = _fill(words, {**values, "job": listing(short, language)})
        if len(line) <= LONGEST_LINE and len(set(short)) == len(jobs):
            return line
    raise TemplateFault(f"{len(jobs)} jobs do not fit in one line")


_SANDBOX = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, autoescape=False)


@lru_cache(maxsize=4096)
def _compiled(words: str) -> jinja2.Template:
    return _SANDBOX.from_string(words)


def _fill(words: str, values: Mapping[str, str]) -> str:
    try:
        return _compiled(words).render(values)
    except jinja2.TemplateError as fault:
        raise TemplateFault(str(fault)) from fault
