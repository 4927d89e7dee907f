"""What is wrong with a wording: errors stop the send, warnings are shown to the author.

`lint` says what can be said of a template alone: in the editor, on the command line and in the tests. `lint_rendered`
says what only the values show, before every send. Unknown placeholders, empty values and a wrong number of lines are
refused earlier, by `parse` and `render`. Two rules need more than this module is given and are kept elsewhere: a
promise falls on a working day because `decide` counts working days, and consent is a matter of the rule that sends.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from notifier.deliver import text
from notifier.deliver.phrases import LANGUAGES
from notifier.deliver.placeholders import literal, names
from notifier.deliver.readability import grade, seconds_to_read
from notifier.deliver.template import LONGEST_LINE, Rendered, Template, located
from notifier.deliver.wordlists import WORDLISTS, Entry

#: Characters of a subject; what is longer is cut.
LONGEST_SUBJECT = 150

#: Seconds in which the two lines can be read.
LONGEST_READ = 12.0

#: School years a reader needs (Flesch-Kincaid).
HIGHEST_GRADE = 10.0

#: Placeholders that name a day to come.
DATES = frozenset({"next_update_by", "pick_by", "interview_time", "start_date"})

_HTML = re.compile(r"</?[A-Za-z!][^>]*>|&(?:[a-z]+|#\d+);")


class Level(StrEnum):
    """error: the message does not leave. warning: the author is told."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `line` is the line of the file, or of the message (1, 2; 0 is the subject)."""

    level: Level
    line: int
    why: str


def is_no(key: str) -> bool:
    """Whether a template tells a candidate that it is over for them."""
    return key.startswith(("rejected_", "position_"))


def lint(template: Template) -> tuple[Finding, ...]:
    """Everything that can be said without values, errors first; lines are those of the file."""
    found = [*_form(template), *_decision(template), *_words(template), *_reading(template)]
    return tuple(sorted(found, key=lambda finding: (finding.level is not Level.ERROR, finding.line)))


def lint_rendered(
    rendered: Rendered, template: Template, own_hosts: Collection[str], last: Rendered | None = None
) -> tuple[Finding, ...]:
    """Everything that needs the values, errors first.

    `own_hosts` are the host names whose links and addresses may stand in a message (with their subdomains); the link a
    recruiter gave for `{{ link }}` may stand too. `last` is the last message to this person.
    """
    found = []
    for number, words in enumerate((rendered.subject, *rendered.lines)):
        found += [Finding(level, number, why) for level, why in _rendered_line(words, number, rendered, own_hosts)]
    if _questions(" ".join(rendered.lines), rendered.links) > 1:
        found.append(Finding(Level.ERROR, 2, "more than one question mark"))
    found += [Finding(Level.WARNING, 1, why) for why in _rendered_whole(rendered, template, last)]
    return tuple(sorted(found, key=lambda finding: (finding.level is not Level.ERROR, finding.line)))


def _form(template: Template) -> Iterator[Finding]:
    """Errors of form, line by line."""
    for line, words in located(template):
        typed = literal(words)
        if text.links(typed) or text.has_bare_link(typed):
            yield Finding(Level.ERROR, line, "a link or an address; use {{ link }}")
        if _HTML.search(typed):
            yield Finding(Level.ERROR, line, "HTML; messages are plain text")
        if re.search(r"[{}]", typed):
            yield Finding(Level.ERROR, line, "a brace would be sent as it stands; write {{ name }}")
    subject, *lines = located(template)
    if len(literal(subject[1])) > LONGEST_SUBJECT:
        yield Finding(Level.WARNING, subject[0], f"the subject is cut at {LONGEST_SUBJECT} characters")
    for line, words in lines:
        if len(literal(words)) > LONGEST_LINE:
            yield Finding(Level.ERROR, line, f"longer than {LONGEST_LINE} characters")
    if sum(literal(words).count("?") for _, words in lines) > 1:
        yield Finding(Level.ERROR, lines[1][0], "more than one question mark")


