"""Scores: events a second through 200 rules, next to the same merely stored; and a sweep of falls.

    python -m bench.scoring [--events 20000] [--leads 100000] [--postgres] [--json]

Forty rules of fit and 160 of behavior (120 ask for one page each, 40 more for numbers and forms,
half of all with a limit), three thresholds, a half-life. The same events of 5,000 known leads go
through `take_in` three times, in stores of their own, 500 in a transaction that is on disk before
the next: with the rules; without any playbook, which is to say merely stored; and, below both, the
events' rows alone by `executemany`. Rounds alternate, and the best of each counts.
The sweep: so many leads have a score that has fallen below one of its levels since anybody looked.
All of them are found, their thresholds made ready again, and their next fall noted. With --postgres
a server is started for the run, and the same is done there.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import sqlalchemy as sa

from bench.postgres import Postgres
from engine import garbage
from engine.operations import editions, publish, published, score_sweep
from engine.operations.intake import IncomingEvent, take_in
from engine.operations.rulebooks import by_name
from engine.operations.score_keeping import row_of
from engine.runtime.scoring import micros
from engine.store import events, leads
from engine.store.database import Store, Transaction
from engine.store.inserting import insert_many
from engine.store.schema import migrate

BATCH = 500
LEADS = 5_000
AGO = timedelta(days=60)
"""When the scores of the sweep were written: two half-lives ago."""

WORKSPACE = "workspace: acme\ntimezone: Asia/Shanghai\n"
TITLES = ("CTO", "市场总监", "Engineer", "Head of Growth", "实习生")


@dataclass
class Rate:
    """Events a second of one database, three ways."""

    database: str
    events: int
    rules: int
    scored_per_second: int
    stored_per_second: int
    bare_per_second: int
    of_stored: float
    points_given: int


@dataclass
class Sweep:
    """How long all falls took."""

    database: str
    leads: int
    seconds: float
    cpu_seconds: float
    per_second: int
    ready_again: int


def rules() -> str:
    """A scoring playbook of 200 rules."""
    lines = ["playbook: points", "kind: scoring", "range: 0..1000", "fit:"]
    for number in range(40):
        word = ("cto", "总监", "head of", "engineer")[number % 4]
        cond = f'lead.title is matching("{word}") and lead.orders >= {number // 4}'
        lines += [f"  - if: {cond}", f"    points: {number % 7 + 1}"]
    lines.append("behavior:")
    for number in range(160):
        if number < 120:
            lines += ["  - event: page.viewed", f'    if: event.path == "/p{number}"']
        elif number < 140:
            lines += ["  - event: form.submitted", f'    if: event.form == "f{number}"']
        else:
            lines += ["  - event: page.viewed", f"    if: event.seconds > {number}"]
        lines.append(f"    points: {number % 9 + 1}")
        lines += ["    at_most: 20 per 7 days"] if number % 2 else []
    lines += ["decay: {half_life: 30 days}", "grades: {A: 80, B: 40, C: 0}", "thresholds:"]
    for at in (20, 50, 90):
        lines += [f"  - {{name: t{at}, at: {at}, steps: [{{tag: t{at}}}]}}"]
    return "\n".join(lines) + "\n"


def published_store(url: str, *, scored: bool) -> Store:
    store = Store(url)
    migrate(store)
    files = {"longplay.yaml": WORKSPACE.encode()}
    if scored:
        files["playbooks/points.yaml"] = rules().encode()
    folder = editions.Folder(files, {})
    publish.publish(store, editions.edition_of(folder, editions.check(folder)))
    return store


def batches(number: int, part: str) -> list[list[IncomingEvent]]:
    dice = random.Random(number)
    found = []
    for at in range(number):
        lead = {"email": f"lead{dice.randrange(LEADS)}@example.com"}
        if dice.random() < 0.8:
            said: dict[str, Any] = {
                "path": f"/p{dice.randrange(150)}",
                "seconds": dice.randrange(170),
            }
            name = "page.viewed"
        else:
            name, said = "form.submitted", {"form": f"f{dice.randrange(120, 160)}"}
        found.append(IncomingEvent(name, lead, id=f"{part}-{at}", properties=said))
    return [found[at : at + BATCH] for at in range(0, number, BATCH)]


def people(store: Store) -> None:
    for start in range(0, LEADS, BATCH):
        some = [
            IncomingEvent("page.viewed", {"email": f"lead{at}@example.com",
                                          "title": TITLES[at % len(TITLES)]}, id=f"first-{at}")
            for at in range(start, start + BATCH)
        ]  # fmt: skip
        take_in(store, some)


def rate(url_of: Callable[[], str], number: int, rounds: int) -> Rate:
    """Rounds of the three, in turn."""
    scored = published_store(url_of(), scored=True)
    stored = published_store(url_of(), scored=False)
    bare = published_store(url_of(), scored=False)
    for store in (scored, stored):
        people(store)
    times: dict[str, list[float]] = {"scored": [], "stored": [], "bare": []}
    for turn in range(rounds + 1):
        every = batches(number if turn else BATCH, f"r{turn}")
        for name, store in (("scored", scored), ("stored", stored)):
            began = time.perf_counter()
            for batch in every:
                assert take_in(store, batch).accepted == len(batch)
            times[name].append(time.perf_counter() - began)
        rows = stored.read(lambda tx, part=f"r{turn}-": _rows(tx, part))  # type: ignore[misc]
        began = time.perf_counter()
        for at in range(0, len(rows), BATCH):
            bare.write(lambda tx, some=rows[at : at + BATCH]: insert_many(tx, events.table, some))  # type: ignore[misc]
        times["bare"].append(time.perf_counter() - began)
    best = {name: number / min(found[1:]) for name, found in times.items()}
    given = scored.read(
        lambda tx: tx.conn.execute(sa.text("SELECT count(*) FROM score_entry")).scalar_one()
    )
    kind = "sqlite" if scored.is_sqlite else "postgresql"
    for store in (scored, stored, bare):
        store.close()
    return Rate(
        kind, number, 200, round(best["scored"]), round(best["stored"]), round(best["bare"]),
        round(best["scored"] / best["stored"], 3), given,
    )  # fmt: skip


def _rows(tx: Transaction, part: str) -> list[dict[str, Any]]:
    query = sa.select(events.table).where(events.table.c.id.startswith(part))
    return [dict(row) for row in tx.conn.execute(query).mappings()]


def sweep(url: str, number: int) -> Sweep:
    """All leads have fallen below a level since their scores were written."""
    store = published_store(url, scored=True)
    dice = random.Random(1)
    for start in range(0, number, 10_000):
        some = range(start, min(number, start + 10_000))
        store.write(lambda tx, some=some: _fill(tx, some, dice))  # type: ignore[misc]
    if not store.is_sqlite:
        store.write(lambda tx: tx.conn.execute(sa.text("ANALYZE lead")))
    due = leads.table.c.score_look_at
    query = sa.select(sa.func.count()).where(due <= datetime.now(UTC))
    waiting = store.read(lambda tx: tx.conn.execute(query).scalar_one())
    assert waiting == number, (waiting, number)
    began, spent = time.perf_counter(), time.process_time()
    looked = 0
    while True:
        swept = score_sweep.sweep(store, seconds=3600)
        looked += swept.looked
        if not swept.more:
            break
    seconds, cpu = time.perf_counter() - began, time.process_time() - spent
    assert looked >= number, (looked, number)  # some fall below the next level meanwhile
    told = sa.select(sa.func.count()).where(sa.cast(leads.table.c.scores, sa.Text).like("%t50%"))
    left = store.read(lambda tx: tx.conn.execute(told).scalar_one())
    kind = "sqlite" if store.is_sqlite else "postgresql"
    store.close()
    rate = round(number / seconds)
    return Sweep(kind, number, round(seconds, 1), round(cpu, 1), rate, number - left)


def _fill(tx: Transaction, some: range, dice: random.Random) -> None:
    current = published.current(tx)
    books = by_name(current)
    book, then = books["score"], tx.now - AGO
    at, rows = micros(then), []
    empty = {column.name: None for column in leads.table.c}
    for number in some:
        standing = book.blank().added(dice.uniform(51, 89), at)
        kept = {"score": {**standing.as_json(), "told": ["points.t20", "points.t50"]}}
        rows.append(
            empty
            | {
                "id": f"{number:020}", "email": f"lead{number}@example.com",
                "email_key": f"lead{number}@example.com", "stage": "lead", "tags": [],
                "fields": {}, "orders": 0, "revenue": 0, "version": 0, "created_at": then,
                "stage_entered_at": then, "last_seen_at": then, "title": "市场总监",
            }
            | row_of(books, kept, 0, at)
        )  # fmt: skip
    insert_many(tx, leads.table, rows)


def _fresh(url: str) -> str:
    """A database of its own on a server."""
    name = f"bench_{uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    made = sa.make_url(url).set(database=name)
    return made.render_as_string(hide_password=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--leads", type=int, default=100_000)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    garbage.settle()
    found: list[Rate | Sweep] = []
    with tempfile.TemporaryDirectory() as folder:

        def on_disk() -> str:
            return f"sqlite:///{Path(folder) / uuid4().hex}.db"

        if args.events:
            found.append(rate(on_disk, args.events, args.rounds))
        if args.leads:
            found.append(sweep(on_disk(), args.leads))
    if args.postgres:
        server = Postgres()
        try:
            if args.events:
                found.append(rate(lambda: _fresh(server.url), args.events, args.rounds))
            if args.leads:
                found.append(sweep(_fresh(server.url), args.leads))
        finally:
            server.close()
    for one in found:
        if args.json:
            print(json.dumps(asdict(one)))
            continue
        for name, value in asdict(one).items():
            print(f"{name:>20}  {value:,}" if isinstance(value, int | float) else
                  f"{name:>20}  {value}")  # fmt: skip


if __name__ == "__main__":
    main()
