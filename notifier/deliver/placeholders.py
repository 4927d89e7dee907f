"""The only thing a template may hold beside text: `{{ name }}` with a name from the list.

Recruiters type templates, so a template is data and not a program. It is looked at in two ways before Jinja renders
anything. The tokens come first: they are flat however deeply something is nested between the braces, and they show
comments, raw blocks and white-space control, which the syntax tree has dropped already. Then the tree itself.
"""

import difflib
import re
from functools import lru_cache

import jinja2
from jinja2 import nodes

from notifier.core.errors import TemplateFault

#: Every name a template may use. The first line is offered in the editor.
PLACEHOLDERS = frozenset(
    {
        *("first_name", "job", "company", "owner_name", "next_update_by", "stage_phrase", "interview_time"),
        *("duration", "interest", "interview_count_phrase", "interview_kind", "interviewer", "link", "old_date"),
        *("people_contact", "pick_by", "reason", "start_date", "tz"),
    }
)

#: Reads templates and never renders one.
_GRAMMAR = jinja2.Environment(autoescape=True)

_PLACEHOLDER = re.compile(r"\{\{\s*\w+\s*\}\}")


@lru_cache(maxsize=4096)
def names(text: str) -> frozenset[str]:
    """The placeholders of a checked text. Raises TemplateFault for anything that is neither text nor a listed name."""
    try:
        found = _by_tokens(text)
        tree = _GRAMMAR.parse(text)
    except jinja2.TemplateSyntaxError as fault:
        raise TemplateFault(f"the braces do not fit together ({fault.message})") from fault
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, nodes.Output | nodes.TemplateData | nodes.Name):
            raise TemplateFault("only text and {{ name }} may stand here")
    return found


def literal(text: str, instead: str = "") -> str:
    """A checked text with `instead` where its placeholders are."""
    return _PLACEHOLDER.sub(instead, text)


def nearest(name: str) -> str:
    """The listed name that was most likely meant: "job" for "job.titel"."""
    head = re.match(r"\w*", name)
    if head is not None and head[0] in PLACEHOLDERS:
        return head[0]
    return difflib.get_close_matches(name, sorted(PLACEHOLDERS), n=1, cutoff=0.0)[0]


def _by_tokens(text: str) -> frozenset[str]:
    found = set()
    inside: str | None = None
    for _, kind, value in _GRAMMAR.lex(text):
        if kind == "variable_begin" and value == "{{":
            inside = ""
        elif kind == "variable_end" and value == "}}" and inside is not None:
            found.add(_listed(inside.strip()))
            inside = None
        elif inside is not None and not kind.startswith(("variable", "block", "comment")):
            inside += value
        elif kind != "data":
            raise TemplateFault(f"only text and {{{{ name }}}} may stand here, not {_shown(value)}")
    if inside is not None:
        raise TemplateFault(f"{{{{ {_shown(inside.strip())} is not closed with }}}}")
    return frozenset(found)


def _listed(name: str) -> str:
    if name in PLACEHOLDERS:
        return name
    if not name:
        raise TemplateFault("{{ }} names nothing")
    if re.fullmatch(r"[\w.\- ]{1,60}", name):
        raise TemplateFault(f'"{name}" is not a placeholder; the nearest is "{nearest(name)}"')
    raise TemplateFault(f"only a listed name may stand between {{{{ and }}}}, not {_shown(name)}")


def _shown(text: str) -> str:
    return f'"{text[:40].strip()}{"..." if len(text) > 40 else ""}"'
