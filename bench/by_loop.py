"""A hand-rolled drip: a table of jobs, a loop that claims what is due, mails built beforehand.

    python -m bench.by_loop --port 2525 --leads 5000

What one writes without Temporal: each pass claims twenty due jobs in one transaction (on SQLite the
one writer does what SKIP LOCKED does elsewhere), hands the ready bytes over, and then marks them
and makes each lead's next job, in a second one. Welcome mail, a wait of a second, a branch on the
score, a second mail. No templates, no tracking, no consent, no ledger beyond the table.
It prints, as JSON, the seconds that it took and its CPU milliseconds a lead.
"""

import argparse
import asyncio
import json
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import aiosmtplib
import uvloop

CONNECTIONS = 8
WINDOW = 20
_CLAIM = """
UPDATE job SET state = 'taken' WHERE id IN
(SELECT id FROM job WHERE state = 'due' AND due_at <= ? ORDER BY due_at LIMIT ?)
RETURNING id, lead, step
"""


class Table:
    """The jobs and the leads, in a file with synchronous=FULL."""

    def __init__(self, path: Path, leads: int) -> None:
        self._base = sqlite3.connect(path, isolation_level=None)
        for statement in (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=FULL",
            "CREATE TABLE lead (id INTEGER PRIMARY KEY, email TEXT, score INTEGER)",
            "CREATE TABLE job (id INTEGER PRIMARY KEY, lead INTEGER, step INTEGER, due_at REAL,"
            " state TEXT, UNIQUE (lead, step))",
            "CREATE INDEX due ON job (due_at) WHERE state = 'due'",
        ):
            self._base.execute(statement).close()
        self._run(
            "INSERT INTO lead VALUES (?, ?, 0)",
            [(n, f"lead{n}@loop.example") for n in range(leads)],
        )
        jobs = [(n, 1, time.time()) for n in range(leads)]
        self._run("INSERT INTO job (lead, step, due_at, state) VALUES (?, ?, ?, 'due')", jobs)

    def _run(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        self._base.execute("BEGIN IMMEDIATE")
        self._base.executemany(statement, rows)
        self._base.execute("COMMIT")

    def claim(self) -> list[tuple[int, int, int]]:
        """Twenty jobs that are due, (job, lead, step), now ours."""
        self._base.execute("BEGIN IMMEDIATE")
        found = self._base.execute(_CLAIM, (time.time(), WINDOW)).fetchall()
        self._base.execute("COMMIT")
        return found

    def done(self, jobs: Sequence[tuple[int, int, int]]) -> int:
        """Marks jobs as done, and makes what follows; answers how many leads are through."""
        self._base.execute("BEGIN IMMEDIATE")
        self._base.executemany("UPDATE job SET state = 'done' WHERE id = ?", [j[:1] for j in jobs])
        welcomed = [lead for _, lead, step in jobs if step == 1]
        marks = ", ".join("?" * len(welcomed))
        cold = self._base.execute(
            f"SELECT id FROM lead WHERE id IN ({marks}) AND score < 10", welcomed
        ).fetchall()
        self._base.executemany(
            "INSERT INTO job (lead, step, due_at, state) VALUES (?, 2, ?, 'due')",
            [(lead, time.time() + 1) for (lead,) in cold],
        )
        self._base.execute("COMMIT")
        return len(jobs) - len(cold)


async def loop(port: int, leads: int, content: bytes) -> float:
    """Seconds until every lead is through."""
    with tempfile.TemporaryDirectory() as folder:
        table = Table(Path(folder) / "jobs.db", leads)
        left, began = leads, time.monotonic()

        async def sender() -> None:
            nonlocal left
            client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False)
            await client.connect()
            while left > 0:
                jobs = table.claim()
                if not jobs:
                    await asyncio.sleep(0.05)
                    continue
                for _, lead, _ in jobs:
                    await client.sendmail(
                        "hello@bench.example", [f"lead{lead}@loop.example"], content
                    )
                left -= table.done(jobs)
            await client.quit()

        await asyncio.gather(*(sender() for _ in range(CONNECTIONS)))
        return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--leads", type=int, default=5000)
    parser.add_argument("--content", type=Path, required=True, help="a file with a ready mail")
    args = parser.parse_args()
    content = args.content.read_bytes()
    before = time.process_time()
    seconds = uvloop.run(loop(args.port, args.leads, content))
    spent = (time.process_time() - before) / args.leads * 1000
    print(json.dumps({"seconds": round(seconds, 2), "cpu_ms_per_lead": round(spent, 3)}))


if __name__ == "__main__":
    main()
