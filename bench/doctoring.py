"""What `longplay doctor` costs on a large store: seconds a check, and the memory of its process.

    python -m bench.doctoring [--enrollments 1000000] [--postgres [URL]] [--keep FOLDER]

The store is made by statements: enrollments of one playbook, half of them through, each with five
lines in the step log, and for each a message.
"""

import argparse
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from bench.peaks import own_peak
from bench.postgres import Postgres
from engine.operations import doctor
from engine.store.columns import Instant
from engine.store.database import Store, Transaction
from engine.store.schema import migrate

LINES = 5
AT_ONCE = 50_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--enrollments", type=int, default=1_000_000)
    parser.add_argument("--postgres", nargs="?", const="", help="a URL; none: one of its own")
    parser.add_argument("--keep", help="a folder whose store is made once and then used again")
    args = parser.parse_args()
    if args.postgres is not None:
        server = None if args.postgres else Postgres()
        try:
            measure(server.url if server else args.postgres, args.enrollments)
        finally:
            if server is not None:
                server.close()
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(args.keep or folder) / "longplay.db"
        measure(f"sqlite:///{path}", args.enrollments)


def measure(url: str, count: int) -> None:
    """Fills an empty store and lets the doctor look at it, check by check."""
    migrate(url)
    store = Store(url)
    there = store.read(
        lambda tx: tx.conn.execute(sa.text("SELECT count(*) FROM enrollment")).scalar_one()
    )
    for start in range(there, count, AT_ONCE):
        size = min(AT_ONCE, count - start)
        store.write(lambda tx, start=start, size=size: fill(tx, start, size))  # type: ignore[misc]
    if not there:
        store.write(_settle)
    before, began = own_peak(), time.monotonic()
    last = began

    def tell(check: doctor.Check, done: int, every: int) -> None:
        nonlocal last
        now = time.monotonic()
        print(f"{check.name:>20} {now - last:>8.2f} s  {'ok' if check.ok else check.detail[:120]}")
        last = now

    doctor.examine(store, tell=tell)
    print(f"{'all':>20} {time.monotonic() - began:>8.2f} s")
    print(f"{'most memory (MB)':>20} {before:>8.1f} before, {own_peak():.1f} after")
    store.close()


def fill(tx: Transaction, start: int, size: int) -> None:
    """Enrollments from number `start` on, with what belongs to them."""
    at = datetime.now(UTC)
    numbers = _numbers(tx)
    values: dict[str, object] = {"first": start, "last": start + size - 1}
    half = "CASE WHEN n % 2 = 0 THEN {} ELSE {} END"
    rows = {
        "enrollment": {
            "id": _id(tx, "run"), "playbook": "'one'", "digest": "'d'", "cohort": "'one@d/live/0'",
            "record": _id(tx, "lead"), "lead": _id(tx, "lead"), "key": "''", "cause": "'form'",
            "seq": str(LINES), "pc": str(LINES), "state": half.format("'finished'", "'waiting'"),
            "blocked_on": half.format("''", "'timer'"), "wake_at": half.format("NULL", ":later"),
            "anchor_at": ":at", "listen_seq": "0", "memory": "'{}'", "entered_at": ":at",
            "ended_at": half.format(":at", "NULL"), "outcome": half.format("'completed'", "''"),
            "goal": "false", "reason": "''",
        },
        "job": {
            "id": _id(tx, "job"), "enrollment": _id(tx, "run"), "seq": "1",
            "cohort": "'one@d/live/0'", "batch": "'closed'", "queue": "'longplay-email'",
            "kind": "'email'", "playbook": "'one'", "step": "'hello'", "lead": _id(tx, "lead"),
            "state": "'accepted'", "marketing": "true", "attempt": "1", "via": "''",
            "token": "'t'", "message_id": _id(tx, "job"), "address": "'lead@example.com'",
            "subject": "'Hello'", "links": "'[]'", "params": "'{}'", "reason": "'250 ok'",
            "created_at": ":at", "accepted_at": ":at", "ended_at": ":at",
        },
    }  # fmt: skip
    instants = {"at": at, "later": at.replace(year=at.year + 1)}
    for table, columns in rows.items():
        text = ", ".join(columns.values())
        names = ", ".join(columns)
        statement = f"{numbers} INSERT INTO {table} ({names}) SELECT {text} FROM numbers"
        _insert(tx, statement, values | instants)
    lines = f"{numbers} INSERT INTO step_log (enrollment, seq, op, step, outcome, why, at) SELECT "
    lines += f"{_id(tx, 'run')}, :seq, 'wait', 'a-step', 'done', '', :at FROM numbers"
    for seq in range(LINES):
        _insert(tx, lines, values | {"at": at, "seq": seq})


def _numbers(tx: Transaction) -> str:
    if tx.is_postgres:
        first, last = "CAST(:first AS integer)", "CAST(:last AS integer)"
        return f"WITH numbers AS (SELECT n FROM generate_series({first}, {last}) AS n)"
    return (
        "WITH RECURSIVE numbers(n) AS "
        "(SELECT :first UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)"
    )


def _id(tx: Transaction, kind: str) -> str:
    """Twenty signs that ascend, as ids do."""
    if tx.is_postgres:
        return f"'{kind}' || lpad(n::text, {20 - len(kind)}, '0')"
    return f"printf('{kind}%0{20 - len(kind)}d', n)"


def _insert(tx: Transaction, statement: str, values: dict[str, object]) -> None:
    times = [
        sa.bindparam(name, type_=Instant()) for name in ("at", "later") if f":{name}" in statement
    ]
    used = {name: value for name, value in values.items() if f":{name}" in statement}
    tx.conn.execute(sa.text(statement).bindparams(*times), used)


def _settle(tx: Transaction) -> None:
    tx.conn.execute(sa.text("ANALYZE"))


if __name__ == "__main__":
    main()
