"""Leads made up by known weights: what each was and did decides by them how likely it buys.

The chance is worked out by the language itself, of a lead's first fourteen days: what it shows of
each sign, times the weight that the sign has. So whoever learns weights from it can be held to
those. Signs of no weight are among them.
"""

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.ids import derived_id
from engine.operations import editions, publish
from engine.operations.editions import Folder
from engine.playbook.scoring_plan import exact_length
from engine.runtime.scoring import micros
from engine.runtime.signs import Showing, Sign
from engine.store import events, leads
from engine.store.database import Store, Transaction
from engine.store.inserting import insert_many
from engine.store.lead_writing import change_table

WORKSPACE = "workspace: acme\ntimezone: Asia/Shanghai\nfields:\n  lead: {employees: integer}\n"
HALF_LIFE = "30 days"
AFTER = timedelta(days=14)
WEIGHTS = {
    Sign('lead.title is matching("总监|cto")'): 0.9,
    Sign('lead.country == "CN"'): 0.5,
    Sign('(lead.email | domain) in ["qq.com", "163.com"]'): -0.8,
    Sign("lead.employees >= 50"): 0.4,
    Sign("", "form.submitted", 3, "7 days"): 0.8,
    Sign('event.path == "/pricing"', "page.viewed", 3, "7 days"): 0.7,
    Sign('event.path == "/careers"', "page.viewed", 3, "7 days"): -0.6,
    Sign('event.path == "/blog"', "page.viewed", 3, "7 days"): 0.0,
    Sign("", "email.clicked", 3, "7 days"): 0.3,
}
"""Sign → its weight, in logits for each unit that a lead shows."""

BASE = -2.8
BY_HAND = """\
playbook: lead-score
kind: scoring
title: 线索评分 · Lead score
range: 0..100
fit:
  - if: lead.title is matching("总监|cto")
    points: 20
    note: 决策者
  - if: (lead.email | domain) in ["qq.com", "163.com"]
    points: -10
behavior:
  - event: form.submitted
    points: 10
    at_most: 30 per 7 days
  - event: page.viewed
    if: event.path == "/blog"
    points: 10
    at_most: 30 per 7 days
  - event: email.clicked
    points: 10
    at_most: 30 per 7 days
  - event: email.complained
    points: -50
decay: {half_life: 30 days}
grades: {A: 60, B: 40, C: 20, D: 0}
thresholds:
  - name: mql
    at: 50
    if: lead.stage in ["visitor", "lead"]
    steps:
      - stage: mql
"""
"""Rules as somebody might write them by hand: they think too much of the blog."""

_PATHS = ("/pricing", "/careers", "/blog", "/blog", "/about")
_TITLES = ("市场总监", "CTO", "Engineer", "实习生", "Buyer")
_MAIL = ("qq.com", "163.com", "acme.example", "example.cn", "example.com")


def folder(rules: str = BY_HAND) -> Folder:
    """The workspace, with these rules."""
    files = {"longplay.yaml": WORKSPACE.encode(), "playbooks/lead-score.yaml": rules.encode()}
    return Folder(files, {})


def publish_rules(store: Store, rules: str = BY_HAND) -> None:
    """Publishes the workspace with these rules."""
    files = folder(rules)
    publish.publish(store, editions.edition_of(files, editions.check(files)))


def fill(store: Store, number: int, *, seed: int = 1, batch: int = 2_000) -> None:
    """Puts so many leads into a store, with all that they did and what became of them."""
    dice = random.Random(seed)
    showing = Showing(tuple(WEIGHTS), exact_length(HALF_LIFE).total_seconds())
    for start in range(0, number, batch):
        some = range(start, min(number, start + batch))
        rows = [_lead(one, dice, showing) for one in some]

        def write(tx: Transaction, rows: list[Any] = rows) -> None:
            insert_many(tx, leads.table, [one[0] for one in rows])
            insert_many(tx, events.table, [row for one in rows for row in one[1]])
            insert_many(tx, change_table, [row for one in rows for row in one[2]])

        store.write(write, alone=True)


def _lead(number: int, dice: random.Random, showing: Showing) -> tuple[Any, Any, Any]:
    """Its row, the rows of its events, and of its change of stage."""
    known = datetime(2026, 1, 1, tzinfo=UTC) - timedelta(days=dice.uniform(100, 400))
    id, email = f"{seeded(number)}", f"lead{number}@{dice.choice(_MAIL)}"
    facts = {
        "id": id, "email": email, "title": dice.choice(_TITLES), "created_at": known,
        "country": dice.choice(("CN", "CN", "US", "DE")), "employees": dice.randrange(1, 100),
    }  # fmt: skip
    did = sorted(_did(dice, known), key=lambda one: one[0])
    shown, scope = showing.begin(), {"lead": facts, "zone": UTC, "owner": {}, "deal": {}}
    judged = known + AFTER
    for at, name, said in did:
        if at <= judged:
            shown.event(name, said, {**scope, "now": at, "event": said}, micros(at))
    units = shown.at({**scope, "now": judged}, micros(judged))
    logit = BASE + sum(unit * by for unit, by in zip(units, WEIGHTS.values(), strict=True))
    came = dice.random() < 1 / (1 + math.exp(-logit))
    entered = judged + timedelta(days=dice.uniform(1, 80)) if came else known
    told = [
        {
            "id": derived_id("known", id, place), "name": name, "lead": id, "deal": None, "at": at,
            "accepted_at": at, "properties": said,
        }
        for place, (at, name, said) in enumerate(did)
    ]  # fmt: skip
    moved = [
        {
            "id": derived_id("moved", id), "lead": id, "at": entered, "field": "stage",
            "before": "lead", "after": "opportunity", "actor": "test", "reason": "",
        }
    ]  # fmt: skip
    return _row(facts, entered, came=came), told, moved if came else []


def seeded(number: int) -> str:
    """The id of a lead: always the same."""
    return f"{number:020}"


def _row(facts: dict[str, Any], entered: datetime, *, came: bool) -> dict[str, Any]:
    row: dict[str, Any] = {column.name: None for column in leads.table.c}
    own = {"employees": facts["employees"]}
    built_in = {name: value for name, value in facts.items() if name not in own}
    return (
        row
        | {"tags": [], "scores": {}, "score": 0, "orders": 0, "revenue": 0, "version": 0}
        | built_in
        | {
            "email_key": facts["email"], "fields": own, "stage_entered_at": entered,
            "stage": "opportunity" if came else "lead",
        }
    )  # fmt: skip


def _did(dice: random.Random, known: datetime) -> Iterator[tuple[datetime, str, dict[str, Any]]]:
    for _ in range(dice.randrange(0, 9)):
        at = known + timedelta(days=dice.uniform(0, 30))
        kind = dice.random()
        if kind < 0.6:
            yield at, "page.viewed", {"path": dice.choice(_PATHS)}
        elif kind < 0.8:
            yield at, "email.clicked", {}
        else:
            yield at, "form.submitted", {"form": dice.choice(("demo", "ebook"))}
