"""A rolling upgrade under load: two workers, two web servers, one PostgreSQL, and leads coming in.

    python -m bench.rolling [--leads 20000] [--seconds 60] [--json]

Leads come in over both web servers, spread over so many seconds, and go through the drip: a mail, a
wait, a branch on the score, a second mail. After a third of the time one worker is killed with -9
and started again. After the second third workers of another build are started, their version is
made current in Temporal, and both old ones are told to end; each web server is replaced in turn.
A promise is broken, and the exit status 1, when an enrollment does not finish, a mail is missing or
arrived twice, more is in doubt than was in flight at the kill, or the doctor complains.
"""

import argparse
import json
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import sqlalchemy as sa

from bench import loads
from bench.arena import Arena, wait_until
from bench.client import Web
from bench.postgres import Postgres
from bench.reckoning import Mails, in_flight, reckon, unfinished
from engine.operations import doctor
from engine.store.database import Store
from workflows.deployment import DEPLOYMENT

AFTERWARDS = 300.0
"""Seconds that what has come in may take to end."""


class Fleet(Arena):
    """An arena whose next worker is of the build set last."""

    build = "one"

    def environment(self) -> dict[str, str]:
        return super().environment() | {"LONGPLAY_BUILD_ID": self.build}

    def worker(self, name: str) -> None:
        """Starts a worker of this build, and waits until it is ready."""
        log = self.folder / f"{name}.log"
        before = log.stat().st_size if log.exists() else 0
        self.start_worker(name)
        if not wait_until(lambda: b"the worker is ready" in log.read_bytes()[before:], 60):
            raise RuntimeError(f"{name} never became ready:\n{log.read_text()[-2000:]}")


@dataclass
class Verdict(Mails):
    """What the run showed; `faults` is empty when it passed."""

    leads: int = 0
    seconds: float = 0.0
    finished: int = 0
    in_flight_at_the_kill: int = 0
    http_retries: int = 0


def feed(web: Web, leads: int, seconds: float) -> None:
    """Every lead's form, fifty at a time, evenly spread."""
    began = time.monotonic()
    for start in range(0, leads, 50):
        web.post_events(
            [
                {"id": f"form-{n}", "name": "form.submitted",
                 "lead": {"email": f"lead{n}@example.com", "first_name": f"Lead {n}"},
                 "properties": {"form": "trial"}}
                for n in range(start, min(start + 50, leads))
            ]
        )  # fmt: skip
        time.sleep(max(0.0, began + seconds * start / leads - time.monotonic()))


def make_current(fleet: Fleet, build: str) -> None:
    """What an operator types: Temporal's own command."""
    command = [str(Path(sys.executable).with_name("temporal")), "worker", "deployment"]
    command += ["set-current-version", "--deployment-name", DEPLOYMENT, "--build-id", build]
    command += ["--yes", "--address", f"127.0.0.1:{fleet.temporal_port}"]
    if not wait_until(
        lambda: subprocess.run(command, check=False, capture_output=True).returncode == 0, 60, 0.5
    ):
        raise RuntimeError(f"build {build} could not be made current")


def roll(fleet: Fleet, store: Store, seconds: float, verdict: Verdict) -> None:
    """The kill, and then the upgrade."""
    time.sleep(seconds / 3)
    fleet.kill("worker0")
    verdict.in_flight_at_the_kill = len(store.read(in_flight))
    fleet.worker("worker0")
    time.sleep(seconds / 3)
    fleet.build = "two"
    fleet.worker("worker2")
    fleet.worker("worker3")
    make_current(fleet, "two")
    for old in ("worker0", "worker1"):
        fleet.kill(old, signal.SIGTERM)
    for web in ("web0", "web1"):
        fleet.kill(web, signal.SIGTERM)
        fleet.start_web(web)


def run(leads: int, seconds: float, url: str) -> Verdict:
    verdict = Verdict(leads=leads)
    fleet = Fleet(database_url=url)
    with fleet:
        fleet.write(loads.files_of_drip())
        store = fleet.publish()
        fleet.start_sink(delay=0.02)
        fleet.start_temporal()
        fleet.worker("worker0")
        fleet.worker("worker1")
        for name in ("web0", "web1"):
            fleet.start_web(name)
        web = Web(fleet.web_port_of("web0"), fleet.web_port_of("web1"))
        began = time.monotonic()
        feeder = threading.Thread(target=feed, args=(web, leads, seconds))
        feeder.start()
        roll(fleet, store, seconds, verdict)
        feeder.join()
        wait_until(lambda: store.read(unfinished) == 0, AFTERWARDS, 0.5)
        verdict.seconds = round(time.monotonic() - began, 1)
        verdict.http_retries = web.retries
        judge(store, fleet.accepted(), verdict)
        store.close()
    return verdict


def judge(store: Store, arrived: list[tuple[str, str]], verdict: Verdict) -> None:
    """Holds the ledger against the mail server's log, and asks the doctor."""
    store.read(lambda tx: reckon(tx, arrived, verdict))
    states = store.read(
        lambda tx: tx.conn.execute(
            sa.text("SELECT state, count(*) FROM enrollment GROUP BY 1")
        ).all()
    )
    found: dict[str, int] = {row[0]: row[1] for row in states}
    verdict.finished = found.get("finished", 0)
    if found != {"finished": verdict.leads}:
        verdict.faults.append(f"enrollments: {found}")
    if verdict.accepted_twice:
        verdict.faults.append(f"{verdict.accepted_twice} mails arrived twice")
    if verdict.mails_accepted + verdict.in_doubt != 2 * verdict.leads:
        verdict.faults.append(f"{2 * verdict.leads} mails were due")
    if verdict.in_doubt > verdict.in_flight_at_the_kill:
        verdict.faults.append(f"{verdict.in_doubt} are in doubt, fewer were in flight")
    verdict.faults += [
        f"doctor: {one.name}: {one.detail}" for one in doctor.examine(store) if not one.ok
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    server = Postgres()
    try:
        verdict = run(args.leads, args.seconds, server.url)
    finally:
        server.close()
    if args.json:
        print(json.dumps(asdict(verdict)))
    else:
        for name, value in asdict(verdict).items():
            print(f"{name:>22}  {value}")
    sys.exit(1 if verdict.faults else 0)


if __name__ == "__main__":
    main()
