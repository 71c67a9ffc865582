"""The chaos run: minutes of kill -9 of everything, under servers that cannot be relied on.

    python -m bench.chaos [--minutes 10] [--leads 20000] [--seed 1] [--postgres [URL]]
                          [--restart-postgres] [--every 8] [--json]

Events come in over HTTP, sent again under the same id until they are accepted, and lead through
mails, waits, a branch on a click, a webhook and a split. The mail server greylists, answers 421,
452 and 550, refuses contents, hangs, is slow, stores and then drops the link; the server behind the
webhook does the like. Whatever runs is killed at random: the worker with its senders, the worker
alone, one sender, a web server, Temporal (each third time its database is deleted as well).
--postgres takes two workers and two web servers against a PostgreSQL, one of its own when no URL is
given; --restart-postgres lets that one crash now and then.

Afterwards the two servers' own logs are held against the store. A promise is broken, and the exit
status 1, when a lead or an event is lost, a mail arrived twice, a mail is in doubt that neither was
in flight at a kill nor is the mail server's doing, an enrollment stopped without a reason that one
of the servers gave, the doctor complains, or a process grows.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import timedelta

import sqlalchemy as sa

from bench import shapes
from bench.arena import Arena, children, wait_until
from bench.chaos_verdict import Verdict, judge
from bench.client import Web
from bench.kill import KEY
from bench.memory import Watch
from bench.postgres import Postgres
from bench.reckoning import in_flight, unfinished
from engine.mail.links import LinkKind, LinkSigner
from engine.operations import doctor
from engine.store.columns import Instant
from engine.store.database import Store, Transaction

SINK_RULES = (
    "once-451%0.04", "once-421%0.06", "once-452%0.08", "550%0.09", "data554%0.092",
    "once-hang%0.093", "once-drop%0.1", "once-cut%0.105", "slow%0.2",
)  # fmt: skip
"""Shares add up: each begins where the one before it ends."""

HOOK_RULES = (
    "once-500%0.03", "once-429%0.05", "once-drop%0.06", "400%0.062", "once-hang%0.064", "slow%0.1",
)  # fmt: skip

AFTERWARDS = 600.0
"""Seconds that what was accepted may take to end once nothing is killed any more."""

FLAT = 6.0
"""Megabytes a minute that a process may grow by, seen over three minutes of one life or more."""


class Feed(threading.Thread):
    """Sends every lead's form, and something else that it did, over a time."""

    def __init__(self, web: Web, leads: int, seconds: float) -> None:
        super().__init__(daemon=True)
        self._web, self._leads, self._seconds = web, leads, seconds
        self.sent = 0

    def run(self) -> None:
        """Twenty leads at a time; events are repeated until they are accepted."""
        began = time.monotonic()
        for start in range(0, self._leads, 20):
            numbers = range(start, min(start + 20, self._leads))
            self._web.post_events([event for n in numbers for event in _events(n)])
            self.sent += 2 * len(numbers)
            behind = began + self._seconds * start / self._leads - time.monotonic()
            time.sleep(max(0.0, behind))


def _events(number: int) -> list[dict[str, object]]:
    # At many providers: one that throttles is left alone as a whole.
    lead = {"email": f"lead{number}@mail{number % 97}.example", "first_name": f"lead{number}"}
    return [
        {"id": f"{name}-{number}", "name": name, "lead": lead}
        for name in ("page.viewed", "form.submitted")
    ]


class Clicks(threading.Thread):
    """Clicks in the first mail of one lead in five, soon after it arrived."""

    def __init__(self, web: Web, arena: Arena) -> None:
        super().__init__(daemon=True)
        self._web, self._arena = web, arena
        self._stop_it = threading.Event()
        self.made = 0

    def run(self) -> None:
        """Follows the mail server's log."""
        signer, seen = LinkSigner([KEY]), 0
        while not self._stop_it.wait(0.5):
            arrived = self._arena.accepted()
            for message_id, recipient in arrived[seen:]:
                if int(recipient.removeprefix("lead").partition("@")[0]) % 5 == 0:
                    job = message_id.strip("<>").partition("@")[0]
                    self._web.click(signer.token(LinkKind.CLICK, job, 0))
                    self.made += 1
            seen = len(arrived)

    def close(self) -> None:
        """Clicks no more."""
        self._stop_it.set()
        self.join()


