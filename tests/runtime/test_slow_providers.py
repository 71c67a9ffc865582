"""A provider that is merely slow, over real connections: it holds up its own mail and no other."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from activities._apart import Apart
from engine.ids import kind_of_queue
from engine.mail.transports.smtp import SmtpTransport
from engine.mail.transports.speeds import Speeds
from engine.operations import slowness
from engine.operations.intake import IncomingEvent, take_in
from tests.runtime.stage import Stage, soundness

MAIL = "enroll: {when: [{event: form.submitted}]}\nsteps:\n  - email: note\n"
SLOTS = 3
"""Batches of a queue at a time, as in a sender."""

AT_LAST = 20.0
"""Seconds after which a slow provider answers though others' mail has not come: the test fails."""


@dataclass
class Provider:
    """A mail server: it answers for `slow` only when `awaited` mails to others have come."""

    slow: str
    awaited: int
    order: list[str] = field(default_factory=list)
    inside: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)
    _enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        domain = ""
        while line := await reader.readline():
            word = line[:4].upper()
            if word == b"RCPT":
                domain = line.decode().partition("@")[2].partition(">")[0]
            if word == b"DATA":
                writer.write(b"354 go on\r\n")
                while (await reader.readline()) != b".\r\n":
                    pass
                await self._take(domain)
            writer.write(b"221 bye\r\n" if word == b"QUIT" else b"250 2.0.0 ok\r\n")
            await writer.drain()
        writer.close()

    async def _take(self, domain: str) -> None:
        self.inside[domain] += 1
        self.most[domain] = max(self.most[domain], self.inside[domain])
        if domain == self.slow:
            await asyncio.wait_for(self._enough.wait(), AT_LAST)
        self.inside[domain] -= 1
        self.order.append(domain)
        if len(self.order) - self.order.count(self.slow) >= self.awaited:
            self._enough.set()


@asynccontextmanager
async def serving(provider: Provider) -> AsyncIterator[SmtpTransport]:
    server = await asyncio.start_server(provider.serve, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    speeds = Speeds(slow=0.15)
    transport = SmtpTransport(f"smtp://127.0.0.1:{port}?starttls=never&helo=test", speeds=speeds)
    transport_speeds[transport] = speeds
    try:
        yield transport
    finally:
        await transport.close()
        server.close()
        await server.wait_closed()


transport_speeds: dict[SmtpTransport, Speeds] = {}


async def send_all(stage: Stage, transport: SmtpTransport, mails: int) -> None:
    """As drivers and a sender do it: batches by their queues, a few of each at a time."""
    courier = replace(stage.courier, transport=transport, speeds=transport_speeds.pop(transport))
    apart = Apart(replace(courier, apart=True))
    running: dict[str, tuple[str, asyncio.Task[object]]] = {}
    rest: dict[str, float] = {}
    until = time.monotonic() + 2 * AT_LAST
    while len(stage.jobs(state="accepted")) < mails:
        assert time.monotonic() < until, Counter((j["state"], j["reason"]) for j in stage.jobs())
        taken = Counter(queue for queue, _ in running.values())
        for batch, queue in [one for p in stage.advance() for one in p.batches]:
            if batch in running or taken[queue] >= SLOTS or rest.get(batch, 0) > time.monotonic():
                continue
            assert kind_of_queue(queue) == "longplay-email"
            carrier = apart if queue.endswith("-apart") else courier
            running[batch] = queue, asyncio.create_task(carrier.deliver(batch))
            taken[queue] += 1
        await asyncio.sleep(0.05)
        for batch, (_, task) in list(running.items()):
            if task.done():
                rest[batch] = time.monotonic() + (0.2 if task.result().look_in else 0)  # type: ignore[attr-defined]
                del running[batch]


@pytest.mark.parametrize(
    ("slow", "slow_mails", "others"),
    [
        ("firm.example", 60, {f"firm{n}.example": 8 for n in range(5)}),
        ("qq.com", 300, {"gmail.com": 4, "firm1.example": 30}),
        ("qq.com", 300, {"163.com": 60, "firm1.example": 5}),
    ],
    ids=["a-firm-among-others", "a-large-provider", "beside-another-large-one"],
)
async def test_a_slow_provider_delays_no_other(
    sqlite_stage: Stage, slow: str, slow_mails: int, others: dict[str, int]
) -> None:
    """It answers nobody until everybody else's mail has come: and that has."""
    stage = sqlite_stage
    stage.publish(one=MAIL)
    count = sum(others.values())
    addresses = [f"lead{n}@{slow}" for n in range(slow_mails)]
    addresses += [f"lead{n}@{name}" for name, many in others.items() for n in range(many)]
    events = [IncomingEvent("form.submitted", {"email": one}) for one in addresses]
    assert not take_in(stage.store, events).rejected
    provider = Provider(slow, count)
    async with serving(provider) as transport:
        await send_all(stage, transport, slow_mails + count)
    assert slow not in provider.order[:count]
    assert provider.most[slow] <= 8
    assert Counter(provider.order) == {slow: slow_mails, **others}
    soundness(stage)


async def test_what_one_sender_finds_slow_all_know(sqlite_stage: Stage) -> None:
    """It is written down while it lasts, and its mail is taken out of batches of others."""
    stage = sqlite_stage
    stage.publish(one=MAIL)
    stage.store.write(lambda tx: slowness.tell(tx, {"slow.example": 4.0}))
    assert stage.store.read(slowness.standing) == {"slow.example"}
    events = [
        IncomingEvent("form.submitted", {"email": f"lead{n}@{name}.example"})
        for n in range(3)
        for name in ("slow", "quick")
    ]
    take_in(stage.store, events)
    queues = {queue for one in stage.advance() for _, queue in one.batches}
    assert queues == {"longplay-email", "longplay-email-apart"}
    stage.store.write(lambda tx: slowness.tell(tx, {"slow.example": None}))
    assert stage.store.read(slowness.standing) == frozenset()
