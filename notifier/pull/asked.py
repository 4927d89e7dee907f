"""Asking ATSs what webhooks leave out: the `Ask` port over HTTP.

One thread with an event loop lives as long as the process and holds the connections, so that they are used again from
batch to batch. Requests of one account keep their distance by its documented rate; the lease on its source
(`store.askings`) makes that the rate of the whole installation. What is read of an answer is only what was wanted.
"""

import asyncio
import base64
import hashlib
import json
import queue
import ssl
import threading
import time
from collections.abc import Awaitable, Iterator, Mapping
from datetime import datetime
from typing import cast
from urllib.parse import urlsplit

import httpx

from notifier.core.asking import Answer, Answered, Api, Asks, Halted, Proof, Question, Unanswered
from notifier.core.cut import canonical, cut
from notifier.pull import asking
from notifier.pull.asking import Asker, Patience, Stopped
from notifier.pull.port import Later
from notifier.pull.token import MARGIN, Token, read_token

#: How many webhooks are asked for at once.
TOGETHER = 8

#: How many questions one webhook may have. An adapter that goes on asking is broken.
MOST_QUESTIONS = 8

#: How many webhooks may go unanswered one after another before the ATS counts as down.
IN_A_ROW = 5

Reports = queue.SimpleQueue[Answered | Unanswered | Halted | None]


