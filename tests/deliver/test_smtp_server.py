import pytest

from notifier.deliver.smtp_server import SmtpServer, read_smtp_url


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", SmtpServer("mail.example", 25, False, False)),
        ("smtp://mail.example?starttls=0", SmtpServer("mail.example", 25, False, False)),
        ("smtp://mail.example?starttls=1", SmtpServer("mail.example", 587, False, True)),
        ("smtp://u:p@mail.example:2525?starttls=1", SmtpServer("mail.example", 2525, False, True, "u", "p")),
        (
            "smtps://apikey:SG.a%2Fb%40c@mail.example",
            SmtpServer("mail.example", 465, True, False, "apikey", "SG.a/b@c"),
        ),
        ("smtp://u:p@127.0.0.1:1025", SmtpServer("127.0.0.1", 1025, False, False, "u", "p")),
        ("smtp://[::1]:25", SmtpServer("::1", 25, False, False)),
    ],
)
def test_a_url_names_the_server_and_how_it_is_reached(url: str, server: SmtpServer) -> None:
    assert read_smtp_url(url) == server


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "write smtp"),
        ("mail.example:25", "write smtp"),
        ("http://mail.example", "write smtp"),
        ("smtp://", "write smtp"),
        ("smtp://u:sec/ret@mail.example", "write smtp"),
        ("smtp://mail.example:99999", "write smtp"),
        ("smtp://mail.example?tls=1", "after \\?"),
        ("smtp://mail.example?starttls=yes", "after \\?"),
        ("smtp://u@mail.example?starttls=1", "belong together"),
        ("smtp://u:p@mail.example", "unencrypted"),
        ("smtp://u:p%C3%A9@mail.example?starttls=1", "ASCII"),
    ],
)
def test_a_url_that_cannot_work_is_refused(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        read_smtp_url(url)

    assert "sec" not in str(caught.value)


def test_a_server_does_not_show_its_password() -> None:
    assert "secret" not in repr(read_smtp_url("smtps://u:secret@mail.example"))
