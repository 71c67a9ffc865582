"""Pools: leads that are released, claimed once, and within the limits, on both databases."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from engine.errors import InputError, LongplayError, NotFoundError
from engine.operations import pools, published
from engine.operations.deal_locks import lock_deals
from engine.operations.edit_deals import change_deal, put_deal
from engine.operations.edit_leads import change_lead, put_lead
from engine.operations.explain import explain
from engine.operations.owning import OwnerDesk
from engine.store import deals, leads
from engine.store import pools as rows
from engine.store.database import Transaction
from tests.runtime.stage import WORKSPACE, Stage, soundness

TEAM = (
    WORKSPACE
    + """\
    sam.lee: {teams: [cn]}
    eva.s: {teams: [cn]}
    chen.jie: {}
assignment: {new: [{among: "team:cn"}]}
pools:
  cn-pool: {members: "team:cn", claims: 2 per day, holds: 3}
  roomy: {members: "team:cn"}
"""
).replace("li.wei@acme.example}", "li.wei@acme.example, teams: [cn]}")
RECYCLING = """\
enroll: {when: [{event: form.submitted}], again: always}
steps:
  - release: cn-pool
    cooldown: 30 days
"""


def released(stage: Stage, *names: str, owner: str | None = None) -> None:
    for name in names:
        put_lead(stage.store, {"email": f"{name}@example.com", "owner": owner}, actor="tests")
        stage.event("form.submitted", name)
    stage.work()
    soundness(stage)


def claim(stage: Stage, name: str, owner: str) -> dict[str, Any]:
    return pools.claim(stage.store, f"{name}@example.com", owner=owner, actor="tests")


def listed(stage: Stage) -> list[str]:
    return [row["lead"].partition("@")[0] for row in pools.listing(stage.store)]


def test_a_released_lead_is_nobodys_until_somebody_claims_it(stage: Stage) -> None:
    """Both are in its history, with the reason; the first claim wins."""
    stage.publish(TEAM, recycling=RECYCLING)
    released(stage, "ann", owner="li.wei")
    assert stage.lead()["owner"] is None
    assert stage.log()[0] == ("release-cn-pool", "released")
    (entry,) = pools.listing(stage.store, pool="cn-pool")
    assert (entry["lead"], entry["former"]) == ("ann@example.com", "li.wei")
    taken = claim(stage, "ann", "sam.lee")
    assert (taken["owner"], stage.lead()["owner"]) == ("sam.lee", "sam.lee")
    assert listed(stage) == []
    with pytest.raises(NotFoundError, match=r"is sam\.lee's already"):
        claim(stage, "ann", "eva.s")
    said = [str(one) for one in explain(stage.store, "ann@example.com")]
    assert any("released to cn-pool" in one for one in said)
    assert any("sam.lee claimed it from cn-pool" in one for one in said)


def test_the_former_owner_waits_until_the_cooldown_is_over(stage: Stage) -> None:
    """A colleague does not."""
    stage.publish(TEAM, recycling=RECYCLING)
    released(stage, "ann", owner="li.wei")
    stage.turn(days=29)
    with pytest.raises(InputError, match="had the lead before"):
        claim(stage, "ann", "li.wei")
    stage.turn(days=2)
    assert claim(stage, "ann", "li.wei")["pool"] == "cn-pool"


def test_claims_and_what_one_holds_are_limited(stage: Stage) -> None:
    """Two a day, rolling; three at most that one still owns; others are not touched by it."""
    stage.publish(TEAM, recycling=RECYCLING)
    names = [f"lead{n}" for n in range(6)]
    released(stage, *names)
    claim(stage, names[0], "li.wei")
    claim(stage, names[1], "li.wei")
    with pytest.raises(InputError, match="has claimed 2 from cn-pool within 1 day"):
        claim(stage, names[2], "li.wei")
    assert claim(stage, names[2], "sam.lee")
    stage.turn(hours=25)
    claim(stage, names[3], "li.wei")
    with pytest.raises(InputError, match="holds 3 leads"):
        claim(stage, names[4], "li.wei")
    change_lead(stage.store, f"{names[0]}@example.com", {"owner": "chen.jie"}, actor="tests")
    assert claim(stage, names[4], "li.wei")
    assert listed(stage) == [names[5]]


@pytest.mark.parametrize(
    ("name", "owner", "fault"),
    [
        ("ann", "nobody", "no owner is named 'nobody'"),
        ("ann", "chen.jie", "'chen.jie' is no member of cn-pool"),
        ("bo", "li.wei", "'bo@example.com' lies in no pool"),
        ("cy", "li.wei", "there is no lead"),
    ],
    ids=["unknown owner", "no member", "not released", "unknown lead"],
)
def test_who_may_not_claim_is_told_why(
    sqlite_stage: Stage, name: str, owner: str, fault: str
) -> None:
    """And the lead stays where it is."""
    sqlite_stage.publish(TEAM, recycling=RECYCLING)
    released(sqlite_stage, "ann")
    put_lead(sqlite_stage.store, {"email": "bo@example.com"}, actor="tests")
    with pytest.raises(LongplayError, match=fault):
        claim(sqlite_stage, name, owner)
    assert listed(sqlite_stage) == ["ann"]


def test_a_lead_that_gets_an_owner_otherwise_is_in_no_pool(stage: Stage) -> None:
    """By hand or by a rule; released again it waits once, for the newest pool."""
    stage.publish(TEAM, recycling=RECYCLING)
    released(stage, "ann", owner="li.wei")
    change_lead(stage.store, "ann@example.com", {"owner": "eva.s"}, actor="tests")
    assert listed(stage) == []
    with pytest.raises(NotFoundError, match=r"is eva\.s's already"):
        claim(stage, "ann", "sam.lee")
    change_lead(stage.store, "ann@example.com", {"owner": None}, actor="tests")
    assert listed(stage) == []
    released(stage, "ann", owner="eva.s")
    assert listed(stage) == ["ann"]
    assert [row["former"] for row in stage.all(rows.table)] == ["eva.s"]


def test_of_many_who_claim_at_once_one_gets_each_lead_and_nobody_too_many(stage: Stage) -> None:
    """Four threads want every lead for everybody; two claims a day are two."""
    stage.publish(TEAM, recycling=RECYCLING)
    names = [f"lead{n}" for n in range(10)]
    released(stage, *names)

    def grab(attempt: tuple[str, str]) -> str:
        try:
            return str(claim(stage, *attempt)["owner"])
        except LongplayError:
            return ""

    team = ("li.wei", "sam.lee", "eva.s")
    with ThreadPoolExecutor(4) as threads:
        won = Counter(threads.map(grab, [(name, owner) for name in names for owner in team]))
    assert {owner: won[owner] for owner in team} == dict.fromkeys(team, 2)
    owned = Counter(row["owner"] for row in stage.all(leads.table))
    assert owned == {"li.wei": 2, "sam.lee": 2, "eva.s": 2, None: 4}
    assert len(listed(stage)) == 4


PIPELINE = "pipelines: {b2b: {stages: [qualify, demo, {won: {closes: won}}]}}\n"


def pooled_deals(stage: Stage, *names: str, pool: str = "cn-pool", former: str = "") -> None:
    """Deals of one contact, each released from `former` into the pool."""
    for name in names:
        wanted = {"id": name, "name": name, "lead": "ann@example.com", "owner": former or None}
        put_deal(stage.store, wanted, actor="tests")

    def release(tx: Transaction) -> None:
        current = published.current(tx)
        contacts = lock_deals(tx, names)
        desk = OwnerDesk(tx, current)
        until = tx.now + timedelta(days=30)
        for name in names:
            lead = contacts[name]
            desk.release(lead, pool, former=former or None, until=until, deal=name)
        deals.save_many(tx, {name: {"owner": None} for name in names}, actor="tests")
        desk.flush()

    stage.store.write(release)


def claimed(stage: Stage, deal: str, owner: str) -> dict[str, Any]:
    return pools.claim(stage.store, deal, owner=owner, actor="tests")


def test_a_deal_lies_in_a_pool_as_a_lead_does(stage: Stage) -> None:
    """Its contact keeps an own owner; limits count both; who had it waits; the first claim wins."""
    stage.publish(TEAM + PIPELINE, recycling=RECYCLING)
    released(stage, "bo", "cy")
    pooled_deals(stage, "D1", "D2", former="li.wei")
    seen = {row["id"]: row for row in pools.listing(stage.store, owner="li.wei")}
    assert seen["D1"]["record"] == "deal"
    assert (seen["D1"]["lead"], seen["D1"]["kind"]) == ("ann@example.com", "cool-down")
    assert [row["kind"] for row in seen.values()].count("") == 2
    assert {one["pool"]: one["waiting"] for one in pools.summary(stage.store)} == {
        "cn-pool": 4, "roomy": 0,
    }  # fmt: skip
    with pytest.raises(InputError, match="had the deal before"):
        claimed(stage, "D1", "li.wei")
    assert claimed(stage, "D1", "sam.lee")["record"] == "deal"
    assert stage.lead("ann")["owner"] is None
    with pytest.raises(NotFoundError, match=r"is sam\.lee's already"):
        claimed(stage, "D1", "eva.s")
    claim(stage, "bo", "sam.lee")
    with pytest.raises(InputError, match="has claimed 2 from cn-pool"):
        claimed(stage, "D2", "sam.lee")


def test_a_deal_that_is_over_or_owned_lies_in_no_pool(stage: Stage) -> None:
    """Nor does it count for what its owner holds."""
    stage.publish(TEAM + PIPELINE, recycling=RECYCLING)
    pooled_deals(stage, "D1", "D2", "D3")
    change_deal(stage.store, "D1", {"stage": "won"}, actor="tests")
    change_deal(stage.store, "D2", {"owner": "eva.s"}, actor="tests")
    assert [row["id"] for row in pools.listing(stage.store)] == ["D3"]
    change_deal(stage.store, "D2", {"owner": None}, actor="tests")
    assert [row["id"] for row in pools.listing(stage.store)] == ["D3"]
    with pytest.raises(NotFoundError, match="lies in no pool"):
        claimed(stage, "D2", "sam.lee")
    claimed(stage, "D3", "sam.lee")
    assert stage.store.read(lambda tx: rows.held(tx, "sam.lee", "cn-pool")) == 1
    change_deal(stage.store, "D3", {"stage": "won"}, actor="tests")
    assert stage.store.read(lambda tx: rows.held(tx, "sam.lee", "cn-pool")) == 0
