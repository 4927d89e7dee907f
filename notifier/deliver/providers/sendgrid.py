"""Twilio SendGrid, v3 Mail Send, by the official library.

The library's transport is replaced through its own seam, because as it comes it opens a connection for every mail,
reads the list of certificate authorities each time (29 ms), has no time-out, follows redirects with the key in its
hand, takes a proxy from the environment and prints key and mail when its logger is at DEBUG. The mail is a dictionary
made here: the library's mail classes drop addresses silently and let line breaks through.

Nothing about the message or the person is given to SendGrid beside the mail itself: custom arguments are stored as "not
personal data" and seen by its staff, so they are our opaque ids.

Documented: the request, 202, the error body, X-RateLimit-Reset. Seen in practice: 401 for used-up credits, HTML in a
413, a Message-ID of its own on the mail. Not confirmed: Retry-After; what a 503 means for the mail (so it is Unknown).
"""

import json
import logging
import re
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit

from python_http_client.client import Client, Response
from python_http_client.exceptions import HTTPError
from sendgrid import SendGridAPIClient

from notifier.core.answer import Accepted, Answer, Impossible, PauseAll, TryLater, Unknown
from notifier.deliver import wire
from notifier.deliver.email import DEADLINE, Email, ProviderSettings
from notifier.deliver.mime import UnwritableMail, check
from notifier.deliver.opener import KeepAlive, opener

#: Seconds for a whole call; a little less than what is promised.
TOTAL = DEADLINE - 0.5

#: The furthest a provider can put us off; after that we ask again whatever it said.
LONGEST_WAIT = timedelta(days=1)

#: Refused for what the message is.
IMPOSSIBLE = {400: "the message is refused", 413: "the message is too large", 415: "the message is not UTF-8"}

#: Refused for who we are. A redirect belongs here too: nobody was asked to send us elsewhere.
PAUSE = {
    401: "the key is refused, or the account has no credits left",
    403: "the sender is not verified, or the key may not send",
    404: "there is no such address; look at SENDGRID_API_URL",
    405: "this address takes no mail; look at SENDGRID_API_URL",
    406: "the request is not acceptable",
}

#: Refused for now; surely not taken.
LATER = {408: "the request did not arrive in time", 429: "too many requests"}

#: Headers that a request may not set itself (the API documentation's list).
RESERVED = frozenset(
    {
        *("x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding"),
        *("to", "from", "subject", "reply-to", "cc", "bcc"),
    }
)

_FIELD = re.compile(r"[A-Za-z0-9_.\[\]-]{1,80}")


class SafeClient(Client):  # type: ignore[misc]  # the library's class is untyped
    """The library's HTTP client with our way out."""

    def __init__(self, host: str, *, way_out: urllib.request.OpenerDirector, **options: Any) -> None:
        """As the library's; every request goes through `way_out`."""
        super().__init__(host, **options)
        self.way_out = way_out

    def post(self, request_body: object = None, **_: object) -> Response:
        """POST `request_body` as JSON. Raises URLError only if it was not handed over completely."""
        request = urllib.request.Request(  # noqa: S310  # open_provider lets no other scheme than http(s) through
            self._build_url(None),
            data=json.dumps(request_body).encode(),
            headers={**self.request_headers, "Content-Type": "application/json"},
            method="POST",
        )
        return Response(self._make_request(self.way_out, request))

    def _build_client(self, name: str | None = None) -> "SafeClient":
        """The library's next part of the address, which it would build as its own class again."""
        return SafeClient(
            self.host,
            way_out=self.way_out,
            version=self._version,
            request_headers=dict(self.request_headers),
            url_path=[*self._url_path, name] if name else self._url_path,
            timeout=self.timeout,
        )


