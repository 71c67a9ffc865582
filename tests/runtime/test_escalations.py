"""Escalations on both databases: clocks over deals and leads, levels, and what people do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.errors import InputError
from engine.operations import escalations, inbox
from engine.operations.edit_deals import change_deal, put_deal
from engine.operations.firing import fire_due
from engine.store import escalations as acts
from tests.runtime.stage import NOON, WORKSPACE, Stage, soundness

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
"""
).replace("email: li.wei@acme.example}", "email: li.wei@acme.example, manager: chen.jie}")

STALLED = """\
kind: escalation
for: deal
watch: {pipeline: b2b, stage: proposal}
clock: {calendar: cn, resets_on: [deal.activity]}
levels:
  - after: 3 business days
    steps:
      - notify: owner
        message: "{{ deal.name }} has not moved"
  - after: 5 business days
    steps:
      - notify: manager
      - task: Review {{ deal.name }}
        to: manager
"""


def opened(stage: Stage, lead: str = "ann", **values: Any) -> str:
    """A new deal of `lead`@example.com, of li.wei, in the stage `proposal`."""
    given = {"name": "Licenses", "lead": f"{lead}@example.com", "owner": "li.wei",
             "pipeline": "b2b", "stage": "proposal", **values}  # fmt: skip
    return put_deal(stage.store, given, actor="tests").deal


def levels(stage: Stage) -> list[tuple[str, int, int]]:
    """What fired and was passed over: act, level, round."""
    rows = stage.store.read(lambda tx: acts.acts_of(tx))
    return [(row["act"], row["level"], row["round"]) for row in rows]


def test_a_level_fires_when_its_time_has_come(stage: Stage) -> None:
    """Monday noon and three business days are Thursday noon; the owner is told, and sees it."""
    stage.publish(SALES, stalled=STALLED)
    opened(stage)
    stage.work()
    stage.turn(days=3, minutes=-1)
    stage.work()
    assert levels(stage) == []
    stage.turn(minutes=1)
    stage.work()
    assert levels(stage) == [("fired", 1, 1)]
    (job,) = stage.jobs(kind="notify")
    (line,) = inbox.listing(stage.store)
    assert (job["state"], line["kind"], line["owner"]) == ("accepted", "escalation", "li.wei")
    soundness(stage)
