"""Deals that are watched: what they cost, how late many levels of one moment fire; and the kills.

    python -m bench.escalations [--deals 100000] [--due 5000] [--json]
    python -m bench.escalations --kills 4 [--deals 60] [--seed 1] [--json]

The deals are there before the playbook is: the worker begins their watches, and each sleeps until
its first level. Then `--due` of them are given a start whose level is due at one and the same
instant, as a month would; late is the time from then to the line in the step log, and to the
notice that the mail server took. Bytes are for each watch: the pages of Temporal's file that are in
use, the tables of the store that watches fill, and what the worker holds more than before. Beside
it stands the least that anything could do: to select the same rows from the same database, a page
at a time, and to write that they are done.

With `--kills` levels follow each other by seconds while worker and Temporal are killed with -9.
Afterwards every level of every watch fired once, or was passed over by a higher one; every notice
was accepted, and whatever reached the mail server twice has one Message-ID.
"""

import argparse
import json
import random
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from bench import rivals
from bench.arena import Arena, wait_until
from bench.ending import end
from bench.peaks import now_resident, peaks, print_peaks
from engine.ids import new_id
from engine.operations import published
from engine.operations.deal_drafts import drafted
from engine.store import deals, enrollments, escalations, jobs, lead_writing
from engine.store.database import Store, Transaction, utc_now

PAGE = 500
LIMIT = 600
OURS = ("enrollment", "step_log", "escalation_act", "task")

WORKSPACE = """\
workspace: acme
timezone: Asia/Shanghai
sender:
  from: "Acme <hello@acme.example>"
  postal_address: "1 Funnel Street"
  rate: 100000 per minute
pipelines:
  b2b:
    stages: [qualify, proposal, {won: {closes: won}}]
team:
  owners:
    li.wei: {name: 李伟, email: li.wei@acme.example, manager: chen.jie}
    chen.jie: {name: 陈杰, email: chen@acme.example}
"""

HEAD = """\
playbook: stalled
kind: escalation
for: deal
watch: {pipeline: b2b, stage: proposal}
levels:
"""
_LEVEL = "  - after: %s\n    steps:\n      - notify: %s\n        message: '%s {{ deal.name }}'\n"
MONTHS = HEAD + _LEVEL % ("30 days", "owner", "owner") + _LEVEL % ("60 days", "manager", "manager")
SECONDS = HEAD + "".join(_LEVEL % (f"{3 * n} seconds", "owner", n) for n in (1, 2, 3, 4))


@dataclass
class Found:
    """Bytes are for each watch; `ratio` is our time for the due ones by the least there could be.

    Attributes:
        watched_per_second: how fast the worker began the watches of deals that were there.
        late_last_s: from the instant that all were due to the last line in the step log.
        told_last_s: the same to the last notice that the mail server took.
    """

    deals: int
    temporal_bytes: float
    store_bytes: float
    worker_bytes: float
    watched_per_second: float
    due: int
    late_median_s: float
    late_last_s: float
    told_last_s: float
    bare_select_s: float
    ratio: float
    memory_mb: dict[str, float] = field(default_factory=dict)


@dataclass
class Verdict:
    """What a run with kills showed; `faults` is empty when it passed."""

    watched: int
    kills: dict[str, int]
    fired: int
    passed: int
    notices: int
    delivered_twice: int
    faults: list[str]
    seconds: float


def fill(store: Store, count: int) -> None:
    """Deals in the watched stage, each with a contact of its own."""
    for start in range(0, count, PAGE):
        store.write(lambda tx, start=start: _page(tx, range(start, min(start + PAGE, count))))  # type: ignore[misc]


def _page(tx: Transaction, numbers: range) -> None:
    current = published.current(tx)
    rows = [{"id": new_id(), "email": f"lead{n}@example.com"} for n in numbers]
    made = lead_writing.create_many(
        tx, rows, actor="bench", custom={}, lifecycle=current.workspace.lifecycle,
        zone=current.zone,
    )  # fmt: skip
    new = []
    for n, one in zip(numbers, made, strict=True):
        values = {"name": f"deal {n}", "pipeline": "b2b", "stage": "proposal", "owner": "li.wei"}
        deal = drafted(current, dict(one.after), values, id=new_id(), now=tx.now)
        new.append(deal)
    deals.create_many(tx, new, actor="bench", reason="", custom={}, zone=current.zone)


