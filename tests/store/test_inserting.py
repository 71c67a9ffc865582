"""Inserting many rows: what is there stays, defaults are filled in, naive times are refused."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, StatementError

from engine.store import sending_tables
from engine.store.database import Store
from engine.store.inserting import insert_many, insert_new, upsert

job: sa.Table = sending_tables.Job.__table__  # type: ignore[attr-defined]
AT = datetime(2026, 3, 2, 9, 30, 0, 123456, tzinfo=timezone(timedelta(hours=8)))


TEXTS = (
    "enrollment", "cohort", "batch", "queue", "kind", "playbook", "step", "lead", "state",
    "message_id",
)  # fmt: skip


def a_job(id: str, **columns: Any) -> dict[str, Any]:
    row = {"id": id, "seq": 1, "created_at": AT, "params": {}, "links": []}
    return dict.fromkeys(TEXTS, id) | row | columns


@pytest.mark.parametrize("insert", [insert_many, insert_new])
def test_rows_come_back_as_they_were(store: Store, insert: Any) -> None:
    """Times to the microsecond, JSON, quotes and backslashes; columns left out have defaults."""
    params = {"text": 'it\'s "quoted" \\ 李伟\n', "number": 1.5, "none": None, "list": [1, "a"]}
    given = a_job("a", params=params, links=["https://a.example/?q=%s"], accepted_at=None)
    store.write(lambda tx: insert(tx, job, [given]))
    row = store.read(lambda tx: tx.conn.execute(sa.select(job)).one())._asdict()
    assert {name: row[name] for name in given} == given
    assert (row["attempt"], row["marketing"], row["address"]) == (0, False, "")


def test_what_is_there_stays_as_it_is(store: Store) -> None:
    """By any unique key, also within the batch; the keys of the new rows are answered."""
    first, same = a_job("a", subject="old"), a_job("x", enrollment="a", subject="new")

    def insert(*rows: dict[str, Any]) -> frozenset[str]:
        return store.write(lambda tx: insert_new(tx, job, rows))

    assert insert(first) == {"a"}
    assert insert(same, a_job("b", subject=""), a_job("b", subject="")) == {"b"}
    subjects = store.read(lambda tx: tx.conn.execute(sa.select(job.c.subject)).scalars().all())
    assert sorted(subjects) == ["", "old"]


def test_many_that_are_all_new_are_all_answered(store: Store) -> None:
    """Then the same again are none, and one more among them is the one."""
    rows = [a_job(f"j{number}") for number in range(600)]

    def insert() -> frozenset[str]:
        return store.write(lambda tx: insert_new(tx, job, rows))

    assert insert() == {row["id"] for row in rows}
    assert insert() == frozenset()
    rows.append(a_job("late"))
    assert insert() == {"late"}
    count = sa.select(sa.func.count()).select_from(job)
    assert store.read(lambda tx: tx.conn.execute(count).scalar()) == 601


def test_a_duplicate_fails_where_it_must(store: Store) -> None:
    """And nothing of the batch is kept."""
    with pytest.raises(IntegrityError):
        store.write(lambda tx: insert_many(tx, job, [a_job("a"), a_job("a")]))
    assert store.read(lambda tx: tx.conn.execute(sa.select(job)).all()) == []


def test_a_naive_time_is_refused(store: Store) -> None:
    """Nobody can say what it means."""
    naive = a_job("a", created_at=datetime(2026, 3, 2, 9, 30))
    with pytest.raises((ValueError, StatementError), match="naive time"):
        store.write(lambda tx: insert_many(tx, job, [naive]))


def test_an_upsert_sets_only_the_columns_named(store: Store) -> None:
    """The others keep what they had."""
    brake: sa.Table = sending_tables.Brake.__table__  # type: ignore[attr-defined]

    def put(actor: str, at: datetime) -> None:
        row = {"scope": "*", "at": at, "actor": actor}
        store.write(lambda tx: upsert(tx, brake, [row], keys=("scope",), update=("actor",)))

    put("ann", AT)
    put("bo", AT + timedelta(days=1))
    (row,) = store.read(lambda tx: tx.conn.execute(sa.select(brake)).all())
    assert (row.actor, row.at) == ("bo", AT)
