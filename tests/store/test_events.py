"""Events in the store: kept once, and looked back on for many leads at once."""

from datetime import UTC, datetime, timedelta
from typing import Any

from engine.store import events
from engine.store.database import Store

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def an_event(id: str, lead: str = "ann", name: str = "page.viewed", day: int = 0) -> dict[str, Any]:
    at = START + timedelta(days=day)
    properties = {"id": id}
    return {
        "id": id, "name": name, "lead": lead, "at": at, "accepted_at": START,
        "properties": properties,
    }  # fmt: skip


def test_an_event_is_kept_once(store: Store) -> None:
    """Whoever sends one again is told that it is not new; so is a repeat in the same batch."""

    def insert(*ids: str) -> frozenset[str]:
        return store.write(
            lambda tx: frozenset(events.insert_new(tx, [an_event(id) for id in ids]))
        )

    assert insert("a", "b", "a") == {"a", "b"}
    assert insert("b", "c") == {"c"}
    assert insert() == frozenset()
    assert store.read(lambda tx: events.known(tx, ["a", "x"])) == {"a"}


def test_a_thousand_events_are_kept_in_one_call(store: Store) -> None:
    """More than one statement may carry."""
    batch = [an_event(f"e{number}") for number in range(3000)]
    assert len(store.write(lambda tx: events.insert_new(tx, batch))) == 3000


def test_histories_hold_what_each_lead_did_oldest_first(store: Store) -> None:
    """Only the events asked for, with their times and properties; empty for who did nothing."""
    batch = [
        an_event("late", day=2),
        an_event("early", day=1),
        an_event("order", name="order.placed"),
        an_event("other", lead="bo"),
        an_event("click", name="email.clicked"),
    ]
    store.write(lambda tx: events.insert_new(tx, batch))
    found = store.read(
        lambda tx: events.histories(tx, ["ann", "cid"], ["page.viewed", "order.placed"])
    )
    ann = found[next(id for id in found if id == "ann")]
    assert [properties["id"] for _, properties in ann.occurrences("page.viewed")] == [
        "early",
        "late",
    ]
    assert ann.occurrences("page.viewed")[0][0] == START + timedelta(days=1)
    assert len(ann.occurrences("order.placed")) == 1
    assert ann.occurrences("email.clicked") == ()
    assert sorted(found) == ["ann", "cid"]


def test_a_leads_events_are_paged_newest_first(store: Store) -> None:
    """Also where several happened in the same moment."""
    batch = [an_event(f"e{number}", day=number // 2) for number in range(7)]
    store.write(lambda tx: events.insert_new(tx, batch))
    first = store.read(lambda tx: events.of_lead(tx, "ann", limit=4))
    place = (first[-1]["at"], first[-1]["id"])
    rest = store.read(lambda tx: events.of_lead(tx, "ann", before=place, limit=4))
    assert [row["id"] for row in first + rest] == [f"e{number}" for number in range(6, -1, -1)]
