"""`LONGPLAY_SMTP_URL`, and what is said when it is wrong."""

import pytest

from engine.errors import EnvironmentFault
from engine.mail.transports.smtp_url import SmtpServer, StartTls, parse_smtp_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://127.0.0.1:1025", SmtpServer("127.0.0.1", 1025)),
        ("smtp://mail.example", SmtpServer("mail.example", 25)),
        (
            "smtp://user:pass@host:587?starttls=required",
            SmtpServer("host", 587, "user", "pass", starttls=StartTls.REQUIRED),
        ),
        (
            "smtps://me%40acme.example:p%2Fa%3Ass@mail.example",
            SmtpServer("mail.example", 465, "me@acme.example", "p/a:ss", tls=True),
        ),
        ("smtp://user:pass@host", SmtpServer("host", 587, "user", "pass")),
        (
            "smtp://[::1]:25?starttls=never&helo=mx.acme.example&verify=no",
            SmtpServer("::1", 25, starttls=StartTls.NEVER, verify=False, helo="mx.acme.example"),
        ),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_an_address_names_server_and_manner(url: str, expected: SmtpServer) -> None:
    assert parse_smtp_url(url) == expected


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://mail.example", "begins with 'http'"),
        ("mail.example:25", "not smtp: or smtps:"),
        ("smtp://", "names no host"),
        ("smtp://host:99999", "cannot be read"),
        ("smtp://host?tls=yes", "unknown option 'tls'"),
        ("smtp://host?starttls=perhaps", "starttls is 'perhaps'"),
        ("smtp://user:pa/ss@host", "cannot be read"),
        ("smtps://host?starttls=required", "leave 'starttls' out"),
    ],
)
def test_a_wrong_address_is_explained_with_an_example(url: str, fault: str) -> None:
    with pytest.raises(EnvironmentFault, match=fault) as caught:
        parse_smtp_url(url)
    assert "LONGPLAY_SMTP_URL=smtp://" in caught.value.help


def test_a_password_is_never_shown() -> None:
    assert "secret" not in repr(parse_smtp_url("smtp://user:secret@host"))
