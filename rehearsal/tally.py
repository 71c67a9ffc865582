"""What a forecast comes to: counted from the ledgers that production keeps."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from engine.operations import published
from engine.playbook.plan import Plan
from engine.store import enrollments, jobs, lead_writing, tasks
from engine.store.database import Transaction

Weeks = Mapping[int, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Tally:
    """A forecast's figures. Weeks are counted from the first day, from 0.

    Attributes:
        start: the first day.
        days: how many.
        entered: leads that were enrolled.
        mails: step → mails accepted.
        mails_a_day: mails accepted, day by day from the first.
        skipped: why mails were left out → how many.
        stages: week → stage → leads that entered it.
        tasks: owner → tasks.
        outcomes: how enrollments ended, or stand at the end → how many.
    """

    start: date
    days: int
    entered: int
    mails: Mapping[str, int]
    mails_a_day: tuple[int, ...]
    skipped: Mapping[str, int]
    stages: Weeks
    tasks: Mapping[str, int]
    outcomes: Mapping[str, int]

    def as_json(self) -> dict[str, object]:
        """For scripts."""
        by_day = [
            {"date": (self.start + timedelta(days=day)).isoformat(), "mails": number}
            for day, number in enumerate(self.mails_a_day)
        ]
        by_week = [
            {"from": (self.start + timedelta(weeks=week)).isoformat(), "entered": dict(stages)}
            for week, stages in sorted(self.stages.items())
        ]
        return {
            "entered": self.entered,
            "days": by_day,
            "weeks": by_week,
            "mails": dict(self.mails),
            "skipped": dict(self.skipped),
            "tasks": dict(self.tasks),
            "outcomes": dict(self.outcomes),
        }


def tally(
    tx: Transaction,
    plan: Plan,
    start: datetime,
    end: datetime,
    mails: Mapping[tuple[datetime, str], int],
) -> Tally:
    """The figures of a forecast that has been run.

    Args:
        tx: on the forecast's store.
        plan: the playbook's.
        start: when it began.
        end: when it ended.
        mails: (day, step) → mails accepted.
    """
    zone = published.current(tx).zone
    first = start.astimezone(zone).date()
    days = (end - start).days
    a_day = [0] * (days + 1)
    steps: Counter[str] = Counter()
    for (day, step), number in mails.items():
        a_day[min(days, (day.date() - first).days)] += number
        steps[step] += number
    outcomes = _outcomes(tx, plan)
    return Tally(
        start=first,
        days=days,
        entered=sum(outcomes.values()),
        mails=dict(steps.most_common()),
        mails_a_day=tuple(a_day),
        skipped=_skipped(tx),
        stages=_stages(tx, start),
        tasks=_tasks(tx),
        outcomes=outcomes,
    )


def _outcomes(tx: Transaction, plan: Plan) -> dict[str, int]:
    table = enrollments.table
    query = (
        sa.select(table.c.outcome, table.c.state, sa.func.count())
        .where(table.c.playbook == plan.playbook)
        .group_by(table.c.outcome, table.c.state)
    )
    found: Counter[str] = Counter()
    for outcome, state, number in tx.conn.execute(query):
        found[outcome or state] += number
    return dict(found.most_common())


def _skipped(tx: Transaction) -> dict[str, int]:
    table = jobs.table
    states = ("skipped", "bounced", "rejected")
    query = (
        sa.select(table.c.state, table.c.reason, sa.func.count())
        .where(table.c.kind == "email", table.c.state.in_(states))
        .group_by(table.c.state, table.c.reason)
    )
    found: Counter[str] = Counter()
    for state, reason, number in tx.conn.execute(query):
        found[reason if state == "skipped" else state] += number
    return dict(found.most_common())


def _stages(tx: Transaction, start: datetime) -> Weeks:
    table = lead_writing.change_table
    query = sa.select(table.c.after, table.c.at).where(table.c.field == "stage")
    found: dict[int, Counter[str]] = {}
    for stage, at in tx.conn.execute(query):
        found.setdefault((at - start).days // 7, Counter())[str(stage)] += 1
    return {week: dict(stages) for week, stages in found.items()}


def _tasks(tx: Transaction) -> dict[str, int]:
    table = tasks.table
    query = (
        sa.select(table.c.owner, sa.func.count())
        .where(table.c.kind == "task")
        .group_by(table.c.owner)
    )
    found = {str(owner or "nobody"): number for owner, number in tx.conn.execute(query)}
    return dict(sorted(found.items(), key=lambda one: -one[1]))
