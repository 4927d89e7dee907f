"""`notifier template`: the wording of the messages. Needs no database."""

from pathlib import Path

import click

from notifier.cli.context import Group, as_json, config
from notifier.cli.printing import cell, printable, show_list, show_one
from notifier.cli.sample_letter import sample_letter
from notifier.core.errors import TemplateFault
from notifier.core.rule import hold_text
from notifier.deliver.lint import Level, lint
from notifier.deliver.template import Library, Template, parse
from notifier.store.database import system_clock


@click.group(cls=Group)
def template() -> None:
    """The wording: a subject and two lines for each message."""


def _record(one: Template) -> dict[str, object]:
    return {
        "key": one.key,
        "language": one.language,
        "mode": one.mode.value,
        "hold": hold_text(one.hold),
        "closes": one.closes,
        "subject": one.subject,
        "lines": list(one.lines),
    }


@template.command("list")
@as_json
def list_all(json_wanted: bool) -> None:
    """List the templates."""
    records = [_record(one) for one in Library(config().templates_folder).all()]
    show_list(records, ["key", "language", "mode", "hold", "subject"], json_wanted=json_wanted)


@template.command("lint")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="[FILE]...")
@as_json
def lint_files(files: tuple[Path, ...], json_wanted: bool) -> None:
    """Check FILEs, or all templates that are in use. Exit 1 if there is an error; warnings do not count."""
    chosen = files or tuple(sorted(config().templates_folder.glob("[!.]*")))
    found = [finding for path in chosen for finding in _findings(path)]
    if json_wanted:
        show_list(found, [], json_wanted=True)
    else:
        for finding in found:
            click.echo("{file}:{line}: {level}: {why}".format_map({name: cell(it) for name, it in finding.items()}))
        click.echo(f"{len(chosen)} files checked")
    if any(finding["level"] == Level.ERROR for finding in found):
        raise click.exceptions.Exit(1)


def _findings(path: Path) -> list[dict[str, object]]:
    """What is wrong with one file; one that cannot be read at all has the one error that says so."""
    key, _, language = path.stem.partition(".")
    if path.suffix != ".txt" or not key or not language:
        why = "name it <key>.<language>.txt, for example on_hold.en.txt"
        return [{"file": str(path), "line": 0, "level": Level.ERROR.value, "why": why}]
    try:
        one = parse(path.read_text(encoding="utf-8"), key=key, language=language)
        found = [(finding.level, finding.line, finding.why) for finding in lint(one)]
    except TemplateFault as fault:
        found = [(Level.ERROR, fault.line, fault.why)]
    except UnicodeDecodeError:
        found = [(Level.ERROR, 0, "the file is not UTF-8")]
    return [{"file": str(path), "line": line, "level": level.value, "why": why} for level, line, why in found]


@template.command()
@click.argument("key")
@click.option("--language", default="en", show_default=True)
@click.option("--as", "name", metavar="NAME", default="Ana", show_default=True, help="The candidate's first name.")
@as_json
def preview(key: str, language: str, name: str, json_wanted: bool) -> None:
    """Show the message KEY as a candidate would read it, with made-up values."""
    one = Library(config().templates_folder).get(key, language)
    email = sample_letter(one, name, system_clock(), sender=config().mail_from_address)
    shown = {"key": key, "language": language, "subject": email.subject, "text": email.text, "html": email.html}
    if json_wanted:
        show_one(shown, json_wanted=True)
        return
    click.echo(f"Subject: {printable(email.subject)}\n")
    for line in email.text.splitlines():
        click.echo(printable(line))
