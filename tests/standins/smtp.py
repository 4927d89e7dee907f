"""A stand-in for a mail server: a real SMTP receiver that records what it takes and, when told, misbehaves.

In a test::

    with MailServer() as server:
        server.then("RCPT", "550 5.1.1 unknown")
        ...
        assert [mail.to for mail in server.mails] == ["ana@example.org"]

A step is told to answer with a reply, or with one of `CUT` (close without a word) and `HANG` (say nothing more). The
steps: EHLO, MAIL, RCPT, DATA (before the message), BODY (after it), and STORED (after it was taken).
"""

# ruff: noqa: N802  # aiosmtpd names its hooks after the verbs

import asyncio
import datetime
import ssl
import threading
from collections import defaultdict, deque
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from pathlib import Path
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session, syntax
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CUT = "cut"
HANG = "hang"


@dataclass(frozen=True)
class Received:
    """One mail as it was taken. `connection` counts from 1."""

    sender: str
    to: str
    content: bytes
    options: tuple[str, ...]
    connection: int

    def message(self) -> EmailMessage:
        parsed = message_from_bytes(self.content, policy=POLICY)
        assert isinstance(parsed, EmailMessage)
        return parsed


class MailServer:
    """The server. With `login` (user, password) nobody gets further without; `certificate` brings TLS.

    `implicit_tls`: TLS from the first byte; otherwise STARTTLS is offered where there is a certificate.
    """

    def __init__(
        self,
        *,
        login: tuple[str, str] | None = None,
        certificate: Path | None = None,
        implicit_tls: bool = False,
        utf8: bool = True,
    ) -> None:
        self.login = login
        self.utf8 = utf8
        self.mails: list[Received] = []
        self.connections = 0
        self._context = _server_side(certificate)
        self._implicit = implicit_tls
        self._replies: defaultdict[str, deque[str]] = defaultdict(deque)
        self._loop = asyncio.new_event_loop()
        self._open: set[_Conversation] = set()
        self.port = 0

    def then(self, step: str, *replies: str) -> None:
        """Answer the next such steps so, in this order."""
        self._replies[step].extend(replies)

    def reply(self, step: str) -> str | None:
        return self._replies[step].popleft() if self._replies[step] else None

    def close_idle(self) -> None:
        """Close every connection, as a server does that has waited long enough."""
        asyncio.run_coroutine_threadsafe(self._close_all(), self._loop).result(5)

    def start(self) -> Self:
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(5)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    __enter__ = start

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _listen(self) -> asyncio.Server:
        context = self._context if self._implicit else None
        return await self._loop.create_server(lambda: _Conversation(self), "127.0.0.1", 0, ssl=context)

    async def _close_all(self) -> None:
        for conversation in list(self._open):
            conversation.cut()
        await asyncio.sleep(0.02)

    async def _end(self) -> None:
        self._server.close()
        await self._close_all()
        await self._server.wait_closed()
        ours = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in ours:
            task.cancel()
        await asyncio.gather(*ours, return_exceptions=True)

    # What a conversation asks for.

    def joined(self, conversation: "_Conversation") -> int:
        self._open.add(conversation)
        self.connections += 1
        return self.connections

    def left(self, conversation: "_Conversation") -> None:
        self._open.discard(conversation)

    @property
    def starttls(self) -> ssl.SSLContext | None:
        return None if self._implicit else self._context


class _Conversation(SMTP):
    """One connection."""

    def __init__(self, server: MailServer) -> None:
        self._told = server
        self._number = 0
        super().__init__(
            self,  # the hooks below
            hostname="stand.in",
            enable_SMTPUTF8=server.utf8,
            tls_context=server.starttls,
            authenticator=self._let_in if server.login else None,
            auth_require_tls=False,
            loop=server._loop,
        )

    def connection_made(self, transport: Any) -> None:
        self._number = self._number or self._told.joined(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._told.left(self)
        super().connection_lost(error)

    def cut(self) -> None:
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()

    def _let_in(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        pair = (given.login.decode(), given.password.decode())
        return AuthResult(success=pair == self._told.login, handled=False)

    async def _as_told(self, step: str) -> str | None:
        """The reply for this step, if one was ordered; does not come back from CUT and HANG."""
        reply = self._told.reply(step)
        if reply == CUT:
            self.cut()
        if reply in (CUT, HANG):
            await asyncio.sleep(3600)
        return reply

    async def handle_EHLO(self, _server: Any, session: Session, _: Any, hostname: str, replies: list[str]) -> list[str]:
        session.host_name = hostname
        told = await self._as_told("EHLO")
        return [told] if told else replies

    async def handle_MAIL(self, _: Any, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if told := await self._as_told("MAIL"):
            return told
        if self._told.login and not session.authenticated:
            return "530 5.7.0 log in first"
        envelope.mail_from, envelope.mail_options = address, options
        return "250 OK"

    async def handle_RCPT(self, _: Any, __: Any, envelope: Envelope, address: str, _options: list[str]) -> str:
        if told := await self._as_told("RCPT"):
            return told
        envelope.rcpt_tos.append(address)
        return "250 OK"

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:
        if told := await self._as_told("DATA"):
            await self.push(told)
            return
        await super().smtp_DATA(arg)

    async def handle_DATA(self, _: Any, __: Any, envelope: Envelope) -> str:
        if told := await self._as_told("BODY"):
            return told
        content = envelope.original_content
        assert isinstance(content, bytes)
        options = tuple(envelope.mail_options)
        self._told.mails.append(
            Received(str(envelope.mail_from), str(envelope.rcpt_tos[0]), content, options, self._number)
        )
        return await self._as_told("STORED") or f"250 2.0.0 OK: queued as q{len(self._told.mails)}"


def make_certificate(folder: Path, name: str = "localhost") -> Path:
    """A key and a certificate for `name` that signs itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / f"{name}.pem"
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


def _server_side(certificate: Path | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