@dataclass
class Killer:
    """Ends whatever runs, at random, and starts it again.

    Attributes:
        caught: Message-IDs that a sender had in hand when it, or its database, was killed.
    """

    arena: Arena
    store: Store
    chance: random.Random
    postgres: Postgres | None = None
    kills: Counter[str] = field(default_factory=Counter)
    caught: set[str] = field(default_factory=set)

    def run(self, seconds: float, every: float) -> None:
        """For so long, every so many seconds on average."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(self.chance.uniform(0.5, 1.5) * every)
            victims = [*self._names("worker"), *self._names("web"), "temporal"]
            victim = self.chance.choice([*victims, *(["postgres"] if self.postgres else [])])
            if victim.startswith("worker"):
                self._worker(victim)
            elif victim == "temporal":
                self._temporal()
            elif self.postgres is not None and victim == "postgres":
                self._postgres(self.postgres)
            else:
                self.kills["web"] += 1
                self.arena.kill(victim)
                self._rest()
                self.arena.start_web(victim)

    def _names(self, prefix: str) -> list[str]:
        return [name for name in self.arena.processes if name.startswith(prefix)]

    def _worker(self, name: str) -> None:
        how = self.chance.choice(("sender", "sender", "worker alone", "worker and senders"))
        pid = self.arena.processes[name].pid
        senders = children(pid)
        if how == "sender" and not senders:
            return
        self.kills[how] += 1
        if how == "sender":
            _end(self.chance.choice(senders))
            self._note()
            return
        self.arena.kill(name, alone=how == "worker alone")
        self._note()
        self._rest()
        self._note()
        self.arena.start_worker(name)

    def _temporal(self) -> None:
        self.kills["temporal"] += 1
        self.arena.kill("temporal")
        self._rest()
        if self.kills["temporal"] % 3 == 0:
            self.kills["temporal's database"] += 1
            for file in (self.arena.folder / ".longplay").glob("temporal.db*"):
                file.unlink()
        self.arena.start_temporal()

    def _postgres(self, server: Postgres) -> None:
        self.kills["postgres"] += 1
        with contextlib.suppress(sa.exc.SQLAlchemyError):
            self._note()
        server.crash(self.chance.uniform(0.1, 2.0))
        self._note()

    def _note(self) -> None:
        self.caught |= self.store.read(in_flight)

    def _rest(self) -> None:
        time.sleep(self.chance.uniform(0.1, 1.5))


def _end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def run(args: argparse.Namespace) -> Verdict:
    """The whole run, on a set-up of its own."""
    with _database(args.postgres) as (url, server), Arena(database_url=url) as arena:
        verdict = Verdict(minutes=args.minutes, leads=args.leads)
        verdict.database = "PostgreSQL" if url else "SQLite"
        arena.write(shapes.files_of_chaos(f"http://127.0.0.1:{arena.hooks_port}"))
        store = arena.publish()
        _start(arena, two=bool(url))
        killer = Killer(arena, store, random.Random(args.seed))
        killer.postgres = server if args.restart_postgres else None
        _under_fire(args, arena, killer, verdict)
        store.read(lambda tx: judge(tx, arena, killer.caught, verdict))
        verdict.doctor = [
            f"{one.name}: {one.detail}" for one in doctor.examine(store) if not one.ok
        ]
        verdict.faults += [f"doctor: {one}" for one in verdict.doctor]
        if verdict.faults:
            for name in ("worker0", "web0", "temporal"):
                text = (arena.folder / f"{name}.log").read_text(errors="replace")
                print(f"--- {name}\n{text[-3000:]}", file=sys.stderr)
        store.close()
    return verdict


@contextlib.contextmanager
def _database(wanted: str | None) -> Iterator[tuple[str, Postgres | None]]:
    if wanted is None:
        yield "", None
    elif wanted:
        yield wanted, None
    else:
        server = Postgres()
        try:
            yield server.url, server
        finally:
            server.close()


def _start(arena: Arena, *, two: bool) -> None:
    arena.start_sink(*SINK_RULES, delay=0.05)
    arena.start_hooks(*HOOK_RULES)
    arena.start_temporal()
    for number in range(2 if two else 1):
        arena.start_worker(f"worker{number}")
        arena.start_web(f"web{number}")


def _under_fire(args: argparse.Namespace, arena: Arena, killer: Killer, verdict: Verdict) -> None:
    began = time.monotonic()
    web = Web(*arena.web_ports.values())
    feed, clicks = Feed(web, args.leads, 60 * args.minutes * 0.8), Clicks(web, arena)
    watch = Watch(lambda: {name: process.pid for name, process in arena.processes.items()})
    feed.start()
    clicks.start()
    killer.run(60 * args.minutes, args.every)
    feed.join()
    if not wait_until(lambda: _is_over(killer.store), AFTERWARDS, 1.0):
        verdict.faults.append(f"{killer.store.read(unfinished)} are not at an end")
    clicks.close()
    watch.close()
    verdict.seconds = round(time.monotonic() - began, 1)
    verdict.events, verdict.http_retries, verdict.clicks = feed.sent, web.retries, clicks.made
    verdict.kills = dict(killer.kills)
    verdict.megabytes, verdict.megabytes_a_minute = watch.most(), watch.slopes()
    for name, (slope, minutes) in verdict.megabytes_a_minute.items():
        if minutes >= 3 and slope > FLAT:
            verdict.faults.append(f"{name} grew by {slope} MB a minute for {minutes} minutes")


def _is_over(store: Store) -> bool:
    """Whether all is at an end. What is put off for hours, as by a full mailbox, is due now."""
    jobs_put_off = sa.text(
        "UPDATE job SET not_before = :now WHERE state = 'deferred' AND not_before > :soon"
    ).bindparams(sa.bindparam("now", type_=Instant()), sa.bindparam("soon", type_=Instant()))

    def hurry(tx: Transaction) -> None:
        tx.conn.execute(jobs_put_off, {"now": tx.now, "soon": tx.now + timedelta(minutes=6)})

    left = store.read(unfinished)
    if left:
        store.write(hurry)
    return left == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--leads", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=float, default=8.0, help="seconds between two kills")
    parser.add_argument("--postgres", nargs="?", const="", help="a URL; none: one of its own")
    parser.add_argument("--restart-postgres", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    verdict = run(args)
    if args.json:
        print(json.dumps(asdict(verdict)))
    else:
        for name, value in asdict(verdict).items():
            shown = value[:20] if isinstance(value, list) else value
            print(f"{name:>22}  {shown}")
    sys.exit(1 if verdict.faults else 0)


if __name__ == "__main__":
    main()
