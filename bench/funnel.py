"""How long the funnel, the pipelines' health and the report take, by deals and leads.

    python -m bench.funnel [DEALS [LEADS]]

Beside them, in the same run: merely reading the rows that they are worked out of.
"""

import random
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engine.ids import new_id
from engine.operations import editions, funnel, pipeline_health, sales_report
from engine.operations.publish import publish
from engine.store import deals, events, leads
from engine.store.database import Store, Transaction
from engine.store.inserting import insert_many
from engine.store.lead_writing import change_table
from engine.store.schema import migrate

ROOT = Path(__file__).parents[1]
STAGES = ("qualify", "demo", "proposal", "won")
LIFECYCLE = ("visitor", "lead", "mql", "sql", "opportunity", "customer", "advocate")
NOW = datetime.now(UTC)
CHUNK = 5_000


def grown(store: Store, deal_count: int, lead_count: int) -> None:
    """Fills a store with leads and deals that have moved for two years."""
    dice = random.Random(7)
    for start in range(0, lead_count, CHUNK):
        size = min(CHUNK, lead_count - start)
        store.write(partial(_leads, dice=dice, start=start, size=size))
    for start in range(0, deal_count, CHUNK):
        size = min(CHUNK, deal_count - start)
        store.write(partial(_deals, dice=dice, start=start, size=size, leads=lead_count))


def _leads(tx: Transaction, dice: random.Random, start: int, size: int) -> None:
    rows, log, orders = [], [], []
    for number in range(start, start + size):
        at = NOW - timedelta(days=dice.uniform(0, 730))
        row, place = _lead(number, at, dice), 1
        log.append(_change(row["id"], "lead", "created", None, row["id"], at))
        while place < 5 and dice.random() < 0.35:
            at += timedelta(days=dice.expovariate(1 / 9))
            if at > NOW:
                break
            log.append(
                _change(row["id"], "lead", "stage", LIFECYCLE[place], LIFECYCLE[place + 1], at)
            )
            place += 1
        row |= {"stage": LIFECYCLE[place], "stage_entered_at": at}
        while place == 5 and dice.random() < 0.6 and at < NOW:
            orders.append(_order(row["id"], at, dice))
            row["orders"] += 1
            at += timedelta(days=dice.expovariate(1 / 60))
        rows.append(row)
    insert_many(tx, leads.table, rows)
    insert_many(tx, change_table, log)
    insert_many(tx, events.table, orders)


def _lead(number: int, at: datetime, dice: random.Random) -> dict[str, Any]:
    blank = {column.name: None for column in leads.table.c}
    return blank | {
        "id": f"lead-{number:07d}", "email": f"a{number}@example.com",
        "email_key": f"a{number}@example.com", "score": 0, "scores": {}, "tags": [], "fields": {},
        "orders": 0, "revenue": 0, "version": 0, "created_at": at,
        "source": dice.choice(("baidu", "wechat", "events", None)),
        "owner": dice.choice(("li.wei", "sam.lee", None)),
    }  # fmt: skip


def _order(lead: str, at: datetime, dice: random.Random) -> dict[str, Any]:
    return {
        "id": new_id(), "name": "order.placed", "lead": lead, "deal": None, "at": at,
        "accepted_at": at,
        "properties": {"amount": dice.randint(10, 900), "currency": dice.choice(("CNY", "USD"))},
    }  # fmt: skip


def _deals(tx: Transaction, dice: random.Random, start: int, size: int, leads: int) -> None:
    rows, log = [], []
    for number in range(start, start + size):
        row, moves = _deal(number, dice, leads)
        rows.append(row)
        log += [_change(row["id"], "deal", *move) for move in moves]
    insert_many(tx, deals.table, rows)
    insert_many(tx, deals.change_table, log)


def _deal(
    number: int, dice: random.Random, lead_count: int
) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    at = made = NOW - timedelta(days=dice.uniform(0, 730))
    moves: list[tuple[Any, ...]] = [("created", None, "qualify", at)]
    stage, closed = "qualify", ""
    while not closed and dice.random() < 0.95:
        at += timedelta(days=dice.expovariate(1 / 20))
        if at > NOW:
            at = moves[-1][-1]
            break
        to = "lost" if dice.random() < 0.3 else STAGES[STAGES.index(stage) + 1]
        moves.append(("stage", stage, to, at))
        stage, closed = to, to if to in {"won", "lost"} else ""
    blank = {column.name: None for column in deals.table.c}
    return blank | {
        "id": f"deal-{number:07d}", "name": f"deal {number}",
        "lead": f"lead-{dice.randrange(lead_count):07d}", "pipeline": "b2b", "stage": stage,
        "closed": closed, "entry_ref": new_id(), "amount": dice.randint(1, 90) * 1000.0,
        "currency": dice.choice(("CNY", "CNY", "USD")), "tags": [], "fields": {}, "version": 0,
        "owner": dice.choice(("li.wei", "sam.lee", "chen.jie")), "created_at": made,
        "stage_entered_at": at, "closed_at": at if closed else None,
        "lost_reason": dice.choice(("price", "价格", "no budget")) if closed == "lost" else None,
        "expected_close_at": made + timedelta(days=90),
    }, moves  # fmt: skip


def _change(
    id: str, record: str, field: str, before: object, after: object, at: datetime
) -> dict[str, Any]:
    return {
        "id": new_id(), record: id, "at": at, "field": field, "before": before, "after": after,
        "actor": "bench", "reason": "",
    }  # fmt: skip


Work = Callable[[Transaction], object]

WORK: tuple[tuple[str, Work], ...] = (
    ("reading every change of a deal", lambda tx: _read(tx, deals.change_table)),
    ("health of the pipeline", lambda tx: pipeline_health.health_in(tx, "b2b")),
    ("funnel of the deals", lambda tx: funnel.funnel_in(tx, pipeline="b2b")),
    ("reading every change of a lead", lambda tx: _read(tx, change_table)),
    ("funnel of the leads", funnel.funnel_in),
    ("the same by source", lambda tx: funnel.funnel_in(tx, by="source")),
    ("report", sales_report.report_in),
)


def _read(tx: Transaction, table: sa.Table) -> int:
    """How many rows there are, read one by one."""
    query = sa.select(table.c.at, table.c.field, table.c.after)
    return sum(1 for _ in tx.conn.execute(query.execution_options(yield_per=10_000)))


def main(arguments: list[str]) -> None:
    """Fills a store, and says how long each takes."""
    deal_count, lead_count = ([int(one) for one in arguments] + [100_000, 200_000])[:2]
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'longplay.db'}"
        migrate(url)
        store = Store(url)
        workspace = editions.read_folder(ROOT)
        publish(store, editions.edition_of(workspace, editions.check(workspace)))
        grown(store, deal_count, lead_count)
        print(f"{deal_count:,} deals, {lead_count:,} leads; seconds, and seconds of CPU")
        for name, work in WORK:
            since, cpu = time.perf_counter(), time.process_time()
            store.read(work)
            took, used = time.perf_counter() - since, time.process_time() - cpu
            print(f"{name:32} {took:7.2f} {used:7.2f}")
        store.close()


if __name__ == "__main__":
    main(sys.argv[1:])
