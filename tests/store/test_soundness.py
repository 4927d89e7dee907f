"""What is wrong beneath a database without any query failing."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from notifier.core.errors import DatabaseAway
from notifier.core.feedback import Heard, Report
from notifier.store import heartbeats, provider_events, soundness
from notifier.store.database import Database, system_clock
from tests.world import SECRETS, World


def test_trying_to_write_keeps_nothing(world_on: World) -> None:
    soundness.try_to_write(world_on.db)

    with world_on.db.read() as tx:
        assert heartbeats.last_beat(tx, "doctor") is None


def test_a_database_that_cannot_be_written_is_found(world: World, sqlite_url: str) -> None:
    db = Database(f"sqlite:///file:{sqlite_url.removeprefix('sqlite:///')}?mode=ro&uri=true", secrets=SECRETS)

    with pytest.raises(DatabaseAway):
        soundness.try_to_write(db)

    db.dispose()
    assert not Path("file:").exists()


def test_damage_is_found(world: World, sqlite_url: str, tmp_path: Path) -> None:
    for number in range(30):
        world.change(f"a{number}", stage="Applied", kind="applied", email=f"ana{number}@example.org")
    world.settle_down()
    assert soundness.damage(world.db) == ""
    world.flow.close()
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    content = bytearray(file.read_bytes())
    for page in range(len(content) // 4096 - 20, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    file.write_bytes(content)

    db = Database(sqlite_url, secrets=SECRETS)
    try:
        assert soundness.damage(db) != ""
    finally:
        db.dispose()


class TestClock:
    @pytest.mark.parametrize("seconds", [-3600, -61, 0, 61, 86_400])
    def test_s09_the_offset_is_ours_against_the_databases(self, postgresql_url: str, seconds: int) -> None:
        db = Database(postgresql_url, secrets=SECRETS)

        found = soundness.clock_offset(db, lambda: datetime.now(UTC) + timedelta(seconds=seconds))

        db.dispose()
        assert found == pytest.approx(seconds, abs=2)

    def test_sqlite_has_this_machines(self, world: World) -> None:
        assert soundness.clock_offset(world.db, lambda: system_clock() + timedelta(hours=1)) == 0.0


def test_postgresql_says_what_it_is_and_what_is_off(postgresql_url: str) -> None:
    db = Database(postgresql_url, secrets=SECRETS)
    try:
        assert soundness.postgresql_version(db) >= soundness.OLDEST_POSTGRESQL
        with db.begin() as tx:
            tx.session.connection().exec_driver_sql("SET synchronous_commit = off")
        assert set(soundness.switched_off(db)) <= set(soundness.DURABLE)
    finally:
        db.dispose()


def test_what_was_sealed_under_a_lost_key_is_named(world: World, sqlite_url: str) -> None:
    world.change("a1", stage="Applied", kind="applied")
    world.settle_down()
    with world.db.read() as tx:
        assert soundness.unopened(tx) == []
    other = Database(sqlite_url, secrets=["another-secret-of-more-than-32-characters"])
    both = Database(sqlite_url, secrets=["another-secret-of-more-than-32-characters", *SECRETS])

    with other.read() as tx:
        assert {"source.secret", "candidate.address", "inbox.body", "message.snapshot"} <= set(soundness.unopened(tx))
    with both.read() as tx:
        assert soundness.unopened(tx) == []
    other.dispose()
    both.dispose()


def test_a_report_and_a_whole_mail_are_opened_as_what_they_are(world: World, sqlite_url: str) -> None:
    report = Report(Heard.DELIVERED, world.clock.now, "digest", address="ana@example.org")
    with world.db.begin() as tx:
        provider_events.keep(tx, "sendgrid", [report])
        provider_events.keep_mail(tx, "mail", "digest", b"From: ana@example.org")
    with world.db.read() as tx:
        assert soundness.unopened(tx) == []
    other = Database(sqlite_url, secrets=["another-secret-of-more-than-32-characters"])

    with other.read() as tx:
        assert "event.report" in soundness.unopened(tx)
    other.dispose()
