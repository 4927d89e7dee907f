"""`POST /hooks/ats/<source_key>`: an ATS's webhook. The raw bytes, a limit, and nothing parsed.

Every refusal looks the same to the sender: the status and one number. Why a request was not believed is in the log.
"""

from flask import Blueprint, Response, abort, current_app, make_response, request
from werkzeug.exceptions import RequestEntityTooLarge

from notifier.core.change import Delivery
from notifier.flow.parts import Flow
from notifier.flow.receive import receive

hooks = Blueprint("hooks", __name__, url_prefix="/hooks")

#: Bytes of a webhook. Greenhouse's largest published example is under 10 kB; a megabyte leaves room for long answers.
LIMIT = 1024 * 1024

#: Headers that adapters may need again; cookies and authorisation of proxies are not kept.
_NOT_KEPT = frozenset({"cookie", "authorization", "proxy-authorization"})


@hooks.post("/ats/<source_key>")
def ats(source_key: str) -> Response:
    """Keep what is signed, and answer as this ATS expects it."""
    if request.content_encoding not in (None, "", "identity"):
        abort(415)
    if request.mimetype.startswith("multipart/") or request.mimetype == "application/x-www-form-urlencoded":
        abort(415)
    flow: Flow = current_app.extensions["flow"]
    headers = {name.lower(): value for name, value in request.headers.items() if name.lower() not in _NOT_KEPT}
    receipt = receive(flow, source_key, Delivery(headers, _body()))
    return make_response({"status": receipt.word if receipt.status < 400 else "refused"}, receipt.status)


def _body() -> bytes:
    request.max_content_length = LIMIT
    if request.content_length is not None and request.content_length > LIMIT:
        raise RequestEntityTooLarge
    return request.get_data(cache=False, parse_form_data=False)
