"""The SMTP transport against servers that refuse, vanish, hang and babble."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from aiosmtpd.smtp import Envelope as Received

from engine.mail.transports.envelopes import wire_content
from engine.mail.transports.memory import MemoryTransport
from engine.mail.transports.port import (
    Accepted,
    DeferralClass,
    Deferred,
    Envelope,
    InDoubt,
    NotSent,
    Outcome,
    Rejected,
    RejectionClass,
)
from engine.mail.transports.smtp import SmtpLimits, SmtpTransport
from engine.mail.transports.smtp_url import SmtpServer, StartTls

QUICK = SmtpLimits(
    connections=2,
    connect=timedelta(seconds=0.4),
    command=timedelta(seconds=0.3),
    final=timedelta(seconds=0.3),
    pause=timedelta(0),
)
BODY = b"Subject: hello\r\n\r\nfirst\r\n.\r\n..two dots\r\n.last\r\n"


def to(recipient: str, content: bytes = BODY) -> Envelope:
    return Envelope("bounce@acme.example", recipient, content, "<1@acme.example>")


def transport_to(port: int, limits: SmtpLimits = QUICK, **server: object) -> SmtpTransport:
    known = {"host": "127.0.0.1", "port": port, "helo": "test", **server}
    return SmtpTransport(SmtpServer(**known), limits)  # type: ignore[arg-type]


@dataclass
class Clerk:
    """An aiosmtpd handler that answers by the recipient's name: `451@…` is answered 451."""

    stored: list[Received] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    connections: int = 0

    async def handle_RCPT(
        self, server: SMTP, session: object, envelope: Received, address: str, options: list[str]
    ) -> str:
        name = address.partition("@")[0]
        if name == "greylisted" and address not in self.seen:
            self.seen.add(address)
            return "451 4.7.1 Greylisted, please come back"
        if name.isdecimal():
            return f"{name} {name[0]}.2.2 as you wish"
        if name == "nobody":
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: object, envelope: Received) -> str:
        if envelope.rcpt_tos[0].startswith("content"):
            return "554 5.6.0 not with these words"
        self.stored.append(envelope)
        return "250 2.0.0 kept"


async def closed(server: asyncio.Server) -> None:
    """Close a server, and let its conversations come to their ends."""
    server.close()
    await server.wait_closed()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=1)


@asynccontextmanager
async def an_aiosmtpd(**options: object) -> AsyncIterator[tuple[int, Clerk]]:
    clerk = Clerk()
    loop = asyncio.get_running_loop()

    def session() -> SMTP:
        clerk.connections += 1
        return SMTP(clerk, hostname="mx", loop=loop, **options)

    server = await loop.create_server(session, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], clerk
    finally:
        await closed(server)


