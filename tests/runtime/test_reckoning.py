"""The judge of the fault runs: a promise that is broken does not pass it."""

import pytest
import sqlalchemy as sa

from bench.reckoning import Mails, reckon
from engine.store import jobs
from tests.runtime.stage import Stage

HELLO = "enroll: {when: [{event: form.submitted}]}\nsteps:\n  - email: note\n"


@pytest.mark.parametrize(
    ("arrivals", "state", "fault"),
    [
        ([1, 1, 1], "accepted", ""),
        ([1, 1, 0], "accepted", "is accepted, and arrived 0 times"),
        ([1, 1, 2], "accepted", "is accepted, and arrived 2 times"),
        ([1, 1, 0], "in_doubt", ""),
        ([1, 1, 1], "in_doubt", ""),
        ([1, 1, 2], "in_doubt", "is in doubt, and arrived 2 times"),
        ([1, 1, 1], "rejected", "is rejected, and arrived 1 times"),
        ([1, 1, 0], "deferred", "is deferred"),
        ([1, 1, 1, 1], "accepted", "1 mails arrived that the ledger does not know"),
    ],
)
def test_the_two_books_must_agree(
    sqlite_stage: Stage, arrivals: list[int], state: str, fault: str
) -> None:
    """Lost, doubled, unknown or unfinished: each is named."""
    stage = sqlite_stage
    stage.publish(hello=HELLO)
    stage.crowd(3)
    stage.work()
    rows = [(job["message_id"], job["address"]) for job in stage.jobs()]
    rows.append(("<of@nobody>", "nobody@example.com"))
    last = sa.update(jobs.table).where(jobs.table.c.message_id == rows[2][0])
    stage.store.write(lambda tx: tx.conn.execute(last.values(state=state)))
    arrived = [row for row, times in zip(rows, arrivals, strict=False) for _ in range(times)]
    mails = Mails()
    stage.store.read(lambda tx: reckon(tx, arrived, mails))
    assert [fault in one for one in mails.faults] == ([True] if fault else [])
