"""`/readyz` and the schema: a web process that must not write says so, and one that may goes on."""

import pytest
from flask.testing import FlaskClient

from notifier.store import schema
from tests.schemas import left_by_a_newer_program
from tests.world import World


def test_s03_a_newer_schema_that_leaves_room_for_this_program_is_ready(world: World, anybody: FlaskClient) -> None:
    left_by_a_newer_program(world.db, revision="9999", floor=schema.head())

    answer = anybody.get("/readyz")

    assert answer.status_code == 200
    assert answer.get_json()["checks"]["migrations"] == {
        "ok": True,
        "state": "ahead_compatible",
        "at": "9999",
        "newest": schema.head(),
    }


@pytest.mark.parametrize(
    ("revision", "floor", "state"), [("9999", "9998", "ahead_incompatible"), ("0000", "0000", "behind")]
)
def test_s03_a_schema_that_this_program_must_not_use_is_not_ready(
    world: World, anybody: FlaskClient, revision: str, floor: str, state: str
) -> None:
    left_by_a_newer_program(world.db, revision=revision, floor=floor)

    answer = anybody.get("/readyz")

    assert answer.status_code == 503
    assert answer.get_json()["checks"]["migrations"]["state"] == state
