"""M06 and M07: whoever was erased stays away, and retention comes to the same result however often it is cut off."""

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from notifier.core.answer import Unknown
from notifier.core.feedback import Heard
from notifier.core.retention import Kind
from notifier.flow.restore import ErasedAgain, erase_again
from notifier.flow.retention import due, retain_all
from notifier.store import people
from notifier.store.database import Database
from tests.cli.conftest import Terminal, terminal_for  # noqa: F401 - a fixture
from tests.conftest import Databases
from tests.faults import copies
from tests.faults.children import child, context, end_of
from tests.faults.copies import Cut, contents, copied, mentions
from tests.store.retained import entries, hear, report, told
from tests.world import MORNING, World

#: What is Ana's and nobody else's.
ANA = ("Ana", "ana@")

#: Where retention is killed, one after the other.
CUTS = (
    Cut("before", Kind.INBOX_BODIES),
    Cut("in", Kind.INBOX_BODIES),
    Cut("after", Kind.REPORTS),
    Cut("before", Kind.LETTERS),
    Cut("in", Kind.LETTERS),
    Cut("after", Kind.DELETED_LETTERS),
)


@pytest.fixture
def second_url(request: pytest.FixtureRequest, database_url: str, databases: Databases, tmp_path: Path) -> str:
    """Another fresh database of the same kind."""
    if database_url.startswith("sqlite"):
        return databases.sqlite(tmp_path / "second.db")
    return databases.postgresql()


def say(world: World, kind: str, **data: Any) -> None:
    """A word of the ATS about a person or an application."""
    world.clock.tick(minutes=1)
    world.post(world.generic, {"type": kind, "timestamp": world.clock.now.isoformat(), "data": data})
    world.plan()


def erase(world: World, candidate: str = "c-ana") -> None:
    say(world, "candidate.erased", candidate={"id": candidate})


def arrive(world: World, *, event_id: str = "") -> str:
    """Ana's rejection as the ATS sent it in the morning, once more; what became of it."""
    name = event_id or f"replay-{world.clock.now}"
    receipt = world.change("ana", outcome="rejected", email="ana@example.org", at=MORNING, event_id=name)
    world.settle_down()
    return receipt.word


class TestErased:
    @pytest.fixture
    def ana(self, world_on: World) -> World:
        """Ana was told, and the provider reported on it; Bo is still under way."""
        world_on.change("bo", stage="Applied", kind="applied", email="bo@example.org", first_name="Bo", owner=False)
        arrive(world_on, event_id="first")
        told(world_on, "ana")
        hear(world_on, report(world_on, -1 + len(world_on.provider.accepted)))
        assert {"candidates", "inbox_items", "messages", "provider_events"} <= set(mentions(world_on.db, *ANA))
        return world_on

    def test_m06_nothing_of_an_erased_person_is_left_and_the_proof_is(self, ana: World) -> None:
        erase(ana)

        assert mentions(ana.db, *ANA) == []
        assert "Bo" in str(contents(ana.db))
        (message,) = ana.messages("ana")
        assert (message.state.value, message.text_hash is not None) == ("accepted", True)
        assert ana.ledger().violations == ()

    def test_m06_a_redelivered_webhook_does_not_bring_them_back(self, ana: World) -> None:
        erase(ana)
        sent = len(ana.provider.calls)

        assert arrive(ana, event_id="first") == "duplicate"
        assert arrive(ana) == "kept"
        say(ana, "candidate.changed", candidate={"id": "c-ana", "first_name": "Ana", "email": "ana@example.org"})
        assert mentions(ana.db, *ANA) == []
        assert len(ana.provider.calls) == sent

    def test_m06_not_even_when_its_key_is_gone(self, ana: World) -> None:
        erase(ana)
        sent = len(ana.provider.calls)
        ana.clock.tick(days=450)
        retain_all(ana.db, by="system")

        assert arrive(ana, event_id="first") == "kept"

        with ana.db.read() as tx:
            row = people.find_candidate(tx, ana.generic.id, "c-ana")
            assert row is not None
            assert (row.name, row.address, row.erased_at is not None) == ("", None, True)
        ana.run_for(days=3)
        assert len(ana.provider.calls) == sent

    def test_m06_so_are_the_records_that_were_merged_into_theirs(self, ana: World) -> None:
        say(ana, "candidate.merged", candidate={"id": "c-ana"}, into={"id": "c-ana-2", "first_name": "Ana"})
        erase(ana, "c-ana-2")

        assert mentions(ana.db, *ANA) == []
        with ana.db.read() as tx:
            assert people.tombstones(tx) == [(ana.generic.id, "c-ana"), (ana.generic.id, "c-ana-2")]

    def test_m06_after_a_restore_the_erasure_is_done_again_from_the_list(
        self,
        ana: World,
        second_url: str,
        terminal_for: Callable[[str], Terminal],  # noqa: F811 - the fixture above
        tmp_path: Path,
    ) -> None:
        """Ana was erased after the backup, and so was Eva, whom the backup does not know at all."""
        backup = copied(ana.db, second_url)
        erase(ana)
        ana.change("eva", outcome="rejected", email="eva@example.org", first_name="Eva", at=MORNING)
        ana.plan()
        erase(ana, "c-eva")
        listed = tmp_path / "tombstones.jsonl"
        listed.write_text(terminal_for(_url(ana.db)).run("db", "tombstones"), encoding="utf-8")
        assert not [word for word in (*ANA, "eva@", "Eva") if word in listed.read_text("utf-8")]
        assert mentions(backup, *ANA) != []

        said = terminal_for(second_url).json("db", "restored", "--tombstones", str(listed))

        assert said["tombstones"] == {"erased": 2, "already": 0, "unknown": 0}
        assert mentions(backup, *ANA) == []
        restored = World.__new__(World)
        restored.__dict__ |= ana.__dict__ | {"db": backup, "flow": replace(ana.flow, db=backup)}
        assert arrive(restored, event_id="first") == "duplicate"
        restored.change("eva", outcome="rejected", email="eva@example.org", first_name="Eva", at=MORNING)
        restored.settle_down()
        with backup.read() as tx:
            for name in ("c-ana", "c-eva"):
                row = people.find_candidate(tx, ana.generic.id, name)
                assert row is not None
                assert (row.first_name, row.address, row.erased_at is not None) == ("", None, True)
        assert restored.ledger().violations == ()
        backup.dispose()

    def test_m06_the_list_may_be_gone_through_again(self, ana: World) -> None:
        listed = [(ana.generic.id, "c-ana"), (ana.generic.id, "c-nobody-knows"), ("src_gone", "c-1")]

        assert erase_again(ana.db, listed, by="command line") == ErasedAgain(2, 0, 1)
        before = contents(ana.db)
        assert erase_again(ana.db, listed, by="command line") == ErasedAgain(0, 2, 1)

        assert contents(ana.db) == before
        with ana.db.read() as tx:
            assert people.tombstones(tx) == sorted(listed[:2])


