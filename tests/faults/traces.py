"""Everything a running installation leaves anywhere: what stands in Redis, in the database, in files, at the provider.

Each reading is complete rather than clever, so that a new key, column or file is looked at without anybody thinking of
it. The database is read as it lies there, without its keys.
"""

import base64
import contextlib
import threading
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from redis import Redis
from redis.exceptions import RedisError

from notifier.store.database import Database
from notifier.store.tables import metadata
from tests.standins.sendgrid import Mail

#: What is the mail itself in a request to SendGrid; the rest is kept beside it and read by the provider's staff.
LETTER = ("from", "reply_to", "subject", "content", "personalizations")

#: Seconds between two looks into Redis: jobs of ours live for some hundredths.
PAUSE = 0.01


class RedisWatch(threading.Thread):
    """Looks at every key and value of every type, again and again; `seen` is all it has met, in lower case."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.seen: set[str] = set()
        self._client = Redis.from_url(url)
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()
        self._client.close()

    def run(self) -> None:
        while not self._ended.wait(PAUSE):
            with contextlib.suppress(RedisError):  # it starts later than we do, or a key went while we asked
                for key in self._client.scan_iter():
                    self.seen |= {plain(part) for part in (key, *_parts(self._value(key)))}

    def _value(self, key: bytes) -> Any:
        client: Any = self._client
        read = {
            b"string": lambda: client.get(key),
            b"list": lambda: client.lrange(key, 0, -1),
            b"set": lambda: client.smembers(key),
            b"zset": lambda: client.zrange(key, 0, -1, withscores=True),
            b"hash": lambda: client.hgetall(key),
            b"stream": lambda: client.xrange(key),
        }
        kind = client.type(key)
        return None if kind == b"none" else read[kind]()


def _parts(value: Any) -> Iterator[bytes]:
    """Everything within an answer of Redis that is text."""
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        yield from _parts([*value, *value.values()])
    elif isinstance(value, list | tuple | set):
        for part in value:
            yield from _parts(part)


def plain(value: bytes) -> str:
    """What the bytes say, in lower case. RQ packs a job, and packs and writes in base64 what became of it."""
    for unpack in (zlib.decompress, lambda packed: zlib.decompress(base64.b64decode(packed, validate=True))):
        with contextlib.suppress(zlib.error, ValueError):
            return unpack(value).decode("utf-8", "replace").lower()
    return value.decode("utf-8", "replace").lower()


def columns_with(db: Database, words: Sequence[str]) -> dict[str, set[str]]:
    """The columns in which any of the words can be read without a key, and which of them."""
    found: dict[str, set[str]] = {}
    with db.read() as tx:
        for table in metadata.sorted_tables:
            for row in tx.session.execute(sa.select(table)):
                for name, value in row._mapping.items():
                    text = plain(value) if isinstance(value, bytes) else str(value).lower()
                    if standing := {word for word in words if word in text}:
                        found.setdefault(f"{table.name}.{name}", set()).update(standing)
    return found


def files(folder: Path) -> dict[str, str]:
    """What every file under the folder says, in lower case, but for the databases."""
    texts = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("notifier.db")]
    return {path.relative_to(folder).as_posix(): path.read_bytes().decode("utf-8", "replace").lower() for path in texts}


def beside_the_letter(mail: Mail) -> dict[str, Any]:
    """What SendGrid was given with a mail and is not the mail: custom arguments, headers, categories, settings."""
    (one,) = mail.payload["personalizations"]
    rest = {name: value for name, value in one.items() if name != "to"}
    return {"personalization": rest} | {name: value for name, value in mail.payload.items() if name not in LETTER}
