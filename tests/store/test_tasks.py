"""The inbox: whose tasks are listed, in which order, and what may be done with them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.errors import InputError, NotFoundError
from engine.store import tasks
from engine.store.database import Store

NOW = datetime.now(UTC)


def a_task(id: str, owner: str | None = "li.wei", **columns: Any) -> dict[str, Any]:
    return {
        "id": id, "kind": "task", "owner": owner, "lead": "ann", "enrollment": "e1",
        "subject": "Call", "text": "", "priority": "", "state": "open", "due_at": None,
        "snoozed_until": None, "result": "", "created_at": NOW, "ended_at": None,
    } | columns  # fmt: skip


def insert(store: Store, *rows: dict[str, Any]) -> frozenset[str]:
    return store.write(lambda tx: tasks.insert(tx, rows))


def listed(store: Store, **filters: Any) -> list[str]:
    return [row["id"] for row in store.read(lambda tx: tasks.inbox(tx, **filters))]


def test_a_task_is_added_once(store: Store) -> None:
    """Its id is made from (enrollment, seq), so a repeated step adds nothing."""
    assert insert(store, a_task("a"), a_task("b")) == {"a", "b"}
    assert insert(store, a_task("b"), a_task("c")) == {"c"}


def test_the_inbox_shows_what_is_due_first_on_top(store: Store) -> None:
    """Page by page; tasks without a time come last."""
    soon, later = NOW + timedelta(hours=1), NOW + timedelta(days=1)
    insert(
        store, a_task("x"), a_task("later", due_at=later), a_task("soon2", due_at=soon),
        a_task("soon1", due_at=soon), a_task("y"),
    )  # fmt: skip
    seen: list[str] = []
    after: list[tuple[Any, str] | None] = [None]
    while rows := store.read(lambda tx: tasks.inbox(tx, after=after[0], limit=2)):
        seen += [row["id"] for row in rows]
        after[0] = (rows[-1]["due_at"], rows[-1]["id"])
    assert seen == ["soon1", "soon2", "later", "x", "y"]


def test_the_inbox_is_one_owners_or_everybodys_or_nobodys(store: Store) -> None:
    """Empty text asks for the tasks that nobody owns."""
    insert(store, a_task("a"), a_task("b", owner=None), a_task("c", owner="bo", kind="stopped"))
    assert listed(store) == ["a", "b", "c"]
    assert listed(store, owner="li.wei") == ["a"]
    assert listed(store, owner="") == ["b"]
    assert listed(store, kind="stopped") == ["c"]
    assert listed(store, lead="bo") == []


def test_a_done_task_leaves_the_inbox_with_its_result(store: Store) -> None:
    """And is done once."""
    insert(store, a_task("a"))
    task = store.write(lambda tx: tasks.done(tx, "a", result="reached"))
    assert (task["state"], task["result"]) == ("done", "reached")
    assert listed(store) == []
    with pytest.raises(InputError, match="task 'a' is done already"):
        store.write(lambda tx: tasks.done(tx, "a"))
    with pytest.raises(NotFoundError, match="no task has the id 'nope'"):
        store.write(lambda tx: tasks.done(tx, "nope"))


def test_a_snoozed_task_comes_back(store: Store) -> None:
    """Out of sight until its time, and never put off into the past."""
    insert(store, a_task("a"), a_task("b", snoozed_until=NOW - timedelta(minutes=1)))
    store.write(lambda tx: tasks.snooze(tx, "a", NOW + timedelta(days=1)))
    assert listed(store) == ["b"]
    assert listed(store, snoozed=True) == ["a", "b"]
    with pytest.raises(InputError, match="is past"):
        store.write(lambda tx: tasks.snooze(tx, "b", NOW - timedelta(days=1)))


def test_a_decided_enrollment_closes_its_question_alone(store: Store) -> None:
    """Ordinary tasks of the enrollment stay."""
    insert(store, a_task("a"), a_task("b", kind="stopped"), a_task("c", kind="stopped") | {
        "enrollment": "e2"
    })  # fmt: skip
    assert store.write(lambda tx: tasks.close_of(tx, ["e1"], result="retried")) == 1
    assert listed(store) == ["a", "c"]
