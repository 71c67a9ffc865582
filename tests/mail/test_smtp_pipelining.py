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

    hangs_at: int = 0
    """The number of the message whose end is not answered before `go_on`."""
    hangs: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    messages: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(b"220 mx\r\n")
        while data := await reader.read(65536):
            self.reads.append(data)
            self.messages += [line for line in data.split(b"\r\n") if line[:8] == b"Subject:"]
            if self.hangs_at and len(self.messages) == self.hangs_at and b"\r\n.\r\n" in data:
                self.hangs.set()
                await self.go_on.wait()
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


def numbered(number: int) -> Envelope:
    content = b"Subject: %d\r\n\r\nwords\r\n" % number
    return Envelope("bounce@acme.example", f"lead{number}@acme.example", content)


async def send_many(transport: SmtpTransport, many: int, **limits: timedelta) -> list[Outcome]:
    return await asyncio.gather(*(transport.send(numbered(one), **limits) for one in range(many)))


async def test_the_envelope_of_the_next_message_goes_with_the_end_of_the_one_before() -> None:
    """Once the server has shown that it is quick; nobody's content goes before its envelope."""
    async with a_server() as (server, transport):
        assert {type(one) for one in await send_many(transport, 4)} == {Accepted}
    spoken = [read[:4] for read in server.reads]
    assert spoken == [b"EHLO", b"MAIL", b"Subj", b"MAIL", b"Subj", b"Subj", b"Subj", b"QUIT"]
    assert server.reads[4].endswith(b".\r\nMAIL FROM:<bounce@acme.example>\r\n"
                                    b"RCPT TO:<lead2@acme.example>\r\nDATA\r\n")  # fmt: skip
    assert server.messages == [b"Subject: %d" % one for one in range(4)]


async def test_a_refusal_of_what_was_asked_ahead_is_that_messages_own() -> None:
    """The one before it is taken, and so are those behind it."""
    async with a_server() as (server, transport):
        answer = server.answer
        server.answer = lambda line: (  # type: ignore[method-assign]
            b"550 5.1.1 nobody\r\n" if line.startswith(b"RCPT TO:<lead2") else answer(line)
        )
        outcomes = await send_many(transport, 5)
    kinds = [Accepted, Accepted, Rejected, Accepted, Accepted]
    assert [type(one) for one in outcomes] == kinds
    assert server.messages == [b"Subject: %d" % one for one in (0, 1, 3, 4)]


async def test_a_link_lost_at_the_end_of_a_message_leaves_only_that_one_in_doubt() -> None:
    """The one whose envelope went with it is begun anew, and goes once."""
    async with a_server() as (server, transport):
        answer = server.answer

        def cut_once(line: bytes) -> bytes:
            if line == b"." and server.messages[-1] == b"Subject: 1" and server.connections == 1:
                return b"cut"
            return answer(line)

        server.answer = cut_once  # type: ignore[method-assign]
        outcomes = await send_many(transport, 4)
    assert [type(one) for one in outcomes] == [Accepted, InDoubt, Accepted, Accepted]
    assert server.messages == [b"Subject: %d" % one for one in range(4)]
    assert server.connections == 2


async def test_a_message_that_waits_behind_one_that_hangs_is_put_back_in_time() -> None:
    """Its envelope may have gone ahead; not a word of its content follows, however late."""
    within = timedelta(seconds=0.1)
    async with a_server() as (server, transport):
        server.hangs_at = 2
        going = asyncio.create_task(send_many(transport, 3, start_within=within))
        await asyncio.sleep(0.2)
        server.go_on.set()
        outcomes = await going
        assert [type(one) for one in outcomes] == [Accepted, Accepted, NotSent]
        assert outcomes[2] == NotSent("waiting for a connection", timedelta(), put_back=True)
        assert isinstance(await transport.send(numbered(7)), Accepted)
    assert server.messages == [b"Subject: 0", b"Subject: 1", b"Subject: 7"]
    assert server.connections == 2


async def test_a_message_cancelled_behind_another_leaves_that_one_alone() -> None:
    async with a_server() as (server, transport):
        server.hangs_at = 2
        sends = [asyncio.create_task(transport.send(numbered(one))) for one in range(3)]
        await asyncio.wait_for(server.hangs.wait(), 5)
        sends[2].cancel()
        server.go_on.set()
        outcomes = await asyncio.gather(*sends, return_exceptions=True)
        assert [type(one) for one in outcomes[:2]] == [Accepted, Accepted]
        assert isinstance(outcomes[2], asyncio.CancelledError)
        assert isinstance(await transport.send(numbered(7)), Accepted)
    assert server.messages == [b"Subject: 0", b"Subject: 1", b"Subject: 7"]


async def test_nothing_goes_ahead_to_a_server_that_takes_its_time() -> None:
    """A message would be bound to a connection while others become free."""
    async with a_server() as (server, transport):
        server.hangs_at = 1
        going = asyncio.create_task(send_many(transport, 2))
        await asyncio.sleep(0.3)
        server.go_on.set()
        assert {type(one) for one in await going} == {Accepted}
    assert [read[:4] for read in server.reads[2:5]] == [b"Subj", b"MAIL", b"Subj"]
