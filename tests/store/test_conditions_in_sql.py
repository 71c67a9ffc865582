"""Conditions mean the same as WHERE as they do as closures, on both databases."""

import os
import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings

from engine.playbook.conditions import CompiledCondition, condition
from engine.runtime.fields import field_types
from engine.runtime.scoring import micros, standing_of
from engine.store import deals, events, leads, scores
from engine.store.database import Store, Transaction
from engine.store.lead_facts import as_of
from engine.store.selecting import Asking, Split, deals_of, leads_of, split, with_contacts
from tests.store.condition_grammar import (
    CONDITIONS,
    DEAL_CONDITIONS,
    FIELDS,
    NOW,
    SEGMENTS,
    ZONES,
)
from tests.store.condition_grammar import deals as generated_deals
from tests.store.condition_grammar import leads as generated

CUSTOM = field_types(FIELDS)
ZONE = ZoneInfo("Asia/Shanghai")
OWNERS: Mapping[str, Mapping[str, Any]] = {
    "li.wei": {"id": "li.wei", "name": "李伟", "manager": "chen.jie"},
    "sam.lee": {"id": "sam.lee", "name": "Sam Lee", "manager": None},
}
PAIRS = int(os.environ.get("LONGPLAY_CONDITION_PAIRS", "6000"))
"""How many pairs of a condition and a lead are compared on each database."""
LEADS = 100


class Segments(dict[str, bool]):
    """`segment.NAME` of one scope, as operations have it."""

    def __init__(self, scope: dict[str, Any]) -> None:
        super().__init__()
        self.scope = scope
        self.open: list[str] = []

    def get(self, name: str, _default: object = None) -> bool:
        if name in self.open:
            return False
        self.open.append(name)
        try:
            return condition(SEGMENTS[name]).truth(self.scope)
        finally:
            self.open.pop()


def asking(tx: Transaction, main: str = "lead") -> Asking:
    """A look at the leads, or the deals, of the test."""
    return Asking(
        is_postgres=tx.is_postgres,
        records={"lead": leads_of(CUSTOM, NOW)}
        | ({"deal": deals_of(CUSTOM)} if main == "deal" else {}),
        main=main,
        now=NOW,
        zone=ZONE,
        zones=lambda: ZONES,
        zone_of=ZoneInfo,
        segments=SEGMENTS,
        owners=OWNERS,
        history=leads.table.c.id,
        events=events.table,
    )


def fill(tx: Transaction, values: Sequence[dict[str, Any]]) -> None:
    """Makes leads with orders."""
    made = leads.create_many(tx, values, actor="test", custom=CUSTOM)
    rows = []
    for one, said in zip(made, values, strict=True):
        kept = said["scores"]
        main = standing_of(kept["score"]) if "score" in kept else None
        total = main.total(micros(NOW)) if main is not None else said["score"]
        rows.append({"id": one.id, **scores.columns(kept, main, total, None, None)})
    scores.keep(tx, rows)
    dice = random.Random(7)
    rows = []
    for one in made:
        for number in range(dice.choice([0, 0, 1, 2, 5])):
            ago = dice.choice([timedelta(hours=6), timedelta(days=30), timedelta(minutes=7)])
            at = NOW - ago * dice.choice([1, 1, 2])
            amount = dice.choice([0.1, 0.2, 10, 99.95, "much", True, None, 1e15])
            rows.append(
                {"id": f"{one.id}-{number}", "name": "order.placed", "lead": one.id, "at": at,
                 "accepted_at": NOW, "properties": {"amount": amount}}
            )  # fmt: skip
    events.insert_new(tx, rows)


def by_closures(tx: Transaction, asked: CompiledCondition) -> set[str]:
    """The ids of the leads that the closures say it of."""
    facts, histories = _everybody(tx)
    return {id for id in facts if asked.truth(_scope(facts[id], histories[id]))}


def by_sql(tx: Transaction, parts: Split) -> set[str]:
    """The ids of the leads that SQL says it of, the rest asked of the closures."""
    found = tx.conn.execute(sa.select(leads.table.c.id).where(*parts.where)).scalars()
    facts, histories = _everybody(tx)
    return {id for id in found if parts.holds(_scope(facts[id], histories[id]))}


