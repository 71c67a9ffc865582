"""Triggers by the clock in playbooks for deals: renewals, and every deal in a condition."""

from datetime import UTC, date, datetime

from engine.operations import coming
from engine.operations.edit_deals import change_deal, put_deal
from tests.runtime.clockwork import fire, moments, put
from tests.runtime.stage import WORKSPACE, Stage

DEALS = (WORKSPACE + "pipelines: {b2b: {stages: [qualify, demo, won: {closes: won}]}}\n").replace(
    "  lead: {segment", "  deal: {contract_ends_at: date}\n  lead: {segment"
)
RENEW = """\
for: deal
enroll: {when: [{date: 3 months before deal.contract_ends_at}], again: always}
steps:
  - task: "Renew {{ deal.name }}"
"""


def opened(stage: Stage, lead: str = "ann", **values: object) -> str:
    given = {"name": f"of {lead}", "lead": f"{lead}@example.com", **values}
    return put_deal(stage.store, given, actor="test").deal


def test_a_renewal_comes_three_months_before_the_contract_ends(sqlite_stage: Stage) -> None:
    """At the beginning of that day in the contact's zone; the 31st is the month's last day."""
    stage = sqlite_stage
    stage.publish(DEALS, renew=RENEW)
    put(stage, timezone="Europe/Berlin")
    deal = opened(stage, contract_ends_at=date(2026, 7, 31))
    assert moments(stage) == [datetime(2026, 4, 29, 22, tzinfo=UTC)]
    change_deal(stage.store, deal, {"contract_ends_at": date(2027, 5, 31)}, actor="test")
    assert moments(stage) == [datetime(2027, 2, 27, 23, tzinfo=UTC)]
    stage.turn(days=363)
    assert fire(stage) == 1
    stage.work()
    assert [task["subject"] for task in stage.tasks()] == ["Renew of ann"]
    assert (stage.run()["record"], stage.run()["lead"]) == (deal, stage.lead()["id"])


def test_a_contact_that_moves_moves_the_moments_of_its_deals(sqlite_stage: Stage) -> None:
    """The day begins where the contact is."""
    stage = sqlite_stage
    stage.publish(DEALS, renew=RENEW)
    opened(stage, contract_ends_at=date(2026, 7, 31))
    put(stage, timezone="America/New_York")
    assert moments(stage) == [datetime(2026, 4, 30, 4, tzinfo=UTC)]


def test_deals_that_were_there_before_are_filled_in(stage: Stage) -> None:
    """As leads are."""
    stage.publish(DEALS)
    for name in ("ann", "bob"):
        opened(stage, name, contract_ends_at=date(2090, 7, 31))
    opened(stage, "cid")
    stage.publish(DEALS, renew=RENEW)
    fire(stage)
    assert len(stage.all(coming.table)) == 2


def test_a_cron_trigger_of_deals_reaches_every_deal(sqlite_stage: Stage) -> None:
    """Every deal for which `if` holds, two of one lead as well."""
    stage = sqlite_stage
    stage.publish(
        DEALS,
        weekly="for: deal\nenroll:\n  when:\n    - {cron: 0 9 * * *, if: deal.stage == 'demo', "
        "timezone: lead}\n  again: always\nsteps:\n  - tag: one\n",
    )
    ids = [opened(stage, amount=number) for number in range(3)]
    for id_ in ids[:2]:
        change_deal(stage.store, id_, {"stage": "demo"}, actor="test")
    stage.turn(days=1)
    assert fire(stage) == 2
    assert {run["record"] for run in stage.runs()} == set(ids[:2])
