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
import collections
import json
import random
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass, field

import sqlalchemy as sa

from bench import shapes
from bench.arena import Arena
from engine.mail.links import LinkKind, LinkSigner
from engine.store.database import Store, Transaction

KEY = "a-key-for-the-arena-and-nothing-else"
LIMIT = 240.0
SLOW = 0.15
"""Seconds that the mail server takes over each message."""


@dataclass
class Verdict:
    """What the run showed; `faults` is empty when it passed."""

    leads: int = 0
    seconds: float = 0.0
    kills: dict[str, int] = field(default_factory=dict)
    temporal_lost: bool = False
    finished: int = 0
    mails_accepted: int = 0
    mails_at_the_server: int = 0
    accepted_twice: int = 0
    in_doubt: int = 0
    in_doubt_arrived: int = 0
    in_flight_at_kills: int = 0
    clicks: int = 0
    http_retries: int = 0
    faults: list[str] = field(default_factory=list)


class Web:
    """A client that does not give up: accepted means accepted, whatever dies in between."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.retries = 0

    def post_events(self, events: list[dict[str, object]]) -> None:
        body = json.dumps(events).encode()
        request = urllib.request.Request(
            f"{self.base}/v1/events", body, {"Content-Type": "application/json"}
        )
        self._insist(request)

    def click(self, token: str) -> None:
        self._insist(urllib.request.Request(f"{self.base}/c/{token}", headers=_BROWSER))

    def _insist(self, request: urllib.request.Request) -> None:
        for _ in range(600):
            try:
                opener = urllib.request.build_opener(_Stay())
                opener.open(request, timeout=10).read()
                return
            except urllib.error.HTTPError as error:
                if error.code < 500:
                    if 300 <= error.code < 400:
                        return
                    raise
            except OSError:
                pass
            self.retries += 1
            time.sleep(0.2)
        raise RuntimeError("the web server never came back")


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


_BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


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
            caught |= store.read(_in_flight)
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


def _in_flight(tx: Transaction) -> set[str]:
    query = sa.text("SELECT id FROM job WHERE state = 'in_flight'")
    return {row[0] for row in tx.conn.execute(query)}


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
        while time.monotonic() - began < LIMIT and store.read(_unfinished) > 0:
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


def _unfinished(tx: Transaction) -> int:
    query = (
        "SELECT (SELECT count(*) FROM enrollment WHERE ended_at IS NULL) + "
        "(SELECT count(*) FROM job WHERE state IN ('queued', 'in_flight', 'deferred'))"
    )
    return int(tx.conn.execute(sa.text(query)).scalar_one())


def judge(tx: Transaction, arrived: list[tuple[str, str]], verdict: Verdict) -> None:
    """Compares what the store says with what the mail server saw."""
    found = tx.conn.execute(sa.text("SELECT state, count(*) FROM enrollment GROUP BY 1"))
    states = {row[0]: row[1] for row in found}
    jobs = tx.conn.execute(sa.text("SELECT message_id, state, enrollment, step FROM job")).all()
    counts = collections.Counter(message_id for message_id, _ in arrived)
    verdict.finished = states.get("finished", 0)
    verdict.mails_at_the_server = len(arrived)
    verdict.accepted_twice = sum(1 for number in counts.values() if number > 1)
    for message_id, state, enrollment, step in jobs:
        there = counts.pop(message_id, 0)
        if state == "accepted":
            verdict.mails_accepted += 1
            if there != 1:
                verdict.faults.append(f"{enrollment}/{step} is accepted, and arrived {there} times")
        elif state == "in_doubt":
            verdict.in_doubt += 1
            verdict.in_doubt_arrived += there
            if there > 1:
                verdict.faults.append(f"{enrollment}/{step} is in doubt, and arrived {there} times")
        elif there:
            verdict.faults.append(f"{enrollment}/{step} is {state}, and arrived {there} times")
        elif state != "skipped":
            verdict.faults.append(f"{enrollment}/{step} is {state}")
    if counts:
        verdict.faults.append(f"{len(counts)} mails arrived that the ledger does not know")
    if states != {"finished": verdict.leads}:
        verdict.faults.append(f"enrollments: {states}")
    if verdict.in_doubt > verdict.in_flight_at_kills:
        verdict.faults.append(
            f"{verdict.in_doubt} in doubt, {verdict.in_flight_at_kills} in flight"
        )
    _judge_paths(tx, verdict)


def _judge_paths(tx: Transaction, verdict: Verdict) -> None:
    """Every lead got the mails of its branch: first, last, and the reminder unless it clicked."""
    rows = tx.conn.execute(
        sa.text("SELECT enrollment, step, outcome FROM step_log ORDER BY enrollment, seq")
    ).all()
    paths: dict[str, list[str]] = {}
    for enrollment, step, _ in rows:
        paths.setdefault(enrollment, []).append(step)
    for enrollment, steps in paths.items():
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
