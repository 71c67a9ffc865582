"""The judge of the chaos run: what the mail server and the webhook saw, against the store."""

from collections import Counter
from dataclasses import dataclass, field

import sqlalchemy as sa

from bench.arena import Arena
from bench.reckoning import Mails, reckon, walks
from engine.store.database import Transaction

DOUBT = frozenset({"hang", "drop", "cut"})
"""What the mail server does that leaves anybody in doubt."""


@dataclass
class Verdict(Mails):
    """What the run showed; `faults` is empty when no promise was broken."""

    database: str = "SQLite"
    minutes: float = 0.0
    leads: int = 0
    seconds: float = 0.0
    kills: dict[str, int] = field(default_factory=dict)
    events: int = 0
    http_retries: int = 0
    clicks: int = 0
    misdeeds: dict[str, int] = field(default_factory=dict)
    in_flight_at_kills: int = 0
    in_doubt_by_the_server: int = 0
    calls: int = 0
    calls_repeated: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    stopped: dict[str, int] = field(default_factory=dict)
    megabytes: dict[str, float] = field(default_factory=dict)
    megabytes_a_minute: dict[str, tuple[float, float]] = field(default_factory=dict)
    doctor: list[str] = field(default_factory=list)


def judge(tx: Transaction, arena: Arena, caught: set[str], verdict: Verdict) -> None:
    """Holds the store against the logs of those who were sent to.

    `caught`: Message-IDs that were in flight at a kill.
    """
    reckon(tx, arena.accepted(), verdict, unsent=("skipped", "bounced", "rejected"))
    misdeeds = [line.split("\t") for line in arena.fault_log.read_text().splitlines()]
    verdict.misdeeds = dict(Counter(action for _, action, _, _ in misdeeds))
    by_server = {message for _, action, message, _ in misdeeds if action in DOUBT}
    _judge_doubts(tx, by_server, caught, verdict)
    _judge_calls(tx, arena, verdict)
    _judge_enrollments(tx, verdict)
    events = tx.conn.execute(
        sa.text("SELECT count(*) FROM event WHERE name IN ('form.submitted', 'page.viewed')")
    ).scalar_one()
    if events != verdict.events:
        verdict.faults.append(f"{verdict.events} events were accepted, {events} are there")


def _judge_doubts(tx: Transaction, by_server: set[str], caught: set[str], verdict: Verdict) -> None:
    query = sa.text("SELECT message_id FROM job WHERE kind = 'email' AND state = 'in_doubt'")
    doubtful = {row[0] for row in tx.conn.execute(query)}
    verdict.in_flight_at_kills = len(caught)
    verdict.in_doubt_by_the_server = len(doubtful & by_server)
    strange = doubtful - by_server - caught
    if strange:
        some = ", ".join(sorted(strange)[:5])
        verdict.faults.append(f"{len(strange)} in doubt that were in flight at no kill: {some}")


def _judge_calls(tx: Transaction, arena: Arena, verdict: Verdict) -> None:
    lines = [line.split("\t") for line in arena.hooks_log.read_text().splitlines()]
    verdict.calls = len(lines)
    heard = Counter(id for _, _, id, _ in lines)
    verdict.calls_repeated = len(lines) - len(heard)
    jobs = tx.conn.execute(
        sa.text("SELECT id, state, reason FROM job WHERE kind = 'webhook'")
    ).all()
    for id, state, reason in jobs:
        if state == "accepted" and not heard[id]:
            verdict.faults.append(f"call {id} is accepted, and never arrived")
        if state not in ("accepted", "rejected", "skipped"):
            verdict.faults.append(f"call {id} is {state}: {reason}")
    unknown = set(heard) - {id for id, _, _ in jobs}
    if unknown:
        verdict.faults.append(f"{len(unknown)} calls arrived that the ledger does not know")


def _judge_enrollments(tx: Transaction, verdict: Verdict) -> None:
    """None is lost; each ended, or stopped for a reason that a server gave; each step once."""
    query = sa.text("SELECT id, state, outcome, reason FROM enrollment")
    rows, outcomes, stopped = tx.conn.execute(query).all(), Counter[str](), Counter[str]()
    taken = walks(tx)
    for id, state, outcome, reason in rows:
        steps = taken.get(id, [])
        if len(steps) != len(set(steps)):
            verdict.faults.append(f"{id} walked {steps}")
        if state == "stopped":
            stopped[reason] += 1
            if "554" not in reason and "400" not in reason:
                verdict.faults.append(f"{id} stopped: {reason}")
            continue
        outcomes[outcome or state] += 1
        wanted = {"hello", "tell", "split-tone", "last"}
        wanted |= set() if "tag-clicked" in steps else {"reminder"}
        if outcome == "done" and wanted - set(steps):
            verdict.faults.append(f"{id} walked {steps}")
    verdict.outcomes, verdict.stopped = dict(outcomes), dict(stopped)
    if len(rows) != verdict.leads:
        verdict.faults.append(f"{verdict.leads} leads came in, {len(rows)} were enrolled")
