"""`POST /hooks/…`: webhooks. The raw bytes, a limit, and nothing parsed.

Every refusal looks the same to the sender: the status and one number. Why a request was not believed is in the log.
"""

from collections.abc import Callable, Mapping

from flask import Blueprint, Response, abort, current_app, make_response, request
from werkzeug.exceptions import RequestEntityTooLarge

from notifier.core.change import Delivery
from notifier.deliver.registry import provider_names
from notifier.flow.hear import hear, hear_post
from notifier.flow.parts import Flow
from notifier.flow.receive import Receipt, receive

hooks = Blueprint("hooks", __name__, url_prefix="/hooks")

#: Bytes of a webhook. Greenhouse's largest published example is under 10 kB; a megabyte leaves room for long answers.
LIMIT = 1024 * 1024

#: Bytes of a post of events: SendGrid posts at 768 kB or every 30 s, whatever comes first.
EVENTS_LIMIT = 4 * 1024 * 1024

#: Bytes of a posted mail: SendGrid takes mails of 30 MB, and a form around one adds a little.
MAIL_LIMIT = 35 * 1024 * 1024

#: Headers that adapters may need again; cookies and authorisation of proxies are not kept.
_NOT_KEPT = frozenset({"cookie", "authorization", "proxy-authorization"})


@hooks.route("/ats/<source_key>", methods=["POST"], provide_automatic_options=False)
def ats(source_key: str) -> Response:
    """Keep what is signed, and answer as this ATS expects it.

    The kind of content is not looked at beyond forms: ATSs send JSON under many names, and the signature decides.
    """
    if request.content_encoding not in (None, "", "identity"):
        abort(415)
    if request.mimetype.startswith("multipart/") or request.mimetype == "application/x-www-form-urlencoded":
        abort(415)
    flow: Flow = current_app.extensions["flow"]
    headers = {name.lower(): value for name, value in request.headers.items() if name.lower() not in _NOT_KEPT}
    receipt = receive(flow, source_key, Delivery(headers, _body()))
    if receipt.status >= 400:
        abort(receipt.status)
    return make_response({"status": receipt.word}, receipt.status, dict(receipt.headers))


@hooks.get("/schemas/<ats_name>.json")
def published_schema(ats_name: str) -> Response:
    """The JSON Schema of a format that is our own, for whoever writes such webhooks."""
    flow: Flow = current_app.extensions["flow"]
    adapter = flow.adapters.get(ats_name)
    schema = adapter.schema() if adapter is not None else None
    if schema is None:
        abort(404)
    answer = make_response(schema)
    answer.mimetype = "application/schema+json"
    return answer


@hooks.route("/mail/<provider>/events", methods=["POST"], provide_automatic_options=False)
def events(provider: str) -> Response:
    """Keep what a mail provider reports and has signed."""
    return _heard(provider, hear, EVENTS_LIMIT)


@hooks.route("/mail/<provider>/replies", methods=["POST"], provide_automatic_options=False)
def replies(provider: str) -> Response:
    """Keep a mail that came to us and that the provider has posted and signed."""
    return _heard(provider, hear_post, MAIL_LIMIT)


def _heard(provider: str, listen: Callable[[Flow, str, Mapping[str, str], bytes], Receipt], limit: int) -> Response:
    if provider not in provider_names():
        abort(404)
    flow: Flow = current_app.extensions["flow"]
    headers = {name.lower(): value for name, value in request.headers.items()}
    receipt = listen(flow, provider, headers, _body(limit))
    if receipt.status >= 400:
        abort(receipt.status)
    return make_response("" if receipt.status == 204 else {"status": receipt.word}, receipt.status)


def _body(limit: int = LIMIT) -> bytes:
    # A chunked body announces no length. Werkzeug cuts it at the limit without a word, and what is cut looks like a
    # forgery; the one byte more tells "too large" from "not signed".
    request.max_content_length = limit + 1
    if request.content_length is not None and request.content_length > limit:
        raise RequestEntityTooLarge
    body = request.get_data(cache=False, parse_form_data=False)
    if len(body) > limit:
        raise RequestEntityTooLarge
    return body
