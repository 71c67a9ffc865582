"""Segments of a million leads: how long a count and a page of each take, on both databases.

    python -m bench.segments [--leads 1000000] [--postgres] [--json]

Leads with stages, countries, scores that fade, tags and last activities, filled in rows of 10,000;
one in five has placed one to three orders. Of each segment: its count; its first page of 100; and
the page behind the middle of all leads. Each is read three times, the first time with what the
database then has in memory, and the median is printed. The baseline of the run is `count(*)` of all
leads, bare.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from bench.postgres import Postgres
from bench.scoring import published_store
from engine import garbage
from engine.operations import published
from engine.operations.rulebooks import by_name
from engine.operations.score_keeping import row_of
from engine.operations.selecting import Selection, selection
from engine.runtime.scoring import micros
from engine.store import events, leads
from engine.store.database import Store, Transaction
from engine.store.inserting import insert_many

PAGE = 100
CHUNK = 10_000

SEGMENTS = {
    "a stage": "lead.stage == 'mql'",
    "a tag and a country": "lead.country == 'CN' and 'vip' in lead.tags",
    "a fading score": "lead.score >= 60",
    "quiet for a month": "lead.stage == 'lead' and (lead.last_activity_at | days_since) > 30",
    "one in 10,000": "lead.city == 'Rare'",
    "two orders in 90 days": '(lead | count("order.placed", "90 days")) >= 2',
}


@dataclass(frozen=True)
class Took:
    """Seconds of one segment on one database; `leads` is what it holds of."""

    database: str
    segment: str
    leads: int
    count: float
    first_page: float
    later_page: float
    bare_count: float


def fill(tx: Transaction, start: int, number: int, dice: random.Random) -> None:
    """Rows of leads, and the orders of some."""
    books = by_name(published.current(tx))
    book, at = books["score"], micros(tx.now)
    empty = {column.name: None for column in leads.table.c}
    rows, orders = [], []
    for n in range(start, start + number):
        id, seen = f"{n:020}", tx.now - timedelta(days=dice.randrange(90))
        standing = book.blank().added(dice.uniform(0, 90), at)
        rows.append(
            empty
            | {
                "id": id, "email": f"lead{n}@example.com", "email_key": f"lead{n}@example.com",
                "stage": dice.choice(("lead", "lead", "lead", "mql", "sql")),
                "country": dice.choice(("CN", "CN", "US", "DE")),
                "city": "Rare" if n % 10_000 == 5_000 else "Common",
                "tags": ["vip"] if dice.random() < 0.05 else [], "fields": {}, "orders": 0,
                "revenue": 0, "version": 0, "created_at": seen, "stage_entered_at": seen,
                "last_seen_at": seen, "last_activity_at": seen,
            }
            | row_of(books, {"score": standing.as_json()}, 0, at)
        )  # fmt: skip
        for order in range(dice.randrange(1, 4) if n % 5 == 0 else 0):
            orders.append((id, order, tx.now - timedelta(days=dice.randrange(300))))
    insert_many(tx, leads.table, rows)
    placed = [
        {"id": f"o-{lead}-{n}", "name": "order.placed", "lead": lead, "deal": None, "at": when,
         "accepted_at": when, "properties": {"amount": 100}}
        for lead, n, when in orders
    ]  # fmt: skip
    insert_many(tx, events.table, placed)


def measure(url: str, number: int) -> list[Took]:
    """Fills a database, and asks each segment."""
    store = published_store(url, scored=True)
    dice = random.Random(1)
    for start in range(0, number, CHUNK):
        store.write(lambda tx, s=start: fill(tx, s, min(CHUNK, number - s), dice))  # type: ignore[misc]
    store.write(lambda tx: tx.conn.execute(sa.text("ANALYZE")))
    bare, _ = timed(store, _all)
    middle = f"{number // 2:020}"
    found = []
    for name, where in SEGMENTS.items():
        count, holds = timed(store, lambda tx, w=where: _chosen(tx, w).count(tx).number)  # type: ignore[misc]
        first, _ = timed(store, lambda tx, w=where: len(_chosen(tx, w).page(tx, "", PAGE)))  # type: ignore[misc]
        later, _ = timed(store, lambda tx, w=where: len(_chosen(tx, w).page(tx, middle, PAGE)))  # type: ignore[misc]
        kind = "sqlite" if store.is_sqlite else "postgresql"
        found.append(Took(kind, name, holds, count, first, later, bare))
    store.close()
    return found


def _chosen(tx: Transaction, where: str) -> Selection:
    return selection(published.current(tx), where)


def _all(tx: Transaction) -> int:
    found: int = tx.conn.execute(sa.select(sa.func.count()).select_from(leads.table)).scalar_one()
    return found


def timed(store: Store, read: Callable[[Transaction], int]) -> tuple[float, int]:
    """The median of three, in seconds, and what was read."""
    times, answer = [], 0
    for _ in range(3):
        began = time.perf_counter()
        answer = store.read(read)
        times.append(time.perf_counter() - began)
    return round(statistics.median(times), 3), answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=1_000_000)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    garbage.settle()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(f"sqlite:///{Path(folder) / 'segments.db'}", args.leads)
    if args.postgres:
        server = Postgres()
        try:
            found += measure(server.url, args.leads)
        finally:
            server.close()
    for one in found:
        if args.json:
            print(json.dumps(asdict(one)))
        else:
            print(
                f"{one.database:>10}  {one.segment:<22} {one.leads:>9,}  count {one.count:6.3f} s"
                f"  first page {one.first_page:6.3f} s  later page {one.later_page:6.3f} s"
                f"  bare count {one.bare_count:.3f} s"
            )


if __name__ == "__main__":
    main()
