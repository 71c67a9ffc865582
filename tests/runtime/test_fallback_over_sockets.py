"""Two mail accounts over real connections: one is switched off, refuses or hangs up."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from engine.mail.transports.port import Transport
from engine.mail.transports.smtp import SmtpLimits, SmtpTransport
from engine.operations.exits import Exits
from engine.runtime.mail_routes import TRIES
from tests.mail.test_bench_sink import a_sink
from tests.mail.test_smtp_transport import a_server
from tests.runtime.stage import Stage, soundness
from tests.runtime.test_mail_accounts import ACCOUNTS, NEWS

LIMITS = SmtpLimits(
    connect=timedelta(seconds=5), command=timedelta(seconds=5), final=timedelta(seconds=5)
)


def an_account(url: str) -> Transport:
    return SmtpTransport(url, LIMITS)


async def work(stage: Stage, default: int, news: int) -> None:
    """Every open batch, over connections of its own."""
    secrets = {"NEWS_URL": f"smtp://127.0.0.1:{news}?starttls=never&helo=test"}
    own = an_account(f"smtp://127.0.0.1:{default}?starttls=never&helo=test")
    exits = Exits(own, secrets, open_account=an_account)
    courier = replace(stage.courier, transport=own, exits=exits)
    for batch in await asyncio.to_thread(stage.open_batches):
        await courier.deliver(batch)
    await exits.close()


@pytest.mark.parametrize("greeting", [None, b"421 4.3.2 too busy\r\n", b"nonsense\r\n"], ids=ascii)
async def test_mail_arrives_once_by_the_fallback(
    sqlite_stage: Stage, tmp_path: Path, greeting: bytes | None
) -> None:
    """Nobody listens, or the greeting refuses: each mail is stored once, by the other server."""
    stage = sqlite_stage
    stage.publish(ACCOUNTS, one=NEWS)
    log = tmp_path / "stored"
    with a_sink(log) as port:
        async with a_server(None, greeting=greeting or b"") as news:
            for number in range(TRIES + 2):
                stage.event("form.submitted", f"lead{number}")
                await work(stage, port, news if greeting else 1)
                stage.turn(seconds=1)
            stage.turn(seconds=25)
            await work(stage, port, news if greeting else 1)
            stage.turn(seconds=25)
            await work(stage, port, news if greeting else 1)
    stored = sorted(line.partition("\t")[2] for line in log.read_text().splitlines())
    assert stored == [f"lead{n}@example.com" for n in range(TRIES + 2)]
    assert {(row["state"], row["via"]) for row in stage.jobs()} == {("accepted", "default")}
    stage.work()
    soundness(stage)


async def test_what_was_stored_and_never_answered_stays_in_doubt(
    sqlite_stage: Stage, tmp_path: Path
) -> None:
    """The account took it and hung up; then it is gone: nobody sends it by the fallback."""
    stage = sqlite_stage
    stage.publish(ACCOUNTS, one=NEWS)
    first, second = tmp_path / "news", tmp_path / "default"
    with a_sink(second) as port:
        with a_sink(first, "drop@lead0") as news:
            stage.event("form.submitted", "lead0")
            await work(stage, port, news)
        for number in range(1, TRIES + 2):
            stage.event("form.submitted", f"lead{number}")
            await work(stage, port, 1)
        for _ in range(2):
            stage.turn(seconds=25)
            await work(stage, port, 1)
    assert first.read_text().count("lead0@example.com") == 1
    assert "lead0@example.com" not in second.read_text()
    (doubtful,) = stage.jobs(state="in_doubt")
    assert doubtful["via"] == "news"
    assert len(stage.jobs(state="accepted", via="default")) == TRIES + 1
