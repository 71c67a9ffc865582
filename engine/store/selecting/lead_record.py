"""Leads as SQL sees them: each built-in name, and the column or expression that it stands for."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from engine.playbook.conditions.vocabulary import Kind
from engine.runtime.fields import BUILT_IN, FieldTypes
from engine.store.lead_facts import table
from engine.store.selecting import points
from engine.store.selecting.asking import Column, RecordKind
from engine.store.selecting.speech import Speech
from engine.store.selecting.values import EXACT, Day, Moment, Number, Sql, Text, Texts, Value, Whole


def leads_of(custom: FieldTypes, now: datetime) -> RecordKind:
    """Leads with the workspace's own fields; a built-in name wins over one of these.

    Scores are what they are at `now`.
    """
    fields = {**_FIELDS, "score": lambda speech: points.score(speech, now)}
    return RecordKind(
        "lead", table, fields, custom, zone="timezone",
        scores=lambda path, speech: points.named(path, speech, now),
    )  # fmt: skip


def full_name(speech: Speech) -> Sql:
    """The full name that was given, else the one that the two names make (`identity.full_name`)."""
    none = sa.literal("")  # the store keeps no blanks around a name
    first = sa.func.coalesce(table.c.first_name, none)
    last = sa.func.coalesce(table.c.last_name, none)
    eastern = sa.and_(speech.is_east_asian(first), speech.is_east_asian(last))
    both = sa.and_(first != none, last != none)
    made = sa.case(
        (sa.and_(both, eastern), last.op("||")(first)),
        (both, first.op("||")(" ").op("||")(last)),
        else_=first.op("||")(last),
    )
    given = sa.func.nullif(table.c.full_name, none)
    return sa.type_coerce(sa.func.coalesce(given, sa.func.nullif(made, none)), sa.Text)


def _column(name: str) -> Column:
    column = table.c[name]
    match BUILT_IN[name].kind:
        case Kind.DATETIME:
            return lambda speech: Moment(column)
        case Kind.LIST:
            return lambda speech: Texts(column)
        case _:
            return lambda speech: Text(column)


def _own() -> Mapping[str, Column]:
    def birthday(speech: Speech) -> Value:
        return Day(speech.day(table.c.birthday))

    def revenue(speech: Speech) -> Value:
        return Number(table.c.revenue, is_double=True)

    def orders(speech: Speech) -> Value:
        return Whole(sa.cast(table.c.orders, sa.BigInteger), EXACT)

    def name(speech: Speech) -> Value:
        return Text(full_name(speech))

    def email(speech: Speech) -> Value:
        return Text(table.c.email, is_address=True)

    return {
        "email": email,
        "birthday": birthday, "revenue": revenue, "orders": orders,
        "full_name": name,
    }  # fmt: skip


_FIELDS: Mapping[str, Column] = {
    name: _column(name) for name in BUILT_IN if name not in ("score", "scores")
} | dict(_own())
