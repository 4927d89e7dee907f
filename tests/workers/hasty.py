"""A web process with little patience, and an application that can be slow: what the tests of a server start."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from notifier.logs import configure
from workers.deadline import ReadFirst

#: Seconds that `/slow` takes: more than a sender has.
SLOW = 3.0

# Every application does; what is logged later has not to be loaded first.
configure("WARNING", "console")


class Hasty(ReadFirst):
    """Gives a sender one second, and all of them together two megabytes."""

    patience, room = 1.0, 2 * 1024 * 1024


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with the number of bytes that were sent; `/slow` with pieces, `/page` with ten kilobytes.

    Below `/broken/` it fails with words of its own.
    """
    if environ["PATH_INFO"].startswith("/broken/"):
        raise ValueError("the umbrella talk with Zebedee")
    read = environ["wsgi.input"].read
    size = b"%d" % sum(len(piece) for piece in iter(lambda: read(65536), b""))
    if environ["PATH_INFO"] == "/slow":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return _slowly()
    content = bytes(10_000) if environ["PATH_INFO"] == "/page" else size
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(content)))])
    return [content]


def _slowly() -> Iterator[bytes]:
    for piece in range(5):
        time.sleep(SLOW / 5)
        yield b"piece %d" % piece
