"""A lead's row and its facts: the plain dict of the language's `lead.` names that it stands for.

Conditions and decisions see facts and know no row. The rest of the store reads and writes leads
through `leads`.
"""

from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any, TypeAlias

import sqlalchemy as sa

from engine.ids import LeadId
from engine.playbook.values import Value
from engine.runtime.fields import BUILT_IN, FieldTypes, from_json
from engine.runtime.identity import full_name
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
_DATE = BUILT_IN["birthday"]
_NAMES = (*BUILT_IN, "version")
_values = itemgetter(*_NAMES)
_by_ids = sa.select(table).where(table.c.id.in_(sa.bindparam("ids", expanding=True)))
_by_keys = sa.select(table.c.email_key, table.c.id).where(
    table.c.email_key.in_(sa.bindparam("keys", expanding=True))
)


def facts_of(row: Row, custom: FieldTypes) -> Facts:
    """A row as facts; a built-in name wins over a field of the workspace with the same name."""
    kept = row["fields"]
    facts: Facts = {name: from_json(kept.get(name), kind) for name, kind in custom.items()}
    facts.update(zip(_NAMES, _values(row), strict=True))
    score = row["score"]
    facts["score"] = int(score) if score == int(score) else score
    facts["birthday"] = from_json(row["birthday"], _DATE) if row["birthday"] else None
    facts["full_name"] = row["full_name"] or full_name(row["first_name"], row["last_name"])
    return facts


def rows(tx: Transaction, ids: Iterable[str]) -> list[Row]:
    """The rows of these leads."""
    return list(quick.fetch(tx, _by_ids, ids=list(ids)))


def find_by_key(tx: Transaction, keys: Iterable[str]) -> dict[str, LeadId]:
    """Which of these keys of addresses belong to a lead, or did until it was merged away."""
    wanted = list(keys)
    rows = quick.fetch(tx, _by_keys, keys=wanted)
    found = {row["email_key"]: LeadId(row["id"]) for row in rows}
    return found | gone.by_key(tx, [key for key in wanted if key not in found])
