"""Escalations through the runtime: what is watched, and which level fires when."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from activities._advance import advance
from engine.operations import braking, inbox, moving
from engine.operations.clock_changes import ClockChange
from engine.operations.edit_deals import change_deal
from engine.operations.edit_leads import put_lead
from engine.operations.explain import explain
from engine.operations.publish import preview
from engine.store import deals, enrollments, pools
from tests.runtime.clockwork import fire
from tests.runtime.stage import Stage, edition_with, soundness
from tests.runtime.stalling import HEAD, LEVELS, SALES, STALLED, levels, line, move, opened, turn


def _pooled(stage: Stage) -> list[dict[str, Any]]:
    return stage.all(pools.table)


def test_levels_fire_when_their_time_has_come(stage: Stage) -> None:
    """The owner is told and sees it in the inbox; then the manager is, and gets a task."""
    stage.publish(SALES, stalled=STALLED)
    opened(stage)
    turn(stage, days=2, minutes=-1)
    assert levels(stage) == []
    turn(stage, minutes=1)
    assert levels(stage) == [("fired", 1, 1)]
    assert (line(stage)["owner"], line(stage)["level"]) == ("li.wei", 1)
    turn(stage, days=2)
    assert levels(stage) == [("fired", 1, 1), ("fired", 2, 1)]
    assert line(stage)["level"] == 2
    assert [job["state"] for job in stage.jobs(kind="notify")] == ["accepted", "accepted"]
    assert [task["subject"] for task in stage.tasks(kind="task")] == ["Review Licenses"]
    turn(stage, days=9)
    assert len(levels(stage)) == 2
    soundness(stage)


def test_of_several_levels_that_are_due_only_the_highest_runs(sqlite_stage: Stage) -> None:
    """After a time when nobody was there the lower ones are recorded as passed over."""
    stage = sqlite_stage
    stage.publish(SALES, stalled=STALLED)
    opened(stage)
    stage.work()
    turn(stage, days=5)
    assert sorted(levels(stage)) == [("fired", 2, 1), ("passed", 1, 1)]
    assert [job["step"] for job in stage.jobs(kind="notify")] == ["notify-manager"]


def test_leaving_the_stage_ends_the_watch_and_its_line(stage: Stage) -> None:
    """The record of the run says why, and nobody is asked any more."""
    stage.publish(SALES, stalled=STALLED)
    deal = opened(stage)
    turn(stage, days=2)
    move(stage, deal, "review")
    assert (stage.run()["outcome"], stage.run()["reason"]) == (
        "exited", "it is not watched any more: its stage is 'review'",
    )  # fmt: skip
    assert inbox.listing(stage.store, kinds=("escalation",)) == []
    turn(stage, days=9)
    assert len(levels(stage)) == 1


def test_coming_back_into_the_stage_is_another_stay(sqlite_stage: Stage) -> None:
    """Its clock counts from then; the former stay has nothing to say."""
    stage = sqlite_stage
    stage.publish(SALES, stalled=STALLED)
    deal = opened(stage)
    turn(stage, days=1, hours=23)
    move(stage, deal, "review")
    change_deal(stage.store, deal, {"stage": "proposal"}, actor="tests", force=True)
    turn(stage, hours=2)
    assert levels(stage) == []
    turn(stage, days=2)
    assert levels(stage) == [("fired", 1, 1)]
    assert [run["state"] for run in sorted(stage.runs(), key=lambda run: run["id"])] == [
        "finished", "waiting",
    ]  # fmt: skip


def test_leaving_and_coming_back_before_anybody_looks_begins_anew(sqlite_stage: Stage) -> None:
    """In the very second in which the level fires: its transaction asks for the stay, not the
    stage."""
    stage = sqlite_stage
    stage.publish(SALES, stalled=STALLED)
    deal = opened(stage)
    stage.work()
    stage.turn(days=2)
    change_deal(stage.store, deal, {"stage": "review"}, actor="tests")
    change_deal(stage.store, deal, {"stage": "proposal"}, actor="tests", force=True)
    stage.work()
    assert levels(stage) == []
    assert ("climb", "round 1") in {
        (row["op"], row["outcome"]) for row in stage.all(enrollments.log_table)
    }


@pytest.mark.parametrize("fires_first", [True, False], ids=["the level", "the move"])
def test_of_a_level_and_a_move_in_one_second_one_wins(
    sqlite_stage: Stage, fires_first: bool
) -> None:
    """The record says which: the level and then the end, or the end alone."""
    stage = sqlite_stage
    stage.publish(SALES, stalled=STALLED)
    deal = opened(stage)
    stage.work()
    stage.turn(days=2)
    if fires_first:
        stage.work()
    change_deal(stage.store, deal, {"stage": "review"}, actor="tests")
    stage.work()
    assert levels(stage) == ([("fired", 1, 1)] if fires_first else [])
    assert stage.run()["reason"] == "it is not watched any more: its stage is 'review'"
    assert stage.log()[-1] == ("levels", "exited")


@pytest.mark.parametrize(("seconds", "fired"), [(-1, []), (1, [("fired", 1, 1)])],
                         ids=["before", "after"])  # fmt: skip
def test_an_activity_one_second_before_a_level_begins_another_round(
    sqlite_stage: Stage, seconds: int, fired: list[tuple[str, int, int]]
) -> None:
    """What was committed before the level is acted upon first, however late anybody looks."""
    stage = sqlite_stage
    stage.publish(SALES, stalled=STALLED)
    deal = opened(stage)
    stage.work()
    stage.turn(days=2, seconds=seconds)
    if seconds > 0:
        stage.work()
    stage.event("deal.activity", deal=deal)
    stage.turn(seconds=5)
    stage.work()
    assert levels(stage) == fired
    stage.turn(days=2)
    stage.work()
    assert levels(stage) == [*fired, ("fired", 1, 1 + len(fired))]


def test_a_reply_to_whosever_mail_begins_another_round(sqlite_stage: Stage) -> None:
    """The customer answers a mail of another playbook: it is an answer all the same."""
    stage = sqlite_stage
    nurture = "for: deal\nenroll: {when: [{stage: b2b.proposal}]}\nsteps: [{email: note}]\n"
    reset = STALLED.replace("deal.activity", "email.replied")
    stage.publish(SALES, stalled=reset, nurture=nurture)
    opened(stage)
    stage.work()
    mailed = stage.run(playbook="nurture")["id"]
    stage.turn(days=1)
    stage.event("email.replied", enrollment=mailed, source="email-note")
    stage.work()
    stage.turn(days=1)
    stage.work()
    assert levels(stage) == []


def test_an_event_that_stops_ends_the_watch_for_this_stay(sqlite_stage: Stage) -> None:
    """A later change of the record does not begin it again."""
    stage = sqlite_stage
    stops = f"{HEAD}clock: {{stops_on: [lead.contacted]}}\n{LEVELS}"
    stage.publish(SALES, stalled=stops)
    deal = opened(stage)
    stage.work()
    stage.event("lead.contacted")
    change_deal(stage.store, deal, {"amount": 5}, actor="tests")
    turn(stage, days=9)
    assert (levels(stage), len(stage.runs()), stage.run()["outcome"]) == ([], 1, "exited")


def test_a_condition_is_looked_at_with_every_change(sqlite_stage: Stage) -> None:
    """A deal that grows is watched from then on; one that shrinks is watched no more."""
    stage = sqlite_stage
    large = STALLED.replace("stage: proposal}", "stage: proposal, if: deal.amount >= 100}")
    stage.publish(SALES, stalled=large)
    deal = opened(stage, amount=5)
    assert stage.runs() == []
    change_deal(stage.store, deal, {"amount": 500}, actor="tests")
    stage.work()
    assert stage.run()["state"] == "waiting"
    change_deal(stage.store, deal, {"amount": 50}, actor="tests")
    stage.work()
    assert stage.run()["reason"] == (
        "it is not watched any more: deal.amount >= 100 (deal.amount is 50)"
    )


def test_a_deal_passes_from_owner_to_owner_and_stays_with_the_fallback(sqlite_stage: Stage) -> None:
    """Anew for every owner, so many rounds; in the last one it goes to the fallback's inbox."""
    stage = sqlite_stage
    speed = f"""\
{HEAD}clock: {{starts: assigned, rounds: 2, calendar: cn}}
levels:
  - after: 10 business minutes
    steps:
      - assign: closers
        exclude_current: true
      - notify: owner
"""
    stage.publish(SALES, speed=speed)
    opened(stage)
    stage.work()
    owners = []
    for _ in range(4):
        stage.turn(minutes=10)
        stage.work()
        owners.append(stage.all(deals.table)[0]["owner"])
    assert owners == ["sam.lee", "chen.jie", "chen.jie", "chen.jie"]
    assert levels(stage) == [("fired", 1, 1), ("fired", 1, 2)]
    (task,) = stage.tasks(kind="task")
    assert (task["owner"], task["subject"]) == (
        "chen.jie", "speed: nobody followed up in 2 rounds",
    )  # fmt: skip
    assert (stage.run()["state"], stage.run()["outcome"]) == ("finished", "completed")
    soundness(stage)


