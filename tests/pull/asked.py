"""Asking the stand-in of Greenhouse."""

from datetime import UTC, datetime, timedelta
from typing import Any

from notifier.pull.ats.greenhouse import Puller
from notifier.pull.port import Access, Later, Page, Refused
from tests.standins.greenhouse import Greenhouse

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)


def ask(
    server: Greenhouse,
    *,
    puller: Puller | None = None,
    since: datetime = MONDAY - timedelta(days=30),
    cursor: str = "",
    key: str = "",
    now: datetime = TUESDAY,
) -> Page | Later | Refused:
    return (puller or Puller()).page(Access(key or server.key, server.url), since, cursor, now)


def read(server: Greenhouse, **options: Any) -> Page:
    page = ask(server, **options)
    assert isinstance(page, Page), page
    return page
