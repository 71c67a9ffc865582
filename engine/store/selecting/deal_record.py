"""Deals as SQL sees them: each built-in name, and the column that it stands for.

Whoever asks about deals joins their primary contacts: `lead.`, the zone and events are theirs.
"""

from collections.abc import Mapping

import sqlalchemy as sa

from engine.playbook.conditions.vocabulary import Kind
from engine.runtime.deal_fields import DEAL_BUILT_IN
from engine.runtime.fields import FieldTypes
from engine.store import lead_facts
from engine.store.deals import table
from engine.store.selecting.asking import Column, RecordKind
from engine.store.selecting.values import Moment, Number, Text, Texts

with_contacts: sa.FromClause = table.join(lead_facts.table, lead_facts.table.c.id == table.c.lead)
"""Deals beside their primary contacts."""


def deals_of(custom: FieldTypes) -> RecordKind:
    """Deals with the workspace's own fields; a built-in name wins over one of these."""
    return RecordKind("deal", table, _FIELDS, custom)


def _column(name: str) -> Column:
    column = table.c[name]
    match DEAL_BUILT_IN[name].kind:
        case Kind.DATETIME:
            return lambda speech: Moment(column)
        case Kind.LIST:
            return lambda speech: Texts(column)
        case Kind.NUMBER:
            return lambda speech: Number(column)
        case _:
            return lambda speech: Text(column)


_FIELDS: Mapping[str, Column] = {name: _column(name) for name in DEAL_BUILT_IN}
