"""MIME parts of one level, cut from bytes.

Not the standard library's parser: it follows every nested part by recursion, looks at each line once for every level
and keeps a mail several times over, so that a stranger's mail of 35 MB decides how long we work. This cuts where it is
told, leaves the bytes as they are and takes time in proportion to the size.
"""

import binascii
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass

#: Bytes of a header block; longer ones are cut. Mail servers stop well below.
_LONGEST_HEAD = 256 * 1024

#: Characters of a Content-Type that are looked at.
_LONGEST_TYPE = 1000

_FOLD = re.compile(rb"\r?\n[ \t]+")
_BLANK_LINE = re.compile(rb"\n\r?\n")


@dataclass(frozen=True, slots=True)
class ContentType:
    """A Content-Type header: `media` in lower case, and the parameters that say how to cut and read."""

    media: str
    boundary: bytes = b""
    report_type: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One header block (names in lower case, the first of equal names) and what follows it."""

    headers: dict[str, str]
    body: bytes

    @property
    def type(self) -> ContentType:
        """What it says it holds; plain text if it does not say."""
        return content_type(self.headers.get("content-type", ""))

    @property
    def field(self) -> str:
        """The name of the form field it holds; empty if it is none."""
        return _parameter(self.headers.get("content-disposition", "")[:_LONGEST_TYPE], "name")

    def content(self) -> bytes:
        """The body without its transfer encoding; as it stands if the encoding is broken or unknown."""
        encoding = self.headers.get("content-transfer-encoding", "").strip().lower()
        try:
            if encoding == "base64":
                return binascii.a2b_base64(self.body)
            return quopri.decodestring(self.body) if encoding == "quoted-printable" else self.body
        except ValueError:
            return self.body


def content_type(written: str) -> ContentType:
    """A Content-Type header, read. Anything gives an answer."""
    head = written[:_LONGEST_TYPE]
    media = head.partition(";")[0].strip().lower()
    return ContentType(
        media or "text/plain",
        _parameter(head, "boundary").encode("utf-8", "replace"),
        _parameter(head, "report-type").lower(),
    )


def read_part(raw: bytes) -> Part:
    """A mail or a part of one: headers, an empty line, the rest. Without an empty line it is all headers."""
    if re.match(rb"\r?\n", raw):  # an empty line at once: no headers
        return Part({}, raw.removeprefix(b"\r").removeprefix(b"\n"))
    blank = _BLANK_LINE.search(raw)
    head, body = (raw[: blank.start()], raw[blank.end() :]) if blank else (raw, b"")
    return Part(read_fields(head), body)


def read_fields(block: bytes) -> dict[str, str]:
    """Header fields, unfolded; names in lower case, the first of equal names. A line that is none is passed over."""
    fields: dict[str, str] = {}
    for line in _FOLD.sub(b" ", block[:_LONGEST_HEAD]).splitlines():
        name, colon, value = line.partition(b":")
        if colon:
            fields.setdefault(name.decode("utf-8", "replace").strip().lower(), value.decode("utf-8", "replace").strip())
    return fields


def cut(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """The raw parts between the boundary lines, in order. The line end before a boundary belongs to the boundary.

    What precedes the first and follows the last is dropped; a body that breaks off keeps its last part.
    """
    if not boundary:
        return
    # The line end in front makes each find a whole line, and a fixed beginning is what makes the search fast.
    text = b"\n" + body
    start = -1
    for line in re.finditer(rb"\n--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|\Z)", text):
        if start >= 0:
            yield _between(text, start, line.start())
        if line[1]:
            return
        start = line.end()
    if start >= 0:
        yield _between(text, start, len(text))


def _between(text: bytes, start: int, end: int) -> bytes:
    """What stands between two boundary lines, each without its line end."""
    return re.sub(rb"\A\r?\n", b"", text[start:end].removesuffix(b"\r"), count=1)


def _parameter(header: str, name: str) -> str:
    found = re.search(rf';\s*{name}\s*=\s*(?:"([^"]*)"|([^\s;"]+))', header, re.IGNORECASE)
    return (found[1] or found[2] or "") if found else ""
