"""10,000 assignments by four processes at once: shares within one of exact, no capacity exceeded.

    python -m bench.assigning [--leads 10000] [--postgres] [--json]

Four playbooks wait for four events and assign by one rule; each process advances the cohort of one
of them, 50 leads in a transaction. First everybody has a weight (5, 2, 1, 1), then capacities that
leave a fifth of the leads to the fallback. Afterwards owners are counted in the leads' rows. With
--postgres a server is started for the run, and the same is done there.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psycopg
import sqlalchemy as sa

from activities._advance import advance
from bench.ending import end
from bench.postgres import Postgres
from engine.operations import editions, publish
from engine.operations.intake import IncomingEvent, take_in
from engine.store import enrollments, leads
from engine.store.database import Store
from engine.store.schema import migrate

WORKERS = 4
SLICE = 50
WEIGHTS = {"a": 5, "b": 2, "c": 1, "d": 1}


@dataclass
class Shared:
    """What one run came to.

    Attributes:
        per_second: assignments of all processes together.
        furthest: how far, in leads, anybody is from the exact share, or above the capacity.
    """

    database: str
    rule: str
    leads: int
    per_second: int
    furthest: float


@dataclass
class Found:
    """Every run."""

    runs: list[Shared]


def workspace(capacities: dict[str, int]) -> str:
    """Owners with weights, or with capacities, and one rule for them."""
    people = "".join(
        f"    {name}: {{weight: {weight}, capacity: {capacities.get(name, 0)}}}\n"
        for name, weight in WEIGHTS.items()
    )
    events = ", ".join(f"came.w{n}: {{}}" for n in range(WORKERS))
    return (
        f"workspace: acme\ntimezone: Asia/Shanghai\nevents: {{{events}}}\n"
        f"team:\n  owners:\n{people}    boss: {{}}\n"
        "assignment: {new: [{among: [a, b, c, d], skip: [full], fallback: boss}]}\n"
    )


def measure(url: str, database: str, count: int, capacities: dict[str, int]) -> Shared:
    """Enrolls everybody, lets the processes assign, and counts."""
    migrate(url)
    store = Store(url)
    files = {"longplay.yaml": workspace(capacities).encode()}
    for n in range(WORKERS):
        files[f"playbooks/w{n}.yaml"] = (
            f"playbook: w{n}\nenroll: {{when: [{{event: came.w{n}}}]}}\nsteps: [{{assign: new}}]\n"
        ).encode()
    folder = editions.Folder(files, {})
    publish.publish(store, editions.edition_of(folder, editions.check(folder)))
    for start in range(0, count, 500):
        every = [
            IncomingEvent(f"came.w{n % WORKERS}", {"email": f"lead{n}@example.com"})
            for n in range(start, min(start + 500, count))
        ]
        take_in(store, every)
    ids = sa.select(enrollments.cohort_table.c.id)
    cohorts = store.read(lambda tx: tx.conn.execute(ids).scalars().all())
    seconds = _all_at_once(url, list(cohorts))
    by_owner = sa.select(leads.table.c.owner, sa.func.count()).group_by(leads.table.c.owner)
    rows = store.read(lambda tx: tx.conn.execute(by_owner).all())
    got = Counter({str(owner): number for owner, number in rows})
    store.close()
    rule = "capacities" if capacities else "weights"
    return Shared(database, rule, count, round(count / seconds), _furthest(got, count, capacities))


def _all_at_once(url: str, cohorts: list[str]) -> float:
    """Seconds from the moment that the processes are let go until the last has ended."""
    parts = [cohorts[n::WORKERS] for n in range(WORKERS)]
    command = [sys.executable, "-m", "bench.assigning", "--work", url]
    running = [
        subprocess.Popen([*command, *part], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for part in parts
    ]
    for one in running:
        if one.stdout is not None:
            one.stdout.readline()
    began = time.monotonic()
    for one in running:
        if one.stdin is not None:
            one.stdin.close()
    if any(one.wait() for one in running):
        raise SystemExit("one of the processes failed")
    return time.monotonic() - began


def _furthest(got: Counter[str], count: int, capacities: dict[str, int]) -> float:
    if got.total() != count or got["None"]:
        raise SystemExit(f"not every lead has an owner: {dict(got)}")
    if capacities:
        return max(0.0, *(got[name] - most for name, most in capacities.items()))
    total = sum(WEIGHTS.values())
    return round(max(abs(got[name] - count * w / total) for name, w in WEIGHTS.items()), 3)


def work(url: str, cohorts: list[str]) -> None:
    """One of the processes: says that it is there, waits for the others, and assigns."""
    store = Store(url)
    print("ready", flush=True)
    sys.stdin.read()
    for cohort in cohorts:
        while advance(store, cohort, limit=SLICE).more:
            pass
    store.close()


def table(found: Found) -> None:
    """Prints a line a run."""
    for one in found.runs:
        print(
            f"{one.database:10} {one.rule:10} {one.leads:,} leads by {WORKERS} processes: "
            f"{one.per_second:,} a second, furthest from exact {one.furthest}"
        )


def main() -> None:
    """Runs it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=10_000)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--work", nargs="+", default=[], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(args.work[0], args.work[1:])
        return
    room = args.leads // 5
    limits: tuple[dict[str, int], ...] = ({}, dict.fromkeys(WEIGHTS, room))
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        for n, capacities in enumerate(limits):
            url = f"sqlite:///{Path(folder, f'{n}.db')}"
            runs.append(measure(url, "sqlite", args.leads, capacities))
    if args.postgres:
        server = Postgres()
        try:
            for n, capacities in enumerate(limits):
                with psycopg.connect(server.url, autocommit=True) as conn:
                    conn.execute(f"CREATE DATABASE assigning{n}".encode())
                place = sa.make_url(server.url).set(database=f"assigning{n}")
                shown = place.set(drivername="postgresql+psycopg")
                text = shown.render_as_string(hide_password=False)
                runs.append(measure(text, "postgresql", args.leads, capacities))
        finally:
            server.close()
    end(Found(runs), table, as_json=args.json)


if __name__ == "__main__":
    main()
