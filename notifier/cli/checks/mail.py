"""The mail provider: whether what it needs is there. No mail is sent, and SendGrid is not called."""

import smtplib
import ssl
from contextlib import ExitStack

from config import Config
from notifier.cli.checks.found import Checks, Found, advice, fault, fine
from notifier.deliver.smtp_server import SmtpServer, read_smtp_url

#: Seconds for each step of the conversation with a mail server.
PATIENCE = 5.0

#: The code with which a mail server agrees to EHLO.
OK = 250


def provider(config: Config) -> Found:
    """The provider that is chosen can be used, as far as that can be told without sending."""
    match config.mail_provider:
        case "sendgrid":
            return _sendgrid(config)
        case "smtp":
            return _smtp(config.smtp_url)
        case "mailbox":
            return advice(
                "mailbox: e-mails are kept in the database and shown at /mailbox, nothing leaves",
                "set MAIL_PROVIDER to smtp or sendgrid to reach candidates",
            )


def _sendgrid(config: Config) -> Found:
    keys = config.sendgrid_events_public_key
    if not keys:
        return fault(
            "sendgrid: there is a key for sending and none for its reports, so bounces stay unknown and doubts are "
            "not settled by themselves",
            "switch the signed event webhook on at SendGrid and set SENDGRID_EVENTS_PUBLIC_KEY",
        )
    return fine(f"sendgrid: a key for sending, {len(keys)} for its reports")


def _smtp(url: str) -> Found:
    fix = "correct SMTP_URL, or let the server in"
    try:
        server = read_smtp_url(url)
        return _greeted(server)
    except ssl.SSLError as wrong:  # before ValueError, which a certificate that is not trusted is too
        return fault(f"smtp: no trusted encryption ({wrong.reason or type(wrong).__name__})", fix)
    except ValueError as wrong:
        return fault(f"smtp: {wrong}", fix)
    except smtplib.SMTPNotSupportedError:
        return fault("smtp: the server offers no STARTTLS", fix)
    except smtplib.SMTPResponseException as wrong:
        return fault(f"smtp: the server answers {wrong.smtp_code}", fix)
    except (OSError, smtplib.SMTPException) as wrong:
        return fault(f"smtp: the server cannot be used ({type(wrong).__name__})", fix)


def _greeted(server: SmtpServer) -> Found:
    """Connect, greet, encrypt, leave. Raises OSError, SMTPException (an OSError too) and ssl.SSLError."""
    context = ssl.create_default_context()
    with ExitStack() as stack:
        # A name of our own, because finding it out may take a resolver half a minute.
        if server.implicit_tls:
            session: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, "localhost", timeout=PATIENCE, context=context
            )
        else:
            session = smtplib.SMTP(server.host, server.port, "localhost", timeout=PATIENCE)
        stack.enter_context(session)
        _greet(session)
        if server.starttls:
            session.starttls(context=context)
            _greet(session)
        if server.user and not session.has_extn("auth"):
            return fault("smtp: the server offers no login", "take user and password out of SMTP_URL, or use its port")
    encrypted = "encrypted" if server.implicit_tls or server.starttls else "not encrypted"
    return fine(f"smtp: the server greets us, {encrypted}; whether it lets us log in was not tried")


def _greet(session: smtplib.SMTP) -> None:
    code, reply = session.ehlo()
    if code != OK:
        raise smtplib.SMTPHeloError(code, reply)


CHECKS: Checks[Config] = {"mail provider": provider}
