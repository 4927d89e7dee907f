from notifier.core.answer import Accepted, Impossible, TryLater, Unknown
from notifier.core.errors import DatabaseAway
from notifier.deliver.email import Email
from notifier.deliver.providers.mailbox import Mailbox
from tests.deliver.values import an_email


def failing(fault: Exception) -> Mailbox:
    def keep(email: Email, mime: bytes) -> None:
        del email, mime
        raise fault

    return Mailbox(keep)


def test_an_e_mail_is_kept_with_its_bytes() -> None:
    kept: list[tuple[Email, bytes]] = []

    answer = Mailbox(lambda email, mime: kept.append((email, mime))).send(an_email())

    assert answer == Accepted("att_1", "<msg_1.att_1@example.com>")
    assert kept[0][0] == an_email()
    assert b"To: =?utf-8?" in kept[0][1]


def test_an_absent_database_burns_no_try() -> None:
    answer = failing(DatabaseAway("gone")).send(an_email())

    assert isinstance(answer, TryLater)
    assert not answer.counts


def test_whatever_else_goes_wrong_it_may_have_been_kept() -> None:
    assert failing(RuntimeError("Ana")).send(an_email()) == Unknown("mailbox: RuntimeError")


def test_what_cannot_be_written_was_not_kept() -> None:
    kept: list[bytes] = []

    answer = Mailbox(lambda _, mime: kept.append(mime)).send(an_email(subject="x\r\nBcc: y"))

    assert isinstance(answer, Impossible)
    assert kept == []
