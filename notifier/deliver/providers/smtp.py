"""Any mail server, by SMTP.

What an answer means depends on how far the conversation had come, so it is led step by step: until the first byte of
the message is written nothing can have been taken; from then until the server's reply everything is unknown. A
connection is kept for the next message; one that the server closed meanwhile is noticed before that first byte and
replaced.
"""

import contextlib
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime

from notifier.core.answer import Accepted, Answer, Impossible, PauseAll, TryLater, Unknown
from notifier.deliver import wire
from notifier.deliver.email import DEADLINE, Email, ProviderSettings
from notifier.deliver.mime import UnwritableMail, needs_utf8, to_bytes
from notifier.deliver.pool import Pool
from notifier.deliver.smtp_server import SmtpServer, read_smtp_url

#: Seconds for a whole call; a little less than what is promised.
TOTAL = DEADLINE - 0.5

#: Seconds a connection may idle. Servers close theirs after minutes (RFC 5321 says five).
IDLE = 30.0

#: Messages over one connection; many servers refuse more than some hundreds.
MOST_MESSAGES = 100

#: "Who are you?": nothing will pass until the set-up is corrected.
_NOT_LET_IN = frozenset({530, 534, 535, 538})

#: What is said to MAIL about the one message: too large for the server, or an option that it needs (RFC 5321, 4.2.2).
_OF_ONE_MESSAGE = frozenset({552, 555})

_QUEUE_ID = re.compile(r"(?:queued as|id=)\s*([!-~]{1,100})", re.IGNORECASE)

_ENHANCED = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")


class _Session(smtplib.SMTP):
    """One connection, made by `_open`; `used` counts the messages it was used for."""

    used = 0

    def wait_until(self, until: float) -> None:
        """Set the moment at which the present call ends."""
        assert isinstance(self.sock, wire.TimedSocket)  # _open puts no other in
        self.sock.until = until


class Smtp:
    """Hands messages to one mail server over a few kept connections."""

    name = "smtp"
    in_flight = 10

    def __init__(
        self, server: SmtpServer, *, context: ssl.SSLContext, now: Callable[[], datetime], total: float = TOTAL
    ) -> None:
        """`context` is one made by `wire.tls`; `now` dates the messages; a call ends within `total` seconds."""
        self._server = server
        self._context = context
        self._now = now
        self._total = total
        self._pool = Pool[_Session](most=self.in_flight, idle=IDLE, usable=_usable, close=_leave)

    def send(self, email: Email) -> Answer:
        """Hand one e-mail over. Never raises."""
        try:
            return self._send(email, time.monotonic() + self._total)
        except UnwritableMail as fault:
            return Impossible(f"smtp: {fault}")
        except Exception as fault:  # unforeseen, so nobody knows how far it came
            return Unknown(f"smtp: {type(fault).__name__}")

    def close(self) -> None:
        """Say goodbye on every kept connection; one in use is ended when its call is over."""
        self._pool.close()

    def _send(self, email: Email, until: float) -> Answer:
        message = to_bytes(email, self._now())
        kept = self._pool.take()
        if kept is not None:
            kept.wait_until(until)
            answer = self._hand_over(kept, email, message)
            if answer is not None:
                return answer
        opened = _open(self._server, self._context, until)
        if not isinstance(opened, _Session):
            return opened
        answer = self._hand_over(opened, email, message)
        return answer or TryLater("smtp: the connection broke before the message", counts=False)

    def _hand_over(self, session: _Session, email: Email, message: bytes) -> Answer | None:
        """One message over an open session; nothing if the connection broke before the message was begun."""
        session.used += 1
        try:
            refusal = _envelope(session, email)
        except OSError:
            session.close()
            return None
        if refusal is not None:
            self._keep(session, reset=True)
            return refusal
        try:
            session.send(_dotted(message))
            code, reply = session.getreply()
        except OSError as fault:
            session.close()
            return Unknown(f"smtp: {type(fault).__name__} after the message was begun")
        self._keep(session, reset=code != 250)
        if code == 250:
            queued = _QUEUE_ID.search(reply.decode("ascii", "replace"))
            return Accepted(queued[1] if queued else "", email.headers.get("Message-ID", ""))
        return _sorted(code, reply, "the end of the message") or Unknown(f"smtp: {code} after the message")

    def _keep(self, session: _Session, *, reset: bool) -> None:
        """Put the session back for the next message, if it can carry one."""
        with contextlib.suppress(OSError):
            if session.used < MOST_MESSAGES and (not reset or session.rset()[0] == 250):
                self._pool.give(session)
                return
        _leave(session)


def open_provider(settings: ProviderSettings) -> Smtp:
    """The server in `smtp_url`. Raises ValueError for a URL that is none; nothing is connected yet."""
    return Smtp(read_smtp_url(settings.smtp_url), context=wire.tls(), now=lambda: datetime.now(UTC))