class AtsAsker:
    """The port. The loop is begun with the first question, so that a process that never asks has no thread for it."""

    def __init__(self, patience: Patience | None = None, cafile: str | None = None) -> None:
        """`cafile`: whom to believe besides the public authorities, for tests."""
        self._patience = patience or Patience()
        self._cafile = cafile
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: httpx.AsyncClient | None = None
        self._thread: threading.Thread | None = None
        self._tokens: dict[str, Token] = {}
        self._next_slot: dict[str, float] = {}

    def ask(
        self, who: str, api: Api, api_key: str, api_url: str, asked: Mapping[str, Asks], now: datetime
    ) -> Iterator[Answered | Unanswered | Halted]:
        """Ask what each webhook needs; see `notifier.core.asking.Ask`."""
        reports: Reports = queue.SimpleQueue()
        try:
            account = _Account(who, api, api_key, api_url)
        except ValueError as fault:
            yield Halted(f"{who}: {fault}")
            return
        asyncio.run_coroutine_threadsafe(self._batch(account, asked, now, reports), self._running())
        while (report := reports.get()) is not None:
            yield report

    def close(self) -> None:
        """Close every connection and end the thread. The asker can be used again."""
        with self._lock:
            loop, client, thread = self._loop, self._client, self._thread
            self._loop = self._client = self._thread = None
        if loop is not None and client is not None and thread is not None:
            asyncio.run_coroutine_threadsafe(client.aclose(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                waits = httpx.Timeout(self._patience.request, connect=self._patience.connect)
                tls = ssl.create_default_context(cafile=self._cafile)
                self._client = httpx.AsyncClient(verify=tls, timeout=waits, trust_env=False)
                self._thread = threading.Thread(target=self._loop.run_forever, name="asker", daemon=True)
                self._thread.start()
            return self._loop

    async def _batch(self, account: "_Account", asked: Mapping[str, Asks], now: datetime, reports: Reports) -> None:
        """Ask for all of them, within the patience of a page; what is not reported by then was not asked for."""
        asking.quiet()
        assert self._client is not None  # `_running` made it
        asker = Asker(self._client, account.who, now, self._patience)
        talk = _Talk(asker, account, self._tokens, self._next_slot)
        places, silent = asyncio.Semaphore(TOGETHER), 0

        async def one(item: str, asks: Asks) -> None:
            nonlocal silent
            async with places:
                try:
                    answers = await talk.questions(asks)
                except Stopped as stopped:
                    silent += 1
                    if stopped.whole or silent >= IN_A_ROW:
                        raise
                    reports.put(Unanswered(item, stopped.answer.why))
                except Exception as fault:  # a broken question is said, and the others are asked
                    reports.put(Unanswered(item, f"{account.who}: {type(fault).__name__}"))
                else:
                    silent = 0
                    reports.put(Answered(item, answers))

        try:
            async with asyncio.timeout(self._patience.page), asyncio.TaskGroup() as group:
                for item, asks in asked.items():
                    group.create_task(one(item, asks))
        except* TimeoutError:
            pass  # the rest is asked for with the next batch
        except* Stopped as several:
            answer = cast("Stopped", several.exceptions[0]).answer
            reports.put(Halted(answer.why, answer.at if isinstance(answer, Later) else None))
        except* Exception as several:  # an answer nobody thought of, or a broken adapter: said, and tried again later
            reports.put(Halted(f"{account.who}: {type(several.exceptions[0]).__name__}"))
        finally:
            reports.put(None)


class _Account:
    """Where one source's ATS is asked, and with what."""

    def __init__(self, who: str, api: Api, api_key: str, api_url: str) -> None:
        """Raises ValueError, saying what is wrong, if the key or the address cannot be right."""
        self.who = who
        self.api = api
        if not api_key:
            raise ValueError(f"there is no API key; write it as {api.key_form}")
        if not (api_key.isascii() and api_key.isprintable() and " " not in api_key):
            raise ValueError(f"the API key has a character that no key has; write it as {api.key_form}")
        self.address = asking.address(api_url or api.address)
        self.token_address = api.token_address
        if api_url and api.token_address:
            # Another address has its own place for tokens, at the same path; the key goes nowhere else.
            there, usual = urlsplit(self.address), urlsplit(api.token_address)
            self.token_address = f"{there.scheme}://{there.netloc}{usual.path}"
        self.key, self.headers = api_key, dict(api.headers)
        if api.account_header:
            self.key, _, account = api_key.partition(":")
            if not (self.key and account):
                raise ValueError(f"write the API key as {api.key_form}")
            self.headers[api.account_header] = account
        self.name = hashlib.sha256(f"{self.address} {api_key}".encode()).hexdigest()

    @property
    def has_client(self) -> bool:
        """Whether the key is an OAuth 2.0 client's id and secret."""
        return bool(self.token_address) and ":" in self.key

    def plain_proof(self) -> dict[str, str]:
        """The header that shows a plain key."""
        if self.api.proof is Proof.HEADER:
            return {self.api.key_header: self.key}
        return {"authorization": self._authorization()}

    def _authorization(self) -> str:
        if self.api.proof is Proof.BASIC:
            return "Basic " + base64.b64encode(f"{self.key}:".encode()).decode()
        return f"Token token={self.key}" if self.api.proof is Proof.TOKEN else f"Bearer {self.key}"


class _Talk:
    """The requests of one batch to one account."""

    def __init__(self, asker: Asker, account: _Account, tokens: dict[str, Token], next_slot: dict[str, float]) -> None:
        self._asker = asker
        self._account = account
        self._tokens = tokens
        self._next_slot = next_slot
        self._token_lock = asyncio.Lock()

    async def questions(self, asks: Asks) -> tuple[Answer, ...]:
        """Everything one webhook needs. Raises Stopped."""
        answers: list[Answer] = []
        while (question := asks(answers)) is not None:
            if len(answers) == MOST_QUESTIONS:
                raise self._asker.refused("the questions do not end")
            answers.append(await self._answer(question))
        return tuple(answers)

    async def _answer(self, question: Question) -> Answer:
        answer = await self._send(question)
        if answer.status == 401 and self._account.has_client:
            # The token ended before its time.
            self._tokens.pop(self._account.name, None)
            answer = await self._send(question)
        if answer.status in (401, 403):
            refused = self._asker.refused(
                f"the key is refused ({answer.status}): it must be allowed to read {self._account.api.needs}"
            )
            refused.whole = True
            raise refused
        if answer.status == 404:
            return Answer(404, b"{}")
        if answer.status != 200:
            raise self._asker.refused(f"{answer.status} for a question: is the address of the API right?")
        try:
            document = json.loads(answer.body)
        except (ValueError, RecursionError):
            raise self._asker.later("an answer is not understood") from None
        if not isinstance(document, dict):
            raise self._asker.later("an answer is not understood")
        return Answer(200, canonical(cut(document, question.wanted)))

    async def _send(self, question: Question) -> asking.Answer:
        headers = {**self._account.headers, **await self._proof()}
        await self._slot()
        url = f"{self._account.address}{question.path}"
        return await self._asker.send(question.method, url, headers, params=question.params or None, json=question.json)

    def _slot(self) -> Awaitable[None]:
        """Wait for the next moment at which this account may be asked."""
        name, now = self._account.name, time.monotonic()
        begins = max(self._next_slot.get(name, 0.0), now)
        self._next_slot[name] = begins + 1 / self._account.api.per_second
        return asyncio.sleep(begins - now)

    async def _proof(self) -> dict[str, str]:
        account = self._account
        if not account.has_client:
            return account.plain_proof()
        async with self._token_lock:
            token = self._tokens.get(account.name)
            if token is None or self._asker.now() >= token.ends - MARGIN:
                token = self._tokens[account.name] = await self._new_token()
        return {"authorization": f"Bearer {token.text}"}

    async def _new_token(self) -> Token:
        client, _, secret = self._account.key.partition(":")
        form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
        answer = await self._asker.send("POST", self._account.token_address, {}, form=form)
        token = read_token(answer.body, self._asker.now()) if answer.status == 200 else None
        if token is None:
            refused = self._asker.refused(f"no access token for this key ({answer.status}): is it right?")
            refused.whole = True
            raise refused
        return token