def _scope(
    facts: dict[str, Any], history: object, deal: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    zone = facts.get("timezone")
    owner = OWNERS.get(str((deal or facts).get("owner")), {})
    scope: dict[str, Any] = {
        "lead": facts, "deal": deal or {}, "owner": owner, "now": NOW, "run": {}, "event": {},
        "history": history, "zone": ZoneInfo(zone) if isinstance(zone, str) else ZONE,
    }  # fmt: skip
    scope["segment"] = Segments(scope)
    return scope


_known: dict[str, tuple[dict[str, dict[str, Any]], dict[str, Any]]] = {}


def _everybody(tx: Transaction) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    key = str(tx.conn.engine.url)
    if key not in _known:
        ids = list(tx.conn.execute(sa.select(leads.table.c.id)).scalars())
        known = leads.load(tx, ids, CUSTOM)
        facts = {str(id): dict(as_of(each, NOW)) for id, each in known.items()}
        histories = events.histories(tx, ids, ["order.placed"])
        _known[key] = (facts, {str(id): each for id, each in histories.items()})
    return _known[key]


def test_generated_conditions_mean_the_same_in_sql(store: Store) -> None:
    """Python and SQL agree about every generated condition and lead, and SQL does most of it."""
    store.write(lambda tx: fill(tx, generated(LEADS, seed=1)))
    wholly = [0, 0]

    @given(CONDITIONS)
    @settings(
        max_examples=PAIRS // LEADS,
        deadline=None,
        derandomize=PAIRS <= 6000,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def agree(text: str) -> None:
        asked = condition(text)

        def look(tx: Transaction) -> None:
            parts = split(asked, asking(tx))
            assert by_sql(tx, parts) == by_closures(tx, asked)
            wholly[parts.is_whole] += 1

        store.read(look)

    agree()
    assert wholly[True] > 0.5 * sum(wholly), wholly
    if PAIRS > 6000:
        print(f"{store.url.partition(':')[0]}: {sum(wholly)} conditions, wholly SQL {wholly[True]}")


def fill_deals(tx: Transaction) -> None:
    """Makes deals; some leads have several, some none."""
    ids = list(tx.conn.execute(sa.select(leads.table.c.id)).scalars())
    dice = random.Random(9)
    given = [
        {"pipeline": "b2b", "name": "x", **one, "lead": dice.choice(ids)}
        for one in generated_deals(LEADS, seed=2)
    ]
    deals.create_many(tx, given, actor="test", custom=CUSTOM)


def test_generated_conditions_about_deals_mean_the_same_in_sql(store: Store) -> None:
    """Their primary contacts, segments and histories included; `owner` is the deal's."""

    def make(tx: Transaction) -> None:
        fill(tx, generated(LEADS, seed=1))
        fill_deals(tx)

    store.write(make)
    _known.clear()
    wholly = [0, 0]
    known = store.read(
        lambda tx: deals.load(tx, tx.conn.execute(sa.select(deals.table.c.id)).scalars(), CUSTOM)
    )
    facts, histories = store.read(_everybody)
    scopes = {
        id: _scope(facts[str(deal["lead"])], histories[str(deal["lead"])], deal)
        for id, deal in known.items()
    }

    @given(DEAL_CONDITIONS)
    @settings(
        max_examples=PAIRS // LEADS,
        deadline=None,
        derandomize=PAIRS <= 6000,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def agree(text: str) -> None:
        asked = condition(text)

        def look(tx: Transaction) -> None:
            parts = split(asked, asking(tx, "deal"))
            query = sa.select(deals.table.c.id).select_from(with_contacts).where(*parts.where)
            found = {id for id in tx.conn.execute(query).scalars() if parts.holds(scopes[id])}
            assert found == {id for id, scope in scopes.items() if asked.truth(scope)}
            wholly[parts.is_whole] += 1

        store.read(look)

    agree()
    _known.clear()
    assert wholly[True] > 0.5 * sum(wholly), wholly
    if PAIRS > 6000:
        print(f"{store.url.partition(':')[0]}: {sum(wholly)} conditions, wholly SQL {wholly[True]}")


CYRILLIC = "съешь же ещё этих мягких французских булок да выпей чаю"


@pytest.mark.parametrize(
    ("text", "is_whole"),
    [
        ('lead.title == "CTO" and "vip" not in lead.tags', True),
        ('lead.company is containing("总监") or lead.title is matching("cto|总监")', True),
        ('(lead.email | domain) in ["qq.com"] and segment.fresh', True),
        ('lead.created_at >= "2026-11-01" and (lead.at | days_since) > 3', True),
        ('lead.title is matching("^c.o")', False),
        ('(lead.title | lower) == "CTO"', False),
        ('lead.title == "\x00"', False),
        ('lead.title == "\ud800"', False),
        ("lead.n * lead.n * lead.n > 3", False),
        ("lead.day < lead.at", False),
        ("segment.loop", False),
    ],
)
def test_what_runs_in_python_is_told(store: Store, text: str, is_whole: bool) -> None:
    """And either way an answer comes, without an error of the database."""

    def look(tx: Transaction) -> None:
        parts = split(condition(text), asking(tx))
        assert parts.is_whole is is_whole
        assert len(parts.reasons) == len(parts.rest)
        tx.conn.execute(sa.select(leads.table.c.id).where(*parts.where)).all()

    store.read(look)


def test_a_letter_that_costs_much_nesting_does_not_break_sqlite(store: Store) -> None:
    """Its parser has a small stack; a long Russian text is asked of the closures there."""
    values = [{"company": f"Он сказал: {CYRILLIC.upper()}!"}, {"company": "Acme"}]
    store.write(lambda tx: leads.create_many(tx, values, actor="test"))
    asked = condition(f"lead.company is containing('{CYRILLIC}')")

    def look(tx: Transaction) -> None:
        parts = split(asked, asking(tx))
        assert parts.is_whole is tx.is_postgres
        _known.clear()
        assert len(by_sql(tx, parts)) == 1

    store.read(look)
