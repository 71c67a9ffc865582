"""Funnel, pipelines' health and report out of what really happened, on both databases."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.errors import InputError
from engine.operations.edit_deals import change_deal, put_deal
from engine.operations.edit_leads import change_lead, put_lead
from engine.operations.funnel import Period, funnel
from engine.operations.import_deals import import_deals
from engine.operations.pipeline_health import health
from engine.operations.sales_report import report
from engine.store import deals
from engine.store.database import Transaction
from tests.runtime.stage import WORKSPACE, Stage

SALES = (
    WORKSPACE.replace(
        "lead: {segment: text", "deal: {product: text}\n  lead: {segment: text"
    ).replace(
        "li.wei: {name: 李伟, email: li.wei@acme.example}",
        "li.wei: {name: 李伟, email: li.wei@acme.example, teams: [cn]}\n"
        "    sam.lee: {name: Sam Lee, email: sam@acme.example}",
    )
    + """\
currency: CNY
sources:
  baidu: {cost: 3000 per month}
pipelines:
  b2b:
    stages:
      - 初步接触: {probability: 10}
      - 方案: {probability: 50}
      - won: {closes: won}
      - lost: {closes: lost}
  partners:
    stages:
      - new
      - won: {closes: won}
"""
)


@pytest.fixture
def ready(stage: Stage) -> Stage:
    """Six leads of two sources, deals of two owners and currencies, and orders."""
    stage.publish(SALES, nothing="enroll: {when: [manual]}\nsteps: [{tag: x}]\n")
    for number, name in enumerate("abcdef"):
        values = {"email": f"{name}@example.com", "source": "baidu" if number < 4 else None}
        put_lead(stage.store, values, actor="test")
    for name in "ab":
        change_lead(stage.store, f"{name}@example.com", {"stage": "mql"}, actor="test")
    change_lead(stage.store, "a@example.com", {"stage": "customer"}, actor="test")
    change_lead(stage.store, "b@example.com", {"stage": "lead"}, actor="test", reason="no budget",
                force=True)  # fmt: skip
    return stage


def opened(house: Stage, id: str, lead: str = "a", /, **values: Any) -> None:
    document = {"id": id, "lead": f"{lead}@example.com", "name": id, "pipeline": "b2b", **values}
    put_deal(house.store, document, actor="test")


def by_stage(found: dict[str, Any], name: str) -> dict[str, Any]:
    return {row["stage"]: row[name] for row in found["stages"]}


def test_leads_are_counted_through_the_lifecycle(ready: Stage) -> None:
    """Who came so far, who is there now, where they went; and apart by source and month."""
    found = funnel(ready.store)
    assert by_stage(found, "reached")["lead"] == 6
    assert by_stage(found, "reached")["mql"] == 2
    assert by_stage(found, "reached")["opportunity"] == 1
    assert by_stage(found, "now")["lead"] == 5
    assert by_stage(found, "left_to")["mql"] == {"customer": 1, "lead": 1}
    assert by_stage(found, "rate")["lead"] == pytest.approx(2 / 6)
    apart = funnel(ready.store, by="source")["groups"]
    assert [(one["group"], by_stage(one, "reached")["mql"]) for one in apart] == [
        ("baidu", 2), ("–", 0)
    ]  # fmt: skip
    (month,) = funnel(ready.store, by="month")["groups"]
    assert by_stage(month, "reached") == by_stage(found, "reached")
    assert funnel(ready.store, by="segment")["groups"][0]["group"] == "–"


def test_a_period_takes_who_came_within_it(ready: Stage) -> None:
    """Everybody came now; nobody did in another year."""
    assert by_stage(funnel(ready.store, period=Period(date(1999, 1, 1))), "reached")["lead"] == 6
    assert (
        by_stage(funnel(ready.store, period=Period(None, date(1999, 1, 1))), "reached")["lead"] == 0
    )


def test_customers_who_buy_again_close_the_funnel(ready: Stage) -> None:
    """By their orders; of who never ordered, by the deals they won; each is counted once."""
    for lead in ("a", "a", "b"):
        ready.event("order.placed", lead, properties={"amount": 10, "currency": "USD"})
    opened(ready, "d-1", "a", stage="won", amount=99)
    opened(ready, "d-2", "c", stage="won", amount=5)
    again = funnel(ready.store)["again"]
    assert (again["customers"], again["again"]) == (3, 1)
    worth = report(ready.store)["clv"]
    assert worth["revenue"] == {"CNY": 5, "USD": 30}
    assert worth["per_customer"] == {"CNY": 5, "USD": 15}


def test_deals_are_counted_through_their_pipeline(ready: Stage) -> None:
    """Stages in any script; what came from another pipeline is counted from then on."""
    opened(ready, "d-1", amount=10)
    opened(ready, "d-2", amount=7, currency="USD")
    change_deal(ready.store, "d-1", {"stage": "方案"}, actor="test")
    change_deal(ready.store, "d-1", {"stage": "lost"}, actor="test")
    opened(ready, "d-3", pipeline="partners", amount=1)
    change_deal(ready.store, "d-3", {"stage": "b2b.方案"}, actor="test", force=True)
    found = funnel(ready.store, pipeline="b2b")
    assert by_stage(found, "reached") == {"初步接触": 3, "方案": 2, "won": 0}
    assert by_stage(found, "entered") == {"初步接触": 2, "方案": 2, "won": 0}
    assert by_stage(found, "left_to")["方案"] == {"lost": 1}
    assert by_stage(found, "amount")["方案"] == {"CNY": 1}
    assert by_stage(found, "amount")["初步接触"] == {"USD": 7}


def test_the_health_of_every_pipeline_is_told(ready: Stage) -> None:
    """With what is expected by probability, and why nothing more is judged yet."""
    opened(ready, "d-1", amount=10)
    opened(ready, "d-2", amount=7, currency="USD", stage="方案")
    b2b, partners = health(ready.store)
    assert b2b["expected"] == {
        "amount": {"CNY": 10, "USD": 7}, "by_probability": {"CNY": 1, "USD": 3.5},
        "by_history": None,
    }  # fmt: skip
    assert {one["what"] for one in b2b["unjudged"]} == {"stays", "ends", "open"}
    assert "0 have left it, and it takes 20" in b2b["unjudged"][0]["text"]
    assert partners["expected"]["amount"] == {}
    with pytest.raises(InputError, match="no pipeline is named 'b2c'"):
        health(ready.store, "b2c")


def test_stalled_deals_are_found_by_the_stages_own_history(ready: Stage) -> None:
    """Twenty-five left the stage at once; the one that has been there for a month is named."""
    for number in range(25):
        opened(ready, f"d-{number}", amount=1)
        change_deal(ready.store, f"d-{number}", {"stage": "方案"}, actor="test")
    opened(ready, "late", amount=5, owner="li.wei")
    _grow_old(ready, "late", 30)
    (b2b, _) = health(ready.store)
    (late,) = b2b["stalled"]
    assert (late["id"], late["owner"], late["at_least"]) == ("late", "li.wei", False)
    assert 29 < late["days"] < 31
    (row,) = b2b["stalled_by_owner"]
    assert (row["owner"], row["stage"], row["amount"]) == ("li.wei", "初步接触", {"CNY": 5})


def test_an_imported_deal_says_that_it_may_have_been_there_for_longer(
    ready: Stage, tmp_path: Path
) -> None:
    """Its stay is no evidence, and its age is a least one."""
    path = tmp_path / "deals.csv"
    path.write_bytes("id,name,邮箱,金额,销售阶段\nx,年度,a@example.com,3,方案\n".encode("gbk"))
    assert import_deals(ready.store, path).summary()["created"] == 1
    (stage,) = [one for one in health(ready.store, "b2b")[0]["stages"] if one["stage"] == "方案"]
    assert (stage["now"], stage["entered_90_days"]) == (1, 0)
    assert by_stage(funnel(ready.store, pipeline="b2b"), "reached")["方案"] == 1


def test_the_report_tells_what_was_won_and_what_is_to_come(ready: Stage) -> None:
    """By owner, team, source and a field of one's own; lost deals with their reasons."""
    opened(ready, "w", stage="won", amount=10, owner="li.wei", product="许可")
    opened(ready, "l", stage="lost", amount=4, owner="sam.lee", lost_reason="价格")
    opened(ready, "o", amount=100, owner="li.wei", expected_close_at="2031-05-05")
    found = report(ready.store, by="owner")
    assert (found["win_rate"]["won"], found["win_rate"]["lost"]) == (1, 1)
    assert found["lost_reasons"] == [{"reason": "价格", "deals": 1, "amount": {"CNY": 4}}]
    assert found["forecast"]["by_probability"] == {"CNY": 10}
    (month,) = found["forecast"]["months"]
    assert (month["month"], month["by_history"]) == ("2031-05", None)
    rows = {row["group"]: row["win_rate"]["won"] for row in found["groups"]}
    assert rows == {"li.wei": 1, "sam.lee": 0}
    for by, groups in (("team", {"cn", "–"}), ("source", {"baidu"}), ("product", {"许可", "–"})):
        assert {row["group"] for row in report(ready.store, by=by)["groups"]} == groups
    with pytest.raises(InputError, match="deals are not grouped by 'colour'"):
        report(ready.store, by="colour")


