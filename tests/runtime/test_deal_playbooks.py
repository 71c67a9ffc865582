"""Playbooks for deals, and deals that playbooks for leads open, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from engine.errors import InputError
from engine.operations import bulk
from engine.operations.edit_deals import change_deal, put_deal
from engine.operations.enrolling_by_hand import enroll, enroll_all
from engine.operations.enrolling_deals import enroll_deals
from engine.operations.firing import fire_due
from engine.operations.inbox import finish
from engine.store import deals, events
from tests.runtime.stage import WORKSPACE, Stage, soundness

PIPELINES = (
    WORKSPACE
    + """\
    sam.lee: {name: Sam Lee, email: sam@acme.example}
pipelines:
  b2b:
    stages:
      - qualify
      - demo: {enter_if: deal.amount is defined}
      - proposal: {leave_if: deal.quote_sent_at is defined}
      - won: {closes: won}
      - lost: {closes: lost, requires: [lost_reason]}
assignment:
  closers: [{among: [sam.lee]}]
"""
).replace("  lead: {segment", "  deal: {contract_ends_at: date}\n  lead: {segment")


def opened(house: Stage, lead: str = "ann", **values: Any) -> str:
    """A new deal of `lead`@example.com."""
    given = {"name": "Licenses", "lead": f"{lead}@example.com", **values}
    return put_deal(house.store, given, actor="tests").deal


def deal(stage: Stage, id: str | None = None) -> dict[str, Any]:
    (found,) = stage.all(deals.table, **({"id": id} if id else {}))
    return found


def test_a_deal_that_enters_a_stage_starts_the_playbooks_that_wait_there(stage: Stage) -> None:
    """The mail goes to the primary contact, and speaks of the deal and of its owner."""
    stage.publish(
        PIPELINES,
        proposals="""\
for: deal
enroll: {when: [{stage: b2b.proposal}]}
steps:
  - email: note
    subject: "{{ deal.name }} {{ deal.amount }} {{ owner.name }} {{ lead.email }}"
""",
    )
    id = opened(stage, amount=1200, owner="li.wei")
    opened(stage, lead="ben", amount=5)
    assert stage.runs() == []
    change_deal(stage.store, id, {"stage": "proposal"}, actor="tests")
    stage.work()
    run = stage.run()
    assert (run["record"], run["lead"], run["deal"]) == (id, stage.lead()["id"], id)
    assert run["outcome"] == "completed"
    job = stage.job()
    assert (job["address"], job["state"]) == ("ann@example.com", "accepted")
    assert job["subject"] == "Licenses 1200 李伟 ann@example.com"
    soundness(stage)


def test_steps_of_a_deal_playbook_work_on_the_deal(stage: Stage) -> None:
    """Bare fields, tags, stage and owner are the deal's; points and `lead.` are the contact's."""
    stage.publish(
        PIPELINES,
        working="""\
for: deal
enroll: {when: [{event: deal.created}]}
steps:
  - set: {decision_maker: "{{ lead.email }}", lead.segment: big}
  - update: {amount: deal.amount * 2}
  - tag: strategic
  - score: +10
  - assign: closers
    exclude_current: true
  - stage: proposal
  - stage: won
  - stage: lead.customer
  - task: "Congratulate {{ owner.name }}"
""",
    )
    opened(stage, amount=100, owner="li.wei")
    stage.work()
    row = deal(stage)
    assert (row["decision_maker"], row["amount"], row["tags"]) == (
        "ann@example.com", 200, ["strategic"],
    )  # fmt: skip
    assert (row["owner"], row["stage"], row["closed"]) == ("sam.lee", "proposal", "")
    ann = stage.lead()
    assert (ann["stage"], ann["score"], ann["owner"], ann["tags"]) == ("customer", 10, None, [])
    assert ann["fields"] == {"segment": "big"}
    (task,) = stage.tasks()
    assert (task["owner"], task["deal"], task["subject"]) == (
        "sam.lee", row["id"], "Congratulate Sam Lee",
    )  # fmt: skip
    assert ("stage-won", "left out") in stage.log()
    soundness(stage)


def test_a_move_that_is_not_allowed_is_left_out_and_explained(stage: Stage) -> None:
    """The step log says which criterion did not hold."""
    stage.publish(
        PIPELINES,
        pushing="""\
