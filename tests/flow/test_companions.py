"""Who is a companion of whom: what must be the same for two outcomes of one person to share an e-mail."""

from dataclasses import replace
from pathlib import Path
from shutil import copytree

from notifier.deliver.template import Library
from notifier.flow import settle
from notifier.flow.rulebook import export_rules, import_rules
from tests.flow.joint import (
    AFTER_INTERVIEW,
    BACKEND,
    FRONTEND,
    INTERVIEWED,
    NO,
    approve,
    attempts,
    items,
    lines,
    no,
    reject,
    two,
)
from tests.world import World

TEMPLATES = Path(__file__).parents[2] / "templates" / "emails"


def test_another_wording_is_another_mail(world: World, tmp_path: Path) -> None:
    reject(world, "a1", BACKEND)
    edited = Path(copytree(TEMPLATES, tmp_path / "emails")) / f"{NO}.en.txt"
    edited.write_text(edited.read_text().replace("Thank you for the time", "Thanks for the time"))
    world.flow = replace(world.flow, library=Library(edited.parent))
    reject(world, "a2", FRONTEND)
    world.run_for(days=1)

    assert lines(world) == [no(BACKEND), no(FRONTEND)]


def test_another_template_is_another_mail(world: World) -> None:
    reject(world, "a1", BACKEND)
    reject(world, "a2", FRONTEND, **INTERVIEWED)
    world.clock.tick(days=1)
    approve(world, "a2", now=True)
    world.settle_down()

    assert sorted(lines(world)) == sorted([no(BACKEND), f"Ana, we have chosen someone else for {FRONTEND}."])


def test_what_a_person_approved_does_not_travel_with_what_nobody_looked_at(world: World) -> None:
    two(world)
    settle.hold(world.flow, world.workspace, world.message(NO, "a2").id, by="usr_1", why="wait")
    world.clock.tick(days=1)
    settle.approve(world.flow, world.workspace, world.message(NO, "a2").id, by="usr_1", now=True)
    world.settle_down()

    assert sorted(lines(world)) == [no(BACKEND), no(FRONTEND)]
    assert ["Auto-Submitted" in email.headers for email in world.provider.calls].count(True) == 1


def test_other_values_than_the_job_are_another_mail(world: World) -> None:
    for name, job in (("a1", BACKEND), ("a2", FRONTEND)):
        reject(world, name, job, **INTERVIEWED)
    for name, count in (("a1", "two conversations"), ("a2", "time")):
        message = world.message(AFTER_INTERVIEW, name)
        values = {"interview_count_phrase": count}
        settle.approve(world.flow, world.workspace, message.id, by="usr_1", values=values)
    world.run_for(hours=1)

    assert len(lines(world)) == 2


def test_switched_off_by_the_rule_each_has_a_mail_of_its_own(world_on: World) -> None:
    world = world_on
    book = export_rules(world.flow, world.workspace)
    apart = book.replace(f'send = "{NO}"\n', f'send = "{NO}"\njoin = false\n')
    import_rules(world.flow, world.workspace, apart, by="usr_1")
    two(world)
    world.run_for(days=1)

    assert lines(world) == [no(BACKEND), no(FRONTEND)]
    assert world.ledger().violations == ()


def test_a_companion_that_breaks_us_keeps_nobody_else_from_leaving(world: World) -> None:
    two(world)
    with world.db.begin() as tx:
        tx.session.merge(world.message(NO, "a2")).placeholders = b"not sealed by us"
    world.run_for(days=1)

    assert lines(world) == [no(BACKEND)]
    assert items(world, "a1") == ["told"]
    assert attempts(world, "a2")[-1].outcome == "broken"


def test_another_window_is_another_mail(world: World) -> None:
    reject(world, "a1", BACKEND)
    book = export_rules(world.flow, world.workspace).replace('window = "decision"', 'window = "any"')
    import_rules(world.flow, world.workspace, book, by="usr_1")
    reject(world, "a2", FRONTEND)
    world.run_for(days=1)

    assert lines(world) == [no(BACKEND), no(FRONTEND)]


def test_what_a_worker_died_with_travels_alone(world: World) -> None:
    two(world)
    with world.db.begin() as tx:
        tx.session.merge(world.message(NO, "a2")).deaths = 1
    world.run_for(days=1)

    assert lines(world) == [no(BACKEND), no(FRONTEND)]
    assert items(world, "a1", "a2") == ["told", "told"]
