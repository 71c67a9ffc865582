"""Segments of buyers: what is proposed selects whom it says, and real groups are found."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench import known_weights
from engine.errors import InputError, NotFoundError
from engine.operations import leads_view
from engine.operations.segment_suggesting import Segments, suggest_segments
from engine.playbook.workspace import load_workspace
from engine.store import events, leads
from engine.store.database import Store
from engine.store.inserting import insert_many
from engine.store.schema import migrate

pytestmark = pytest.mark.xdist_group("suggest")  # scikit-learn takes long to import
NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
KINDS = ((5, 12, 900), (20, 4, 80), (250, 1, 50))
"""Days since, purchases, amount of each: whoever buys always, sometimes, once long ago."""


def bought(store: Store, kinds: tuple[tuple[int, int, int], ...], each: int) -> None:
    """So many leads of each kind, about alike; and as many who never bought."""
    dice, empty = random.Random(7), {column.name: None for column in leads.table.c}
    people, orders = [], []
    for number in range(each * (len(kinds) + 1)):
        id = known_weights.seeded(number)
        people.append(
            empty
            | {"tags": [], "fields": {}, "scores": {}, "score": 0, "orders": 0, "revenue": 0}
            | {"id": id, "email": f"l{number}@example.com", "email_key": f"l{number}@example.com"}
            | {"stage": "lead", "version": 0, "created_at": NOW, "stage_entered_at": NOW}
        )
        if number >= each * len(kinds):
            continue
        days, times, amount = kinds[number % len(kinds)]
        for place in range(times):
            at = NOW - timedelta(days=days * dice.uniform(0.9, 1.1) + 3 * place)
            orders.append({
                "id": f"o{number}-{place}", "name": "order.placed", "lead": id, "deal": None,
                "at": at, "accepted_at": at,
                "properties": {"amount": round(amount * dice.uniform(0.8, 1.2), 2)},
            })  # fmt: skip
    store.write(lambda tx: insert_many(tx, leads.table, people))
    store.write(lambda tx: insert_many(tx, events.table, orders))


def opened(path: Path) -> Store:
    store = Store(f"sqlite:///{path}", clock=lambda: NOW)
    migrate(store)
    known_weights.publish_rules(store)
    return store


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = opened(tmp_path_factory.mktemp("shop") / "shop.db")
    bought(store, KINDS, 100)
    yield store
    store.close()


def require_true(store: Store, found: Segments) -> None:
    """Every condition selects as many leads as its proposal says."""
    for one in found.segments:
        assert leads_view.count(store, one.condition) == one.leads, one
    workspace = load_workspace(f"{known_weights.WORKSPACE}{found.text}".encode()).workspace
    assert workspace is not None
    assert set(workspace.segments) == {one.name for one in found.segments}


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_thirds_select_whom_they_say(shop: Store, language: str) -> None:
    """The language carries the conditions out, and nobody who never bought is in any."""
    found = suggest_segments(shop, language=language)
    assert (found.leads, found.buyers) == (400, 300)
    require_true(shop, found)
    (best,) = [one for one in found.segments if one.name == "rfm_best"]
    assert best.leads == pytest.approx(100, abs=5)
    assert ("最近买过" if language == "zh-CN" else "Bought lately, often, for much.") in found.text


def test_groups_that_are_there_are_found(shop: Store) -> None:
    """Three kinds of buyers are three groups, told in words and in conditions."""
    found = suggest_segments(shop, groups=3)
    require_true(shop, found)
    assert [one.leads for one in found.segments] == [100, 100, 100]
    assert found.match == 1 and found.silhouettes is not None
    assert max(found.silhouettes, key=lambda k: (found.silhouettes or {})[k]) == 3
    assert found.segments[0].about == "Bought lately, often, for much."
    assert found.segments[2].about == "Bought long ago, seldom, for little."
    assert "the groups stand clearly apart" in found.text
    assert suggest_segments(shop, groups=3).text == found.text


def test_what_does_not_stand_apart_is_told_so(shop: Store) -> None:
    """More groups than there are get a poorer silhouette, and conditions that still hold."""
    found = suggest_segments(shop, groups=8)
    require_true(shop, found)
    assert found.silhouettes is not None and found.silhouettes[8] < found.silhouettes[3]
    assert found.match is not None and 0.5 < found.match <= 1


def test_too_few_buyers_are_refused(shop: Store, tmp_path: Path) -> None:
    """It says how many there are, and how many are the least."""
    store = opened(tmp_path / "few.db")
    bought(store, KINDS, 5)
    for groups, least in ((0, 30), (3, 210)):
        with pytest.raises(InputError, match=f"15 of 20 leads .* {least} are the least"):
            suggest_segments(store, groups=groups)
    store.close()
    with pytest.raises(InputError, match="there can be 2 to 8"):
        suggest_segments(shop, groups=9)
    with pytest.raises(NotFoundError, match="did you mean"):
        suggest_segments(shop, event="order.place")


def test_buyers_all_alike_make_no_groups(tmp_path: Path) -> None:
    """Where everybody bought the same once there is nothing to tell apart."""
    store = opened(tmp_path / "alike.db")
    bought(store, ((10, 1, 0),) * 3, 80)
    with pytest.raises(InputError, match="kinds of buyers"):
        suggest_segments(store, groups=4)
    require_true(store, suggest_segments(store))
    store.close()
