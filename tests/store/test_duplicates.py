"""Finding leads that may be one person: by keys they share, a page at a time."""

from typing import Any

import pytest
import sqlalchemy as sa

from engine.operations import duplicates
from engine.operations.edit_leads import put_lead
from engine.operations.merging import merge
from engine.store.database import Store
from tests.runtime.stage import Stage

on_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


@pytest.fixture
def filled(store: Store) -> Store:
    Stage(store).publish("language: zh-CN\nsender: {from: a@acme.example}\n")
    for values in (
        {"email": "ann.lee@gmail.com", "full_name": "Ann Lee"},
        {"email": "annlee+x@gmail.com", "full_name": "Ann Lee"},
        {"email": "hua@qq.com", "full_name": "李小华", "phone": "138 0013 8000"},
        {"phone": "+86 13800138000", "full_name": "李小华"},
        {"email": "other@acme.example", "full_name": "Bob", "company": "Acme"},
    ):
        put_lead(store, values, actor="test")
    return store


def pairs(store: Store, **options: Any) -> list[set[str]]:
    return [
        {str(row[side]["full_name"]) for side in ("one", "other")}
        for row in duplicates.listing(store, **options)
    ]


def test_pairs_are_found_with_their_reasons_the_surest_first(filled: Store) -> None:
    """Found again they are the same; nothing is compared that shares no key."""
    found = duplicates.find(filled)
    assert (found.leads, found.pairs) == (5, 2)
    assert duplicates.find(filled) == found
    rows = duplicates.listing(filled)
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    assert any("the same phone number, +8613800138000" in row["reasons"] for row in rows)
    page = duplicates.listing(filled, limit=1)
    assert duplicates.listing(filled, after=page[0]["id"]) == rows[1:]


@on_sqlite
def test_what_a_person_calls_distinct_stays_so(filled: Store) -> None:
    """No later search shows the pair again."""
    duplicates.find(filled)
    duplicates.set_distinct(filled, "ann.lee@gmail.com", "annlee+x@gmail.com")
    duplicates.find(filled)
    assert pairs(filled) == [{"李小华"}]


@on_sqlite
def test_a_merged_pair_and_one_that_is_alike_no_more_go(filled: Store) -> None:
    """Merging takes a pair away at once; a change does with the next search."""
    duplicates.find(filled)
    merge(filled, "ann.lee@gmail.com", "annlee+x@gmail.com", actor="test")
    assert pairs(filled) == [{"李小华"}]
    put_lead(filled, {"email": "hua@qq.com", "phone": "+1 415 555 2671"}, actor="test")
    duplicates.find(filled)
    assert pairs(filled) == []


@on_sqlite
def test_a_number_that_very_many_share_proves_nothing(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A switchboard's number makes no pairs, and the search says that it passed it over."""
    monkeypatch.setattr(duplicates, "MOST", 3)
    monkeypatch.setattr(duplicates, "PAGE", 2)
    for number in range(4):
        values = {"email": f"p{number}@acme.example", "phone": "010 88886666", "full_name": "王芳"}
        put_lead(filled, values, actor="test")
    found = duplicates.find(filled)
    assert (found.leads, found.passed_over, found.pairs) == (9, 1, 2)


@on_sqlite
def test_the_keys_are_walked_along_their_index(filled: Store) -> None:
    """No plan sorts all keys, or looks at all leads for one block."""
    duplicates.find(filled)
    query = (
        "EXPLAIN QUERY PLAN SELECT kind, value, count(*) FROM lead_key WHERE kind > '' "
        "GROUP BY kind, value HAVING count(*) > 1 ORDER BY kind, value LIMIT 200"
    )
    plan = filled.read(lambda tx: [row[3] for row in tx.conn.execute(sa.text(query))])
    assert not any("TEMP B-TREE" in line for line in plan), plan