def measure(count: int, due: int) -> Found:
    """Fills the set-up, weighs it, and lets levels be due."""
    with Arena() as arena:
        arena.write({"longplay.yaml": WORKSPACE})
        store = arena.publish()
        fill(store, count)
        arena.start_temporal()
        arena.start_sink()
        arena.start_worker()
        rivals.Nudging(arena, store)
        time.sleep(5)
        before = _temporal(arena), _store(store), now_resident(arena, "worker")
        began = time.monotonic()
        arena.write({"playbooks/stalled.yaml": MONTHS})
        arena.publish().close()
        store.write(lambda tx: tx.nudges.add("longplay-schedules"))
        if not wait_until(lambda: store.read(_asleep) >= count, LIMIT, 0.5):
            _complain(arena, f"only {store.read(_asleep)} of {count} deals are watched")
        seconds = time.monotonic() - began
        time.sleep(3)
        after = _temporal(arena), _store(store), now_resident(arena, "worker")
        late, told = wake(arena, store, due)
        bare = bare_select(store, due)
        memory = peaks(arena)
        store.close()
    each = [(later - sooner) / count for sooner, later in zip(before, after, strict=True)]
    return Found(
        deals=count,
        temporal_bytes=round(each[0], 1),
        store_bytes=round(each[1]),
        worker_bytes=round(each[2]),
        watched_per_second=round(count / seconds),
        due=due,
        late_median_s=round(late[len(late) // 2], 2),
        late_last_s=round(late[-1], 2),
        told_last_s=round(told[-1], 2),
        bare_select_s=round(bare, 3),
        ratio=round(late[-1] / bare, 1),
        memory_mb=memory,
    )


def wake(arena: Arena, store: Store, count: int) -> tuple[Sequence[float], Sequence[float]]:
    """Seconds that levels, and the notices of them, were late; all are due at one instant."""
    at = utc_now() + timedelta(seconds=8)
    chosen: list[str] = []

    def move(tx: Transaction) -> None:
        table = enrollments.table
        query = sa.select(table.c.id, table.c.memory, table.c.cohort).limit(count)
        rows = []
        for run, memory, cohort in tx.conn.execute(query).all():
            start = (at - timedelta(days=30)).isoformat()
            moved = {**memory, "clock": {**memory["clock"], "start": start}}
            rows.append({"run": run, "kept": moved, "at": at})
            chosen.append(run)
            tx.nudges.add(cohort)
        here = sa.update(table).where(table.c.id == sa.bindparam("run"))
        values = {
            "memory": sa.bindparam("kept", type_=table.c.memory.type),
            "wake_at": sa.bindparam("at"),
        }
        tx.conn.execute(here.values(values), rows)

    store.write(move)
    if utc_now() > at:
        print("the clocks were set too late: what follows is later than it is", file=sys.stderr)
    if not wait_until(lambda: store.read(_told) >= count, LIMIT, 0.5):
        _complain(arena, f"only {store.read(_told)} of {count} notices were accepted")
    log, job = enrollments.log_table, jobs.table
    fired = store.read(
        lambda tx: (
            tx.conn.execute(sa.select(log.c.at).where(log.c.outcome == "level 1")).scalars().all()
        )
    )
    told = store.read(
        lambda tx: (
            tx.conn.execute(sa.select(job.c.accepted_at).where(job.c.kind == "notify"))
            .scalars()
            .all()
        )
    )
    return _late(fired, at), _late(told, at)


def _late(times: Sequence[datetime], at: datetime) -> Sequence[float]:
    return sorted((one - at).total_seconds() for one in times)


def bare_select(store: Store, count: int) -> float:
    """Seconds to select so many due rows, a page at a time, and to write that they are done."""
    table, done = enrollments.table, 0
    store.write(lambda tx: tx.conn.execute(_first(count)))
    began = time.monotonic()
    while done < count:
        done += store.write(lambda tx: _bare_page(tx, table)) or count
    return time.monotonic() - began


def _first(count: int) -> sa.Update:
    table = enrollments.table
    some = sa.select(table.c.id).order_by(table.c.id.desc()).limit(count)
    return sa.update(table).where(table.c.id.in_(some)).values(wake_at=utc_now())


def _bare_page(tx: Transaction, table: sa.Table) -> int:
    query = sa.select(table.c.id).where(
        table.c.cohort.like("stalled@%"), table.c.wake_at <= tx.now, table.c.ended_at.is_(None)
    )
    ids = tx.conn.execute(query.order_by(table.c.wake_at).limit(PAGE)).scalars().all()
    tx.conn.execute(sa.update(table).where(table.c.id.in_(ids)).values(wake_at=None))
    return len(ids)


def under_kills(count: int, kills: int, seed: int) -> Verdict:
    """Lets levels follow each other by seconds while everything dies."""
    began, chance = time.monotonic(), random.Random(seed)
    with Arena() as arena:
        arena.write({"longplay.yaml": WORKSPACE, "playbooks/stalled.yaml": SECONDS})
        store = arena.publish()
        fill(store, count)
        arena.start_temporal()
        arena.start_sink(delay=0.02)
        arena.start_worker()
        victims = (["worker", "temporal"] * kills)[:kills]
        chance.shuffle(victims)
        for victim in victims:
            time.sleep(chance.uniform(1.0, 4.0))
            arena.kill(victim)
            time.sleep(chance.uniform(0.1, 1.0))
            arena.start_temporal() if victim == "temporal" else arena.start_worker()
        wait_until(lambda: store.read(lambda tx: _is_over(tx, count)), 180, 0.5)
        verdict = judge(arena, store, count, Counter(victims))
        verdict.seconds = round(time.monotonic() - began, 1)
        if verdict.faults:
            print((arena.folder / "worker.log").read_text()[-3000:], file=sys.stderr)
        store.close()
    return verdict


def judge(arena: Arena, store: Store, count: int, kills: Counter[str]) -> Verdict:
    """Whether every level fired once, and every notice came with one id."""
    acts = store.read(escalations.acts_of)
    seen = Counter((row["enrollment"], row["level"]) for row in acts)
    faults = [f"level {level} of {run}: {n} times" for (run, level), n in seen.items() if n > 1]
    runs = {run for run, _ in seen}
    faults += [] if len(runs) == count else [f"{len(runs)} watches fired, not {count}"]
    faults += [
        f"level {level} of {run} is missing"
        for run in runs
        for level in (1, 2, 3, 4)
        if not seen[run, level]
    ]
    in_order: dict[str, int] = {}
    for row in acts:
        if row["act"] == "fired":
            if row["level"] <= in_order.get(row["enrollment"], 0):
                faults.append(f"level {row['level']} of {row['enrollment']} came late")
            in_order[row["enrollment"]] = row["level"]
    fired = sum(row["act"] == "fired" for row in acts)
    told = store.read(_notices)
    arrived = Counter(message for message, _ in arena.accepted())
    faults += [f"{message} was never sent for" for message in arrived if message not in told]
    faults += [f"notice {message} was not taken" for message in told if message not in arrived]
    faults += [] if len(told) == fired else [f"{fired} levels fired, {len(told)} notices"]
    return Verdict(
        watched=len(runs), kills=dict(kills), fired=fired, passed=len(acts) - fired,
        notices=len(told), delivered_twice=sum(n > 1 for n in arrived.values()),
        faults=faults[:20], seconds=0.0,
    )  # fmt: skip


def _notices(tx: Transaction) -> set[str]:
    job = jobs.table
    return set(tx.conn.execute(sa.select(job.c.message_id).where(job.c.kind == "notify")).scalars())


def _is_over(tx: Transaction, count: int) -> bool:
    """Whether every watch has come to its last level, and nothing is on its way."""
    log, job = enrollments.log_table, jobs.table
    last = sa.select(sa.func.count()).where(log.c.outcome == "level 4").select_from(log)
    open_ = sa.select(job.c.id).where(job.c.state.in_(("queued", "in_flight", "deferred"))).limit(1)
    if tx.conn.execute(open_).first() is not None:
        return False
    return int(tx.conn.execute(last).scalar_one()) >= count


def _asleep(tx: Transaction) -> int:
    return _count(tx, "SELECT count(*) FROM enrollment WHERE blocked_on = 'climb'")


def _told(tx: Transaction) -> int:
    return _count(tx, "SELECT count(*) FROM job WHERE state = 'accepted'")


def _count(tx: Transaction, query: str) -> int:
    return int(tx.conn.execute(sa.text(query)).scalar_one())


def _temporal(arena: Arena) -> int:
    with sqlite3.connect(arena.folder / ".longplay" / "temporal.db", timeout=30) as base:
        ask = ("page_count", "freelist_count", "page_size")
        count, free, size = (base.execute(f"PRAGMA {name}").fetchone()[0] for name in ask)
    return int((count - free) * size)


def _store(store: Store) -> int:
    marks = ", ".join(f"'{name}'" for name in OURS)
    query = (
        "SELECT sum(pgsize) FROM dbstat WHERE name IN "
        f"(SELECT name FROM sqlite_master WHERE tbl_name IN ({marks}))"
    )
    return store.read(lambda tx: _count(tx, query))


def _complain(arena: Arena, what: str) -> None:
    raise SystemExit(f"{what}\n{(arena.folder / 'worker.log').read_text()[-3000:]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deals", type=int, default=0)
    parser.add_argument("--due", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.kills:
        verdict = under_kills(args.deals or 60, args.kills, args.seed)
        print(json.dumps(asdict(verdict)) if args.json else verdict)
        raise SystemExit(1 if verdict.faults else 0)
    end(measure(args.deals or 100_000, args.due), _table, as_json=args.json)


def _table(found: Found) -> None:
    for name, value in asdict(found).items():
        if name != "memory_mb":
            print(f"{name.replace('_', ' '):>44} {value:>10,}")
    print_peaks(found.memory_mb)


if __name__ == "__main__":
    main()
