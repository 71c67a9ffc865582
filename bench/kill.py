"""The kill test: 2,000 leads under a playbook of ten steps, while everything is killed with -9.

    python -m bench.kill [--leads 2000] [--kills 9] [--seed 1] [--workers 1] [--lose-temporal]
                         [--postgres URL] [--json]

Events come in over HTTP and are sent again, under the same id, until they are accepted. One lead in
five clicks. The worker, the web server and Temporal are killed at random moments and started again;
with --lose-temporal Temporal's whole database is deleted as well, the second time it is killed. The
mail server takes its time over each message, so that kills find messages in flight.
Afterwards: every enrollment has finished; no (lead, step) reached the SMTP server twice; whatever
is in doubt is listed, and never more of it than was in flight at the kills of the worker.
"""

import argparse
import json
import random
import sys
import threading
import time
from dataclasses import asdict, dataclass, field

import sqlalchemy as sa

from bench import shapes
from bench.arena import Arena
from bench.client import Web
from bench.reckoning import Mails, in_flight, reckon, unfinished, walks
from engine.mail.links import LinkKind, LinkSigner
from engine.store.database import Store, Transaction

KEY = "a-key-for-the-arena-and-nothing-else"
LIMIT = 240.0
SLOW = 0.15
"""Seconds that the mail server takes over each message."""


@dataclass
class Verdict(Mails):
    """What the run showed; `faults` is empty when it passed."""

    leads: int = 0
    seconds: float = 0.0
    kills: dict[str, int] = field(default_factory=dict)
    temporal_lost: bool = False
    finished: int = 0
    in_flight_at_kills: int = 0
    clicks: int = 0
    http_retries: int = 0


def feed(web: Web, leads: int) -> None:
    """Sends every lead's form, twenty at a time, spread over about ten seconds."""
    for start in range(0, leads, 20):
        web.post_events(
            [
                {
                    "id": f"form-{n}",
                    "name": "form.submitted",
                    "lead": {"email": f"lead{n}@example.com", "first_name": f"Lead {n}"},
                    "properties": {"form": "trial"},
                }
                for n in range(start, min(start + 20, leads))
            ]
        )
        time.sleep(10 * 20 / leads)


def click_some(web: Web, arena: Arena, stop: threading.Event, verdict: Verdict) -> None:
    """Clicks in the first mail of one lead in five, a little after it arrived."""
    signer, seen = LinkSigner([KEY]), 0
    while not stop.is_set():
        arrived = arena.accepted()
        for message_id, recipient in arrived[seen:]:
            number = int(recipient.removeprefix("lead").partition("@")[0])
            job = message_id.strip("<>").partition("@")[0]
            if number % 5 == 0:
                web.click(signer.token(LinkKind.CLICK, job, 0))
                verdict.clicks += 1
        seen = len(arrived)
        time.sleep(0.5)


def kill_some(
    arena: Arena, store: Store, kills: int, chance: random.Random, v: Verdict, *, lose: bool
) -> None:
    """Kills each part in turn, in random order and at random moments, and starts it again."""
    victims = [*(name for name in arena.processes if name != "sink")] * kills
    victims = victims[: max(kills, 1)]
    chance.shuffle(victims)
    caught: set[str] = set()
    for victim in victims[:kills]:
        time.sleep(chance.uniform(1.0, 3.0))
        arena.kill(victim)
        if victim.startswith("worker"):
            caught |= store.read(in_flight)
            v.in_flight_at_kills = len(caught)
        v.kills[victim] = v.kills.get(victim, 0) + 1
        time.sleep(chance.uniform(0.1, 1.0))
        if victim == "temporal" and lose and v.kills[victim] == 2:
            for file in (arena.folder / ".longplay").glob("temporal.db*"):
                file.unlink()
            v.temporal_lost = True
        start(arena, victim)


def start(arena: Arena, name: str) -> None:
    if name == "temporal":
        arena.start_temporal()
    elif name == "web":
        arena.start_web()
    else:
        arena.start_worker(name)


def run(args: argparse.Namespace) -> Verdict:
    verdict = Verdict(leads=args.leads)
    with Arena(database_url=args.postgres) as arena:
        arena.write(shapes.files_under_fire())
        store = arena.publish()
        arena.start_sink(delay=SLOW)
        for name in ("temporal", *(f"worker{n}" for n in range(args.workers)), "web"):
            start(arena, name)
        began = time.monotonic()
        web, stop = Web(arena.web_port), threading.Event()
        clicker = threading.Thread(target=click_some, args=(web, arena, stop, verdict))
        feeder = threading.Thread(target=feed, args=(web, args.leads))
        feeder.start()
        clicker.start()
        chance = random.Random(args.seed)
        kill_some(arena, store, args.kills, chance, verdict, lose=args.lose_temporal)
        feeder.join()
        while time.monotonic() - began < LIMIT and store.read(unfinished) > 0:
            time.sleep(0.5)
        verdict.seconds = round(time.monotonic() - began, 1)
        stop.set()
        clicker.join()
        verdict.http_retries = web.retries
        store.read(lambda tx: judge(tx, arena.accepted(), verdict))
        if verdict.faults:
            print((arena.folder / "worker0.log").read_text()[-4000:], file=sys.stderr)
        store.close()
    return verdict


def judge(tx: Transaction, arrived: list[tuple[str, str]], verdict: Verdict) -> None:
    """Compares what the store says with what the mail server saw."""
    found = tx.conn.execute(sa.text("SELECT state, count(*) FROM enrollment GROUP BY 1"))
    states = {row[0]: row[1] for row in found}
    verdict.finished = states.get("finished", 0)
    reckon(tx, arrived, verdict)
    if states != {"finished": verdict.leads}:
        verdict.faults.append(f"enrollments: {states}")
    if verdict.in_doubt > verdict.in_flight_at_kills:
        verdict.faults.append(
            f"{verdict.in_doubt} in doubt, {verdict.in_flight_at_kills} in flight"
        )
    _judge_paths(tx, verdict)


def _judge_paths(tx: Transaction, verdict: Verdict) -> None:
    """Every lead got the mails of its branch: first, last, and the reminder unless it clicked."""
    for enrollment, steps in walks(tx).items():
        wanted = {"hello", "last"} | (set() if "tag-clicked" in steps else {"reminder"})
        missing = wanted - set(steps)
        if missing or len(steps) != len(set(steps)):
            verdict.faults.append(f"{enrollment} walked {steps}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=9)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--lose-temporal", action="store_true")
    parser.add_argument("--postgres", default="", help="a database URL; left out: SQLite")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    verdict = run(args)
    if args.json:
        print(json.dumps(asdict(verdict)))
    else:
        for name, value in asdict(verdict).items():
            print(f"{name:>22}  {value}")
    sys.exit(1 if verdict.faults else 0)


if __name__ == "__main__":
    main()
