"""`notifier template`: what lint finds, and that every template has a preview."""

from pathlib import Path

import pytest

from tests.cli.conftest import Terminal

GOOD = (
    '+++\nsubject = "Your {{ job }} application"\nmode = "auto"\ncloses = true\n+++\nHi {{ first_name }}, one.\nTwo.\n'
)


def test_every_template_has_a_preview_without_holes(terminal: Terminal) -> None:
    for row in terminal.json("template", "list"):
        shown = terminal.json("template", "preview", row["key"], "--language", row["language"])

        assert set(shown) >= {"key", "language", "subject", "text", "html"}
        assert "{" not in shown["subject"] + shown["text"]
        assert "Maria Lopez, Example Co." in shown["text"]


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "see https://evil.example", "\x1b[31m", "{{ 7*7 }}"])
def test_a_preview_takes_any_name(terminal: Terminal, name: str) -> None:
    shown = terminal.json("template", "preview", "application_received", "--as", name)

    assert "<script" not in shown["html"]
    assert "evil" not in shown["text"]
    assert "49" not in shown["text"].splitlines()[0]
    assert "\x1b" not in terminal.run("template", "preview", "application_received", "--as", name)


def test_an_unknown_template_or_language_is_refused(terminal: Terminal) -> None:
    terminal.fails("template", "preview", "nothing")
    terminal.fails("template", "preview", "application_received", "--language", "tlh")


def lint(terminal: Terminal, tmp_path: Path, name: str, content: bytes, *, status: int) -> list[tuple[str, int]]:
    path = tmp_path / name
    path.write_bytes(content)
    found = terminal.json("template", "lint", str(path), status=status)
    assert all(finding["file"] == str(path) and finding["why"] for finding in found)
    return [(finding["level"], finding["line"]) for finding in found]


def test_lint_names_file_line_and_level(terminal: Terminal, tmp_path: Path) -> None:
    assert lint(terminal, tmp_path, "on_hold.en.txt", GOOD.encode(), status=0) == []
    broken = GOOD.replace("Two.", "Two {{ sallary }}.").encode()
    assert lint(terminal, tmp_path, "on_hold.en.txt", broken, status=1) == [("error", 7)]
    assert lint(terminal, tmp_path, "on_hold.txt", GOOD.encode(), status=1) == [("error", 0)]
    assert lint(terminal, tmp_path, "on_hold.en.md", GOOD.encode(), status=1) == [("error", 0)]
    assert lint(terminal, tmp_path, "on_hold.en.txt", b"\xff\xfe", status=1) == [("error", 0)]


def test_warnings_are_told_and_do_not_count(terminal: Terminal, tmp_path: Path) -> None:
    loud = GOOD.replace("one.", "unfortunately one.").encode()

    found = lint(terminal, tmp_path, "rejected_loud.en.txt", loud.replace(b"one.", b"we will not go on!"), status=0)

    assert ("warning", 6) in found


def test_lint_without_files_checks_what_is_in_use(terminal: Terminal) -> None:
    assert "12 files checked" in terminal.run("template", "lint")
    assert terminal.json("template", "lint") == [
        finding for finding in terminal.json("template", "lint") if finding["level"] == "warning"
    ]
    terminal.fails("template", "lint", "/nowhere/on_hold.en.txt", status=2)