for: deal
enroll: {when: [{event: deal.created}]}
steps:
  - stage: demo
  - stage: lost
  - set: {lost_reason: price}
  - stage: lost
  - stage: qualify
  - stage: qualify
    force: true
""",
    )
    opened(stage)
    stage.work()
    assert deal(stage)["stage"] == "qualify"
    outcomes = [outcome for step, outcome in stage.log() if step.startswith("stage")]
    assert outcomes == ["left out", "left out", "moved", "left out", "moved"]


def test_an_event_without_a_deal_counts_for_all_open_deals_of_its_lead(stage: Stage) -> None:
    """Two open deals are enrolled; the lost one and other leads' deals are not (9.9)."""
    stage.publish(
        PIPELINES,
        listening="for: deal\nenroll: {when: [{event: form.submitted}]}\nsteps: [{tag: formed}]\n",
    )
    both = {opened(stage), opened(stage)}
    lost = opened(stage, lost_reason="price", stage="lost")
    opened(stage, lead="ben")
    stage.event("form.submitted")
    stage.work()
    assert {run["record"] for run in stage.runs()} == both
    assert deal(stage, lost)["last_activity_at"] is None
    for id in both:
        assert deal(stage, id)["last_activity_at"] is not None
        assert deal(stage, id)["tags"] == ["formed"]


def test_an_event_with_a_deal_counts_for_that_deal_alone(stage: Stage) -> None:
    """Neither the runs nor the triggers of the lead's other deals look at it."""
    stage.publish(
        PIPELINES,
        waiting="""\
for: deal
enroll: {when: [{event: deal.created}]}
steps:
  - wait_for: deal.activity
    up_to: 30 days
    then: [{end: active}]
""",
    )
    one, other = opened(stage), opened(stage)
    stage.work()
    stage.event("deal.activity", deal=one)
    stage.work()
    assert {run["record"]: run["outcome"] for run in stage.runs()} == {one: "active", other: ""}
    stage.event("deal.activity")
    stage.work()
    assert {run["outcome"] for run in stage.runs()} == {"active"}
    assert deal(stage, one)["last_activity_at"] is not None


def test_a_click_in_a_deals_mail_is_about_that_deal(stage: Stage) -> None:
    """The lead's other deal, in the same playbook, goes on waiting."""
    stage.publish(
        PIPELINES,
        asking="""\
for: deal
enroll: {when: [{event: deal.created}]}
steps:
  - email: note
  - wait_for: email.replied
    up_to: 3 days
    then: [{end: replied}]
""",
    )
    one, other = opened(stage), opened(stage)
    stage.work()
    runs = {run["record"]: run["id"] for run in stage.runs()}
    stage.event("email.replied", enrollment=runs[one], source="email-note")
    stage.work()
    assert {run["record"]: run["outcome"] for run in stage.runs()} == {one: "replied", other: ""}
    (kept,) = stage.all(events.table, name="email.replied")
    assert kept["deal"] == one


def test_another_contacts_event_on_a_deal_reaches_the_deal_and_that_contact(stage: Stage) -> None:
    """The deal's own contact did nothing, so no playbook for leads starts for her."""
    stage.publish(
        PIPELINES,
        deals="for: deal\nenroll: {when: [{event: form.submitted}]}\nsteps: [{tag: a}]\n",
        people="enroll: {when: [{event: form.submitted}]}\nsteps: [{tag: b}]\n",
    )
    id = opened(stage)
    stage.event("form.submitted", "ben", deal=id)
    stage.work()
    assert sorted((run["playbook"], run["record"]) for run in stage.runs()) == sorted(
        [("deals", id), ("people", stage.lead("ben")["id"])]
    )
    assert stage.lead()["tags"] == []


