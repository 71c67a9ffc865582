"""What tests of escalations share: a workspace with deals, a playbook, and a look at what fired."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from engine.operations import inbox
from engine.operations.edit_deals import change_deal, put_deal
from engine.runtime.escalating import clock_of
from engine.store import enrollments
from engine.store import escalations as acts
from engine.store.database import Transaction
from tests.runtime.stage import WORKSPACE, Stage

SALES = (
    WORKSPACE
    + """\
    sam.lee: {name: Sam Lee, email: sam@acme.example}
    chen.jie: {name: 陈杰, email: chen@acme.example}
pipelines:
  b2b:
    stages:
      - qualify
      - proposal
      - review
      - won: {closes: won}
      - lost: {closes: lost}
calendars:
  cn: {country: CN, hours: {mon-fri: "09:00-18:00"}, timezone: Asia/Shanghai}
assignment:
  closers: [{among: [li.wei, sam.lee], fallback: chen.jie}]
pools:
  open-sea: {members: [li.wei, sam.lee]}
"""
).replace("email: li.wei@acme.example}", "email: li.wei@acme.example, manager: chen.jie}")

LEVELS = """\
levels:
  - after: 2 days
    steps:
      - notify: owner
  - after: 4 days
    steps:
      - notify: manager
      - task: Review {{ deal.name }}
        to: manager
"""
HEAD = "kind: escalation\nfor: deal\nwatch: {pipeline: b2b, stage: proposal}\n"
STALLED = f"{HEAD}clock: {{resets_on: [deal.activity]}}\n{LEVELS}"


def opened(stage: Stage, /, lead: str = "ann", **values: Any) -> str:
    """A new deal of `lead`@example.com, of li.wei, in the stage `proposal`."""
    given = {"name": "Licenses", "lead": f"{lead}@example.com", "owner": "li.wei",
             "pipeline": "b2b", "stage": "proposal", **values}  # fmt: skip
    return put_deal(stage.store, given, actor="tests").deal


def move(stage: Stage, deal: str, to: str) -> None:
    change_deal(stage.store, deal, {"stage": to}, actor="tests")
    stage.work()


def turn(stage: Stage, **by: float) -> None:
    """Lets time pass; where rows are made older instead, the clocks in them are as well."""
    stage.turn(**by)

    def age(tx: Transaction) -> None:
        table, span = enrollments.table, timedelta(**by)
        for run, memory in tx.conn.execute(sa.select(table.c.id, table.c.memory)).all():
            clock = memory.get("clock")
            if clock is not None:
                older = clock_of(memory)
                assert older is not None
                start = {"start": (older.start_at - span).isoformat()}
                quiet = older.quiet_until
                start |= {"quiet": (quiet - span).isoformat()} if quiet is not None else {}
                stands = [
                    [_older(a, span), _older(b, span), c] for a, b, c in clock.get("stands", [])
                ]
                values = {**memory, "clock": {**clock, **start, "stands": stands}}
                tx.conn.execute(sa.update(table).where(table.c.id == run).values(memory=values))

    if stage.clock is None:
        stage.store.write(age)
    stage.work()


def _older(value: Any, by: timedelta) -> Any:

    return (datetime.fromisoformat(value) - by).isoformat() if value else value


def levels(stage: Stage) -> list[tuple[str, int, int]]:
    """What fired and was passed over: act, level, round."""
    rows = stage.store.read(acts.acts_of)
    return [(row["act"], row["level"], row["round"]) for row in rows]


def line(stage: Stage) -> dict[str, Any]:
    """The one escalation in the inbox."""
    (found,) = inbox.listing(stage.store, kinds=("escalation",), snoozed=True)
    return found
