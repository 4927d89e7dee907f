"""Logs: one line an event, constant names and fields, and no personal data.

Code logs ids and never people; the last processor is the second wall: whatever looks like an e-mail address is blanked,
in every field and in what libraries log. A traceback says what went wrong and where, and neither the values of
variables nor the text of the fault, which may quote a name or a payload: PostgreSQL repeats the row that it refuses.
"""

import contextlib
import io
import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO, cast

import structlog

#: Anything with an @ between two words; deliberately wider than a valid address.
_ADDRESS = re.compile(r"[^\s\"'<>(),;:=\[\]{}]+@[^\s\"'<>(),;:=\[\]{}]+")

BLANK = "[address]"

#: Libraries that print payloads, keys or statements at lower levels.
QUIET = ("python_http_client", "sqlalchemy", "alembic", "rq", "urllib3")


def blank(value: Any) -> Any:
    """The value with every e-mail address in it blanked, in texts, lists and dictionaries."""
    if isinstance(value, str):
        return _ADDRESS.sub(BLANK, value) if "@" in value else value
    if isinstance(value, dict):
        return {key: blank(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [blank(inner) for inner in value]
    return value


#: Faults of one chain that are told, the last one first.
CHAIN = 5


class _Patient(io.TextIOBase):
    """Standard error, which may be full or closed: a line that cannot be written is lost, and the work goes on."""

    def write(self, text: str) -> int:
        """Write what can be written."""
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """Hand on what can be handed on."""
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank addresses in every field of a log line."""
    return {key: blank(value) for key, value in event.items()}


def told(exc_info: Any) -> str:
    """The classes of a fault and of what led to it, each with the places it went through; `exc_info` is as of `sys`."""
    fault: BaseException | None = exc_info[1]
    parts: list[str] = []
    while fault is not None and len(parts) < CHAIN:
        parts.append("".join((*traceback.format_tb(fault.__traceback__), type(fault).__name__)))
        fault = fault.__cause__ or (None if fault.__suppress_context__ else fault.__context__)
    return "\nled to by\n".join(parts)


class _OfLibraries(logging.Formatter):
    """What libraries log by the standard library, behind the same wall."""

    def format(self, record: logging.LogRecord) -> str:
        """One record, without addresses; its fault as `told` tells it."""
        if record.exc_info:
            record.exc_text = told(record.exc_info)
        return str(blank(super().format(record)))


def configure(level: str, form: str) -> None:
    """Set the logs of this process up: `level` as in LOG_LEVEL, `form` console or json."""
    number = logging.getLevelNamesMapping()[level]
    libraries = logging.StreamHandler()
    libraries.setFormatter(_OfLibraries("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=number, handlers=[libraries])
    for name in QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    plain = structlog.dev.ConsoleRenderer(colors=False)
    renderer: Any = structlog.processors.JSONRenderer() if form == "json" else plain
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(told),
            redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        # Standard output belongs to what a command prints. The stream is looked up for each line, because whoever
        # embeds a command may exchange it.
        logger_factory=lambda *_: structlog.PrintLogger(cast(TextIO, _Patient())),
        cache_logger_on_first_use=False,
    )
