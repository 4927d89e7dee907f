"""Recruiters whom the ATS gives no id."""

import pytest
import sqlalchemy as sa

from notifier.core.change import OwnerFacts
from notifier.store import sources
from notifier.store.database import Database
from notifier.store.people import Owner, mirror_owner, owner_address
from tests.world import SECRETS, World

MARIA = OwnerFacts("", "Maria Lopez", "maria@example.com")


def mirror(world: World, db: Database, facts: OwnerFacts) -> str:
    with db.begin() as tx:
        source = sources.get_source(tx, world.workspace, world.generic.id)
        return mirror_owner(tx, source, facts, facts.email or None).id


def ids(world: World) -> list[str]:
    with world.db.read() as tx:
        return list(tx.session.scalars(sa.select(Owner.external_id)))


def test_they_are_known_by_an_address_that_nobody_can_read(world: World) -> None:
    first = mirror(world, world.db, MARIA)

    assert mirror(world, world.db, OwnerFacts("", "Maria Lopez-Ruiz", "Maria@example.com")) == first
    assert mirror(world, world.db, OwnerFacts("", "Maria Lopez", "other@example.com")) != first
    assert not [known for known in ids(world) if "maria" in known.lower() or "@" in known]


def test_they_are_still_known_when_the_key_has_changed(world: World) -> None:
    first = mirror(world, world.db, MARIA)
    rotated = Database(str(world.db.engine.url), secrets=("a-newer-secret-of-more-than-32-characters", *SECRETS))

    assert mirror(world, rotated, MARIA) == first
    with rotated.read() as tx:
        assert owner_address(tx, tx.session.get_one(Owner, first)) == "maria@example.com"
    rotated.dispose()


@pytest.mark.parametrize(("facts", "known"), [(OwnerFacts("9", "Maria", "m@x.com"), "9"), (OwnerFacts("", "M"), "M")])
def test_an_id_of_the_ats_goes_first_and_a_name_last(world: World, facts: OwnerFacts, known: str) -> None:
    mirror(world, world.db, facts)

    assert ids(world) == [known]


def test_a_row_made_by_a_process_without_the_newest_key_breaks_nobody(world: World) -> None:
    newer = "a-newer-secret-of-more-than-32-characters"
    ahead = Database(str(world.db.engine.url), secrets=(newer,))
    both = Database(str(world.db.engine.url), secrets=(newer, *SECRETS))
    first, second = mirror(world, ahead, MARIA), mirror(world, world.db, MARIA)
    with both.read() as tx:
        assert tx.session.execute(sa.select(sa.func.count()).select_from(Owner)).scalar_one() == 2

    assert mirror(world, both, MARIA) in (first, second)
    ahead.dispose()
    both.dispose()
