"""The restore drill: a backup under load, everything destroyed, restored, finished.

    python -m bench.restore_drill [--leads 1500] [--lost 6] [--no-log] [--json]

Events come in over HTTP. In the middle `longplay backup` is called; the workers go on for --lost
seconds, then everything is killed with -9 and the whole LONGPLAY_HOME is deleted. `longplay
restore` brings the archive back, with the mail server's own log as the list of what went (--no-log:
without any). The events are sent again under the same ids, and the run is finished.
Afterwards: every enrollment has finished, and no message reached the mail server twice; what is
unknown is held in doubt, and counted.
"""

import argparse
import collections
import json
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bench import shapes
from bench.arena import PYTHON, Arena, wait_until
from bench.client import Web
from bench.reckoning import unfinished
from engine.store.database import Store

LIMIT = 240.0
SLOW = 0.05
"""Seconds that the mail server takes over each message."""


@dataclass
class Verdict:
    """What the drill showed; `faults` is empty when it passed."""

    leads: int = 0
    backup_seconds: float = 0.0
    archive_megabytes: float = 0.0
    restore_seconds: float = 0.0
    mails_at_backup: int = 0
    mails_at_loss: int = 0
    mails_in_the_end: int = 0
    twice: int = 0
    known_to_have_gone: int = 0
    held: int = 0
    held_and_never_arrived: int = 0
    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)
    doctor: str = ""
    faults: list[str] = field(default_factory=list)


def longplay(arena: Arena, *arguments: str) -> Any:
    done = subprocess.run(
        [PYTHON, "-P", "-m", "cli", *arguments, "--json"],
        env=arena.environment(), cwd=arena.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode and arguments[0] != "doctor":
        raise RuntimeError(f"longplay {' '.join(arguments)}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def forms(leads: int) -> list[dict[str, object]]:
    """Each lead's event, with the moment at which it is made: it stays when sent again."""
    return [
        {
            "id": f"form-{n}", "name": "form.submitted", "at": datetime.now(UTC).isoformat(),
            "lead": {"email": f"lead{n}@example.com"}, "properties": {"form": "trial"},
        }
        for n in range(leads)
    ]  # fmt: skip


def feed(web: Web, leads: int, first: int = 0) -> list[dict[str, object]]:
    made = forms(leads)[first:]
    for start in range(0, len(made), 50):
        web.post_events(made[start : start + 50])
    return made


def start(arena: Arena) -> Web:
    arena.start_temporal()
    arena.start_worker()
    arena.start_web()
    return Web(arena.web_port)


def run(args: argparse.Namespace) -> Verdict:
    verdict = Verdict(leads=args.leads)
    with Arena() as arena:
        arena.write(shapes.files_under_fire())
        arena.publish().close()
        arena.start_sink(delay=SLOW)
        web = start(arena)
        half = args.leads // 2
        events = feed(web, half)
        wait_until(lambda: arena.accepted_count() > half // 4, 60)
        archive = back_up(arena, verdict)
        events += feed(web, args.leads, half)
        time.sleep(args.lost)
        for name in ("worker", "web", "temporal"):
            arena.kill(name)
        verdict.mails_at_loss = arena.accepted_count()
        verdict.before = count(arena)
        shutil.rmtree(arena.folder / ".longplay")
        bring_back(arena, archive, verdict, log=not args.no_log)
        web = start(arena)
        web.post_events(events)
        longplay(arena, "resume")
        finish(arena, verdict)
    return verdict


def back_up(arena: Arena, verdict: Verdict) -> Path:
    began = time.monotonic()
    verdict.mails_at_backup = arena.accepted_count()
    archive = Path(longplay(arena, "backup", str(arena.folder))["archive"])
    verdict.backup_seconds = round(time.monotonic() - began, 1)
    verdict.archive_megabytes = round(archive.stat().st_size / 1e6, 1)
    return archive


def bring_back(arena: Arena, archive: Path, verdict: Verdict, *, log: bool) -> None:
    began = time.monotonic()
    given = ["--sent-log", str(arena.sink_log), "--complete"] if log else []
    told = longplay(arena, "restore", str(archive), *given)
    verdict.restore_seconds = round(time.monotonic() - began, 1)
    verdict.known_to_have_gone = told["restored"]["mailed"]
    verdict.doctor = next(
        one["detail"] for one in longplay(arena, "doctor")["checks"] if one["name"] == "restored"
    )


def finish(arena: Arena, verdict: Verdict) -> None:
    store = Store(arena.store_url)
    wait_until(lambda: store.read(unfinished) == 0, LIMIT, 0.5)
    store.close()
    arrived = arena.accepted()
    verdict.mails_in_the_end = len(arrived)
    ids = collections.Counter(message_id for message_id, _ in arrived)
    people = collections.Counter(recipient for _, recipient in arrived)
    verdict.twice = sum(number - 1 for number in ids.values())
    verdict.after = count(arena)
    verdict.held = verdict.after.get("job in_doubt", 0)
    verdict.held_and_never_arrived = 3 * verdict.leads - len(arrived)
    if verdict.twice:
        verdict.faults.append(f"{verdict.twice} messages arrived twice")
    if many := [one for one, number in people.items() if number > 3]:
        verdict.faults.append(f"{len(many)} people got more mails than there are: {many[:3]}")
    if verdict.after.get("enrollment finished") != verdict.leads:
        verdict.faults.append("not every enrollment has finished")


def count(arena: Arena) -> dict[str, int]:
    """Rows by table and state."""
    query = (
        "SELECT 'lead', count(*) FROM lead UNION ALL SELECT 'event', count(*) FROM event "
        "UNION ALL SELECT 'enrollment ' || state, count(*) FROM enrollment GROUP BY 1 "
        "UNION ALL SELECT 'job ' || state, count(*) FROM job WHERE kind = 'email' GROUP BY 1"
    )
    store = Store(arena.store_url)
    try:
        return store.read(lambda tx: {row[0]: row[1] for row in tx.conn.execute(sa.text(query))})
    finally:
        store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=1500)
    parser.add_argument("--lost", type=float, default=6.0)
    parser.add_argument("--no-log", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    verdict = run(args)
    if args.json:
        print(json.dumps(asdict(verdict)))
    else:
        for name, value in asdict(verdict).items():
            print(f"{name:>24}  {value}")
    sys.exit(1 if verdict.faults else 0)


if __name__ == "__main__":
    main()
