"""Pages and answers for what went wrong: a sentence, the request's id, never a stack trace."""

import structlog
from flask import Flask, Response, g, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, SecurityError

from notifier.core.errors import DatabaseAway, NotFound

log = structlog.get_logger()

#: What a person reads. Machines get the status and one word.
SENTENCES = {
    400: "The request could not be understood. Go back, reload the page and try again.",
    401: "Sign in first.",
    403: "Your role does not allow this. Ask an admin of your workspace.",
    404: "There is nothing here, or it belongs to somebody else.",
    405: "This address does not take that.",
    413: "That is too large.",
    415: "This kind of content is not taken here.",
    429: "That was too often. Wait a minute and try again.",
    500: "Something went wrong on our side. Nothing was sent because of it.",
    503: "The database cannot be reached right now. Nothing is lost; try again in a moment.",
}

#: Seconds after which a sender may try again while the database is away.
RETRY_AFTER = "30"


def answer(status: int) -> Response:
    """The answer for an error: a number for machines, a page for people. Nothing here may ask the database, which can
    be the very thing that is away."""
    # A host name that is not ours has no addresses, so no page can be built for it.
    foreign = request.routing_exception is not None and isinstance(request.routing_exception, SecurityError)
    if foreign or request.path.startswith(("/hooks/", "/healthz", "/readyz", "/metrics")):
        response = make_response({"error": status}, status)
    else:
        sentence = SENTENCES.get(status, SENTENCES[500])
        page = render_template("web/error.html", status=status, sentence=sentence, request_id=g.get("request_id", ""))
        response = make_response(page, status)
    if status == 503:
        response.headers["Retry-After"] = RETRY_AFTER
    return response


def handle(app: Flask) -> None:
    """Register the handlers."""

    @app.errorhandler(HTTPException)
    def http(fault: HTTPException) -> Response:
        response = answer(fault.code or 500)
        allowed = fault.get_response().headers.get("Allow")
        if allowed:
            response.headers["Allow"] = allowed
        return response

    @app.errorhandler(CSRFError)
    def csrf(fault: CSRFError) -> Response:
        del fault
        return answer(400)

    @app.errorhandler(NotFound)
    def not_found(fault: NotFound) -> Response:
        del fault
        return answer(404)

    @app.errorhandler(DatabaseAway)
    def away(fault: DatabaseAway) -> Response:
        log.warning("database.away", error=str(fault))
        return answer(503)

    @app.errorhandler(Exception)
    def unexpected(fault: Exception) -> Response:
        # The traceback goes to the log, which blanks addresses; the text of the fault goes nowhere else.
        log.error("request.failed", error=type(fault).__name__, path=request.endpoint, exc_info=fault)
        return answer(500)
