"""Several commands on their way at once, to servers that offer it (RFC 2920)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from engine.mail.transports.port import (
    Accepted,
    Deferred,
    Envelope,
    InDoubt,
    NotSent,
    Outcome,
    Rejected,
)
from engine.mail.transports.smtp import SmtpLimits, SmtpTransport

QUICK = SmtpLimits(connections=1, command=timedelta(seconds=0.4), final=timedelta(seconds=0.4))
HELLO = b"250-mx\r\n250 PIPELINING\r\n"
FINE = {
    b"MAIL": b"250 ok\r\n",
    b"RCPT": b"250 ok\r\n",
    b"DATA": b"354 go\r\n",
    b".": b"250 kept\r\n",
}
BODY = b"Subject: hello\r\n\r\nwords\r\n"


@dataclass
class Server:
    """Answers each command by its first four letters, all answers to one read at once."""

    answers: dict[bytes, bytes]
    reads: list[bytes] = field(default_factory=list)
    connections: int = 0
    chop: Callable[[bytes], list[bytes]] = lambda data: [data]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(b"220 mx\r\n")
        while data := await reader.read(65536):
            self.reads.append(data)
            out = b"".join(self.answer(line) for line in data.split(b"\r\n"))
            for piece in self.chop(out):
                writer.write(piece)
                await asyncio.sleep(0)
            if b"421" in out or b"cut" in out:
                break
        writer.close()

    def answer(self, line: bytes) -> bytes:
        if line[:4] == b"EHLO":
            return HELLO
        if line[:4] in (b"RSET", b"QUIT"):
            return b"250 ok\r\n"
        return self.answers.get(line if line == b"." else line[:4], b"")


@asynccontextmanager
async def a_server(**answers: bytes) -> AsyncIterator[tuple[Server, SmtpTransport]]:
    found = {name.encode(): answer for name, answer in answers.items() if name != "end"}
    end = {b".": answers["end"]} if "end" in answers else {}
    made = Server({**FINE, **found, **end})
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    transport = SmtpTransport(f"smtp://127.0.0.1:{port}?starttls=never&helo=test", QUICK)
    try:
        yield made, transport
    finally:
        await transport.close()
        server.close()
        await asyncio.wait_for(server.wait_closed(), 5)
        await asyncio.sleep(0.01)


async def send(transport: SmtpTransport) -> Outcome:
    return await transport.send(Envelope("bounce@acme.example", "ann@acme.example", BODY))


async def test_a_message_takes_two_steps() -> None:
    """Sender, recipient and DATA go together; the message follows when the server waits for it."""
    async with a_server() as (server, transport):
        assert isinstance(await send(transport), Accepted)
        assert isinstance(await send(transport), Accepted)
    spoken = [read[:4] for read in server.reads]
    assert spoken == [b"EHLO", b"MAIL", b"Subj", b"MAIL", b"Subj", b"QUIT"]
    assert server.reads[1].count(b"\r\n") == 3


async def test_replies_may_come_in_any_pieces() -> None:
    """A reply of several lines, cut anywhere, is one reply."""
    async with a_server(MAIL=b"250-well\r\n250 ok\r\n") as (server, transport):
        server.chop = lambda data: [data[at : at + 1] for at in range(len(data))]
        assert isinstance(await send(transport), Accepted)


@pytest.mark.parametrize(
    ("answers", "expected", "connections"),
    [
        ({"RCPT": b"550 5.1.1 nobody\r\n", "DATA": b"503 no\r\n"}, Rejected, 1),
        ({"RCPT": b"451 4.7.1 later\r\n", "DATA": b"554 no\r\n"}, Deferred, 1),
        ({"RCPT": b"550 5.1.1 nobody\r\n"}, Rejected, 2),
        (
            {"MAIL": b"452 4.3.1 full\r\n", "RCPT": b"503 no\r\n", "DATA": b"503 no\r\n"},
            Deferred,
            1,
        ),
        ({"DATA": b"451 4.3.0 later\r\n"}, Deferred, 1),
    ],
    ids=["recipient", "greylisted", "recipient, yet DATA is taken", "sender", "DATA"],
)
async def test_a_refusal_is_told_by_the_first_command_refused(
    answers: dict[bytes, bytes], expected: type[Outcome], connections: int
) -> None:
    """Nothing of the message is said, and the next one goes over a connection in good order."""
    async with a_server(**answers) as (server, transport):  # type: ignore[arg-type]
        assert type(await send(transport)) is expected
        server.answers |= FINE
        assert isinstance(await send(transport), Accepted)
    assert server.connections == connections
    assert sum(read.startswith(b"Subject") for read in server.reads) == 1


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"MAIL": b"", "RCPT": b"", "DATA": b""}, NotSent),
        ({"RCPT": b"", "DATA": b"cut"}, NotSent),
        ({"MAIL": b"what\r\n"}, NotSent),
        ({"MAIL": b"421 4.3.2 busy\r\n", "RCPT": b"", "DATA": b""}, Deferred),
        ({"end": b""}, InDoubt),
        ({"end": b"cut"}, InDoubt),
        ({"end": b"what\r\n"}, InDoubt),
    ],
    ids=["silent", "cut after the sender", "nonsense", "busy", "no end", "cut", "nonsense at end"],
)
async def test_what_a_lost_link_means_depends_on_how_far_the_message_came(
    answers: dict[str, bytes], expected: type[Outcome]
) -> None:
    async with a_server(**answers) as (_, transport):
        assert type(await send(transport)) is expected


async def test_a_connection_on_which_the_server_speaks_unasked_is_not_used_again() -> None:
    """What it says belongs to no command, and must not be taken for the answer to the next."""
    async with a_server(end=b"250 kept\r\n250 and more\r\n") as (server, transport):
        assert isinstance(await send(transport), Accepted)
        server.answers[b"."] = b"554 5.6.0 not this one\r\n"
        assert isinstance(await send(transport), Rejected)
    assert server.connections == 2


async def test_an_address_with_a_line_break_says_nothing_to_the_server() -> None:
    """It could be a command of its own."""
    bad = Envelope("bounce@acme.example", "ann@acme.example>\r\nRSET", BODY)
    async with a_server() as (server, transport):
        assert isinstance(await transport.send(bad), Rejected)
    assert not any(b"RSET" in read for read in server.reads)
