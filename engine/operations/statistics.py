"""A playbook in numbers: who came in, how it ended, what it was worth, and how its arms do.

Read models for `longplay stats` and for pages; they change nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.operations import published
from engine.operations.overview import playbook_count
from engine.playbook.plan import Plan, Split
from engine.runtime.splitting import Evidence, Standing, chances, interval
from engine.store import enrollments, splits
from engine.store.database import Store, Transaction

GOAL = "goal"
"""What arms are measured by where a split looks for no winner: the playbook's own goals."""


@dataclass(frozen=True, slots=True)
class ArmCount:
    """An arm in numbers.

    Attributes:
        weight: beside the others'; None: the current version has this arm no more.
        by: the event that is a success, or `goal`.
        entered: everybody who drew it.
        judged: those of them whose time is over; of a split by goal, whose run is.
        converted: those of the judged who had the success.
        interval: where the true rate lies, with 95 % confidence.
        best: the chance that this is the best arm; None: nothing is known yet.
    """

    split: str
    arm: str
    weight: float | None
    by: str
    entered: int
    judged: int
    converted: int
    interval: tuple[float, float]
    best: float | None

    @property
    def rate(self) -> float | None:
        """The share of the judged that converted."""
        return self.converted / self.judged if self.judged else None

    def as_json(self) -> dict[str, object]:
        """What `--json` shows."""
        return {
            "split": self.split, "arm": self.arm, "weight": self.weight, "by": self.by,
            "entered": self.entered, "judged": self.judged, "converted": self.converted,
            "rate": self.rate, "interval": list(self.interval), "best": self.best,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class SplitCount:
    """A split in numbers.

    Attributes:
        sample: how many are drawn by weight before the rest; 0: it looks for no winner.
        sampled: how many of them have been drawn.
        waits_until: when the sample, which is full, has had its time; None: later, or long since.
    """

    name: str
    by: str
    arms: Sequence[ArmCount]
    sample: int = 0
    sampled: int = 0
    waits_until: datetime | None = None


def stats(store: Store, playbook: str) -> dict[str, Any]:
    """A playbook in numbers, as contract.md says.

    Raises:
        NotFoundError: none of that name is published.
    """
    return store.read(lambda tx: _stats(tx, playbook))


def _stats(tx: Transaction, name: str) -> dict[str, Any]:
    count = playbook_count(tx, name)
    plan = published.current(tx).plans[name]
    goals, value = _goals(tx, name)
    return {
        "playbook": name,
        "entered": count.entered,
        "active": count.active,
        "stopped": count.stopped,
        "finished": dict(count.outcomes),
        "steps": [
            {"step": one.step, "about": one.about, "here": one.here, "stopped": one.stopped}
            for one in count.steps
        ],
        "arms": [arm.as_json() for split in split_counts(tx, plan) for arm in split.arms],
        "goals": goals,
        "value": value,
        "cost": plan.cost,
        "roi": (value - plan.cost) / plan.cost if plan.cost else None,
    }


def _goals(tx: Transaction, name: str) -> tuple[int, float]:
    run = enrollments.table
    query = sa.select(sa.func.count(), sa.func.sum(run.c.goal_value)).where(
        run.c.playbook == name, run.c.state == "finished", run.c.goal.is_(True)
    )
    goals, value = tx.conn.execute(query).one()
    return goals, float(value or 0)


def split_counts(tx: Transaction, plan: Plan) -> list[SplitCount]:
    """The splits of a playbook's current version, over all its versions, in their order."""
    ops = [op for op in plan.ops if isinstance(op, Split)]
    if not ops:
        return []
    entered = splits.entered(tx, plan.playbook)
    standings = splits.standings(tx, plan.playbook)
    return [_split(tx, plan.playbook, op, entered, standings) for op in ops]


def _split(
    tx: Transaction,
    playbook: str,
    op: Split,
    entered: Mapping[tuple[str, str], int],
    standings: Mapping[tuple[str, str], Standing],
) -> SplitCount:
    if op.winner is None:
        evidence: Mapping[str, Evidence] = splits.goals(tx, playbook, op.name)
        return SplitCount(op.name, GOAL, list(_arms(op, GOAL, entered, evidence)))
    by = op.winner.by
    standing = standings.get((op.name, by))
    evidence = standing.evidence if standing is not None else {}
    sampled = standing.sampled if standing is not None else 0
    until = standing.decide_at if standing is not None else None
    waits = until is not None and until > tx.now and sampled >= op.winner.sample
    return SplitCount(
        op.name,
        by,
        list(_arms(op, by, entered, evidence)),
        sample=op.winner.sample,
        sampled=sampled,
        waits_until=until if waits else None,
    )


def _arms(
    op: Split, by: str, entered: Mapping[tuple[str, str], int], evidence: Mapping[str, Evidence]
) -> Iterator[ArmCount]:
    weights: dict[str, float | None] = {arm.name: arm.weight for arm in op.arms}
    former = {arm: None for split, arm in entered if split == op.name and arm not in weights}
    known = {arm: evidence.get(arm, Evidence()) for arm in weights}
    best = chances(known) if any(one.trials for one in known.values()) else {}
    for arm, weight in {**weights, **former}.items():
        seen = evidence.get(arm, Evidence())
        yield ArmCount(
            split=op.name,
            arm=arm,
            weight=weight,
            by=by,
            entered=entered.get((op.name, arm), 0),
            judged=seen.trials,
            converted=seen.wins,
            interval=interval(seen.trials, seen.wins),
            best=best.get(arm),
        )
