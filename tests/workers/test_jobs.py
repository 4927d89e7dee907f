"""What a job does with what it is bound to."""

import pytest

from notifier.core.errors import DatabaseAway
from notifier.core.ports import Job
from workers import jobs
from workers.drain import drain


class Pile:
    """Work that is done in batches; every touch is noted in `story`."""

    def __init__(self, story: list[str], name: str, batches: int) -> None:
        self.story, self.name, self.batches = story, name, batches

    def __call__(self) -> int:
        self.story.append(self.name)
        self.batches -= 1
        return int(self.batches >= 0)


def bind(story: list[str], *, plan: int = 0, send: int = 0, sweep: int = 0, stop_after: int = 1000) -> None:
    """Bind doubles that write down what happens."""
    piles = {Job.PLAN: plan, Job.SEND: send, Job.SWEEP: sweep}

    def nudge(job: Job) -> bool:
        story.append(f"nudge {job}")
        return True

    jobs.bind(
        jobs.Bench(
            batches={job: Pile(story, job, piles.get(job, 0)) for job in Job},
            nudge=nudge,
            taken=lambda job: story.append(f"taken {job}"),
            stopping=lambda: len(story) > stop_after,
        )
    )


def test_a_plan_goes_straight_on_to_sending_until_nothing_is_left() -> None:
    story: list[str] = []
    bind(story, plan=2, send=1)

    jobs.plan()

    assert story == ["taken plan", "plan", "send", "plan", "send", "plan", "send"]


def test_a_sweep_acts_on_every_page_before_it_asks_for_the_next() -> None:
    story: list[str] = []
    bind(story, sweep=1)

    jobs.sweep()

    assert story == ["taken sweep", "sweep", "plan", "send", "sweep", "plan", "send"]


def test_hearing_is_done_alone() -> None:
    story: list[str] = []
    bind(story)

    jobs.hear()

    assert story == ["taken hear", "hear"]


def test_a_job_takes_its_nudge_before_it_looks() -> None:
    story: list[str] = []
    bind(story)

    jobs.send()

    assert story == ["taken send", "send"]


def test_a_job_that_is_stopped_leaves_the_rest_to_another() -> None:
    story: list[str] = []
    bind(story, send=100, stop_after=3)

    jobs.send()

    assert story == ["taken send", "send", "send", "send", "nudge send"]


def test_a_job_ends_quietly_when_the_database_is_away() -> None:
    def away() -> int:
        raise DatabaseAway("OperationalError")

    jobs.bind(jobs.Bench(dict.fromkeys(Job, away), lambda _: True, lambda _: None, lambda: False))

    jobs.plan()


def test_any_other_fault_fails_the_job() -> None:
    def broken() -> int:
        raise ZeroDivisionError

    jobs.bind(jobs.Bench(dict.fromkeys(Job, broken), lambda _: True, lambda _: None, lambda: False))

    with pytest.raises(ZeroDivisionError):
        jobs.plan()


def test_draining_ends_in_time_with_work_left() -> None:
    assert not drain([lambda: 1], stopping=lambda: False, seconds=0.02)
