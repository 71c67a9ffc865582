"""Pools: leads that are released, claimed once, and within the limits, on both databases."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from engine.errors import InputError, LongplayError, NotFoundError
from engine.operations import pools
from engine.operations.edit_leads import change_lead, put_lead
from engine.operations.explain import explain
from engine.store import leads
from engine.store import pools as rows
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
