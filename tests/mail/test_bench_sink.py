"""The load tests' own mail server: its log is the truth about what was stored."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

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
from engine.mail.transports.smtp_url import SmtpServer

SINK = Path(__file__).parents[2] / "bench" / "sink.py"
LIMITS = SmtpLimits(command=timedelta(seconds=2), final=timedelta(seconds=0.3))
RULES = {
    "451@grey": Deferred,
    "550@nobody": Rejected,
    "greylist@new": Deferred,
    "data451@later": Deferred,
    "421@busy": Deferred,
    "drop@drop": InDoubt,
    "hang@hang": InDoubt,
    "cut@cut": InDoubt,
}


@contextmanager
def a_sink(log: Path, *rules: str) -> Iterator[int]:
    options = [part for rule in rules for part in ("--rule", rule)]
    command = [sys.executable, str(SINK), "--port", "0", "--log", str(log), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sink:
        assert sink.stdout is not None
        try:
            yield int(sink.stdout.readline().split()[-1])
        finally:
            sink.terminate()
            sink.stdout.read()


async def all_sent(port: int, *recipients: str) -> list[Outcome]:
    transport = SmtpTransport(SmtpServer("127.0.0.1", port, helo="test"), LIMITS)
    outcomes = await asyncio.gather(
        *(
            transport.send(Envelope("", name, f"Message-Id: <{name}>\r\n\r\n.\r\nx\r\n".encode()))
            for name in recipients
        )
    )
    await transport.close()
    return outcomes


async def test_it_misbehaves_as_told_and_logs_what_it_stored(tmp_path: Path) -> None:
    log = tmp_path / "accepted.tsv"
    names = [rule.partition("@")[2] + "@acme.example" for rule in RULES]
    with a_sink(log, *RULES) as port:
        first = await all_sent(port, "ann@acme.example", *names)
        [again] = await all_sent(port, "new@acme.example")
    assert [type(outcome) for outcome in first] == [Accepted, *RULES.values()]
    assert isinstance(again, Accepted)
    stored = {"ann", "drop", "hang", "new"}
    expected = {f"<{name}@acme.example>\t{name}@acme.example" for name in stored}
    assert set(log.read_text().splitlines()) == expected


async def test_a_share_of_recipients_is_always_the_same(tmp_path: Path) -> None:
    names = [f"lead{number}@acme.example" for number in range(60)]
    with a_sink(tmp_path / "log", "550%0.3") as port:
        first, second = await all_sent(port, *names), await all_sent(port, *names)
    assert first == second
    refused = sum(isinstance(outcome, Rejected) for outcome in first)
    assert 8 <= refused <= 28
    assert not any(isinstance(outcome, NotSent | InDoubt) for outcome in first)
