"""What tests of triggers by the clock share: a look at the clocks, and leads with dates."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from engine.operations import coming, edit_leads, firing
from engine.operations.firing import fire_due
from engine.store import leads
from engine.store.database import Transaction
from tests.runtime.stage import WORKSPACE, Stage

ENDS = "lead: {segment: text, trial_ends_at: datetime"
FIELDS = WORKSPACE.replace(ENDS, f"{ENDS}, renews_on: date, twin_at: datetime")
SOON = "enroll:\n  when: [{date: 2 days before lead.trial_ends_at}]\nsteps:\n  - tag: soon\n"
ALWAYS = SOON.replace("\nsteps", "\n  again: always\nsteps")
YEARLY = """\
enroll:
  when: [{date: lead.birthday, every: year}]
  again: always
steps:
  - tag: birthday
"""


def fire(stage: Stage) -> int:
    """Looks at the clocks until nothing is due; answers who entered."""
    entered, more = 0, True
    while more:
        fired = fire_due(stage.store)
        entered, more = entered + fired.entered, fired.more
    return entered


def pages_of(size: int) -> Callable[..., Any]:
    """Pages of so many, in the place of `firing._Limit`."""
    limit = firing._Limit
    return lambda size=size, skips=False: limit(size, skips)


def put(stage: Stage, name: str = "ann", /, **fields: Any) -> None:
    edit_leads.put_lead(stage.store, {"email": f"{name}@example.com", **fields}, actor="test")


def turn(stage: Stage, /, **by: float) -> None:
    """Lets time pass; where rows are made older instead, the leads' own times are as well."""
    stage.turn(**by)
    if stage.clock is not None:
        return

    def age(tx: Transaction) -> None:
        for id_, fields in tx.conn.execute(sa.select(leads.table.c.id, leads.table.c.fields)).all():
            older = {name: _older(value, timedelta(**by)) for name, value in fields.items()}
            mine = leads.table.c.id == id_
            tx.conn.execute(sa.update(leads.table).where(mine).values(fields=older))

    stage.store.write(age)


def _older(value: Any, by: timedelta) -> Any:
    if not isinstance(value, str):
        return value
    return (datetime.fromisoformat(value) - by).isoformat()


def moments(stage: Stage) -> list[datetime]:
    return sorted(row["at"] for row in stage.all(coming.table))


def in_(stage: Stage, **span: float) -> datetime:
    return stage.store.read(lambda tx: tx.now) + timedelta(**span)


def causes(stage: Stage) -> list[str]:
    return [run["cause"].partition(": ")[2] for run in stage.runs()]
