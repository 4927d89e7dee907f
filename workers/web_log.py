"""gunicorn's log without the words of a request.

gunicorn quotes the line of a request that it cannot read, with the client's address, and the whole address of one that
fails, in which a sign-in link may stand. Whoever sent it knows; nobody else needs it.
"""

import sys
from typing import Any

from gunicorn.glogging import Logger

from workers.blame import blame

#: How the lines of gunicorn 27 begin that quote a request.
UNREADABLE, FAILED = "Invalid request from", "Error handling request"


class WebLog(Logger):  # type: ignore[misc]  # the library's class is untyped
    """The logger class for gunicorn."""

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log a warning; what it quotes of a request is left out."""
        if msg.startswith(UNREADABLE):
            msg, args = "Refused a request that is no HTTP: %s", (type(sys.exc_info()[1]).__name__,)
        super().warning(msg, *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log the fault that is being handled; one of a request without its text."""
        fault = sys.exc_info()[1]
        if msg.startswith(FAILED) and fault is not None:
            super().error("A request failed: %(error)s at %(at)s", blame(fault))
        else:
            super().exception(msg, *args, **kwargs)