def test_a_deal_step_opens_one_deal_that_later_steps_know(stage: Stage) -> None:
    """The lead's own playbook moves it, changes it, and waits for its end."""
    stage.publish(
        PIPELINES,
        selling="""\
enroll: {when: [{event: order.placed}]}
steps:
  - deal: {name: "Order of {{ lead.email }}", amount: "{{ event.amount }}", owner: li.wei}
  - if: deal.amount > 10 and lead.stage == "lead"
    then:
      - stage: b2b.demo
      - set: {deal.decision_maker: Ann, segment: buyer}
  - wait_for: deal.won
    up_to: 30 days
    then: [{end: sold}]
    else: [{end: unsold}]
""",
    )
    stage.event("order.placed", properties={"amount": 12.5})
    stage.work()
    row, run = deal(stage), stage.run()
    assert (row["name"], row["amount"], row["stage"], row["owner"]) == (
        "Order of ann@example.com", 12.5, "demo", "li.wei",
    )  # fmt: skip
    assert (row["decision_maker"], stage.lead()["fields"]) == ("Ann", {"segment": "buyer"})
    assert (run["record"], run["deal"]) == (stage.lead()["id"], row["id"])
    other = opened(stage)
    change_deal(stage.store, other, {"stage": "won"}, actor="tests")
    stage.work()
    assert stage.run()["outcome"] == ""  # another deal was won, not this one
    change_deal(stage.store, row["id"], {"stage": "won"}, actor="tests")
    stage.work()
    assert stage.run()["outcome"] == "sold"
    soundness(stage)


def test_a_deal_that_may_not_be_opened_so_is_left_out(stage: Stage) -> None:
    """The run goes on; what asks for the deal finds nothing."""
    stage.publish(
        PIPELINES,
        selling="""\
enroll: {when: [{event: order.placed}]}
steps:
  - deal: {stage: demo}
  - if: deal.name is defined
    then: [{tag: opened}]
  - stage: b2b.won
""",
    )
    stage.event("order.placed")
    stage.work()
    assert stage.all(deals.table) == []
    assert stage.lead()["tags"] == []
    assert [outcome for _, outcome in stage.log()] == ["left out", "no", "left out", "completed"]


def test_segments_of_deals_become_true_by_the_deal_or_by_its_lead(stage: Stage) -> None:
    """The edge counts, whichever of the two records crossed it."""
    stage.publish(
        PIPELINES,
        big="""\
for: deal
enroll: {when: [{segment: "deal.amount > 100 and lead.country == 'CN'"}]}
steps: [{tag: big}]
""",
    )
    one = opened(stage, amount=500)
    assert stage.runs() == []
    stage.event("form.submitted", fields={"country": "CN"})
    two = opened(stage, amount=50)
    change_deal(stage.store, two, {"amount": 101}, actor="tests")
    change_deal(stage.store, two, {"amount": 102}, actor="tests")
    assert [run["record"] for run in stage.runs()] == [one, two]


def test_exits_look_at_the_deal(stage: Stage) -> None:
    """A deal that is won leaves, by an exit with the deal's amount as its value."""
    stage.publish(
        PIPELINES,
        chasing="""\
for: deal
enroll: {when: [{event: deal.created}]}
exit: [{event: deal.won, goal: sold, value: deal.amount}, {if: deal.stage == "lost"}]
steps: [{wait: 30 days}]
""",
    )
    one, other, third = (opened(stage, amount=n, lost_reason="x") for n in (1, 2, 3))
    stage.work()
    change_deal(stage.store, one, {"stage": "won"}, actor="tests")
    change_deal(stage.store, other, {"stage": "lost"}, actor="tests")
    stage.work()
    ends = {run["record"]: (run["outcome"], run["goal_value"]) for run in stage.runs()}
    assert ends == {one: ("sold", 1), other: ("exited", None), third: ("", None)}


