"""Asking an HTTP API within limits: of time, of size, of what the other side can bear.

Decision: asynchronous inside, plain outside. A time-out of a socket bounds one wait, so a server that drips a byte a
second holds a call for ever; the event loop bounds the whole. Only looking a name up is not bounded: it has the
resolver's own limit.

The address is the operator's, so it is believed; what comes back is not. No redirect is followed with the key in hand,
no proxy is taken from the environment, an answer has a size limit and is not unpacked, and no sentence of an error is
repeated, because some quote what was asked.
"""

import asyncio
import ipaddress
import logging
import re
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from notifier.pull.port import Later, Page, Refused

#: Bytes of one answer. Fifty applications with everything a form can ask have about one megabyte.
MOST_BYTES = 16 * 1024 * 1024

#: When to try again if nothing is said, and the furthest we can be put off; after that we ask whatever was said.
SOON, LONGEST_WAIT = timedelta(minutes=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: to connect, for one request, and for all requests of a page."""

    connect: float = 3.0
    request: float = 15.0
    page: float = 50.0


class Stopped(Exception):
    """The page cannot be read; `answer` says what follows, and `whole` that no other one can be read either."""

    def __init__(self, answer: Later | Refused, *, whole: bool = False) -> None:
        super().__init__(answer.why)
        self.answer = answer
        self.whole = whole


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete HTTP answer; header names in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Asker:
    """Sends the requests of one page. `who` begins every `why`; `now` (aware) is when the page was begun."""

    def __init__(self, client: httpx.AsyncClient, who: str, now: datetime, patience: Patience) -> None:
        """`client` is one made by `bounded`."""
        self._client = client
        self._who = who
        self._patience = patience
        self._began = (now, time.monotonic())
        self._used_up_until: datetime | None = None

    def now(self) -> datetime:
        """The present moment on the clock that was given."""
        now, began = self._began
        return now + timedelta(seconds=time.monotonic() - began)

    def later(self, why: str, at: datetime | None = None) -> Stopped:
        """The page is for later: at `at`, else soon."""
        return Stopped(Later(at or self.now() + SOON, f"{self._who}: {why}"))

    def halt(self, why: str, at: datetime | None = None) -> Stopped:
        """Everything is for later: at `at`, else soon."""
        return Stopped(Later(at or self.now() + SOON, f"{self._who}: {why}"), whole=True)

    def refused(self, why: str) -> Stopped:
        """The page needs a person."""
        return Stopped(Refused(f"{self._who}: {why}"))

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json: Mapping[str, object] | None = None,
    ) -> Answer:
        """One request and its whole answer. Raises Stopped if there is none, or if it says "not now"."""
        if self._used_up_until is not None and self._used_up_until > self.now():
            raise self.halt("as many requests as are allowed for now", self._used_up_until)
        try:
            async with asyncio.timeout(self._patience.request):
                answer = await self._exchange(method, url, headers, {"params": params, "data": form, "json": json})
        except TimeoutError:
            raise self.later("no answer in time") from None
        except (httpx.ConnectError, httpx.ConnectTimeout, ssl.SSLError) as fault:
            raise self.halt(f"not reached ({type(fault).__name__})") from None
        except (httpx.HTTPError, OSError) as fault:
            raise self.later(f"not reached ({type(fault).__name__})") from None
        wait = when(answer.headers, self.now())
        if answer.status == 429:
            raise self.halt("too many requests", wait)
        if answer.status == 408 or answer.status >= 500:
            raise self.later(f"out of order ({answer.status})", wait)
        self._used_up_until = wait if answer.headers.get("x-ratelimit-remaining") == "0" else None
        return answer

    async def _exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: Mapping[str, Any],
    ) -> Answer:
        plain = {"accept": "application/json", "accept-encoding": "identity"}
        async with self._client.stream(method, url, headers={**plain, **headers}, **content) as response:
            body = bytearray()
            async for piece in response.aiter_raw():
                body += piece
                if len(body) > MOST_BYTES:
                    raise self.refused("an answer is too large")
            return Answer(response.status_code, dict(response.headers), bytes(body))


def quiet() -> None:
    """Keep httpx from writing every address it asks, which it does at INFO."""
    logging.getLogger("httpx").setLevel(logging.WARNING)


def bounded(
    who: str,
    now: datetime,
    tls: ssl.SSLContext,
    read: Callable[[Asker], Awaitable[Page]],
    patience: Patience,
) -> Page | Later | Refused:
    """What `read` reads, within `patience`. Total: whatever happens is an answer."""
    quiet()

    async def whole() -> Page:
        waits = httpx.Timeout(patience.request, connect=patience.connect)
        async with (
            asyncio.timeout(patience.page),
            httpx.AsyncClient(verify=tls, timeout=waits, trust_env=False) as client,
        ):
            return await read(Asker(client, who, now, patience))

    try:
        # A thread of its own has no loop yet, whatever the caller's thread is running.
        with ThreadPoolExecutor(1, thread_name_prefix="puller") as caller:
            return caller.submit(lambda: asyncio.run(whole())).result()
    except Stopped as stopped:
        return stopped.answer
    except TimeoutError:
        return Later(now + SOON, f"{who}: a page took longer than {patience.page:g} s")
    except Exception as fault:  # an answer nobody thought of: the page is asked for again
        return Later(now + SOON, f"{who}: {type(fault).__name__}")


def address(given: str) -> str:
    """`given` without a slash at its end, if a key may be sent there. Raises ValueError, saying what is wrong."""
    try:
        parts = urlsplit(given)
        usable = parts.hostname and parts.port != 0 and re.fullmatch(r"[!-~]{1,500}", given)
    except ValueError:
        usable = None
    if not usable or parts.username is not None or parts.query or parts.fragment:
        raise ValueError("write the address of the API as https://host, without a key or a question mark")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_this_machine(parts.hostname or "")):
        raise ValueError("the address of the API does not begin with https://")
    return given.rstrip("/")


def when(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """When to ask again: the later of what two headers say, if it lies ahead."""
    moments = (_moment(headers.get(name, ""), now) for name in ("retry-after", "x-ratelimit-reset"))
    ahead = [moment for moment in moments if moment is not None and moment > now]
    return min(max(ahead), now + LONGEST_WAIT) if ahead else None


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _moment(written: str, now: datetime) -> datetime | None:
    """A header's time: seconds from now, seconds since 1970, or an HTTP date."""
    if re.fullmatch(r"[0-9]{1,9}", written):
        return now + timedelta(seconds=int(written))
    if re.fullmatch(r"[0-9]{10}", written):
        return datetime.fromtimestamp(int(written), UTC)
    try:
        moment = parsedate_to_datetime(written)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
