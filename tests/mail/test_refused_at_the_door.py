"""Which outcomes say that a server did not let us in: only these lead mail to another account."""

import ssl
from datetime import timedelta

import pytest

from engine.mail.transports.port import Deferred, NotSent, Outcome, Rejected
from engine.mail.transports.smtp import SmtpLimits
from engine.mail.transports.smtp_url import StartTls
from engine.operations.mail_routes import was_refused_entry
from tests.mail.test_smtp_transport import ACCEPTING, a_server, an_aiosmtpd, to, transport_to

PATIENT = SmtpLimits(
    connect=timedelta(seconds=15),
    command=timedelta(seconds=15),
    final=timedelta(seconds=15),
    pause=timedelta(0),
)


async def sent(port: int, **server: object) -> Outcome:
    transport = transport_to(port, PATIENT, **server)
    try:
        return await transport.send(to("ann@acme.example"))
    finally:
        await transport.close()


def kind(outcome: Outcome) -> tuple[str, bool]:
    return type(outcome).__name__, was_refused_entry(outcome)


@pytest.mark.parametrize(
    ("greeting", "expected"),
    [
        (b"421 4.3.2 too busy\r\n", "Deferred"),
        (b"421 4.7.0 too many connections\r\n", "Deferred"),
        (b"554 5.7.1 your address is listed\r\n", "Rejected"),
        (b"HTTP/1.1 400 Bad Request\r\n", "NotSent"),
    ],
    ids=ascii,
)
async def test_a_greeting_that_refuses_is_at_the_door(greeting: bytes, expected: str) -> None:
    async with a_server(None, greeting=greeting) as port:
        outcome = await sent(port)
    assert kind(outcome) == (expected, True)


async def test_nobody_there_is_at_the_door() -> None:
    async with an_aiosmtpd() as (port, _):
        pass
    outcome = await sent(port)
    assert kind(outcome) == ("NotSent", True)


async def test_a_tls_fault_and_a_wrong_password_are_at_the_door(
    certificate: ssl.SSLContext,
) -> None:
    """A certificate that nobody vouches for, no TLS where it is asked for, no such user."""
    async with an_aiosmtpd(tls_context=certificate) as (port, _):
        untrusted = await sent(port)
    async with an_aiosmtpd() as (port, _):
        plain = await sent(port, starttls=StartTls.REQUIRED)
    async with an_aiosmtpd(auth_require_tls=False) as (port, _):
        options = {"username": "ann", "password": "wrong"}
        locked = await sent(port, **options)
    assert [was_refused_entry(one) for one in (untrusted, plain, locked)] == [True] * 3
    assert [type(one) for one in (untrusted, plain, locked)] == [NotSent, NotSent, Rejected]


@pytest.mark.parametrize(
    "lines",
    [
        (*ACCEPTING[:1], b"421 4.3.2 closing\r\n"),
        (*ACCEPTING[:1], b"553 5.1.8 who are you\r\n"),
        (*ACCEPTING[:2], b"451 4.7.1 greylisted\r\n"),
        (*ACCEPTING[:2], None),
        (*ACCEPTING[:3], b"554 5.7.1 no\r\n"),
        (*ACCEPTING, b"451 4.3.0 later\r\n"),
        (*ACCEPTING, None),
        (*ACCEPTING, b"250 kept\r\n"),
    ],
    ids=lambda lines: ascii(lines[-1])[:24] + str(len(lines)),
)
async def test_what_is_said_after_the_door_is_about_the_mail(
    lines: tuple[bytes | None, ...],
) -> None:
    """Also a link lost in the envelope: the server was there, and let us in."""
    async with a_server(*lines) as port:
        outcome = await sent(port, starttls=StartTls.NEVER)
    assert not was_refused_entry(outcome)
    if isinstance(outcome, Deferred):
        assert not outcome.entry