def test_a_source_has_its_price(ready: Stage) -> None:
    """Three thousand a month, for a customer, since the day that is given."""
    begin = ready.store.read(lambda tx: tx.now.date()) - timedelta(days=61)
    found = report(ready.store, period=Period(begin))
    (baidu, _) = found["sources"]
    assert (baidu["source"], baidu["leads"], baidu["customers"]) == ("baidu", 4, 1)
    assert 5_900 < baidu["cost"] < 6_300
    assert found["cac"]["per_customer"] == baidu["cac"] == baidu["cost"]
    assert report(ready.store)["cac"]["cost"] is None


def test_an_empty_workspace_is_reported_without_a_fault(stage: Stage) -> None:
    """Nothing divides by nothing; without pipelines there is no health to tell."""
    stage.publish(WORKSPACE, nothing="enroll: {when: [manual]}\nsteps: [{tag: x}]\n")
    assert report(stage.store)["win_rate"]["rate"] is None
    assert funnel(stage.store)["again"]["customers"] == 0
    with pytest.raises(InputError, match="has no pipeline"):
        health(stage.store)


def _grow_old(stage: Stage, deal: str, days: int) -> None:
    """The deal, and what is logged of it, as if it had happened so many days ago."""

    def age(tx: Transaction) -> None:
        earlier = tx.now - timedelta(days=days)
        mine = deals.table.c.id == deal
        tx.conn.execute(sa.update(deals.table).where(mine).values(stage_entered_at=earlier))
        logged = deals.change_table.c.deal == deal
        tx.conn.execute(sa.update(deals.change_table).where(logged).values(at=earlier))

    stage.store.write(age)
