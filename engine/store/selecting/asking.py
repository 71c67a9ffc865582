"""What a condition is asked of: records, the columns behind their names, the moment, the zone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import cached_property
from typing import Any, TypeAlias

import sqlalchemy as sa

from engine.playbook.conditions.vocabulary import Kind, ValueType
from engine.runtime.fields import FieldTypes
from engine.store.selecting.speech import PostgresSpeech, Speech
from engine.store.selecting.values import (
    EXACT,
    Day,
    Missing,
    Moment,
    NotInSql,
    Number,
    Sql,
    Switch,
    Text,
    Texts,
    Value,
    Whole,
)

Column: TypeAlias = Callable[[Speech], Value]
"""A field of a record, in the words of a database."""


@dataclass(frozen=True)
class RecordKind:
    """A table of records as conditions see it.

    Attributes:
        root: the name that paths begin with: `lead`, `deal`.
        table: where the rows are; it has an `id`.
        fields: built-in names → what they are in SQL.
        custom: the workspace's own fields and their types.
        kept: the JSON column that holds them.
        zone: the column with the record's time zone, if it has one.
        scores: what `scores.NAME.PART` is, if it has any: of the name and the part.
    """

    root: str
    table: sa.Table
    fields: Mapping[str, Column]
    custom: FieldTypes = field(default_factory=dict)
    kept: str = "fields"
    zone: str = ""
    scores: Callable[[Sequence[str], Speech], Value] | None = None

    def value(self, path: Sequence[str], speech: Speech) -> Value:
        """The field that a path means; missing when the record has none of that name.

        Raises:
            NotInSql: it is nothing that SQL compares.
        """
        name = path[0]
        if len(path) > 1:
            if name == "scores" and self.scores and len(path) == 3 and name not in self.custom:
                return self.scores(path[1:], speech)
            raise NotInSql(f"'{self.root}.{'.'.join(path)}'")
        if name in self.fields:
            return self.fields[name](speech)
        kind = self.custom.get(name)
        if kind is None:
            if name in self.table.c:
                raise NotInSql(f"'{self.root}.{name}'")
            return Missing()
        return of_json(self.table.c[self.kept], (name,), kind, speech)


@dataclass(frozen=True)
class Asking:
    """One look at the records of a kind.

    Attributes:
        records: root → the records behind it; the query joins them.
        main: the root of the records that are asked for; `owner` is the owner of these.
        now: the moment.
        zone: the workspace's zone.
        zones: the names of zones that the records have, asked for when they matter.
        zone_of: a zone by its name.
        segments: the workspace's segments.
        owners: owner → what conditions see of him.
        histories: the column that events are about, if there is a history.
        events: the table of events.
    """

    is_postgres: bool
    records: Mapping[str, RecordKind]
    now: datetime
    zone: tzinfo
    zones: Callable[[], Sequence[str]]
    zone_of: Callable[[str], tzinfo]
    segments: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    history: Sql | None = None
    events: sa.Table | None = None
    main: str = "lead"

    @cached_property
    def speech(self) -> Speech:
        """How this database says things."""
        return PostgresSpeech() if self.is_postgres else Speech()

    @cached_property
    def zone_column(self) -> Sql | None:
        """The column with the zone of each record; of a deal, its primary contact's."""
        zoned = (each for each in self.records.values() if each.zone)
        record = next(zoned, None)
        return record.table.c[record.zone] if record is not None else None

    @cached_property
    def known_zones(self) -> Sequence[tuple[str, tzinfo]]:
        """Zones that records have, each with its name."""
        if self.zone_column is None:
            return ()
        return tuple((name, self.zone_of(name)) for name in self.zones() if name)


def of_json(column: Sql, path: Sequence[str], kind: ValueType, speech: Speech) -> Value:
    """A value in a JSON document, of that type or missing.

    Raises:
        NotInSql: there is no such type in SQL.
    """
    match kind.kind:
        case Kind.TEXT:
            return Text(speech.json_text(column, path))
        case Kind.INTEGER:
            return Whole(speech.json_whole(column, path), EXACT)
        case Kind.NUMBER:
            return Number(speech.json_number(column, path))
        case Kind.BOOLEAN:
            return Switch(speech.json_switch(column, path))
        case Kind.DATE:
            return Day(speech.day(speech.json_text(column, path)))
        case Kind.DATETIME:
            return Moment(speech.moment(speech.json_text(column, path)))
        case Kind.LIST:
            return Texts(speech.json_texts(column, path))
        case _:
            raise NotInSql(f"a field of the type '{kind}'")
