"""How fast `SmtpTransport` is, beside a bare loop over pooled aiosmtplib connections.

    python -m bench.smtp_speed            # 4,000 messages each way, three rounds, to bench/sink.py

Both send the same messages, one recipient each, over the same number of connections, to a server
in another process; rounds alternate, and the best of each side counts.
"""

import argparse
import asyncio
import subprocess
import sys
import time
from pathlib import Path

import aiosmtplib

from engine.mail.transports.port import Accepted, Envelope
from engine.mail.transports.smtp import SmtpLimits, SmtpTransport

CONTENT = b"Subject: speed\r\nMessage-ID: <%d@bench.example>\r\n\r\n" + b"words and words\r\n" * 300
AIOSMTPD = """
import asyncio, sys
from aiosmtpd.smtp import SMTP
class Taker:
    async def handle_DATA(self, server, session, envelope):
        return "250 2.0.0 ok"
async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Taker(), hostname="sink", loop=loop),
                                      "127.0.0.1", 0)
    print("listening on", server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def envelopes(count: int) -> list[Envelope]:
    return [
        Envelope("bounce@acme.example", f"lead{n}@acme.example", CONTENT % n) for n in range(count)
    ]


async def by_transport(port: int, connections: int, messages: list[Envelope]) -> float:
    limits = SmtpLimits(connections=connections, messages_per_connection=10**9)
    transport = SmtpTransport(f"smtp://127.0.0.1:{port}?starttls=never&helo=bench", limits)
    waiting = iter(messages)

    async def sender() -> None:
        for envelope in waiting:
            outcome = await transport.send(envelope)
            if not isinstance(outcome, Accepted):
                raise SystemExit(f"not accepted: {outcome}")

    began = time.perf_counter()
    await asyncio.gather(*(sender() for _ in range(connections)))
    seconds = time.perf_counter() - began
    await transport.close()
    return len(messages) / seconds


async def bare(port: int, connections: int, messages: list[Envelope]) -> float:
    waiting = iter(messages)

    async def sender() -> None:
        client = aiosmtplib.SMTP(
            hostname="127.0.0.1", port=port, start_tls=False, local_hostname="bench"
        )
        await client.connect()
        for envelope in waiting:
            await client.mail(envelope.sender)
            await client.rcpt(envelope.recipient)
            await client.data(envelope.content)
        await client.quit()

    began = time.perf_counter()
    await asyncio.gather(*(sender() for _ in range(connections)))
    return len(messages) / (time.perf_counter() - began)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--messages", type=int, default=4000)
    options.add_argument("--connections", type=int, default=8)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--aiosmtpd", action="store_true", help="send to aiosmtpd instead")
    given = options.parse_args()
    sink = [str(Path(__file__).with_name("sink.py")), "--port", "0"]
    command = [sys.executable, *(["-c", AIOSMTPD] if given.aiosmtpd else sink)]
    messages = envelopes(given.messages)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline().split()[-1])
        try:
            ours, theirs = [], []
            for _ in range(given.rounds):
                theirs.append(asyncio.run(bare(port, given.connections, messages)))
                ours.append(asyncio.run(by_transport(port, given.connections, messages)))
        finally:
            server.terminate()
            server.stdout.read()
    print(f"transport {max(ours):,.0f}/s, bare {max(theirs):,.0f}/s, {max(ours) / max(theirs):.2f}")


if __name__ == "__main__":
    main()
