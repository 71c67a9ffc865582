"""Column kinds that behave the same on SQLite and PostgreSQL."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import JSON, Column, DateTime, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import BigInteger, TypeDecorator, TypeEngine
from sqlmodel import Field

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime; kept as microseconds since 1970 on SQLite, which knows no zones.

    Naive values are refused, because nobody can say what they mean.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Integers on SQLite (they sort and compare fast), timestamptz on PostgreSQL."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(DateTime(timezone=True))

    # The processors themselves, not the `process_…` methods: they run for every value.
    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """To the database."""
        return _to_sqlite if dialect.name == "sqlite" else _to_postgres

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """From the database, always in UTC."""
        return _from_sqlite if dialect.name == "sqlite" else _from_postgres


def _to_postgres(value: datetime | None) -> datetime | None:
    return None if value is None else _aware(value)


def _to_sqlite(value: datetime | None) -> int | None:
    return None if value is None else (_aware(value) - EPOCH) // _MICROSECOND


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"naive time {value!r}: times in the store are aware")
    return value


def _from_sqlite(value: int | None) -> datetime | None:
    return None if value is None else EPOCH + timedelta(microseconds=value)


def _from_postgres(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


JsonDocument = JSON().with_variant(postgresql.JSONB(), "postgresql")
"""A JSON value: JSONB on PostgreSQL, text on SQLite."""


def instant(**options: Any) -> Any:
    """The field of a table for an instant; options are those of a column."""
    return Field(sa_column=Column(Instant(), **options))


def json_document(default: type) -> Any:
    """The field of a table for a JSON value that is always there: empty, of that type, at first."""
    return Field(default_factory=default, sa_column=Column(JsonDocument, nullable=False))


def only_where(condition: str) -> dict[str, Any]:
    """What makes an index partial, for both databases."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}
