"""A lead's row and its facts: the plain dict of the language's `lead.` names that it stands for.

Conditions and decisions see facts and know no row. The rest of the store reads and writes leads
through `leads`.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

import sqlalchemy as sa

from engine.ids import LeadId
from engine.playbook.scoring_plan import PRIMARY
from engine.playbook.values import Value
from engine.runtime.fields import BUILT_IN, FieldTypes, from_json
from engine.runtime.identity import full_name
from engine.runtime.scoring import NEAREST, micros, remembered, standing_of
from engine.store import gone, quick
from engine.store.database import Transaction
from engine.store.tables import Lead

Facts: TypeAlias = dict[str, Value]
"""A lead as conditions see it: every `lead.` name; None where nothing is known.

Besides them, `version` counts the changes of the lead."""

Row: TypeAlias = Mapping[str, Any]
"""A lead as the table holds it: column to value."""

table: sa.Table = Lead.__table__  # type: ignore[attr-defined]
NO_FIELDS: FieldTypes = {}
STANDINGS = "_standings"
"""The fact that scores are worked out of; no condition or template can name it."""
_DATE = BUILT_IN["birthday"]
_NO_FACTS = tuple(one.name for one in table.c if one.name not in {*BUILT_IN, "version"})
_by_ids = sa.select(table).where(table.c.id.in_(sa.bindparam("ids", expanding=True)))
_by_keys = sa.select(table.c.email_key, table.c.id).where(
    table.c.email_key.in_(sa.bindparam("keys", expanding=True))
)


def facts_of(row: Row, custom: FieldTypes, now: datetime) -> Facts:
    """A row as facts; a built-in name wins over a field of the workspace with the same name.

    Scores are what they are at `now`; `STANDINGS` is what they are worked out of.
    """
    facts: Facts = dict(row)
    for name in _NO_FACTS:
        del facts[name]
    if custom:
        kept = row["fields"]
        facts = {name: from_json(kept.get(name), kind) for name, kind in custom.items()} | facts
    score, standings = row["score"], row["scores"]
    facts["score"] = int(score) if score == int(score) else score
    if standings:
        standings = {name: remembered(each) for name, each in standings.items()}
    facts[STANDINGS] = standings
    if standings:
        facts.update(readings(standings, micros(now)))
    facts["birthday"] = from_json(row["birthday"], _DATE) if row["birthday"] else None
    facts["full_name"] = row["full_name"] or full_name(row["first_name"], row["last_name"])
    return facts


def readings(standings: Mapping[str, Any], now: int) -> Facts:
    """What is read of these standings at a moment: `scores`, and `score` where that is kept."""
    scores: dict[str, Value] = {}
    for name, kept in standings.items():
        one = standing_of(kept)
        left = math.floor(one.behavior_at(now) * 100 + NEAREST) / 100
        scores[name] = {"total": one.total(now), "fit": one.fit, "behavior": left}
    found: Facts = {"scores": scores}
    main = scores.get(PRIMARY)
    if isinstance(main, dict):
        found["score"] = main["total"]
    return found


def as_of(facts: Mapping[str, Value], now: datetime) -> Mapping[str, Value]:
    """The same facts with the scores that these standings come to at another moment."""
    standings = facts.get(STANDINGS)
    if not standings or not isinstance(standings, Mapping):
        return facts
    return {**facts, **readings(standings, micros(now))}


def rows(tx: Transaction, ids: Iterable[str]) -> list[Row]:
    """The rows of these leads."""
    return list(quick.fetch(tx, _by_ids, ids=list(ids)))


def find_by_key(tx: Transaction, keys: Iterable[str]) -> dict[str, LeadId]:
    """Which of these keys of addresses belong to a lead, or did until it was merged away."""
    wanted = list(keys)
    rows = quick.fetch(tx, _by_keys, keys=wanted)
    found = {row["email_key"]: LeadId(row["id"]) for row in rows}
    return found | gone.by_key(tx, [key for key in wanted if key not in found])