def test_last_activity_moves_the_clock(sqlite_stage: Stage) -> None:
    """Every activity begins another round, without being named; before the first, the entry."""
    stage = sqlite_stage
    idle = f"{HEAD}clock: {{starts: last_activity}}\n{LEVELS}".replace(
        "stage: proposal", "stage: any"
    )
    stage.publish(SALES, idle=idle)
    deal = opened(stage)
    for _ in range(3):
        stage.turn(days=1)
        stage.event("deal.activity", deal=deal)
        stage.work()
    assert levels(stage) == []
    stage.turn(days=2)
    stage.work()
    assert levels(stage) == [("fired", 1, 1)]
    move(stage, deal, "won")
    assert stage.run()["reason"] == "it is not watched any more: it is won"


@pytest.mark.parametrize("backdate", [False, True])
def test_what_is_there_at_the_first_apply(sqlite_stage: Stage, backdate: bool) -> None:
    """Its clock starts then; backdated it counts from the real entry, and floods nobody."""
    stage = sqlite_stage
    stage.publish(SALES)
    opened(stage)
    stage.turn(days=10)
    text = STALLED.replace("resets_on", f"backdate: {str(backdate).lower()}, resets_on")
    stage.publish(SALES, stalled=text)
    assert fire(stage) == 1
    stage.work()
    assert sorted(levels(stage)) == ([("fired", 2, 1), ("passed", 1, 1)] if backdate else [])
    stage.publish(SALES, stalled=text)
    assert fire(stage) == 0
    stage.turn(days=2)
    stage.work()
    assert len(levels(stage)) == (2 if backdate else 1)