class SendGrid:
    """Hands messages to SendGrid, one recipient a request."""

    name = "sendgrid"
    in_flight = 50

    def __init__(
        self,
        api_key: str,
        api_url: str,
        *,
        environment: str,
        now: Callable[[], datetime],
        total: float = TOTAL,
        cafile: str | None = None,
    ) -> None:
        """`environment` keeps staging and production apart in events; a call ends within `total` seconds.

        `cafile` names authorities to trust instead of the system's.
        """
        # At DEBUG this logger writes whole answers; nobody needs them and some quote an address.
        logging.getLogger("python_http_client").setLevel(logging.WARNING)
        self._environment = environment
        self._now = now
        self._keep_alive = KeepAlive(api_url, most=self.in_flight, context=wire.tls(cafile))
        self._api = SendGridAPIClient(api_key, host=api_url)
        self._api.client = SafeClient(
            api_url,
            way_out=opener(self._keep_alive),
            version=3,
            request_headers=dict(self._api.client.request_headers),
            timeout=total,
        )

    def send(self, email: Email) -> Answer:
        """Hand one e-mail over. Never raises."""
        try:
            check(email)
            response = self._api.send(payload(email, self._environment))
            return sort_answer(response.status_code, response.headers, response.body, self._now())
        except UnwritableMail as fault:
            return Impossible(f"sendgrid: {fault}")
        except HTTPError as refused:
            return sort_answer(refused.status_code, refused.headers, refused.body, self._now())
        except URLError as fault:
            return TryLater(f"sendgrid: not reached ({type(fault.reason).__name__})", counts=False)
        except Exception as fault:  # the request was written, or we do not know what happened
            return Unknown(f"sendgrid: {type(fault).__name__}")

    def close(self) -> None:
        """End every kept connection; one in use is ended when its call is over."""
        self._keep_alive.close()


def open_provider(settings: ProviderSettings) -> SendGrid:
    """SendGrid with this key and host. Raises ValueError, without showing the key, if they cannot be right."""
    if not re.fullmatch(r"[!-~]{1,500}", settings.sendgrid_api_key):
        raise ValueError("the SendGrid key is empty, or has a space or a line break in it")
    parts = urlsplit(settings.sendgrid_api_url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError("write the SendGrid address as https://api.sendgrid.com, without a path")
    return SendGrid(
        settings.sendgrid_api_key,
        f"{parts.scheme}://{parts.netloc}",
        environment=settings.environment,
        now=lambda: datetime.now(UTC),
    )


def payload(email: Email, environment: str) -> dict[str, Any]:
    """The request's JSON: one recipient, text before HTML, every kind of tracking off."""
    headers = {name: value for name, value in email.headers.items() if name.lower() not in RESERVED}
    return {
        "personalizations": [
            {
                "to": [_person(email.to_address, email.to_name)],
                "custom_args": {"mid": email.mid, "att": email.att, "env": environment},
            }
        ],
        "from": _person(email.from_address, email.from_name),
        "reply_to": _person(email.reply_to, ""),
        "subject": email.subject,
        "content": [{"type": "text/plain", "value": email.text}, {"type": "text/html", "value": email.html}],
        "headers": {**headers, "Content-Language": email.language},
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
        },
    }


def sort_answer(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> Answer:
    """What an HTTP answer means. Only 202 is success: 200 is what the sandbox says, and it sends nothing."""
    if status == 202:
        given = headers.get("X-Message-Id") or ""
        return Accepted(given if re.fullmatch(r"[!-~]{1,200}", given) else "")
    why = f"sendgrid: {status}"
    if status in IMPOSSIBLE:
        return Impossible(f"{why} {IMPOSSIBLE[status]}{_fields(body)}")
    if status in PAUSE:
        return PauseAll(f"{why} {PAUSE[status]}{_fields(body)}")
    if 300 <= status < 400:
        return PauseAll(f"{why} the address redirects; look at SENDGRID_API_URL")
    if status in LATER:
        return TryLater(f"{why} {LATER[status]}", counts=True, at=_when(headers, now))
    return Unknown(why)


def _person(address: str, name: str) -> dict[str, str]:
    return {"email": address, "name": name} if name else {"email": address}


def _fields(body: bytes) -> str:
    """The fields an error body complains of. Its sentences are left out: some quote an address."""
    try:
        errors = json.loads(body)["errors"]
        named = [error["field"] for error in errors if isinstance(error.get("field"), str)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""  # an HTML page of the server in front, for example
    fields = [field for field in named if _FIELD.fullmatch(field) and field != "null"]
    return f" ({', '.join(fields[:5])})" if fields else ""


def _when(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """When to ask again: the later of what the two headers say, if it lies ahead."""
    moments = [_moment(headers.get(name) or "", now) for name in ("X-RateLimit-Reset", "Retry-After")]
    ahead = [moment for moment in moments if moment is not None and moment > now]
    return min(max(ahead), now + LONGEST_WAIT) if ahead else None


def _moment(written: str, now: datetime) -> datetime | None:
    """A header's time: seconds since 1970, seconds from now, or an HTTP date."""
    if re.fullmatch(r"\d{1,9}", written):
        return now + timedelta(seconds=int(written))
    if re.fullmatch(r"\d{10}", written):
        return datetime.fromtimestamp(int(written), UTC)
    try:
        moment = parsedate_to_datetime(written)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