def _decision(template: Template) -> Iterator[Finding]:
    """Whether it says what it must: the date, or the "no"."""
    _, (first_line, first), (second_line, second) = located(template)
    if not template.closes and not (names(first) | names(second)) & DATES:
        yield Finding(
            Level.ERROR, second_line, "no date; add {{ next_update_by }}, or set closes = true if it ends here"
        )
    if not is_no(template.key):
        return
    if template.language not in WORDLISTS:
        yield Finding(Level.WARNING, first_line, f"nobody checked that this says the no, in {template.language}")
    elif not any(re.search(way, first, re.IGNORECASE) for way in WORDLISTS[template.language].says_no):
        yield Finding(Level.ERROR, first_line, "the first line does not say the no")
    for line, words in ((first_line, first), (second_line, second)):
        if "!" in literal(words):
            yield Finding(Level.WARNING, line, "an exclamation mark in a no")


def _words(template: Template) -> Iterator[Finding]:
    """Warnings about single words."""
    if template.language not in WORDLISTS:
        return
    lists = WORDLISTS[template.language]
    entries: tuple[Entry, ...] = lists.warned
    if is_no(template.key):
        entries += lists.warned_in_a_no
    if template.key != "keep_in_touch":
        entries += lists.warned_without_consent
    for line, words in located(template):
        for pattern, why in entries:
            if found := re.search(pattern, literal(words, "x"), re.IGNORECASE):
                yield Finding(Level.WARNING, line, f'"{found[0]}" {why}')


def _reading(template: Template) -> Iterator[Finding]:
    _, (line, first), (_, second) = located(template)
    typed = [literal(first, "name"), literal(second, "name")]
    if (seconds := seconds_to_read(typed)) > LONGEST_READ:
        yield Finding(Level.WARNING, line, f"takes {seconds:.0f} seconds to read; {LONGEST_READ:.0f} are enough")
    years = grade(typed, template.language)
    if years is not None and years > HIGHEST_GRADE:
        yield Finding(Level.WARNING, line, f"hard to read (grade {years:.0f}); use shorter sentences and words")


def _rendered_line(
    words: str, number: int, rendered: Rendered, own_hosts: Collection[str]
) -> Iterator[tuple[Level, str]]:
    if not words.strip():
        yield Level.ERROR, "empty"
    if number and len(words) > LONGEST_LINE:
        yield Level.ERROR, f"{len(words)} characters; at most {LONGEST_LINE}"
    if text.CONTROLS.search(words):
        yield Level.ERROR, "a control character"
    if any(link not in rendered.links and not _is_own(link, own_hosts) for link in text.links(words)):
        yield Level.ERROR, "a link or an address that is not ours"
    if _HTML.search(words):
        yield Level.WARNING, "looks like HTML; it is shown as it stands"


def _rendered_whole(rendered: Rendered, template: Template, last: Rendered | None) -> Iterator[str]:
    if (seconds := seconds_to_read(rendered.lines)) > LONGEST_READ:
        yield f"takes {seconds:.0f} seconds to read; {LONGEST_READ:.0f} are enough"
    weekend = LANGUAGES[template.language].weekdays[5:] if template.language in LANGUAGES else ()
    for weekday in weekend:
        if weekday in " ".join(rendered.lines):
            yield f"names a {weekday}; promise a working day"
    if last is not None and last.lines == rendered.lines:
        yield "the same text as the last message to this person"


def _questions(words: str, links: Collection[str]) -> int:
    for link in links:
        words = words.replace(link, "")
    return words.count("?")


def _is_own(link: str, own_hosts: Collection[str]) -> bool:
    if "://" not in link:
        link = "//" + link.removeprefix("mailto:").rpartition("@")[2]
    try:
        host = (urlsplit(link).hostname or "").casefold()
    except ValueError:
        return False
    return any(host == own.casefold() or host.endswith("." + own.casefold()) for own in own_hosts if own)
