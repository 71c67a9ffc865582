"""Ten steps without mail, against one hand-written workflow per lead.

    python -m bench.steps [--leads 20000] [--baseline 200] [--rounds 2] [--json]

Conditions, updates, tags, a stage, a score, waits of no length. Both sides run in the same call on
the same embedded set-up: Temporal's real dev server on a WAL file, a SQLite store with
synchronous=FULL. Each round has two parts. First all leads are enrolled while the worker is
stopped; the clock goes from the nudge that wakes it to the last step of the last lead, by the
store's own record. Then as many again come in as events while the worker works; that clock goes
from the first event to the last step. The best round counts. The baseline is what one writes by
hand: a workflow a lead, an activity a step, each a transaction of its own.
"""

import argparse
import signal
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from bench import loads, rivals
from bench.arena import Arena, wait_until
from bench.ending import end
from bench.peaks import own_peak, peaks, print_peaks
from engine import garbage
from engine.operations import intake
from engine.store import enrollments
from engine.store.database import Store, Transaction, utc_now

BATCH = 500
WARM = 1000
LIMIT = 90


@dataclass
class Found:
    """What both sides did; rates are leads a second."""

    leads: int
    walked_per_second: float
    from_events_per_second: float
    by_hand_per_second: float
    ratio: float
    from_events_ratio: float
    events_per_lead_step: float
    history_bytes_per_lead: float
    by_hand_events_per_lead_step: float
    cpu_ms_per_lead: dict[str, float]
    """Of walking alone, by process."""
    by_hand_cpu_ms_per_lead: float
    memory_mb: dict[str, float]


def measure(leads: int, by_hand: int, rounds: int) -> Found:
    """The baseline, then rounds of ours, in one set-up."""
    with Arena() as arena:
        arena.write(loads.files_of_steps())
        store = arena.publish()
        arena.start_temporal()
        rate, weight, cpu = baseline(arena, by_hand)
        arena.start_worker()
        memory = peaks(arena)
        rivals.Nudging(arena, store)
        enroll(store, "warm", WARM)
        _all_done(store, WARM, arena)
        before = rivals.weigh(arena, "drive_cohort")
        walked = [walk(arena, store, f"walk{n}", leads) for n in range(rounds)]
        flowed = [flow(arena, store, f"flow{n}", leads) for n in range(rounds)]
        after = rivals.weigh(arena, "drive_cohort")
        memory |= peaks(arena) | {"this process": own_peak()}
        store.close()
    best, spent = max(walked, key=lambda one: one[0])
    told = 2 * rounds * leads
    return Found(
        leads=leads,
        walked_per_second=round(best),
        from_events_per_second=round(max(flowed)),
        by_hand_per_second=round(rate, 1),
        ratio=round(best / rate, 1),
        from_events_ratio=round(max(flowed) / rate, 1),
        events_per_lead_step=round((after.events - before.events) / told / loads.STEPS, 5),
        history_bytes_per_lead=round((after.size - before.size) / told, 1),
        by_hand_events_per_lead_step=round(weight.events / by_hand / loads.STEPS, 2),
        cpu_ms_per_lead=spent,
        by_hand_cpu_ms_per_lead=round(cpu, 1),
        memory_mb=memory,
    )


def baseline(arena: Arena, leads: int) -> tuple[float, rivals.Weight, float]:
    """Leads a second, histories, and CPU milliseconds a lead of workflows written by hand."""
    rivals.start_by_hand(arena)
    before = sum(arena.cpu().values())
    seconds = rivals.run_by_hand(arena, leads, "no-mail")
    spent = (sum(arena.cpu().values()) - before) / leads * 1000
    weight = rivals.weigh(arena, "hand_written")
    arena.kill("baseline")
    return leads / seconds, weight, spent


def enroll(store: Store, part: str, leads: int) -> None:
    """Takes in a form of each lead, batch by batch."""
    for start in range(0, leads, BATCH):
        numbers = range(start, min(start + BATCH, leads))
        intake.take_in(store, loads.forms(part, numbers))


def walk(arena: Arena, store: Store, part: str, leads: int) -> tuple[float, dict[str, float]]:
    """Leads a second from the nudge to the last step, of leads enrolled before; CPU by process."""
    done, worker = store.read(_done), arena.processes["worker"]
    worker.send_signal(signal.SIGSTOP)
    try:
        enroll(store, part, leads)
    finally:
        before, began = arena.cpu(), utc_now()
        worker.send_signal(signal.SIGCONT)
    _all_done(store, done + leads, arena)
    after = arena.cpu()
    cpu = {name: round((after[name] - before[name]) / leads * 1000, 3) for name in arena.processes}
    return leads / _seconds_since(store, began), cpu


def flow(arena: Arena, store: Store, part: str, leads: int) -> float:
    """Leads a second from the first event to the last step, all going on at once."""
    done, began = store.read(_done), utc_now()
    enroll(store, part, leads)
    _all_done(store, done + leads, arena)
    return leads / _seconds_since(store, began)


def _all_done(store: Store, count: int, arena: Arena) -> None:
    if not wait_until(lambda: store.read(_done) >= count, LIMIT, 0.25):
        log = (arena.folder / "worker.log").read_text()[-2000:]
        raise SystemExit(f"only {store.read(_done)} of {count} leads came to the end\n{log}")


def _done(tx: Transaction) -> int:
    query = sa.text("SELECT count(*) FROM enrollment WHERE ended_at IS NOT NULL")
    return int(tx.conn.execute(query).scalar_one())


def _seconds_since(store: Store, began: datetime) -> float:
    latest = sa.select(sa.func.max(enrollments.table.c.ended_at))
    last: datetime = store.read(lambda tx: tx.conn.execute(latest).scalar_one())
    return (last - began).total_seconds()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=20_000)
    parser.add_argument("--baseline", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    garbage.settle()  # as the web server does, whose part this process plays
    found = measure(args.leads, args.baseline, args.rounds)
    end(found, _table, as_json=args.json)


def _table(found: Found) -> None:
    print(f"{'leads a round':>44} {found.leads:>10,}")
    print(f"{'enrolled to last step, leads a second':>44} {found.walked_per_second:>10,.0f}")
    print(
        f"{'first event to last step, leads a second':>44} {found.from_events_per_second:>10,.0f}"
    )
    print(f"{'a workflow per lead, leads a second':>44} {found.by_hand_per_second:>10,.1f}")
    print(f"{'ratio':>44} {found.ratio:>10.1f}")
    print(f"{'ratio, from events':>44} {found.from_events_ratio:>10.1f}")
    print(f"{'history events a lead-step':>44} {found.events_per_lead_step:>10.5f}")
    print(f"{'... of a workflow per lead':>44} {found.by_hand_events_per_lead_step:>10.2f}")
    print(f"{'history bytes a lead':>44} {found.history_bytes_per_lead:>10.1f}")
    for name, spent in sorted(found.cpu_ms_per_lead.items()):
        print(f"{f'CPU ms a lead, {name}':>44} {spent:>10.3f}")
    print(f"{'... of a workflow per lead, all':>44} {found.by_hand_cpu_ms_per_lead:>10.1f}")
    print_peaks(found.memory_mb)


if __name__ == "__main__":
    main()
