"""Enrollments' rows from outside a walk: the cohort that one joins, and ends that befall it."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.ids import cohort_id
from engine.runtime.position import ON_ANSWER, Finish, Logged
from engine.store import enrollments, tasks
from engine.store.database import Transaction

SHARDS_ON_POSTGRES = 4


def cohort_of(tx: Transaction, playbook: str, digest: str, lane: str, lead: str) -> str:
    """The cohort that a lead belongs to; its row is made, and it is nudged after the commit."""
    shard = hash_of(lead) % SHARDS_ON_POSTGRES if tx.is_postgres else 0
    cohort = cohort_id(playbook, digest, lane, shard)
    if cohort not in tx.nudges:
        enrollments.ensure_cohort(
            tx,
            {"id": cohort, "playbook": playbook, "digest": digest, "lane": lane, "shard": shard},
        )
        tx.nudges.add(cohort)
    return cohort


def hash_of(lead: str) -> int:
    """A number that always belongs to this lead: the last characters of an id are random."""
    return int.from_bytes(lead.encode()[-3:], "big")


def finish_rows(tx: Transaction, ends: Sequence[tuple[Mapping[Any, Any], Finish]]) -> None:
    """Ends enrollments from outside their walk: an exit, an unsubscription, a person."""
    steps, lines = [], []
    for row, end in ends:
        lines.append((row["id"], Logged(row["seq"], "exit", "", end.outcome, end.why)))
        values = {
            "seq": row["seq"] + 1, "state": "finished", "blocked_on": "", "wake_at": None,
            "until_at": None, "ended_at": tx.now, "outcome": end.outcome, "goal": end.goal,
            "goal_value": end.value, "reason": end.why, "held_at": None,
        }  # fmt: skip
        steps.append(enrollments.Step(row["id"], row["seq"], values))
    enrollments.log(tx, lines)
    enrollments.advance(tx, steps)
    asking = [row for row, _ in ends if row["state"] == "stopped" or row["blocked_on"] == ON_ANSWER]
    tasks.close_of(tx, [row["id"] for row in asking], result="ended")
    tx.nudges.update(row["cohort"] for row, _ in ends)