@asynccontextmanager
async def a_server(*lines: bytes | None, greeting: bytes = b"220 mx\r\n") -> AsyncIterator[int]:
    """A server that answers the n-th line it gets with `lines[n]`; None: it cuts the link.

    The end of a message counts as one line; `b""` is silence.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(greeting)
            for answer in lines:
                line = await reader.readline()
                if line.startswith(b"Subject:"):
                    await reader.readuntil(b"\r\n.\r\n")
                if answer is None:
                    break
                writer.write(answer)
            else:
                await reader.readline()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        await closed(server)


async def sent_to(port: int, *recipients: str, **server: object) -> list[Outcome]:
    transport = transport_to(port, QUICK, **server)
    try:
        return [await transport.send(to(recipient)) for recipient in recipients]
    finally:
        await transport.close()


async def test_a_message_arrives_byte_for_byte() -> None:
    async with an_aiosmtpd() as (port, clerk):
        [outcome] = await sent_to(port, "ann@acme.example")
    assert isinstance(outcome, Accepted)
    assert str(outcome.reply) == "250 2.0.0 kept"
    assert clerk.stored[0].content == BODY
    assert clerk.stored[0].mail_from == "bounce@acme.example"
    assert clerk.stored[0].rcpt_tos == ["ann@acme.example"]


async def test_refusals_are_told_apart_and_cost_no_connection() -> None:
    """One connection serves a greylisting, two refusals, a bad content and two messages."""
    async with an_aiosmtpd() as (port, clerk):
        names = ("greylisted", "452", "nobody", "content", "greylisted", "ann")
        outcomes = await sent_to(port, *(f"{name}@acme.example" for name in names))
    assert [type(outcome) for outcome in outcomes] == [
        Deferred,
        Deferred,
        Rejected,
        Rejected,
        Accepted,
        Accepted,
    ]
    grey, full, nobody, content = outcomes[:4]
    assert isinstance(grey, Deferred)
    assert (grey.cause, grey.retry_after) == (DeferralClass.GREYLISTED, timedelta(minutes=5))
    assert isinstance(full, Deferred)
    assert full.cause is DeferralClass.MAILBOX
    assert isinstance(nobody, Rejected)
    assert (nobody.cause, nobody.suppress) == (RejectionClass.HARD_BOUNCE, True)
    assert isinstance(content, Rejected)
    assert (content.cause, content.suppress) == (RejectionClass.CONTENT, False)
    assert clerk.connections == 1


async def test_connections_are_shared_and_replaced_after_their_share() -> None:
    limits = SmtpLimits(connections=2, messages_per_connection=3)
    async with an_aiosmtpd() as (port, clerk):
        transport = transport_to(port, limits)
        outcomes = await asyncio.gather(
            *(transport.send(to(f"lead{number}@acme.example")) for number in range(12))
        )
        await transport.close()
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert clerk.connections == 4
    assert len({each.rcpt_tos[0] for each in clerk.stored}) == 12


async def test_a_connection_that_stood_idle_too_long_is_not_used_again() -> None:
    limits = SmtpLimits(idle=timedelta(0))
    async with an_aiosmtpd() as (port, clerk):
        transport = transport_to(port, limits)
        for _ in range(2):
            assert isinstance(await transport.send(to("ann@acme.example")), Accepted)
            await asyncio.sleep(0.001)
        await transport.close()
    assert clerk.connections == 2


ACCEPTING = (b"250 mx\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((*ACCEPTING, None), InDoubt),
        ((*ACCEPTING, b""), InDoubt),
        ((*ACCEPTING, b"\xff\xfe\x00garbage\r\n"), InDoubt),
        ((*ACCEPTING, b"\r\n"), InDoubt),
        ((*ACCEPTING, b"354 what?\r\n"), InDoubt),
        ((*ACCEPTING, b"250 \xc4\xe3\xba\xc3 \xff\r\n"), Accepted),
        ((*ACCEPTING, b"250-2.0.0 two\r\n250 2.0.0 lines\r\n"), Accepted),
        ((*ACCEPTING, b"252 perhaps\r\n"), Accepted),
        ((*ACCEPTING, b"451 4.3.0 \xd3\xca\xcf\xe4\r\n"), Deferred),
        ((*ACCEPTING, b"554 5.7.1 \xff\xff\r\n"), Rejected),
        ((*ACCEPTING, b"421 4.3.2 bye\r\n"), Deferred),
        ((*ACCEPTING[:3], None), NotSent),
        ((*ACCEPTING[:3], b""), NotSent),
        ((*ACCEPTING[:3], b"250 too early\r\n"), NotSent),
        ((*ACCEPTING[:3], b"\x00\x01\r\n"), NotSent),
        ((*ACCEPTING[:3], b"554 5.7.1 no\r\n"), Rejected),
        ((*ACCEPTING[:2], None), NotSent),
        ((*ACCEPTING[:2], b""), NotSent),
        ((*ACCEPTING[:2], b"999 x\r\n"), NotSent),
        ((*ACCEPTING[:2], b"421 4.7.0 slow down\r\n"), Deferred),
        ((*ACCEPTING[:1], b"553 5.1.8 who are you\r\n"), Rejected),
        ((None,), NotSent),
        ((b"",), NotSent),
    ],
    ids=lambda value: ascii(value[-1])[:32] + str(len(value)) if isinstance(value, tuple) else "",
)
async def test_a_link_lost_before_the_message_is_not_sent_and_after_it_in_doubt(
    lines: tuple[bytes | None, ...], expected: type[Outcome]
) -> None:
    async with a_server(*lines) as port:
        [outcome] = await sent_to(port, "ann@acme.example", starttls=StartTls.NEVER)
    assert type(outcome) is expected
    str(outcome).encode("utf-8")


@pytest.mark.parametrize(
    ("greeting", "expected"),
    [
        (b"421 4.3.2 too busy\r\n", Deferred),
        (b"554 5.7.1 your address is listed\r\n", Rejected),
        (b"", NotSent),
        (b"\xff\xff\xff\r\n", NotSent),
        (b"HTTP/1.1 400 Bad Request\r\n", NotSent),
    ],
    ids=ascii,
)
async def test_a_refused_greeting_says_nothing_about_the_lead(
    greeting: bytes, expected: type[Outcome]
) -> None:
    async with a_server(None, greeting=greeting) as port:
        [outcome] = await sent_to(port, "ann@acme.example")
    assert type(outcome) is expected
    match outcome:
        case Deferred(cause=cause):
            assert cause is DeferralClass.HOST
        case Rejected(cause=cause_for_good, suppress=suppress):
            assert (cause_for_good, suppress) == (RejectionClass.SENDER_FAULT, False)


async def test_nobody_listening_is_not_sent_and_tried_again_later() -> None:
    async with an_aiosmtpd() as (port, _):
        pass
    transport = transport_to(port)
    outcome = await transport.send(to("ann@acme.example"))
    assert isinstance(outcome, NotSent)
    assert "127.0.0.1" in outcome.detail


async def test_after_a_failed_connection_others_fail_at_once_for_a_while() -> None:
    limits = SmtpLimits(connect=timedelta(seconds=0.2), pause=timedelta(minutes=1))
    async with a_server(b"", greeting=b"") as port:
        transport = transport_to(port, limits)
        first = await transport.send(to("ann@acme.example"))
        began = asyncio.get_running_loop().time()
        assert await transport.send(to("ben@acme.example")) == first
        assert asyncio.get_running_loop().time() - began < 0.1


async def test_a_server_that_closed_an_idle_connection_costs_nothing() -> None:
    """The kept connection is dead, or says 421: the message goes over a new one."""
    answers = iter([b"250 ok\r\n", None, b"421 4.4.2 timeout\r\n", b"250 ok\r\n"])
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.write(b"220 mx\r\n")
        while line := await reader.readline():
            if line.startswith(b"DATA"):
                writer.write(b"354 go\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                writer.write(b"250 kept\r\n")
            elif line.startswith(b"MAIL"):
                answer = next(answers)
                if answer is None:
                    break
                writer.write(answer)
                if answer[:3] == b"421":
                    break
            else:
                writer.write(b"250 ok\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    transport = transport_to(port)
    first = await transport.send(to("ann@acme.example"))
    answers = iter([None, b"250 ok\r\n"])
    second = await transport.send(to("ann@acme.example"))
    answers = iter([b"421 4.4.2 timeout\r\n", b"250 ok\r\n"])
    third = await transport.send(to("ann@acme.example"))
    await transport.close()
    await closed(server)
    assert [type(each) for each in (first, second, third)] == [Accepted] * 3
    assert connections == 3


@pytest.mark.parametrize(
    ("lines", "expected"), [((*ACCEPTING, b""), InDoubt), ((*ACCEPTING[:2], b""), NotSent)], ids=str
)
async def test_a_send_ends_within_the_time_it_is_given(
    lines: tuple[bytes, ...], expected: type[Outcome]
) -> None:
    async with a_server(*lines) as port:
        transport = transport_to(port, SmtpLimits())
        outcome = await transport.send(to("ann@acme.example"), within=timedelta(seconds=0.2))
        await transport.close()
    assert type(outcome) is expected
    assert "0.2 s" in str(outcome)


async def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_messages() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        is_first = connections == 1
        writer.write(b"220 mx\r\n")
        while line := await reader.readline():
            if line[:4] == b"DATA":
                writer.write(b"354 go\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                await asyncio.sleep(0.4 if is_first else 0)
                writer.write(b"250 late\r\n" if is_first else b"554 5.6.0 not this one\r\n")
            else:
                writer.write(b"250 ok\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    outcomes = await sent_to(port, "ann@acme.example", "ben@acme.example")
    await closed(server)
    assert [type(outcome) for outcome in outcomes] == [InDoubt, Rejected]
    assert connections == 2


async def test_a_cancelled_send_leaves_no_half_used_connection() -> None:
    async with an_aiosmtpd() as (port, clerk), a_server(*ACCEPTING, b"") as deaf:
        transport = transport_to(deaf, SmtpLimits(connections=1))
        task = asyncio.create_task(transport.send(to("ann@acme.example")))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        transport.server = SmtpServer("127.0.0.1", port)
        assert isinstance(await transport.send(to("ben@acme.example")), Accepted)
        await transport.close()
    assert [each.rcpt_tos for each in clerk.stored] == [["ben@acme.example"]]


async def test_a_non_ascii_mailbox_goes_only_where_it_is_offered() -> None:
    recipient = "张三@acme.example"
    async with an_aiosmtpd(enable_SMTPUTF8=True) as (port, clerk):
        [outcome] = await sent_to(port, recipient)
    assert isinstance(outcome, Accepted)
    assert clerk.stored[0].rcpt_tos == [recipient]
    async with an_aiosmtpd() as (port, clerk):
        [refused, after] = await sent_to(port, recipient, "ann@acme.example")
    assert isinstance(refused, Rejected)
    assert refused.cause is RejectionClass.CONFIGURATION
    assert isinstance(after, Accepted)


async def test_a_message_larger_than_the_server_takes_is_not_sent_there() -> None:
    async with an_aiosmtpd(data_size_limit=1000) as (port, clerk):
        transport = transport_to(port)
        outcome = await transport.send(to("ann@acme.example", b"x" * 1200))
        await transport.close()
    assert isinstance(outcome, Rejected)
    assert outcome.cause is RejectionClass.CONTENT
    assert not clerk.stored


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
async def test_a_wrong_password_is_the_settings_fault_and_a_right_one_works() -> None:
    def check(*args: object) -> AuthResult:
        login = args[-1]
        return AuthResult(success=getattr(login, "password", b"") == b"right", handled=False)

    options = {"authenticator": check, "auth_require_tls": False, "auth_required": True}
    async with an_aiosmtpd(**options) as (port, _):
        [wrong] = await sent_to(port, "ann@acme.example", username="me", password="wrong")
        [right] = await sent_to(port, "ann@acme.example", username="me", password="right")
    assert isinstance(wrong, Rejected)
    assert wrong.cause is RejectionClass.CONFIGURATION
    assert isinstance(right, Accepted)


async def test_a_secret_line_that_is_required_and_not_offered_sends_nothing() -> None:
    async with an_aiosmtpd() as (port, clerk):
        [outcome] = await sent_to(port, "ann@acme.example", starttls=StartTls.REQUIRED)
    assert isinstance(outcome, NotSent)
    assert not clerk.stored


async def test_a_server_with_an_unknown_certificate_is_not_trusted(
    certificate: ssl.SSLContext,
) -> None:
    async with an_aiosmtpd(tls_context=certificate) as (port, clerk):
        [distrusted] = await sent_to(port, "ann@acme.example")
        [told_to] = await sent_to(port, "ann@acme.example", verify=False)
    assert isinstance(distrusted, NotSent)
    assert isinstance(told_to, Accepted)
    assert len(clerk.stored) == 1


async def test_reports_are_asked_for_where_they_are_offered() -> None:
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx\r\n")
        while line := await reader.readline():
            got.append(line)
            writer.write(b"250-mx\r\n250 DSN\r\n" if line[:4] == b"EHLO" else b"550 5.1.1 no\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    await sent_to(server.sockets[0].getsockname()[1], "a+b@acme.example")
    await closed(server)
    assert got[1] == b"MAIL FROM:<bounce@acme.example> RET=HDRS ENVID=1@acme.example\r\n"


@pytest.mark.parametrize(
    ("content", "wire"),
    [
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"a\r\n.\r\nMAIL FROM:<x>\r\n", b"a\r\n..\r\nMAIL FROM:<x>\r\n.\r\n"),
        (b"a\n.\nb\r.\r", b"a\r\n..\r\nb\r\n..\r\n.\r\n"),
        (b"a\r\n.\n\r\n.\r\r\n", b"a\r\n..\r\n\r\n..\r\n\r\n.\r\n"),
        (b"", b"\r\n.\r\n"),
    ],
    ids=ascii,
)
def test_no_content_can_end_the_message_early(content: bytes, wire: bytes) -> None:
    assert wire_content(content) == wire


async def test_the_memory_transport_keeps_what_it_accepts() -> None:
    doubt = InDoubt("as asked")
    memory = MemoryTransport(lambda each: doubt if each.recipient.startswith("doubt") else None)
    assert isinstance(await memory.send(to("ann@acme.example")), Accepted)
    assert await memory.send(to("doubt@acme.example"), within=timedelta(seconds=1)) is doubt
    assert [each.recipient for each in memory.sent] == ["ann@acme.example"]
