"""A lone lead's first mail while very many are enrolled in bulk, beside the same at rest.

    python -m bench.fairness [--leads 100000] [--idle 20] [--rate "600 per minute"] [--json]

Everything runs as `longplay up` runs it, with Temporal's real dev server, one worker, the web
server, a SQLite store and a mail sink. First one fresh lead's event a second is posted to the idle
system. Then a bulk enrollment of all other leads begins, and again one fresh lead's event a second
is posted, until the bulk's mails have left or --seconds are over. A delay counts from before the
POST until the sink has taken the lead's first mail. With --rate the sender has this rate, so that
the bulk's mails wait for hours while the lone ones go.
"""

import argparse
import asyncio
import json
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

import sqlalchemy as sa

from bench import shapes
from bench.arena import Arena
from bench.latency import post
from bench.throughput import nudge_all
from engine.ids import new_id
from engine.operations import bulk
from engine.store import leads
from engine.store.database import Store, Transaction

TRIAL = """\
playbook: trial
enroll: {when: [{event: form.submitted}], again: never}
steps:
  - email: first
"""
CAMPAIGN = """\
playbook: campaign
enroll: {when: [manual], again: never}
steps:
  - email: second
  - tag: campaign
"""
MOST_WAITING = 30.0


@dataclass
class Delays:
    """Seconds from an event to its first mail."""

    leads: int
    median: float
    p95: float
    worst: float

    @classmethod
    def of(cls, found: list[float]) -> "Delays":
        ordered = sorted(found)
        return cls(
            len(ordered),
            round(statistics.median(ordered), 3),
            round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 3),
            round(ordered[-1], 3),
        )


class Tail:
    """When the sink took the first mail of each lone lead, read from the end of its log."""

    def __init__(self, arena: Arena) -> None:
        self.at: dict[str, float] = {}
        self.taken = 0
        self._log = arena.sink_log
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._log.exists() and not self._ended.is_set():
            time.sleep(0.01)
        with self._log.open() as lines:
            rest = ""
            while not self._ended.is_set():
                fresh = lines.read()
                now = time.monotonic()
                *whole, rest = (rest + fresh).split("\n")
                self.taken += len(whole)
                for line in whole:
                    recipient = line.rpartition("\t")[2]
                    if recipient.startswith("lone"):
                        self.at.setdefault(recipient, now)
                time.sleep(0.004)


def lone_leads(
    arena: Arena, tail: Tail, first: int, until: Callable[[int, float], bool]
) -> list[float]:
    """One fresh lead a second; seconds until each one's first mail."""
    began, posted = time.monotonic(), {}
    number = first
    while not until(number - first, time.monotonic() - began):
        posted[number] = time.monotonic()
        post(arena, number)
        number += 1
        time.sleep(max(0.0, posted[number - 1] + 1 - time.monotonic()))
    deadline = time.monotonic() + MOST_WAITING
    names = {one: f"lone{one}@example.com" for one in posted}
    while time.monotonic() < deadline and not names.items() <= set(_pairs(names, tail)):
        time.sleep(0.05)
    end = time.monotonic()
    return [tail.at.get(names[one], end) - at for one, at in posted.items()]


def _pairs(names: dict[int, str], tail: Tail) -> list[tuple[int, str]]:
    return [(one, name) for one, name in names.items() if name in tail.at]


def crowd(store: Store, size: int) -> None:
    """Leads that nothing has happened to, written without any event."""
    for start in range(0, size, 2000):
        numbers = range(start, min(start + 2000, size))
        store.write(partial(_insert, numbers), alone=True)


def _insert(numbers: range, tx: Transaction) -> None:
    rows = [
        {
            "id": new_id(), "email": f"lead{n}@example.com", "email_key": f"lead{n}@example.com",
            "first_name": f"Ann {n}", "company": f"Company {n}", "stage": "subscriber",
            "created_at": tx.now, "stage_entered_at": tx.now, "fields": {"segment": "cold"},
            "scores": {}, "tags": [],
        }
        for n in numbers
    ]  # fmt: skip
    tx.conn.execute(sa.insert(leads.table), rows)


def measure(size: int, idle: int, rate: str, seconds: float) -> dict[str, object]:
    """Both halves in one set-up."""
    workspace = shapes.WORKSPACE
    if rate:
        workspace = workspace.replace("sender:\n", f"sender:\n  rate: {rate}\n")
    with Arena() as arena:
        arena.write({**shapes.files_of_one_mail(), "longplay.yaml": workspace})
        (arena.folder / "playbooks" / "one-mail.yaml").unlink()
        mail = shapes.PAGE % (1, 1, 1)
        arena.write(
            {
                "playbooks/trial.yaml": TRIAL, "playbooks/campaign.yaml": CAMPAIGN,
                "templates/email/first.html": mail, "templates/email/second.html": mail,
            }
        )  # fmt: skip
        store = arena.publish()
        crowd(store, size)
        arena.start_sink()
        arena.start_temporal()
        arena.start_worker()
        arena.start_web()
        time.sleep(5)
        tail = Tail(arena)
        lone_leads(arena, tail, 0, lambda n, _: n == 3)  # everything is imported and connected
        quiet = lone_leads(arena, tail, 1000, lambda n, _: n == idle)
        before = tail.taken
        began = time.monotonic()
        nudged: set[str] = set()
        store.on_commit(nudged.update)
        campaign = bulk.begin(store, "campaign", where="lead.segment == 'cold'")
        asyncio.run(nudge_all(arena, nudged))
        busy = lone_leads(
            arena, tail, 2000,
            lambda n, spent: spent > seconds or tail.taken - before - n >= size,
        )  # fmt: skip
        spent = time.monotonic() - began
        found = bulk.show(store, campaign.id)
        tail.end()
        store.close()
    return {
        "bulk": size, "enrolled": found["enrolled"], "rate": rate or "none",
        "bulk_mails": tail.taken - before - len(busy),
        "bulk_seconds": round(spent, 1),
        "idle": asdict(Delays.of(quiet)), "busy": asdict(Delays.of(busy)),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=100_000)
    parser.add_argument("--idle", type=int, default=20)
    parser.add_argument("--rate", default="")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found = measure(args.leads, args.idle, args.rate, args.seconds)
    if args.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:>14}  {value}")


if __name__ == "__main__":
    main()