def _open(server: SmtpServer, context: ssl.SSLContext, until: float) -> _Session | Answer:
    """A session that is greeted, encrypted and logged in, or why there is none."""
    session = _Session(local_hostname="localhost")
    try:
        session.sock = wire.connect(server.host, server.port, until, context if server.implicit_tls else None)
        session.local_hostname = _own_name(session.sock)
        code, reply = session.getreply()
        if code != 220:
            raise smtplib.SMTPResponseException(code, reply)
        session.ehlo_or_helo_if_needed()
        if server.starttls:
            _start_tls(session, server, context)
        refusal = _log_in(session, server)
    except (OSError, ValueError) as fault:
        session.close()
        return TryLater(f"smtp: no session ({_told(fault)})", counts=False)
    if refusal is not None:
        _leave(session)
    return refusal or session


def _start_tls(session: _Session, server: SmtpServer, context: ssl.SSLContext) -> None:
    code, reply = session.docmd("STARTTLS")
    if code != 220:
        raise smtplib.SMTPResponseException(code, reply)
    assert isinstance(session.sock, wire.TimedSocket)
    session.sock = wire.secure(session.sock, context, server.host)
    # Whatever was said or read before the encryption counts for nothing.
    session.file = session.helo_resp = session.ehlo_resp = None
    session.esmtp_features, session.does_esmtp = {}, False
    session.ehlo_or_helo_if_needed()


def _log_in(session: _Session, server: SmtpServer) -> Answer | None:
    if not server.user:
        return None
    try:
        session.login(server.user, server.password)
    except smtplib.SMTPServerDisconnected:
        raise
    except smtplib.SMTPResponseException as fault:
        if 400 <= fault.smtp_code < 500:
            raise
        return PauseAll(f"smtp: log-in refused ({_told(fault)})")
    except smtplib.SMTPException:
        return PauseAll("smtp: the server offers no log-in that we know")
    return None


def _envelope(session: _Session, email: Email) -> Answer | None:
    """MAIL, RCPT and DATA; the refusal, or nothing when the message may begin. Raises OSError if the line breaks."""
    utf8 = needs_utf8(email)
    if utf8 and not session.has_extn("smtputf8"):
        return Impossible("smtp: the server takes no address with letters beyond ASCII")
    options = ["SMTPUTF8", "BODY=8BITMIME"] if utf8 else []
    code, reply = session.mail(email.from_address, options)
    if code == 421 and session.used > 1:
        raise smtplib.SMTPServerDisconnected("closed after idling")
    if code == 250:
        step = "the recipient"
        code, reply = session.rcpt(email.to_address)
        if code in (250, 251):
            step = "DATA"
            code, reply = session.docmd("DATA")
            if code == 354:
                return None
    else:
        return _of_the_sender(code, reply)
    return _sorted(code, reply, step) or TryLater(f"smtp: {code} at {step}", counts=False)


def _of_the_sender(code: int, reply: bytes) -> Answer:
    """The sender is the same for every message, so what is refused of it would be refused of all of them: no message is
    given up for it, and no try of its own is burnt."""
    if code >= 500 and code not in _OF_ONE_MESSAGE:
        return PauseAll(_why(code, reply, "the sender"))
    refusal = _sorted(code, reply, "the sender")
    return refusal if isinstance(refusal, Impossible) else TryLater(_why(code, reply, "the sender"), counts=False)


def _sorted(code: int, reply: bytes, step: str) -> Answer | None:
    """What a refusal means; nothing for an answer that is none. Only numbers are kept of what the server said."""
    why = _why(code, reply, step)
    if code in _NOT_LET_IN:
        return PauseAll(why)
    if 400 <= code < 500:
        return TryLater(why, counts=True)
    if 500 <= code < 600:
        return Impossible(why)
    return None


def _why(code: int, reply: bytes, step: str) -> str:
    enhanced = _ENHANCED.search(reply.decode("ascii", "replace"))
    return f"smtp: {code} {enhanced[0] + ' ' if enhanced else ''}at {step}"


def _told(fault: Exception) -> str:
    if isinstance(fault, smtplib.SMTPResponseException):
        return str(fault.smtp_code)
    return type(fault).__name__


def _dotted(message: bytes) -> bytes:
    """The message with its leading dots doubled, and the dot that ends it."""
    return re.sub(rb"(?m)^\.", b"..", message) + b".\r\n"


def _own_name(sock: socket.socket) -> str:
    """The name we greet with: this machine's if it is a whole one, else the address literal (RFC 5321, 4.1.3)."""
    name = socket.gethostname()
    if "." in name:
        return name
    own = sock.getsockname()[0]
    return f"[IPv6:{own}]" if ":" in own else f"[{own}]"


def _usable(session: _Session) -> bool:
    return session.sock is not None and wire.quiet(session.sock)


def _leave(session: _Session) -> None:
    """Close a session; the goodbye is written but not waited for."""
    if session.sock is not None:
        session.wait_until(time.monotonic() + 1.0)
        with contextlib.suppress(OSError):
            session.putcmd("quit")
    session.close()
