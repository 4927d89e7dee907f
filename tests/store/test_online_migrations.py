"""Upgrades while the old program goes on: what the floor promises, for every revision there is, on either database.

A worker of every release down to the floor finds its tables and columns and can write its rows, and every program knows
whether it may use the schema it finds.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from notifier.core.errors import Refused
from notifier.store import schema
from notifier.store.database import Database
from notifier.store.schema import Compatibility
from tests.schemas import left_by_a_newer_program
from tests.world import SECRETS, World

REVISIONS = sorted(path.name.partition("_")[0] for path in (schema.FOLDER / "versions").glob("[0-9]*_*.py"))

#: Tables that say where the schema stands; programs do not write rows of their own into them.
STANDING = {"alembic_version", "schema_floor"}


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    made = Database(database_url, secrets=SECRETS)
    yield made
    made.dispose()


@dataclass(frozen=True)
class Shape:
    """The columns of every table, and what must be unique in it."""

    columns: dict[str, dict[str, sa.engine.interfaces.ReflectedColumn]]
    unique: dict[str, set[frozenset[str]]]


def shape(db: Database) -> Shape:
    with db.engine.connect() as connection:
        found = sa.inspect(connection)
        tables = [name for name in found.get_table_names() if name not in STANDING]
        return Shape(
            {table: {column["name"]: column for column in found.get_columns(table)} for table in tables},
            {
                table: {
                    *(frozenset(one["column_names"]) for one in found.get_unique_constraints(table)),
                    *(frozenset(map(str, one["column_names"])) for one in found.get_indexes(table) if one["unique"]),
                }
                for table in tables
            },
        )


def width(column: sa.engine.interfaces.ReflectedColumn) -> float:
    length = getattr(column["type"], "length", None)
    return float("inf") if length is None else float(length)


def broken_for(old: Shape, new: Shape) -> list[str]:
    """What a program written for `old` cannot do any more with `new`."""
    broken = [f"{table} is gone" for table in old.columns.keys() - new.columns.keys()]
    for table in old.columns.keys() & new.columns.keys():
        before, after = old.columns[table], new.columns[table]
        broken += [f"{table}.{name} is gone" for name in before.keys() - after.keys()]
        for name in before.keys() & after.keys():
            kinds = [column["type"]._type_affinity for column in (before[name], after[name])]
            if kinds[0] is not kinds[1] or width(after[name]) < width(before[name]):
                broken.append(f"{table}.{name} has another type")
            if before[name]["nullable"] and not after[name]["nullable"] and after[name]["default"] is None:
                broken.append(f"{table}.{name} must be given now")
        broken += [
            f"{table}.{name} is unknown to an old INSERT"
            for name in after.keys() - before.keys()
            if not after[name]["nullable"] and after[name]["default"] is None
        ]
        broken += [
            f"{table}: {', '.join(sorted(columns))} must be unique now"
            for columns in new.unique[table] - old.unique[table]
            if columns <= before.keys()
        ]
    return broken


def test_m02_a_program_of_every_revision_down_to_the_floor_can_use_the_newest_schema(db: Database) -> None:
    """Nothing it reads is gone, and every row it writes is still a whole row."""
    newest, floor = shape(db), schema.floor(db)
    schema.downgrade(db, "base")
    broken = {}
    for revision in [one for one in REVISIONS if one >= floor]:
        schema.upgrade(db, revision)
        broken[revision] = broken_for(shape(db), newest)

    assert not any(broken.values()), broken


def test_what_breaks_an_old_program_is_found() -> None:
    """The check above is only worth something if it can fail."""

    def made(*columns: sa.Column[object], unique: str = "") -> Shape:
        engine = sa.create_engine("sqlite://")
        metadata = sa.MetaData()
        extra = [sa.UniqueConstraint(unique)] if unique else []
        sa.Table("messages", metadata, sa.Column("id", sa.String, primary_key=True), *columns, *extra)
        metadata.create_all(engine)
        with engine.connect() as connection:
            found = sa.inspect(connection)
            return Shape(
                {"messages": {column["name"]: column for column in found.get_columns("messages")}},
                {"messages": {frozenset(one["column_names"]) for one in found.get_unique_constraints("messages")}},
            )

    old = made(sa.Column("why", sa.String(32)))
    assert broken_for(old, made(sa.Column("why", sa.String(64)))) == []
    assert broken_for(old, made(sa.Column("why", sa.String(32)), sa.Column("new", sa.String))) == []
    assert broken_for(old, made()) == ["messages.why is gone"]
    assert broken_for(old, Shape({}, {})) == ["messages is gone"]
    assert broken_for(old, made(sa.Column("why", sa.String(16)))) == ["messages.why has another type"]
    assert broken_for(old, made(sa.Column("why", sa.Integer))) == ["messages.why has another type"]
    assert broken_for(old, made(sa.Column("why", sa.String(32), nullable=False))) == ["messages.why must be given now"]
    added = made(sa.Column("why", sa.String(32)), sa.Column("new", sa.String, nullable=False))
    assert broken_for(old, added) == ["messages.new is unknown to an old INSERT"]
    assert broken_for(old, made(sa.Column("why", sa.String(32)), unique="why")) == ["messages: why must be unique now"]


def rows(db: Database, columns: dict[str, list[str]]) -> dict[str, list[str]]:
    """What stands in these columns, one text a row."""
    with db.engine.connect() as connection:
        return {
            table: sorted(
                repr(tuple(row))
                for row in connection.execute(sa.select(*map(sa.column, names)).select_from(sa.table(table)))
            )
            for table, names in columns.items()
        }


def test_m01_up_down_and_up_again_keeps_every_row_of_the_oldest_tables(
    world_on: World, record_property: Callable[[str, object], None], request: pytest.FixtureRequest
) -> None:
    """Nothing that the oldest release knew is lost on the way, and the time it takes is reported."""
    for number in range(20):
        world_on.change(f"a{number}", stage="Applied", kind="applied", email=f"ana{number}@example.org")
    world_on.settle_down()
    world_on.change("a1", stage="Applied", kind="applied", outcome="rejected")
    world_on.settle_down()
    db, oldest = world_on.db, oldest_columns(request)
    before = rows(db, oldest)

    started = time.monotonic()
    schema.downgrade(db, REVISIONS[0])
    down, between = time.monotonic(), rows(db, oldest)
    schema.upgrade(db)

    record_property("seconds down and up", (round(down - started, 3), round(time.monotonic() - down, 3)))
    assert len(before["messages"]) == 21
    assert before == between == rows(db, oldest)
    assert schema.check(db) is Compatibility.OK
    assert world_on.ledger().violations == ()


def oldest_columns(request: pytest.FixtureRequest) -> dict[str, list[str]]:
    """The tables and columns of the oldest release."""
    folder = request.getfixturevalue("tmp_path")
    empty = Database(f"sqlite:///{folder}/oldest.db", secrets=SECRETS)
    schema.upgrade(empty, REVISIONS[0])
    found = {table: sorted(columns) for table, columns in shape(empty).columns.items()}
    empty.dispose()
    return found


class TestWhetherThisProgramMayUseIt:
    def test_an_empty_database_is_said_to_be_one(self, tmp_path: Path) -> None:
        empty = Database(f"sqlite:///{tmp_path}/empty.db", secrets=SECRETS)
        assert (schema.check(empty), schema.floor(empty)) == (Compatibility.EMPTY, "")
        with pytest.raises(Refused, match="run: notifier db upgrade"):
            schema.demand(empty)
        empty.dispose()

    def test_its_own_schema_is_fine(self, db: Database) -> None:
        assert schema.check(db) is Compatibility.OK
        assert schema.floor(db) <= schema.head()
        schema.demand(db)

    def test_s03_an_older_one_is_refused(self, db: Database) -> None:
        with db.begin() as tx:
            tx.session.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))

        assert schema.check(db) is Compatibility.BEHIND
        with pytest.raises(Refused, match="run: notifier db upgrade"):
            schema.demand(db)

    def test_s03_a_newer_one_is_used_where_it_leaves_room_for_this_program(self, db: Database) -> None:
        left_by_a_newer_program(db, revision="9999", floor=schema.head())

        assert schema.check(db) is Compatibility.AHEAD_COMPATIBLE
        schema.demand(db)
        schema.upgrade(db)
        assert schema.current(db) == "9999"

    def test_s03_a_newer_one_is_refused_where_it_does_not(self, db: Database) -> None:
        left_by_a_newer_program(db, revision="9999", floor="9998")

        assert schema.check(db) is Compatibility.AHEAD_INCOMPATIBLE
        with pytest.raises(Refused, match="use the newer program"):
            schema.demand(db)

    def test_one_that_says_nothing_about_older_programs_is_for_its_own(self, db: Database) -> None:
        left_by_a_newer_program(db, revision="9999", floor="0001")
        with db.begin() as tx:
            tx.session.execute(sa.text("DROP TABLE schema_floor"))

        assert schema.floor(db) == "9999"
        assert schema.check(db) is Compatibility.AHEAD_INCOMPATIBLE
