"""What sleeping enrollments cost, and how late the last of many starts that are due at once.

    python -m bench.sleepers [--sleepers 100000] [--due 10000] [--baseline 1500] [--json]

Half of the sleepers enter as one bulk enrollment that the worker drives, half by an event each, in
transactions of one event, over time: the drivers see them come in a few at a time. All wait for a
month. Bytes are told apart: pages of Temporal's file that are in use, tables of the store with
their indexes (enrollments and their step log; the leads and the events would be there anyway), and
what the worker holds more than before. A hand-written workflow per lead stands beside it.
Then `--due` of them are made due within one second, by moving their wake in the store as a month
would; late is the time from a member's wake to its next step in the step log.
"""

import argparse
import sqlite3
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from bench import loads, rivals
from bench.arena import Arena, wait_until
from bench.ending import end
from bench.peaks import now_resident, own_peak, peaks, print_peaks
from engine import garbage
from engine.operations import bulk, intake
from engine.store import enrollments
from engine.store.database import Store, Transaction, utc_now

BATCH = 500
THREADS = 16
LIMIT = 100
WARM = 1200
"""Sleepers before the first weighing, most of them taken in by a bulk enrollment."""

SINGLY = 240
"""Seconds for those who enter one by one; on a machine that is too busy, the rest go in bulk."""
OURS = ("enrollment", "step_log")
_PLAYBOOK = "sleepers"


@dataclass(frozen=True)
class Bytes:
    """What is held at a moment."""

    temporal: int
    store: int
    worker: int


@dataclass
class Found:
    """Bytes are for each sleeper."""

    sleepers: int
    temporal_bytes: float
    store_bytes: float
    worker_bytes: float
    bytes_all_told: float
    by_hand_temporal_bytes: float
    by_hand_worker_bytes: float
    ratio: float
    bulk_per_second: float
    one_by_one: int
    one_by_one_per_second: float
    due: int = 0
    late_median_s: float = 0.0
    late_last_s: float = 0.0
    memory_mb: dict[str, float] = field(default_factory=dict)


