"""Hot statements: what they answer and change is the same on both databases."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import StatementError

from engine.store import quick
from engine.store.database import Store, Transaction
from engine.store.inserting import insert_many, renew
from engine.store.refusals import EVERY
from engine.store.refusals import table as refusal
from engine.store.tables import Task

task: sa.Table = Task.__table__  # type: ignore[attr-defined]
AT = datetime(2026, 3, 2, 9, 30, 0, 123456, tzinfo=UTC)
_by_ids = (
    sa.select(task.c.id, task.c.subject, task.c.due_at)
    .where(
        task.c.id.in_(sa.bindparam("ids", expanding=True)),
        task.c.state.not_in(["done", "ended"]),
        task.c.created_at <= sa.bindparam("at"),
    )
    .order_by(task.c.id)
)
_change = (
    sa.update(task)
    .where(task.c.id == sa.bindparam("the_id"), task.c.state != "done")
    .values(
        subject=sa.bindparam("new_subject"), due_at=sa.bindparam("new_due_at"),
        text=task.c.text + "!",
    )
)  # fmt: skip


def some_tasks(tx: Transaction) -> None:
    insert_many(
        tx,
        task,
        [
            {"id": f"t{number}", "kind": "task", "subject": "old", "created_at": AT,
             "state": "done" if number == 3 else "open"}
            for number in range(5)
        ],
    )  # fmt: skip


def found(tx: Transaction, ids: object) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in quick.fetch(tx, _by_ids, ids=ids, at=AT)]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        pytest.param(["t1"], ["t1"], id="one"),
        pytest.param(("t2", "t1", "t9"), ["t1", "t2"], id="some, one of them unknown"),
        pytest.param([f"t{n}" for n in range(700)], ["t0", "t1", "t2", "t4"], id="very many"),
        pytest.param([], [], id="none at all"),
    ],
)
def test_lists_of_any_length_are_asked_for(
    store: Store, ids: list[str], expected: list[str]
) -> None:
    """Also beside a list that the statement brings along, and a time."""
    store.write(some_tasks)
    assert [row[0] for row in store.read(lambda tx: found(tx, ids))] == expected


@pytest.mark.parametrize("run", [quick.run, quick.run_locked], ids=["in turn", "at once"])
@pytest.mark.parametrize("count", [1, 5], ids=["one row", "many rows"])
def test_rows_are_changed_each_by_its_own_values(store: Store, run: object, count: int) -> None:
    """Text of any kind, times and what is missing; how many rows were met is answered."""
    texts = ['李伟\'s \\ "one"\n', "%s %(x)s", "given.new_subject", "never", ""]
    rows = [
        {"the_id": f"t{number}", "new_subject": texts[number],
         "new_due_at": AT + timedelta(seconds=number) if number % 2 else None}
        for number in range(count)
    ]  # fmt: skip
    store.write(some_tasks)
    met = store.write(lambda tx: run(tx, _change, rows))  # type: ignore[operator]
    assert met == min(count, 4)
    known = {row[0]: row[1:] for row in store.read(lambda tx: found(tx, ["t0", "t1", "t2", "t4"]))}
    for row in rows:
        if row["the_id"] != "t3":
            assert known[row["the_id"]] == (row["new_subject"], row["new_due_at"])


def test_times_without_a_zone_change_nothing(store: Store) -> None:
    """Nobody can say what they mean."""
    naive = {"new_subject": "new", "new_due_at": datetime(2026, 3, 2)}
    rows = [{"the_id": f"t{number}", **naive} for number in range(2)]
    store.write(some_tasks)
    with pytest.raises((ValueError, StatementError), match="naive time"):
        store.write(lambda tx: quick.run_locked(tx, _change, rows))
    assert store.read(lambda tx: found(tx, ["t0"])) == [("t0", "old", None)]


def test_what_is_renewed_is_written_once_in_a_while(store: Store) -> None:
    """A row that is younger stays; an older one, and one that is new, is written."""

    def write(tx: Transaction, age: timedelta, why: str) -> None:
        rows = [
            {"record": record, "playbook": "p", "reason": "r", "why": why, "at": tx.now - age}
            for record in (("a", "b") if age else ("a", "b", "c"))
        ]
        keys = ("record", "playbook", "reason")
        renew(tx, refusal, rows, keys=keys, update=("why", "at"), every=EVERY)

    store.write(lambda tx: write(tx, EVERY * 2, "old"))
    store.write(lambda tx: write(tx, timedelta(), "new"))
    store.write(lambda tx: write(tx, timedelta(), "newest"))
    query = sa.select(refusal.c.record, refusal.c.why).order_by(refusal.c.record)
    rows = [tuple(row) for row in store.read(lambda tx: tx.conn.execute(query).all())]
    assert rows == [("a", "new"), ("b", "new"), ("c", "new")]