def test_a_contact_who_unsubscribes_leaves_the_deals_nurture(stage: Stage) -> None:
    """Whose mail stops is the contact; so the runs of all her deals end."""
    stage.publish(PIPELINES, n="for: deal\nenroll: {when: [{event: deal.created}]}\n"
                               "steps: [{wait: 1 day}, {email: note}]\n")  # fmt: skip
    opened(stage), opened(stage)
    stage.unsubscribe()
    assert {run["outcome"] for run in stage.runs()} == {"unsubscribed"}


def test_a_deals_new_contact_gets_its_mail(stage: Stage) -> None:
    """The run goes along, with the mail that has not left."""
    stage.publish(
        PIPELINES,
        n="for: deal\nenroll: {when: [{event: deal.created}]}\nsteps: [{email: note}]\n",
    )
    id = opened(stage)
    stage.advance()
    change_deal(stage.store, id, {"lead": "ben@example.com"}, actor="tests")
    stage.work()
    assert stage.job()["address"] == "ben@example.com"
    assert stage.run()["lead"] == stage.lead("ben")["id"]


def test_a_task_of_a_deal_done_with_a_result_is_activity_on_the_deal(stage: Stage) -> None:
    """Not contact with the lead: that is what a lead's own task counts as (9.8)."""
    stage.publish(
        PIPELINES,
        n="for: deal\nenroll: {when: [{event: deal.created}]}\nsteps: [{task: Call them}]\n",
    )
    id = opened(stage)
    stage.work()
    (task,) = stage.tasks()
    finish(stage.store, task["id"], result="they want a quote")
    (kept,) = stage.all(events.table, name="deal.activity")
    assert kept["deal"] == id
    assert deal(stage)["last_activity_at"] is not None
    assert stage.lead()["last_contacted_at"] is None


def test_every_change_of_a_deal_is_an_event(stage: Stage) -> None:
    """Created, changed, moved, won: in the same transaction, on the deal."""
    stage.publish(PIPELINES)
    id = opened(stage, amount=10)
    change_deal(stage.store, id, {"decision_maker": "Ann"}, actor="tests")
    change_deal(stage.store, id, {"stage": "won", "amount": 20}, actor="tests")
    change_deal(stage.store, id, {"amount": 20}, actor="tests")
    kept = sorted(stage.all(events.table), key=lambda row: (row["at"], row["id"]))
    assert [row["name"] for row in kept] == [
        "deal.created", "deal.changed", "deal.changed", "deal.stage_changed", "deal.won",
    ]  # fmt: skip
    assert {row["deal"] for row in kept} == {id}
    assert kept[-1]["properties"]["amount"] == 20
    assert kept[3]["properties"]["previous"] == "qualify"


def test_a_lead_playbook_hears_of_the_leads_deals(stage: Stage) -> None:
    """A won deal makes a customer of the lead, when a playbook says so."""
    stage.publish(
        PIPELINES,
        customers="enroll: {when: [{event: deal.won}]}\nsteps: [{stage: customer}]\n",
    )
    id = opened(stage)
    assert stage.lead()["stage"] == "lead"
    change_deal(stage.store, id, {"stage": "won"}, actor="tests")
    stage.work()
    assert stage.lead()["stage"] == "customer"


def test_a_lead_cannot_be_enrolled_where_only_deals_are(stage: Stage) -> None:
    """A step that would do so is declined, and says why."""
    stage.publish(
        PIPELINES,
        deals="for: deal\nenroll: {when: [manual]}\nsteps: [{tag: a}]\n",
        people="enroll: {when: [{event: form.submitted}]}\nsteps: [{enroll: deals}]\n",
    )
    stage.event("form.submitted")
    stage.work()
    assert [run["playbook"] for run in stage.runs()] == ["people"]


def test_a_deal_must_have_a_contact(stage: Stage) -> None:
    """Nobody would get its mail otherwise."""
    stage.publish(PIPELINES)
    with pytest.raises(InputError, match="names no lead"):
        put_deal(stage.store, {"name": "Licenses"}, actor="tests")


