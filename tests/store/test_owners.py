"""Owners in the store: loads, turns, and the log of who got what."""

import threading
from datetime import UTC, datetime, timedelta

from engine.runtime.assignment import Turn
from engine.store import leads, owners
from engine.store.database import Store, Transaction
from engine.store.owners import Given

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def test_loads_count_open_leads_alone(store: Store) -> None:
    """Customers are not open; who owns nothing is left out."""
    new = [
        {"phone": "1", "owner": "li.wei", "stage": "mql"},
        {"phone": "2", "owner": "li.wei", "stage": "lead"},
        {"phone": "3", "owner": "li.wei", "stage": "customer"},
        {"phone": "4", "owner": "sam.lee", "stage": "lead"},
    ]
    store.write(lambda tx: leads.create_many(tx, new, actor="test"))
    found = store.read(lambda tx: owners.loads(tx, ["li.wei", "chen.jie"], ["lead", "mql"]))
    assert found == {"li.wei": 2}


def test_turns_are_kept_by_rule_and_owner(store: Store) -> None:
    """A later turn takes the place of the earlier one."""
    first = {"new-leads": {"a": Turn(NOW, 1.0), "b": Turn(NOW, 1.5)}, "other": {"a": Turn(NOW, 9)}}
    store.write(lambda tx: owners.save_turns(tx, first))
    second = Turn(NOW + timedelta(microseconds=1), 2.5)
    store.write(lambda tx: owners.save_turns(tx, {"new-leads": {"a": second}}))
    found = store.read(lambda tx: owners.turns(tx, ["new-leads", "empty"]))
    assert found == {"new-leads": {"a": second, "b": Turn(NOW, 1.5)}, "empty": {}}


def test_the_log_tells_who_got_a_lead_and_who_lost_it(store: Store) -> None:
    """Newest first; former owners are those of the time asked for."""

    def give(tx: Transaction) -> None:
        owners.record(tx, [Given("ann", "new-leads", "li.wei", "next in turn", "playbook")])
        owners.record(tx, [Given("ann", "", "sam.lee", "asked for", "cli", former="li.wei")])
        owners.record(tx, [])

    store.write(give)
    log = store.read(lambda tx: owners.assignments_of(tx, "ann"))
    assert [(row["owner"], row["former"]) for row in log] == [
        ("sam.lee", "li.wei"),
        ("li.wei", None),
    ]
    since = log[0]["at"]
    found = store.read(lambda tx: owners.former_owners(tx, ["ann", "bo"], since))
    assert found == {"ann": frozenset({"li.wei"})}
    later = since + timedelta(seconds=1)
    assert store.read(lambda tx: owners.former_owners(tx, ["ann"], later)) == {}


def test_transactions_assign_one_after_the_other(postgres_store: Store) -> None:
    """The second waits until the first has ended."""
    order: list[str] = []
    locked = threading.Event()

    def second(tx: Transaction) -> None:
        owners.lock(tx)
        order.append("second")

    def other() -> None:
        locked.wait(10)
        postgres_store.write(second)

    thread = threading.Thread(target=other)
    thread.start()

    def first(tx: Transaction) -> None:
        owners.lock(tx)
        locked.set()
        thread.join(0.2)
        order.append("first")

    postgres_store.write(first)
    thread.join(10)
    assert order == ["first", "second"]
