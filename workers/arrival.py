"""How much of an HTTP request has come: enough to give it to a thread, or not.

Only the frame is looked at: where the head ends, and what says how long the body is. Whatever is not plainly framed
counts as LARGE and is judged by gunicorn's own parser, at which a mistake here costs time and never safety. Everything
is linear in the bytes received, however a sender cuts them up.
"""

import re
from enum import Enum, auto

#: Bytes of a body that are kept until all of it is there, which is a webhook of the largest size, and of its head too.
BODY = 1024 * 1024
HELD = BODY + 64 * 1024

#: The fields that frame a body, or let the sender wait for an answer before it sends one.
_FRAME = re.compile(rb"\r\n(content-length|transfer-encoding|expect):([^\r\n]*)", re.IGNORECASE)

#: Digits, so that a number stays one; a longer length is LARGE anyway.
_LENGTH = re.compile(rb"[0-9]{1,18}")

#: The line before a chunk. One with an extension, which nobody sends, is left to gunicorn.
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})\r\n")
_CHUNK_LINE = 10


class Progress(Enum):
    """What can be done with a connection."""

    PART = auto()  # wait for more
    WHOLE = auto()  # the request is there, nobody has to wait for its sender again
    LARGE = auto()  # it is too large to be kept, or only gunicorn can tell how long it is
    GONE = auto()  # the sender has hung up


class Arrival:
    """One request, `held` as far as it has come."""

    __slots__ = ("_chunk", "_need", "held")

    def __init__(self) -> None:
        self.held = bytearray()
        self._need: int | None = None  # bytes until its end
        self._chunk: int | None = None  # where the next chunk's line begins

    def add(self, data: bytes) -> Progress:
        """Take what has come now, which may reach into the next request; tell what can be done."""
        seen = len(self.held)
        self.held += data
        if self._need is None and self._chunk is None:
            end = self.held.find(b"\r\n\r\n", max(0, seen - 3))
            if end >= 0:
                self._frame(end)
        if self._need is None and self._chunk is not None:
            self._need, self._chunk = self._follow(self._chunk)
        if self._need is not None and self._need <= min(len(self.held), HELD):
            return Progress.WHOLE
        return Progress.LARGE if max(self._need or 0, self._chunk or 0, len(self.held)) > HELD else Progress.PART

    def _frame(self, end: int) -> None:
        body = end + 4
        match [(name.lower(), value.strip(b" \t")) for name, value in _FRAME.findall(self.held, 0, end)]:
            case []:
                self._need = body
            case [(b"content-length", length)] if _LENGTH.fullmatch(length) and int(length) <= BODY:
                self._need = body + int(length)
            case [(b"transfer-encoding", coding)] if coding.lower() == b"chunked":
                self._chunk = body
            case _:
                self._need = HELD + 1

    def _follow(self, at: int) -> tuple[int | None, int]:
        """Where the body ends, if that is known, and where the next chunk's line begins."""
        while line := _CHUNK.match(self.held, at):
            size = int(line[1], 16)
            if size == 0:
                after = bytes(self.held[line.end() : line.end() + 2])
                if after == b"\r\n":
                    return line.end() + 2, at
                return (None if b"\r\n".startswith(after) else HELD + 1), at  # trailers are left to gunicorn
            at = line.end() + size + 2
        return (HELD + 1 if len(self.held) - at >= _CHUNK_LINE else None), at
