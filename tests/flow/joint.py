"""One person and their applications, in a small world."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from notifier.flow import settle
from notifier.store import submission
from notifier.store.database import Database, Tx
from notifier.store.submission import Attempt
from tests.world import World

NO, AFTER_INTERVIEW = "rejected_after_application", "rejected_after_interview"
INTERVIEWED = {"stage": "Onsite", "kind": "interview"}

BACKEND, FRONTEND, DATA = "Backend engineer", "Frontend engineer", "Data engineer"


def reject(world: World, application: str, job: str, *, person: str = "c1", **more: object) -> None:
    """This person is not taken for this job."""
    candidate = {"id": person, "first_name": "Ana", "name": "Ana Adler", "email": f"{person}@example.org"}
    title = {"id": f"j-{application}", "title": job}
    world.change(application, outcome="rejected", candidate=candidate, job=title, **more)
    world.plan()


def approve(world: World, application: str, *, now: bool = False) -> None:
    """A person lets the "no" after an interview leave."""
    message = world.message(AFTER_INTERVIEW, application)
    settle.approve(world.flow, world.workspace, message.id, by="usr_1", now=now)


def two(world: World) -> None:
    """A "no" for two jobs at the same moment, both due the next morning."""
    reject(world, "a1", BACKEND)
    reject(world, "a2", FRONTEND)


def lines(world: World) -> list[str]:
    """The first line of every e-mail that the provider was given, taken or not."""
    return [email.text.splitlines()[0] for email in world.provider.calls]


def no(*jobs: str) -> str:
    """The first line of a "no" for these jobs."""
    return f"Ana, we will not take your application for {' and '.join(', '.join(jobs).rsplit(', ', 1))} further."


def states(world: World, *applications: str) -> list[str]:
    """The newest message of each, in a word."""
    return [world.messages(name)[-1].state.value for name in applications]


def items(world: World, *applications: str) -> list[str]:
    """What the ledger says of each."""
    return [world.application(name).item for name in applications]


def attempts(world: World, application: str) -> list[Attempt]:
    with world.db.read() as tx:
        return submission.attempts_of(tx, world.workspace, world.messages(application)[-1].id)


class BetweenClaimAndFence(Database):
    """The world's database; `then` is called once, when a worker has just committed its claim."""

    def __init__(self, world: World, then: Callable[[], None]) -> None:
        self.__dict__.update(world.db.__dict__)
        self._then: list[Callable[[], None]] = [then]

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        with super().begin() as tx:
            yield tx
        if self._then:
            self._then.pop()()
