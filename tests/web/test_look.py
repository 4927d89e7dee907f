"""What the look promises, checked without a browser: contrast, weight, and that nothing runs or styles inline."""

import gzip
import re
from pathlib import Path

import pytest

import notifier.web

FOLDER = Path(notifier.web.__file__).parent
CSS = (FOLDER / "static" / "notifier.css").read_text(encoding="utf-8")
TEMPLATES = sorted(FOLDER.rglob("*.html"))

#: Text on its background, and the contrast that readers with low vision need (WCAG 2.2, 1.4.3).
PAIRS = [(text, ground) for text in ("fg", "mut", "acc", "late", "soon") for ground in ("bg", "sel")] + [
    ("accfg", "acc")
]
ENOUGH = 4.5


def tokens(block: str) -> dict[str, str]:
    return dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block))


LIGHT = tokens(CSS.split("@media", 1)[0])
DARK = LIGHT | tokens(CSS.split("@media (prefers-color-scheme: dark)", 1)[1].split("* {", 1)[0])


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("look", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_every_pair_of_colours_can_be_read(look: dict[str, str], text: str, ground: str) -> None:
    assert contrast(look[text], look[ground]) >= ENOUGH


def test_both_looks_have_every_colour() -> None:
    assert len(LIGHT) == 9
    assert all(DARK[name] != LIGHT[name] for name in LIGHT)


def test_colours_are_tokens_everywhere() -> None:
    rules = CSS.split("* {", 1)[1]
    assert re.findall(r"#[0-9a-f]{3,8}\b|rgb|hsl", rules) == []


def test_the_style_sheet_is_small() -> None:
    assert len(gzip.compress(CSS.encode())) <= 8 * 1024


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_runs_or_styles_anything_inline(template: Path) -> None:
    source = template.read_text(encoding="utf-8")
    assert re.findall(r"<script|<style|\sstyle=|\son[a-z]+=|javascript:|\|\s*safe\b", source) == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_nothing_is_late_by_colour_alone(template: Path) -> None:
    source = template.read_text(encoding="utf-8")
    for said in re.findall(r'<(\w+) class="(?:late|soon)">(.*?)</\1>', source, re.DOTALL):
        assert said[1].strip(), "late has a word"
        assert said[0] == "strong", "and weight"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_form_that_changes_something_carries_its_token(template: Path) -> None:
    source = template.read_text(encoding="utf-8")
    for form in re.findall(r"<form\b.*?</form>", source, re.DOTALL):
        assert 'method="post"' in form
        assert 'name="csrf_token"' in form