def test_a_cron_trigger_enrolls_the_deals_that_its_condition_holds_of(stage: Stage) -> None:
    """One batch at its moment; deals of other stages and the leads themselves are left out."""
    stage.publish(
        PIPELINES,
        weekly="""\
for: deal
enroll:
  when: [{cron: "0 9 * * *", if: deal.stage == "proposal" and lead.country is not defined}]
  again: always
steps: [{tag: reviewed}]
""",
    )
    late = opened(stage, stage="proposal")
    opened(stage)
    stage.turn(days=1)
    while fire_due(stage.store).more:
        pass
    stage.work()
    assert [(run["record"], run["outcome"]) for run in stage.runs()] == [(late, "completed")]


def test_deals_are_enrolled_by_hand_by_id_or_by_a_condition(stage: Stage) -> None:
    """A playbook for leads takes the contacts instead; an unknown deal enrolls nobody."""
    stage.publish(
        PIPELINES,
        deals="for: deal\nenroll: {when: [manual], again: always}\nsteps: [{tag: a}]\n",
        people="enroll: {when: [manual]}\nsteps: [{tag: b}]\n",
    )
    one, two = opened(stage, amount=10), opened(stage, amount=20)
    with pytest.raises(InputError, match="there is no deal 'nope'"):
        enroll_deals(stage.store, "deals", ids=[one, "nope"])
    assert enroll_deals(stage.store, "deals", ids=[one]).enrolled == 1
    stage.work()
    found = enroll(stage.store, "deals", where="deal.amount > 15")
    assert (found.enrolled, found.skipped) == (1, {"where": 1})
    with pytest.raises(InputError, match="no playbook 'daels'"):
        enroll_deals(stage.store, "daels", ids=[one])
    assert enroll_deals(stage.store, "people", ids=[one, two]).enrolled == 1
    stage.work()
    assert [deal(stage, id)["tags"] for id in (one, two)] == [["a"], ["a"]]
    assert stage.lead()["tags"] == ["b"]


def test_a_bulk_enrollment_of_deals_is_durable_and_counts_deals(stage: Stage) -> None:
    """A driver that dies is followed by another; a playbook that is for leads by then ends it."""
    stage.publish(
        PIPELINES,
        deals="for: deal\nenroll: {when: [manual], again: always}\nsteps: [{tag: a}]\n",
    )
    stage.crowd(3)
    for number in range(12):
        opened(stage, amount=number)
    with pytest.raises(InputError, match=r"deal\.amonut"):
        bulk.begin(stage.store, "deals", where="deal.amonut > 3")
    began = bulk.begin(
        stage.store, "deals", where="deal.amount >= 4 and lead.email is matching('^ann')"
    )
    assert began.total == 12
    one, other = (bulk.Driver(stage.store, began.id, size=3) for _ in range(2))
    one.step()
    while other.step():
        one.step()
    row = bulk.show(stage.store, began.id)
    assert (row["record"], row["state"], row["looked"]) == ("deal", "finished", 12)
    assert (row["enrolled"], row["skipped"]) == (8, {"where": 4})
    assert len({run["record"] for run in stage.runs()}) == len(stage.runs()) == 8
    stage.work()
    late = bulk.begin(stage.store, "deals")
    bulk.Driver(stage.store, late.id, size=3).step()
    stage.publish(PIPELINES, deals="enroll: {when: [manual]}\nsteps: [{tag: a}]\n")
    with pytest.raises(InputError, match="'deals' is for leads now"):
        enroll_all(stage.store, late.id)
    assert len(stage.runs()) == 11


def test_two_drivers_at_once_open_each_deal_once(stage: Stage) -> None:
    """The deal's id is made from (enrollment, seq): the same step is the same deal."""
    stage.publish(
        PIPELINES,
        selling="enroll: {when: [{event: order.placed}]}\nsteps: [{deal: {name: Order}}]\n",
    )
    stage.crowd(60, "order.placed")
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(stage.advance), pool.submit(stage.advance)]:
            done.result()
    stage.work()
    rows = stage.all(deals.table)
    assert len(rows) == len({row["lead"] for row in rows}) == 60
    soundness(stage)