def test_what_was_stopped_is_not_watched_again_by_another_version(sqlite_stage: Stage) -> None:
    """Another version looks over all records; those whose watch has ended in this stay rest."""
    stage = sqlite_stage
    stops = f"{HEAD}clock: {{stops_on: [lead.contacted]}}\n{LEVELS}"
    stage.publish(SALES, stalled=stops)
    opened(stage)
    opened(stage, lead="ben")
    stage.work()
    stage.event("lead.contacted")
    stage.work()
    wider = stops.replace("stage: proposal", "stage: [proposal, qualify]")
    stage.publish(SALES, stalled=wider)
    assert fire(stage) == 0


def test_time_alone_may_bring_a_record_in(sqlite_stage: Stage) -> None:
    """A condition about time is looked at every hour."""
    stage = sqlite_stage
    soon = HEAD.replace("proposal}", "won, if: (deal.expected_close_at | days_until) < 30}")
    stage.publish(SALES, renewal=soon + LEVELS)
    opened(stage, stage="won", expected_close_at="2026-05-01T00:00:00Z")
    fire(stage)
    assert stage.runs() == []
    stage.turn(days=32)
    fire(stage)
    assert stage.run()["state"] == "pending"


def test_leads_are_watched_as_well(sqlite_stage: Stage) -> None:
    """By their own stages; a release puts them into a pool, and ends what watches their owner."""
    stage = sqlite_stage
    idle = """\
kind: escalation
watch: {stage: [mql, sql], if: lead.owner is defined}
clock: {starts: last_activity}
levels:
  - after: 2 days
    steps:
      - notify: owner
  - after: 3 days
    steps:
      - release: open-sea
        cooldown: 30 days
"""
    stage.publish(SALES, idle=idle)
    put_lead(stage.store, {"email": "ann@example.com", "stage": "mql", "owner": "sam.lee"},
             actor="tests")  # fmt: skip
    turn(stage, days=2)
    assert line(stage)["owner"] == "sam.lee"
    turn(stage, days=1)
    assert [level for _, level, _ in levels(stage)] == [1, 2]
    assert stage.lead()["owner"] is None
    assert stage.run()["outcome"] == "exited"


