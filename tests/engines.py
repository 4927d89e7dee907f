"""Engines that are used again: two fifths of a short test would be SQLAlchemy compiling the same statements anew.

An engine keeps what it has compiled. So whoever has done with one gives it back, and it reaches the next database:
the server, the file, the connections and all that is in them are another's, the compiled texts of statements are not.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect, Engine, make_url

from notifier.store.database import make_engine

_free: dict[str, list[Engine]] = {}


def lend(url: str) -> Engine:
    """An engine for this database: one that somebody gave back, else a new one."""
    free = _free.setdefault(_kind(url), [])
    if not free:
        return _new(url)
    engine = free.pop()
    engine.url = make_url(url)
    return engine


def give_back(engine: Engine) -> None:
    """Close its connections and keep it for the next. Not for one whose connections were changed."""
    engine.dispose()
    _free[_kind(str(engine.url))].append(engine)


def _new(url: str) -> Engine:
    engine = make_engine(url)

    def aim(dialect: Dialect, _record: object, arguments: list[Any], options: dict[str, Any]) -> None:
        there, named = dialect.create_connect_args(engine.url)
        arguments[:] = there
        options.update(named)

    if _kind(url) != url:
        sa.event.listen(engine, "do_connect", aim)
    return engine


def _kind(url: str) -> str:
    # A database in memory is its connection, which another kind of pool keeps; there is nowhere to aim at.
    return url if url == "sqlite://" else url.partition(":")[0]