class TestRetention:
    @pytest.fixture
    def old(self, world_on: World) -> World:
        """Some of everything that is to leave, and as old as these: one each of what must stay."""
        world = world_on
        for name in ("told-1", "told-2"):
            told(world, name)
        hear(world, report(world, 0), report(world, 1), report(world, -1))
        world.change("gone", stage="Applied", kind="applied", email="gone@example.org")
        world.settle_down()
        say(world, "application.deleted", application={"id": "gone"})
        world.change("open", stage="Onsite", kind="interview", outcome="rejected", email="open@example.org")
        told(world, "came-back")
        hear(world, report(world, -1 + len(world.provider.accepted), Heard.BOUNCED))
        world.provider.answer = lambda _: Unknown("cut")
        world.change("doubt", stage="Applied", kind="applied", email="doubt@example.org")
        world.settle_down()
        world.post(world.generic, b"no json")
        world.plan()
        world.clock.tick(days=420)
        assert due(world.db).keys() > {Kind.INBOX_KEYS, Kind.LETTERS, Kind.DELETED_LETTERS, Kind.PROVIDER_IDS}
        return world

    @pytest.fixture
    def expected(self, old: World, second_url: str) -> Iterator[Database]:
        """The same history, of which everything was let go in one go."""
        copy = copied(old.db, second_url)
        retain_all(copy, by="system")
        yield copy
        copy.dispose()

    def test_m07_run_twice_it_has_done_it_once(self, old: World) -> None:
        counted = due(old.db)
        retain_all(old.db, by="system")
        once = contents(old.db)
        retain_all(old.db, by="system")

        assert contents(old.db) == once
        assert written_down(old) == {kind.value: number for kind, number in counted.items() if number}
        assert due(old.db).total() == 0

    def test_m07_killed_half_way_again_and_again_it_comes_to_the_same(self, old: World, expected: Database) -> None:
        seconds = context.Value("d", (old.clock.now - MORNING).total_seconds())
        for cut in CUTS:
            with child(copies.retain, _url(old.db), seconds, cut) as process:
                assert end_of(process) == -signal.SIGKILL, cut
            assert old.ledger().violations == ()
        with child(copies.retain, _url(old.db), seconds, None) as process:
            assert end_of(process) == 0

        assert contents(old.db) == contents(expected)

    def test_m07_two_at_once_come_to_the_same(self, old: World, expected: Database) -> None:
        seconds = context.Value("d", (old.clock.now - MORNING).total_seconds())
        arguments = (copies.retain, _url(old.db), seconds, None)
        with child(*arguments) as one, child(*arguments) as other:
            assert (end_of(one), end_of(other)) == (0, 0)
        retain_all(old.db, by="system")

        assert contents(old.db) == contents(expected)

    def test_m07_what_is_live_stays_whole(self, old: World) -> None:
        before = contents(old.db)
        retain_all(old.db, by="system")

        live = {name: old.application(name) for name in ("open", "came-back", "doubt")}
        assert [view.item for view in live.values()] == ["pending", "open", "none"]
        for name, view in live.items():
            assert view.candidate is not None
            assert view.candidate.first_name == "Ana", name
            for message in old.messages(name):
                (row,) = [row for row in contents(old.db)["messages"] if message.id in row]
                assert row in before["messages"], name
        assert [row for row in before["inbox_items"] if "no json" in row] == [
            row for row in contents(old.db)["inbox_items"] if "no json" in row
        ]


def written_down(world: World) -> dict[str, int]:
    """How many rows of each kind the audit trail says have left."""
    found: Counter[str] = Counter()
    for _, subject, _, reason in entries(world):
        found[subject.removeprefix("retention:")] += int(reason.partition(" ")[0])
    return dict(found)


def _url(db: Database) -> str:
    return db.engine.url.render_as_string(hide_password=False)