def test_a_deal_is_released_into_a_pool(stage: Stage) -> None:
    """It lies there without an owner, with the name of the one who let it lie."""
    release = HEAD + "levels:\n  - after: 2 days\n    steps:\n      - release: open-sea\n"
    stage.publish(SALES, recycle=release)
    opened(stage)
    turn(stage, days=2)
    (row,) = stage.all(deals.table)
    assert row["owner"] is None
    assert [(one["deal"], one["former"]) for one in _pooled(stage)] == [(row["id"], "li.wei")]


def test_another_calendar_is_what_running_clocks_count_by(sqlite_stage: Stage) -> None:
    """Levels to come are due by it; one that has fired stays fired."""
    stage = sqlite_stage
    business = STALLED.replace("{resets_on", "{calendar: cn, resets_on").replace(
        "days", "business days"
    )
    stage.publish(SALES, stalled=business)
    opened(stage)
    stage.work()
    closed = SALES.replace("{country: CN", "{closed: [2026-03-03, 2026-03-04], country: CN")
    stage.publish(closed, stalled=business)
    fire(stage)
    stage.work()
    stage.turn(days=3)
    stage.work()
    assert levels(stage) == []
    stage.turn(days=1)
    stage.work()
    assert levels(stage) == [("fired", 1, 1)]


def test_plan_tells_what_an_apply_does_to_running_clocks(sqlite_stage: Stage) -> None:
    """A holiday makes levels later, a working day makes them sooner; a new watch says of whom."""
    stage = sqlite_stage
    business = STALLED.replace("{resets_on", "{calendar: cn, resets_on").replace(
        "days", "business days"
    )
    stage.publish(SALES)
    for lead in ("ann", "ben"):
        opened(stage, lead=lead)
    found = preview(stage.store, edition_with(SALES, stalled=business)).clocks
    assert found["stalled"] == ClockChange(begins=2)
    stage.publish(SALES, stalled=business)
    fire(stage)
    stage.work()
    closed = SALES.replace("{country: CN", "{closed: [2026-03-03], country: CN")
    found = preview(stage.store, edition_with(closed, stalled=business)).clocks
    assert found["stalled"] == ClockChange(running=2, later=2)
    stage.turn(days=1, hours=22)
    every_day = SALES.replace('"09:00-18:00"}', '"00:00-24:00"}')
    hours = business.replace("2 business days", "18 business hours")
    assert preview(stage.store, edition_with(SALES, stalled=hours)).clocks == {}
    found = preview(stage.store, edition_with(every_day, stalled=business)).clocks
    assert found["stalled"] == ClockChange(running=2, same=2)


def test_levels_that_wait_let_the_ladder_wait(sqlite_stage: Stage) -> None:
    """The clock goes on; a level that is due meanwhile fires when the one before has ended."""
    stage = sqlite_stage
    slow = STALLED.replace("- notify: owner\n", "- wait: 3 days\n      - notify: owner\n", 1)
    stage.publish(SALES, stalled=slow)
    opened(stage)
    stage.work()
    for _ in range(5):
        stage.turn(days=1)
        stage.work()
    assert [step for step, _ in stage.log()] == [
        "levels", "wait-3-days", "notify-owner", "levels", "notify-manager", "task-review",
    ]  # fmt: skip