def measure(sleepers: int, due: int, by_hand: int) -> Found:
    """Fills the set-up, weighs it, and wakes some."""
    with Arena() as arena:
        arena.write(loads.files_of_sleepers())
        store = arena.publish()
        arena.start_temporal()
        rival = weigh_by_hand(arena, by_hand)
        arena.start_worker()
        rivals.Nudging(arena, store)
        # Whatever is made once, of either kind of driver, is made here.
        one_by_one(store, "warm", 200)
        know(store, "warm-bulk", WARM - 200)
        all_in_bulk(arena, store, WARM)
        time.sleep(3)
        before = _bytes(arena, store)
        singly, seconds = one_by_one(store, "single", sleepers // 2)
        know(store, "bulk", sleepers - singly)
        slept = all_in_bulk(arena, store, WARM + sleepers)
        sleepers = store.read(_asleep) - WARM  # all, unless the machine was too busy
        in_bulk = (sleepers - singly) / slept
        time.sleep(3)  # what the drivers still write
        after = _bytes(arena, store)
        late = wake(arena, store, due)
        memory = peaks(arena) | {"this process": own_peak()}
        store.close()
    each = [
        (getattr(after, name) - getattr(before, name)) / sleepers
        for name in ("temporal", "store", "worker")
    ]
    return Found(
        sleepers=sleepers,
        temporal_bytes=round(each[0], 1),
        store_bytes=round(each[1]),
        worker_bytes=round(each[2]),
        bytes_all_told=round(sum(each)),
        by_hand_temporal_bytes=round(rival.temporal / by_hand),
        by_hand_worker_bytes=round(rival.worker / by_hand),
        ratio=round((rival.temporal + rival.worker) / by_hand / sum(each), 1),
        bulk_per_second=round(in_bulk),
        one_by_one=singly,
        one_by_one_per_second=round(singly / seconds),
        due=due,
        late_median_s=round(late[len(late) // 2], 2),
        late_last_s=round(late[-1], 2),
        memory_mb=memory,
    )


def weigh_by_hand(arena: Arena, leads: int) -> Bytes:
    """What sleeping hand-written workflows add to Temporal's file and their worker."""
    rivals.start_by_hand(arena)
    rivals.run_by_hand(arena, 20, "drip", ends=False)  # whatever is made once is made then
    time.sleep(2)
    before = Bytes(_temporal(arena), 0, now_resident(arena, "baseline"))
    rivals.run_by_hand(arena, leads, "sleepers", ends=False)
    time.sleep(3)
    after = Bytes(_temporal(arena), 0, now_resident(arena, "baseline"))
    arena.kill("baseline")
    return Bytes(after.temporal - before.temporal, 0, after.worker - before.worker)


def one_by_one(store: Store, part: str, leads: int) -> tuple[int, float]:
    """How many entered by an event each, from a few threads as from a web server, in what time."""
    events, began = iter(loads.forms(part, range(leads))), time.monotonic()
    lock, done = threading.Lock(), [0]

    def feed() -> None:
        while time.monotonic() < began + SINGLY:
            with lock:
                event = next(events, None)
                done[0] += event is not None
            if event is None:
                return
            intake.take_in(store, [event])

    threads = [threading.Thread(target=feed) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done[0], time.monotonic() - began


def know(store: Store, part: str, leads: int) -> None:
    """Makes leads that no playbook has enrolled."""
    for start in range(0, leads, BATCH):
        numbers = range(start, min(start + BATCH, leads))
        with_names = [
            intake.IncomingEvent("page.viewed", loads.lead(part, n), id=f"{part}-{n}")
            for n in numbers
        ]
        intake.take_in(store, with_names)


def all_in_bulk(arena: Arena, store: Store, wanted: int) -> float:
    """Seconds in which the worker took all leads that were not in into the playbook, and asleep."""
    began = time.monotonic()
    bulk.begin(store, _PLAYBOOK)
    if not wait_until(lambda: store.read(_asleep) >= wanted, LIMIT, 0.5):
        log = (arena.folder / "worker.log").read_text()[-2000:]
        print(f"only {store.read(_asleep)} of {wanted} leads are asleep\n{log}", file=sys.stderr)
    return time.monotonic() - began


def wake(arena: Arena, store: Store, count: int) -> Sequence[float]:
    """Seconds that each of the woken was late, in order; their wakes fill one second."""
    first = utc_now() + timedelta(seconds=3)
    wakes: dict[str, datetime] = {}

    def move(tx: Transaction) -> None:
        asleep = sa.select(enrollments.table.c.id, enrollments.table.c.cohort)
        found = tx.conn.execute(asleep.where(enrollments.table.c.blocked_on == "wait")).all()
        step = max(len(found) // count, 1)
        chosen = found[::step][:count]
        for number, (one, cohort) in enumerate(chosen):
            wakes[one] = first + timedelta(seconds=number / count)
            tx.nudges.add(cohort)
        statement = (
            sa.update(enrollments.table)
            .where(enrollments.table.c.id == sa.bindparam("one"))
            .values(wake_at=sa.bindparam("at"), until_at=sa.bindparam("at"))
        )
        tx.conn.execute(statement, [{"one": one, "at": at} for one, at in wakes.items()])

    store.write(move)
    wait_until(lambda: store.read(_ended) >= count, LIMIT, 0.5)
    log = enrollments.log_table
    query = sa.select(log.c.enrollment, sa.func.min(log.c.at)).group_by(log.c.enrollment)
    started = dict(store.read(lambda tx: [tuple(row) for row in tx.conn.execute(query)]))
    missing = len(wakes.keys() - started.keys())
    if missing:
        raise SystemExit(f"{missing} of {count} did not wake within {LIMIT} s")
    return sorted((started[one] - at).total_seconds() for one, at in wakes.items())


def _asleep(tx: Transaction) -> int:
    return _count(tx, "blocked_on = 'wait'")


def _ended(tx: Transaction) -> int:
    return _count(tx, "ended_at IS NOT NULL")


def _count(tx: Transaction, what: str) -> int:
    query = sa.text(f"SELECT count(*) FROM enrollment WHERE {what}")
    return int(tx.conn.execute(query).scalar_one())


def _bytes(arena: Arena, store: Store) -> Bytes:
    return Bytes(_temporal(arena), _store(store), now_resident(arena, "worker"))


def _temporal(arena: Arena) -> int:
    """Bytes of the pages in use, those in the write-ahead log included."""
    with sqlite3.connect(arena.folder / ".longplay" / "temporal.db", timeout=30) as base:
        ask = ("page_count", "freelist_count", "page_size")
        count, free, size = (base.execute(f"PRAGMA {name}").fetchone()[0] for name in ask)
    return int((count - free) * size)


def _store(store: Store) -> int:
    """Bytes of the tables that sleepers fill, with their indexes."""
    marks = ", ".join(f"'{name}'" for name in OURS)
    query = (
        "SELECT sum(pgsize) FROM dbstat WHERE name IN "
        f"(SELECT name FROM sqlite_master WHERE tbl_name IN ({marks}))"
    )
    return int(store.read(lambda tx: tx.conn.execute(sa.text(query)).scalar_one()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sleepers", type=int, default=100_000)
    parser.add_argument("--due", type=int, default=10_000)
    parser.add_argument("--baseline", type=int, default=1500)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    garbage.settle()  # as the web server does, whose part this process plays
    found = measure(args.sleepers, args.due, args.baseline)
    end(found, _table, as_json=args.json)


def _table(found: Found) -> None:
    for name, value in asdict(found).items():
        if name != "memory_mb":
            print(f"{name.replace('_', ' '):>44} {value:>10,}")
    print_peaks(found.memory_mb)


if __name__ == "__main__":
    main()
