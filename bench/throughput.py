"""Throughput: ten steps, two of them mails, against one hand-written workflow per lead.

    python -m bench.throughput [--leads 5000] [--baseline 300] [--json]

Both run in the same call on the same embedded set-up: Temporal's real dev server on a WAL file, a
SQLite store with synchronous=FULL, mails to a local sink in a process of its own, whose CPU is left
out. The baseline is what one writes by hand: a workflow a lead, an activity a step, each database
step a transaction of its own, each mail a message built and sent through a pooled client.
"""

import argparse
import json
import os
import sys
import time
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from bench import rivals, shapes
from bench.arena import Arena, wait_until
from bench.rivals import Weight
from engine.operations import intake
from engine.operations.intake import IncomingEvent
from engine.store.database import Store, Transaction

STEPS = 10


@dataclass
class Measured:
    """One side of the comparison."""

    leads: int
    seconds: float
    leads_per_second: float
    events_per_lead_step: float
    history_bytes_per_lead_step: float
    cpu_ms_per_lead: float


def cohort(arena: Arena, store: Store, leads: int) -> Measured:
    """Our own way: the events come in, the drivers carry everything out."""
    nudged: set[str] = set()
    store.on_commit(nudged.update)
    before, began = arena.cpu(), time.monotonic()
    for start in range(0, leads, 500):
        intake.take_in(
            store,
            [
                IncomingEvent(
                    "form.submitted",
                    {"email": f"lead{n}@example.com", "first_name": "Ann", "company": "Acme"},
                    id=f"form-{n}",
                )
                for n in range(start, min(start + 500, leads))
            ],
        )
    rivals.nudge_all(arena, nudged)
    wait_until(lambda: store.read(_finished) >= leads, 600)
    seconds = time.monotonic() - began
    after = arena.cpu()
    return _measured(leads, seconds, rivals.weigh(arena, "drive_cohort"), before, after)


async def nudge_all(arena: Arena, nudged: set[str]) -> None:
    """Tells the drivers of these cohorts to look."""
    await rivals.tell(arena, nudged)


def _finished(tx: Transaction) -> int:
    query = sa.text("SELECT count(*) FROM enrollment WHERE ended_at IS NOT NULL")
    return int(tx.conn.execute(query).scalar_one())


def baseline(arena: Arena, leads: int) -> Measured:
    """One hand-written workflow per lead, started as fast as the server takes them."""
    rivals.start_by_hand(arena)
    before = arena.cpu()
    seconds = rivals.run_by_hand(arena, leads, "ten-steps")
    after = arena.cpu()
    return _measured(leads, seconds, rivals.weigh(arena, "hand_written"), before, after)


def _measured(
    leads: int, seconds: float, weight: Weight, before: dict[str, float], after: dict[str, float]
) -> Measured:
    spent = sum(after[name] - before.get(name, 0.0) for name in after if name != "sink")
    return Measured(
        leads=leads,
        seconds=round(seconds, 1),
        leads_per_second=round(leads / seconds, 1),
        events_per_lead_step=round(weight.events / leads / STEPS, 4),
        history_bytes_per_lead_step=round(weight.size / leads / STEPS, 1),
        cpu_ms_per_lead=round(spent / leads * 1000, 2),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=5000)
    parser.add_argument("--baseline", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with Arena() as arena:
        arena.write(shapes.files())
        store = arena.publish()
        arena.start_temporal()
        arena.start_sink()
        by_hand = baseline(arena, args.baseline)
        arena.kill("baseline")
        arena.start_worker()
        time.sleep(3)
        ours = cohort(arena, store, args.leads)
        taken = len({message_id for message_id, _ in arena.accepted()})
    ratio = round(ours.leads_per_second / by_hand.leads_per_second, 1)
    found = {"cohort": asdict(ours), "by_hand": asdict(by_hand), "ratio": ratio, "mails": taken}
    if args.json:
        print(json.dumps(found))
    else:
        _table(ours, by_hand, ratio, taken)
    sys.stdout.flush()
    os._exit(0)


def _table(ours: Measured, by_hand: Measured, ratio: float, taken: int) -> None:
    print(f"{'':>30} {'cohort':>10} {'by hand':>10}")
    for name, value in asdict(ours).items():
        print(f"{name:>30} {value:>10} {asdict(by_hand)[name]:>10}")
    print(f"{'leads a second, ratio':>30} {ratio:>10}")
    print(f"{'mails taken by the sink':>30} {taken:>10}")


if __name__ == "__main__":
    main()
