"""What a mail server answers, over a real connection, all the way to the ledger and the lead."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from engine.mail.transports.smtp import SmtpLimits, SmtpTransport
from engine.mail.transports.smtp_url import SmtpServer
from engine.store import leads, suppressions
from tests.mail.test_bench_sink import a_sink
from tests.runtime.stage import Stage, soundness

HELLO = """\
enroll: {when: [{event: form.submitted}]}
steps:
  - email: note
  - tag: told
"""
LIMITS = SmtpLimits(
    connect=timedelta(seconds=5), command=timedelta(seconds=5), final=timedelta(seconds=1)
)


@dataclass(frozen=True)
class End:
    """Where a mail, its enrollment and its address are afterwards."""

    job: str
    run: str
    reason: str = ""
    outcome: str = ""
    suppressed: bool = False


ENDS = {
    "ok": ("", End("accepted", "finished", outcome="completed")),
    "grey": ("451", End("deferred", "waiting", "greylisted")),
    "full": ("452", End("deferred", "waiting", "mailbox")),
    "busy": ("421", End("deferred", "waiting")),
    "nobody": ("550", End("bounced", "finished", "hard_bounce", "bounced", suppressed=True)),
    "policy": ("554", End("deferred", "waiting", "sender_fault")),
    "bad": ("data554", End("rejected", "stopped", "content")),
    "later": ("data451", End("deferred", "waiting")),
    "drop": ("drop", End("in_doubt", "finished", outcome="completed")),
    "cut": ("cut", End("in_doubt", "finished", outcome="completed")),
    "hang": ("hang", End("in_doubt", "finished", outcome="completed")),
}


def address(name: str) -> str:
    """Each at a provider of its own: one that throttles is left alone as a whole."""
    return f"{name}@{name}.example"


def test_each_class_of_answer_ends_where_it_should(stage: Stage, tmp_path: Path) -> None:
    """One batch meets them all: none decides over another, and none is sent twice."""
    rules = [f"{action}@{name}" for name, (action, _) in ENDS.items() if action]
    stage.publish(hello=HELLO)
    with a_sink(tmp_path / "log", *rules) as port:
        for name in ENDS:
            stage.event("form.submitted", fields={"email": address(name)})
        deliver(stage, port)
    stage.work()
    found = {name: _end(stage, name) for name in ENDS}
    for name, (_, expected) in ENDS.items():
        seen = found[name]
        assert expected.reason in seen.reason, (name, seen)
        assert End(seen.job, seen.run, expected.reason, seen.outcome, seen.suppressed) == expected
    stored = [line.partition("\t")[2] for line in (tmp_path / "log").read_text().splitlines()]
    assert sorted(stored) == sorted(address(name) for name in ("ok", "drop", "hang"))
    assert len(stage.tasks(kind="stopped", state="open")) == 1
    soundness(stage)


def deliver(stage: Stage, port: int) -> None:
    """Every open batch, over connections of its own."""

    async def all_of_it() -> None:
        transport = SmtpTransport(SmtpServer("127.0.0.1", port, helo="test"), LIMITS)
        carried = Stage(stage.store, stage.clock, transport)  # type: ignore[arg-type]
        for batch in stage.open_batches():
            await carried.courier.deliver(batch)
        await transport.close()

    asyncio.run(all_of_it())


def _end(stage: Stage, name: str) -> End:
    (found,) = stage.all(leads.table, email=address(name))
    lead = found["id"]
    (job,), (run,) = stage.jobs(lead=lead), stage.runs(lead=lead)
    blocks = stage.store.read(lambda tx: suppressions.blocks_of(tx, [address(name)]))
    return End(
        job["state"], run["state"], job["reason"], run["outcome"],
        suppressed=bool(blocks.get(address(name), suppressions.Blocks()).dead),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["grey", "busy", "later"])
def test_who_is_put_off_gets_the_same_mail_once_the_server_takes_it(
    stage: Stage, name: str, tmp_path: Path
) -> None:
    """Under its Message-ID, and its enrollment goes on."""
    stage.publish(hello=HELLO)
    action = "greylist" if name == "grey" else f"once-{ENDS[name][0]}"
    with a_sink(tmp_path / "log", f"{action}@{name}") as port:
        stage.event("form.submitted", fields={"email": address(name)})
        message_id = ""
        for _ in range(2):
            deliver(stage, port)
            message_id = message_id or stage.job()["message_id"]
            stage.turn(hours=1)
    stage.work()
    assert stage.job()["state"] == "accepted"
    assert (tmp_path / "log").read_text() == f"{message_id}\t{address(name)}\n"
    assert stage.run()["outcome"] == "completed"