def test_a_watch_that_is_moved_keeps_what_has_fired(sqlite_stage: Stage) -> None:
    """The level is the same in both versions; those to come are due as the new one says."""
    stage = sqlite_stage
    stage.publish(SALES, stalled=STALLED)
    opened(stage)
    stage.work()
    stage.turn(days=2)
    stage.work()
    sooner = STALLED.replace("after: 4 days", "after: 3 days")
    stage.publish(SALES, stalled=sooner)
    (moved,) = moving.move(stage.store)
    assert (moved.playbook, moved.moved) == ("stalled", 1)
    stage.work()
    assert levels(stage) == [("fired", 1, 1)]
    stage.turn(days=1)
    stage.work()
    assert levels(stage) == [("fired", 1, 1), ("fired", 2, 1)]
    soundness(stage)


def test_two_workers_fire_each_level_once(sqlite_stage: Stage) -> None:
    """Two drivers of one cohort at once: what one has done the other finds done."""
    stage = sqlite_stage
    stage.publish(SALES, stalled=STALLED)
    for lead in "abcdefgh":
        opened(stage, lead=lead)
    stage.work()
    stage.turn(days=2)
    (cohort,) = stage.cohorts()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: advance(stage.store, cohort), range(4)))
    stage.work()
    assert levels(stage) == [("fired", 1, 1)] * 8
    assert len({job["message_id"] for job in stage.jobs(kind="notify")}) == 8
    soundness(stage)


def test_business_time_is_the_owners(sqlite_stage: Stage) -> None:
    """Of two deals that enter at one moment each counts by the calendar of whoever owns it."""
    stage = sqlite_stage
    us = '  us: {hours: {mon-fri: "09:00-17:00"}, timezone: America/New_York}\nassignment:'
    workspace = SALES.replace("assignment:", us).replace(
        "{name: Sam Lee,", "{name: Sam Lee, calendar: us,"
    )
    hours = "levels:\n  - after: 2 business hours\n    steps: []\n"
    stage.publish(workspace, quick=f"{HEAD}clock: {{calendar: owner}}\n{hours}")
    opened(stage)
    opened(stage, lead="ben", owner="sam.lee")
    stage.work()
    # Monday noon in Shanghai is Sunday night in New York.
    due = {run["wake_at"].isoformat() for run in stage.runs()}
    assert due == {"2026-03-02T06:00:00+00:00", "2026-03-02T16:00:00+00:00"}


@pytest.mark.parametrize(("scope", "told"), [("", "accepted"), ("stalled", "deferred")],
                         ids=["everything", "by name"])  # fmt: skip
def test_escalations_go_on_when_mail_is_paused(sqlite_stage: Stage, scope: str, told: str) -> None:
    """No mail leaves, and people are still told what lies; unless this very playbook is named."""
    stage = sqlite_stage
    stage.publish(SALES, stalled=STALLED)
    opened(stage)
    stage.work()
    braking.pull(stage.store, scope)
    stage.turn(days=2)
    stage.work()
    assert [job["state"] for job in stage.jobs(kind="notify")] == [told]


def test_explain_says_why_a_lead_is_not_watched(sqlite_stage: Stage) -> None:
    """Its stage, or the condition that does not hold."""
    stage = sqlite_stage
    idle = "kind: escalation\nwatch: {stage: sql}\nlevels: [{after: 2 days, steps: []}]\n"
    stage.publish(SALES, idle=idle)
    put_lead(stage.store, {"email": "ann@example.com", "stage": "mql"}, actor="tests")
    found = explain(stage.store, "ann@example.com")
    (why,) = [one.why for one in found if one.what == "not watched by idle"]
    assert why == "its stage is 'mql'"
