"""An account of Greenhouse that can be asked as often as a test likes."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.pull.asked import MONDAY
from tests.standins.greenhouse import Greenhouse


@pytest.fixture
def greenhouse() -> Iterator[Greenhouse]:
    with Greenhouse(limit=10_000) as server:
        server.account.hire_staff(MONDAY - timedelta(days=300))
        yield server
