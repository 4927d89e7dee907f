"""`notifier doctor`: every fault is a line with what would mend it, and the doctor itself never faints."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from config import Config
from notifier.cli.checks import work
from notifier.cli.context import RedisFacts
from notifier.cli.doctor import examine
from notifier.cli.main import Setting, cli
from notifier.store import heartbeats, sources, sweeps, workspaces
from tests.cli.conftest import Terminal
from tests.schemas import left_by_a_newer_program
from tests.world import SECRETS, World

HEALTHY = RedisFacts(policy="noeviction", persistent=True, used=1_000_000, limit=100_000_000)


class Doctor:
    """Calls the command with what Redis is said to be."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.redis: Callable[[Config], RedisFacts] = lambda _: HEALTHY

    def run(self, *words: str) -> Any:
        setting = Setting(redis_facts=self.redis)
        result = CliRunner().invoke(cli, ["doctor", *words], env=self.terminal.environ, obj=setting)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert "Traceback" not in result.output
        return result

    def report(self) -> dict[str, dict[str, Any]]:
        """The lines by their checks; the exit code must agree with them."""
        result = self.run("--json")
        lines = json.loads(result.stdout)
        assert all(set(line) == {"check", "ok", "detail", "fix"} for line in lines)
        assert all(line["ok"] or line["fix"] for line in lines), "a fault always says what would mend it"
        assert result.exit_code == (0 if all(line["ok"] for line in lines) else 1)
        assert len({line["check"] for line in lines}) == len(lines)
        return {line["check"]: line for line in lines}

    def faults(self) -> set[str]:
        return {name for name, line in self.report().items() if not line["ok"]}


@pytest.fixture
def doctor(terminal: Terminal, world: World) -> Doctor:
    """A doctor for the world's database, where a worker and a relay live."""
    world.clock.now = datetime.now(UTC)
    live(world)
    return Doctor(terminal)


def live(world: World) -> None:
    with world.db.begin() as tx:
        heartbeats.beat(tx, "worker", "w1")
        heartbeats.beat(tx, "relay", "r1")


class TestTheWhole:
    def test_a_healthy_installation_has_no_fault(self, doctor: Doctor) -> None:
        assert doctor.faults() == set()

    def test_for_people_it_is_a_line_each_and_what_to_do_below_it(self, doctor: Doctor, world: World) -> None:
        with world.db.begin() as tx:
            workspaces.pause(tx, "everything", why="holiday", by="usr_1")

        result = doctor.run()

        assert result.exit_code == 1
        assert "FAULT pauses: paused: everything (holiday)\n      -> mend the reason" in result.stdout
        assert "note  mail provider: mailbox" in result.stdout
        assert "ok    database: SQLite, writable" in result.stdout

    def test_a_wrong_configuration_is_all_its_mistakes_and_no_value(self, doctor: Doctor) -> None:
        doctor.terminal.environ |= {"SECRET_KEY": "tooshort", "PORT": "no"}

        (line,) = doctor.report().values()

        assert line["check"] == "configuration"
        assert "SECRET_KEY" in line["detail"]
        assert "PORT" in line["detail"]
        assert "tooshort" not in str(line)

    def test_nothing_is_changed(self, doctor: Doctor, world: World) -> None:
        def rows() -> list[object]:
            with world.db.read() as tx:
                tables = sa.inspect(tx.session.connection()).get_table_names()
                return [tx.session.execute(sa.text(f'SELECT * FROM "{table}"')).all() for table in tables]

        before = rows()
        doctor.report()
        assert rows() == before

    def test_postgresql_is_looked_at_in_its_own_way(
        self, postgresql_url: str, terminal_for: Callable[[str], Terminal]
    ) -> None:
        world = World(postgresql_url)
        world.clock.now = datetime.now(UTC)
        live(world)
        report = Doctor(terminal_for(postgresql_url)).report()
        world.close()

        assert report["database version"]["ok"]
        assert report["database clock"]["ok"]
        # The tests' own server may have fsync off, for speed; then that is what must be found.
        assert report["database durability"]["ok"] or "fsync" in report["database durability"]["detail"]
        assert "database integrity" not in report
        assert "database file system" not in report

    @pytest.mark.parametrize("url", ["sqlite:////proc/none/notifier.db", "postgresql://nobody@127.0.0.1:1/none"])
    def test_a_database_that_is_away_is_one_cause_and_the_rest_says_so(
        self, url: str, terminal_for: Callable[[str], Terminal]
    ) -> None:
        report = Doctor(terminal_for(url)).report()

        assert not report["database"]["ok"]
        for name in work.CHECKS:
            assert report[name] == {
                "check": name,
                "ok": False,
                "detail": "not looked at",
                "fix": "mend the database first",
            }
        assert report["redis"]["ok"]

    def test_what_is_no_database_is_said_to_be_none(
        self, tmp_path: Path, terminal_for: Callable[[str], Terminal]
    ) -> None:
        (tmp_path / "notes.txt").write_text("These are notes and no database. " * 100, encoding="utf-8")

        report = Doctor(terminal_for(f"sqlite:///{tmp_path}/notes.txt")).report()

        assert "DatabaseError" in report["database"]["detail"]

    def test_a_check_that_fails_in_an_unforeseen_way_is_a_fault_without_its_text(self) -> None:
        def broken(_: Config) -> RedisFacts:
            raise RuntimeError("ada@example.com")

        nowhere = Config(secret_key=SECRETS[0], database_url="sqlite:////proc/x/y.db")
        lines = [line.as_dict() for line in examine(nowhere, broken)]

        assert "ada@" not in str(lines)
        (said,) = (str(line["detail"]) for line in lines if line["check"] == "redis")
        assert said.startswith("it does not answer (RuntimeError)")


