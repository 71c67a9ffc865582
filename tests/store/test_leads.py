"""Leads in the store: what is kept, found, changed and listed, on both databases."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from engine.errors import InputError
from engine.ids import LeadId
from engine.playbook.values import Value
from engine.runtime.fields import field_types
from engine.store import leads
from engine.store.database import Store, Transaction
from engine.store.lead_writing import LeadChange, change_table, create_many, save_many

CUSTOM = field_types(
    {
        "employees": "integer",
        "plan": {"enum": ["free", "pro"]},
        "trial_ends_at": "datetime",
        "signed_on": "date",
        "vip": "boolean",
    }
)
TRIAL_END = datetime(2026, 12, 1, 1, 30, tzinfo=UTC)


def create(store: Store, *new: Mapping[str, Value]) -> list[LeadId]:
    def work(tx: Transaction) -> list[LeadChange]:
        return create_many(tx, new, actor="test", custom=CUSTOM)

    return [change.id for change in store.write(work)]


def many(number: int) -> list[dict[str, Value]]:
    return [{"email": f"a{each}@b.example"} for each in range(number)]


def save(store: Store, changes: dict[LeadId, dict[str, Value]]) -> dict[LeadId, LeadChange]:
    return store.write(lambda tx: save_many(tx, changes, actor="test", reason="why", custom=CUSTOM))


def load(store: Store, id: LeadId) -> leads.Facts:
    return store.read(lambda tx: leads.load(tx, [id], CUSTOM))[id]


def test_a_lead_is_loaded_as_it_was_made(store: Store) -> None:
    """Every value comes back with its type, custom fields included."""
    given: dict[str, Value] = {
        "email": "Ann@Acme.example",
        "first_name": "Ann",
        "last_name": "Lee",
        "tags": ["vip", "重点"],
        "birthday": date(1990, 5, 17),
        "last_seen_at": TRIAL_END,
        "orders": 2,
        "revenue": 99.5,
        "employees": 50,
        "plan": "pro",
        "trial_ends_at": TRIAL_END,
        "signed_on": date(2026, 2, 28),
        "vip": False,
    }
    (id,) = create(store, given)
    facts = load(store, id)
    assert {name: facts[name] for name in given} == given | {"email": "Ann@acme.example"}
    assert facts["full_name"] == "Ann Lee"
    assert facts["city"] is None


@pytest.mark.parametrize(
    ("given", "stage"),
    [({"email": "a@b.cn"}, "lead"), ({"phone": "1"}, "visitor"), ({"stage": "sql"}, "sql")],
    ids=["with an address", "without one", "with a stage"],
)
def test_a_new_lead_starts_where_the_lifecycle_says(
    store: Store, given: dict[str, Value], stage: str
) -> None:
    """The second stage with an address, the first without, or the stage it brings along."""
    assert load(store, create(store, given)[0])["stage"] == stage


def test_making_a_lead_whose_address_is_known_answers_with_that_lead(store: Store) -> None:
    """Nothing is written, and nobody exists twice, however the address is spelled."""
    (first,) = create(store, {"email": "ann@acme.example", "city": "Hangzhou"})

    def work(tx: Transaction) -> list[LeadChange]:
        new = [{"email": "ANN@ACME.example", "city": "Rome"}, {"email": "bo@acme.example"}]
        return create_many(tx, new, actor="test")

    again, other = store.write(work)
    assert (again.id, again.before and again.before["city"]) == (first, "Hangzhou")
    assert other.before is None
    assert store.read(leads.count) == 2


def test_the_same_address_twice_in_one_batch_is_one_lead(store: Store) -> None:
    """Both answers name the same lead."""
    first, second = create(store, {"email": "a@b.example"}, {"email": "A@B.example"})
    assert first == second


def test_saving_reports_before_and_after_and_logs_every_change(store: Store) -> None:
    """Facts on both sides, one change row a field, and nothing for what stayed equal."""
    one, two = create(store, {"email": "a@b.example", "city": "Rome"}, {"phone": "1"})
    answers = save(
        store, {one: {"city": "Oslo", "employees": 7, "plan": None}, two: {"phone": "1"}}
    )
    change = answers[one]
    assert change.before is not None
    assert (change.before["city"], change.after["city"]) == ("Rome", "Oslo")
    assert change.changed == {"city", "employees"}
    assert answers[two].changed == frozenset()
    query = sa.select(change_table.c.lead, change_table.c.field, change_table.c.after)
    where = change_table.c.field != "created"
    logged = store.read(lambda tx: tx.conn.execute(query.where(where)).all())
    assert sorted(tuple(row) for row in logged) == [(one, "city", "Oslo"), (one, "employees", 7)]
    assert load(store, one) == change.after


def test_saved_custom_fields_leave_the_others_alone(store: Store) -> None:
    """One field is set, another taken away, a third stays."""
    (id,) = create(store, {"phone": "1", "employees": 5, "plan": "free", "vip": True})
    save(store, {id: {"plan": "pro", "vip": None}})
    facts = load(store, id)
    assert (facts["employees"], facts["plan"], facts["vip"]) == (5, "pro", None)


def test_entering_a_stage_sets_the_time(store: Store) -> None:
    """And only entering does: saving the same stage again does not."""
    (id,) = create(store, {"phone": "1"})
    entered = save(store, {id: {"stage": "mql"}})[id].after["stage_entered_at"]
    assert entered != load(store, id)["created_at"]
    assert save(store, {id: {"stage": "mql"}})[id].after["stage_entered_at"] == entered


def test_a_full_name_follows_its_parts_unless_given(store: Store) -> None:
    """Chinese names are written family name first, without a space."""
    (id,) = create(store, {"phone": "1", "first_name": "伟", "last_name": "李"})
    assert load(store, id)["full_name"] == "李伟"
    assert save(store, {id: {"first_name": "强"}})[id].after["full_name"] == "李强"
    assert save(store, {id: {"full_name": "老李"}})[id].after["full_name"] == "老李"
    assert save(store, {id: {"first_name": "磊"}})[id].after["full_name"] == "老李"
    assert load(store, id)["full_name"] == "老李"


def test_an_address_of_somebody_else_is_refused(store: Store) -> None:
    """Nothing of the batch is written, and the error names the other lead."""
    one, two = create(store, {"email": "a@b.example"}, {"email": "c@d.example"})
    with pytest.raises(InputError, match=f"belongs to lead '{one}'"):
        save(store, {two: {"email": "A@B.example", "city": "Rome"}})
    assert load(store, two)["city"] is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"employees": "many"}, "'many' is no whole number for 'employees'"),
        ({"plan": "prp"}, "did you mean 'pro'"),
        ({"emploies": 1}, "did you mean 'employees'"),
        ({"stage": None}, "always in a stage"),
        ({"id": "x"}, "never changes"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(
    sqlite_store: Store, values: dict[str, Value], message: str
) -> None:
    """With the field, the value and the next move."""
    (id,) = create(sqlite_store, {"phone": "1"})
    with pytest.raises(InputError) as caught:
        save(sqlite_store, {id: values})
    assert message in str(caught.value)


def test_statements_do_not_grow_with_the_number_of_leads(store: Store) -> None:
    """Loading and saving 300 leads takes as many statements as saving three."""
    ids = create(store, *many(300))

    def statements(chosen: list[LeadId], city: str) -> int:
        seen: list[str] = []

        def listen(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            seen.append(statement)

        sa.event.listen(store.engine, "before_cursor_execute", listen)
        save(store, {id: {"city": city, "employees": 3} for id in chosen})
        sa.event.remove(store.engine, "before_cursor_execute", listen)
        return len(seen)

    assert statements(ids[:3], "Oslo") == statements(ids[3:], "Oslo")


def test_pages_go_through_every_lead_once(store: Store) -> None:
    """The next page begins after the last id of this one."""
    ids = create(store, *many(25))
    seen: list[Value] = []
    after: list[str | None] = [None]
    while found := store.read(lambda tx: leads.page(tx, after=after[0], limit=10)):
        seen += [facts["id"] for facts in found]
        after[0] = str(seen[-1])
    assert seen == ids


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"stage": "mql"}, {"ann"}),
        ({"owner": "li.wei"}, {"ann", "bo"}),
        ({"owner": ""}, {"wei"}),
        ({"tag": "重点"}, {"bo", "wei"}),
        ({"tag": "重"}, set()),
        ({"text": "ACME"}, {"ann", "bo"}),
        ({"text": "李伟"}, {"wei"}),
        ({"text": "100%"}, {"bo"}),
        ({"text": "%"}, {"bo"}),
        ({"owner": "li.wei", "tag": "重点"}, {"bo"}),
    ],
)
def test_pages_and_counts_obey_their_filters(
    store: Store, filters: dict[str, str], expected: set[str]
) -> None:
    """Stage, owner (empty: nobody's), tag and text, also together."""
    create(
        store,
        {"city": "ann", "email": "ann@acme.example", "stage": "mql", "owner": "li.wei"},
        {"city": "bo", "company": "Acme 100%", "owner": "li.wei", "tags": ["重点"]},
        {"city": "wei", "first_name": "伟", "last_name": "李", "tags": ["重点", "b"]},
    )
    found = store.read(lambda tx: leads.page(tx, **filters))  # type: ignore[arg-type]
    assert {facts["city"] for facts in found} == expected
    assert store.read(lambda tx: leads.count(tx, **filters)) == len(expected)


def test_a_lead_is_found_by_address_or_id(store: Store) -> None:
    """Addresses are compared by their key; what is no address belongs to nobody."""
    (id,) = create(store, {"email": "张三@例子.example"})
    wanted = ["张三@例子.EXAMPLE", "no address", "x@y.example"]
    assert list(store.read(lambda tx: leads.find_by_email(tx, wanted)).values()) == [id]
    assert store.read(lambda tx: leads.find(tx, "张三@例子.example")) == id
    assert store.read(lambda tx: leads.find(tx, id)) == id
    assert store.read(lambda tx: leads.find(tx, "nobody")) is None


def test_a_stored_value_that_no_longer_fits_its_type_is_missing(store: Store) -> None:
    """A workspace may change a field's type; old values must not break conditions."""
    (id,) = create(store, {"phone": "1", "plan": "pro"})
    types = field_types({"plan": "datetime"})
    assert store.read(lambda tx: leads.load(tx, [id], types))[id]["plan"] is None


def test_locked_leads_keep_other_writers_out(postgres_store: Store) -> None:
    """A second transaction cannot take the lock while the first holds it."""
    ids = create(postgres_store, {"phone": "1"}, {"phone": "2"})

    def second(tx: Transaction) -> None:
        tx.conn.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
        leads.lock(tx, ids[:1])

    def first(tx: Transaction) -> None:
        leads.lock(tx, reversed(ids))
        with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
            postgres_store.write(second)

    postgres_store.write(first)
    postgres_store.write(second)
