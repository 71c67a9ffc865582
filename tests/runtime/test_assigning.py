"""Assigning by playbooks: accounts kept, and several workers at once, on both databases."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from activities._advance import advance
from engine.operations.edit_deals import put_deal
from engine.operations.edit_leads import put_lead
from engine.operations.explain import explain
from engine.operations.intake import IncomingEvent, take_in
from engine.store import owners
from engine.store.database import Store
from engine.store.leads import table as lead_table
from tests.runtime.stage import WORKSPACE, Stage, soundness

WORKERS = "abcd"
LEADS = 130
WEIGHTS = {"li.wei": 5, "sam.lee": 2, "chen.jie": 1, "eva.s": 1}


MORE = """\
events: {came.a: {}, came.b: {}, came.c: {}, came.d: {}}
pipelines: {b2b: {stages: [demo, won]}}
"""


def with_team(rule: str, **people: str) -> str:
    listed = "".join(f"    {name.replace('_', '.')}: {{{what}}}\n" for name, what in people.items())
    head = WORKSPACE.partition("    li.wei")[0]
    return f"{head}{listed}{MORE}assignment:\n  new: [{rule}]\n"


def at_once(stage: Stage, leads: int) -> Counter[str]:
    """Who got how many, when four workers assigned slices of seven leads at the same time."""
    for start in range(0, leads, 50):
        numbers = range(start, min(start + 50, leads))
        take_in(stage.store, [
            IncomingEvent(f"came.{WORKERS[n % 4]}", {"email": f"lead{n}@example.com"})
            for n in numbers
        ])  # fmt: skip
    cohorts = stage.cohorts()
    assert len(cohorts) >= len(WORKERS)
    with ThreadPoolExecutor(len(cohorts)) as threads:
        list(threads.map(lambda cohort: walk(stage.store, cohort), cohorts))
    soundness(stage)
    return Counter(row["owner"] for row in stage.all(lead_table))


def walk(store: Store, cohort: str) -> None:
    while advance(store, cohort, limit=7).more:
        pass


def playbooks() -> dict[str, str]:
    return {
        name: f"enroll: {{when: [{{event: came.{name}}}]}}\nsteps:\n  - assign: new\n"
        for name in WORKERS
    }


def test_four_workers_at_once_share_leads_out_within_one_of_exact(stage: Stage) -> None:
    """The shares are those of one worker; each lead got its owner once, and for a reason."""
    people = {name.replace(".", "_"): f"weight: {weight}" for name, weight in WEIGHTS.items()}
    stage.publish(with_team("{among: [li.wei, sam.lee, chen.jie, eva.s]}", **people), **playbooks())
    got = at_once(stage, LEADS)
    assert got.total() == LEADS
    for name, weight in WEIGHTS.items():
        assert abs(got[name] - LEADS * weight / sum(WEIGHTS.values())) < 1, got
    log = stage.all(owners.table)
    assert len(log) == LEADS
    assert all("next in turn" in row["why"] for row in log)


@pytest.mark.parametrize("by", ["round-robin", "least-loaded"])
def test_four_workers_at_once_exceed_no_capacity(stage: Stage, by: str) -> None:
    """Deals count with leads; what nobody has room for is the fallback's."""
    rule = f"{{among: [li.wei, sam.lee], by: {by}, skip: [full], fallback: chen.jie}}"
    book = with_team(rule, li_wei="capacity: 20", sam_lee="capacity: 31", chen_jie="")
    stage.publish(book, **playbooks())
    put_deal(
        stage.store, {"name": "Licenses", "lead": "ann@example.com", "owner": "li.wei"},
        actor="tests",
    )  # fmt: skip
    got = at_once(stage, LEADS)
    assert (got["li.wei"], got["sam.lee"], got["chen.jie"]) == (19, 31, LEADS - 50)


ACCOUNTS = """\
enroll: {when: [{event: came.a}], again: always}
steps:
  - assign: new
    keep_account_owner: true
"""


def given(stage: Stage, lead: str, **fields: str) -> str:
    put_lead(stage.store, {"email": f"{lead}@example.com", **fields}, actor="tests")
    stage.event("came.a", lead)
    stage.work()
    return str(stage.lead(lead)["owner"])


def test_an_account_keeps_its_owner(stage: Stage) -> None:
    """Whoever has an open deal of the lead, then most leads of its company; else the rule."""
    rule = "{among: [li.wei]}"
    stage.publish(with_team(rule, li_wei="", sam_lee="capacity: 1", chen_jie=""), a=ACCOUNTS)
    for name in ("b1", "b2"):
        put_lead(
            stage.store,
            {"email": f"{name}@example.com", "company": "示例科技", "owner": "sam.lee"},
            actor="tests",
        )
    assert given(stage, "ann", company="示例科技") == "sam.lee"
    assert given(stage, "bo", company="Other") == "li.wei"
    put_lead(stage.store, {"email": "cy@example.com", "company": "示例科技"}, actor="tests")
    put_deal(
        stage.store, {"name": "Licenses", "lead": "cy@example.com", "owner": "chen.jie"},
        actor="tests",
    )  # fmt: skip
    assert given(stage, "cy") == "chen.jie"
    said = [str(one) for one in explain(stage.store, "ann@example.com")]
    assert any("sam.lee keeps the account: owns leads of 示例科技" in one for one in said)


def test_leads_of_one_company_that_come_together_get_one_owner(stage: Stage) -> None:
    """The first gets his by the rule; the others of the same slice follow."""
    rule = "{among: [li.wei, sam.lee, chen.jie]}"
    stage.publish(with_team(rule, li_wei="", sam_lee="", chen_jie=""), a=ACCOUNTS)
    for n in range(6):
        put_lead(stage.store, {"email": f"l{n}@example.com", "company": "Acme"}, actor="tests")
    take_in(
        stage.store,
        [IncomingEvent("came.a", {"email": f"l{n}@example.com"}) for n in range(6)],
    )
    stage.work()
    assert len({row["owner"] for row in stage.all(lead_table)}) == 1