class TestTheSchema:
    @pytest.mark.parametrize(
        ("revision", "floor", "fix"),
        [("0000", "0000", "notifier db upgrade"), ("9999", "9998", "newer program"), ("9999", "0001", "")],
    )
    def test_s03_one_that_is_not_ours_names_the_way_out(
        self, doctor: Doctor, world: World, revision: str, floor: str, fix: str
    ) -> None:
        left_by_a_newer_program(world.db, revision=revision, floor=floor)

        line = doctor.report()["schema"]

        assert line["ok"] is (not fix)
        assert fix in line["fix"]

    def test_an_empty_database_is_to_be_upgraded(self, empty: Terminal) -> None:
        report = Doctor(empty).report()

        assert report["database"]["ok"]
        assert report["schema"]["fix"] == "run: notifier db upgrade"
        assert report["ledger"]["fix"] == "mend the schema first"


class TestTheWork:
    def test_who_does_not_live_is_missed(self, doctor: Doctor, world: World) -> None:
        with world.db.begin() as tx:
            tx.session.execute(sa.delete(heartbeats.Heartbeat).where(heartbeats.Heartbeat.kind == "relay"))
            tx.session.execute(sa.update(heartbeats.Heartbeat).values(at=tx.now - timedelta(minutes=20)))

        report = doctor.report()

        assert report["worker"]["detail"] == "last seen 20 min ago"
        assert report["relay"]["detail"] == "never seen"
        assert not report["worker"]["ok"]
        assert not report["relay"]["ok"]

    def test_a_restored_database_says_what_comes_next(self, doctor: Doctor) -> None:
        doctor.terminal.run("db", "restored")

        line = doctor.report()["pauses"]

        assert not line["ok"]
        assert "notifier db restored" in line["fix"]

    def test_a_lost_key_says_which_setting_to_mend(self, doctor: Doctor) -> None:
        doctor.terminal.environ["SECRET_KEY"] = "another-secret-of-more-than-32-characters"
        line = doctor.report()["secret key"]
        assert "source.secret" in line["detail"]
        assert "SECRET_KEY_FALLBACKS" in line["fix"]

        doctor.terminal.environ["SECRET_KEY_FALLBACKS"] = SECRETS[0]
        assert doctor.report()["secret key"]["ok"]

    def test_one_that_is_away_is_a_fault_and_says_what_it_costs(self, doctor: Doctor) -> None:
        doctor.redis = lambda _: RedisFacts(why="ConnectionError")

        report = doctor.report()

        assert "ConnectionError" in report["redis"]["detail"]
        assert report["redis memory"]["fix"] == "mend Redis first"


class TestSweeps:
    def test_a_source_with_a_key_that_is_not_read_back_is_a_fault(self, doctor: Doctor, world: World) -> None:
        with world.db.begin() as tx:
            source = sources.get_source(tx, None, world.greenhouse.id)
            sources.set_api_key(tx, source, "id:secret")
            source.created_at = tx.now - timedelta(hours=4)
            sweeps.ensure(tx, ["greenhouse"])
            row = sweeps.claim(tx, ["greenhouse"], source.id)
            assert row is not None
            sweeps.put_off(tx, row, until=tx.now, why="refused: greenhouse: no access token")

        line = doctor.report()["sweeps"]

        assert (line["ok"], "never read, refused: greenhouse: no access token" in line["detail"]) == (False, True)
        with world.db.begin() as tx:
            row = sweeps.claim(tx, ["greenhouse"], source.id)
            assert row is not None
            sweeps.advance(tx, row, cursor="", read=0, kept=0)
        assert doctor.report()["sweeps"]["ok"]
