"""The database itself; what is wrong with the schema is in the tests of the whole doctor."""

from datetime import UTC, datetime, timedelta

from notifier.cli.checks import database
from notifier.store import soundness
from notifier.store.database import Database
from tests.world import SECRETS


def test_s09_a_clock_that_is_off_is_a_fault_either_way(postgresql_url: str) -> None:
    db = Database(postgresql_url, secrets=SECRETS)
    for seconds, words in ((100, "ahead of"), (-100, "behind")):
        found = database.clock_found(
            soundness.clock_offset(db, lambda by=seconds: datetime.now(UTC) + timedelta(seconds=by))
        )
        assert not found.ok
        assert words in found.detail
    db.dispose()


def test_half_a_minute_is_not() -> None:
    assert database.clock_found(30.0).ok
    assert database.clock_found(-30.0).ok
