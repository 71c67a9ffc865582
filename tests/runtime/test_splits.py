"""Splits: arms by weight, samples, winners, and what is counted for them."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from activities._advance import _walk_slice, advance
from engine.operations import control
from engine.store import enrollments, leads, splits
from engine.store.database import Transaction
from tests.runtime.stage import Stage, soundness

ON_FORM = "enroll: {when: [{event: form.submitted}]}\n"
PLAIN = (
    ON_FORM
    + """\
steps:
  - split: offer
    arms:
      some: {weight: 75, steps: [{tag: offered}]}
      none: {weight: 25, steps: []}
  - tag: after
"""
)


def measured(sample: int, *, within: str = "2 days", by: str = "order.placed") -> str:
    """A split with a winner, whose arms end at once."""
    return (
        ON_FORM
        + f"""\
steps:
  - split: offer
    arms:
      some: {{weight: 50, steps: [{{tag: offered}}]}}
      none: {{weight: 50, steps: []}}
    winner: {{by: {by}, within: {within}, sample: {sample}}}
"""
    )


def draws(stage: Stage, **equal: object) -> list[dict[str, Any]]:
    return sorted(stage.all(splits.table, **equal), key=lambda row: (row["at"], row["enrollment"]))


def by_arm(stage: Stage) -> dict[str, int]:
    found = [row["arm"] for row in draws(stage)]
    return {arm: found.count(arm) for arm in sorted(set(found))}


def leads_in(stage: Stage, arm: str) -> list[str]:
    """The names of the leads that drew an arm."""
    names = {row["id"]: row["email"].partition("@")[0] for row in _leads(stage)}
    return [names[row["lead"]] for row in draws(stage, arm=arm)]


def _leads(stage: Stage) -> list[dict[str, Any]]:
    return stage.all(leads.table)


def standing(stage: Stage) -> dict[str, Any]:
    (found,) = stage.all(splits.standing_table)
    return found


def test_a_crowd_is_shared_out_by_weight_and_held_out_leads_go_straight_on(stage: Stage) -> None:
    """Three of four are in the arm that does something; everybody comes to what follows."""
    stage.publish(tour=PLAIN)
    stage.crowd(400)
    stage.advance()
    found = by_arm(stage)
    assert found["some"] + found["none"] == 400
    assert 250 < found["some"] < 350
    tags = [tuple(row["tags"]) for row in _leads(stage)]
    assert {each: tags.count(each) for each in set(tags)} == {
        ("offered", "after"): found["some"],
        ("after",): found["none"],
    }
    soundness(stage)


def test_an_arm_is_kept_on_every_round_and_counted_once(stage: Stage) -> None:
    """Whoever comes back to the split goes the same way, and has entered it once."""
    stage.publish(
        tour=ON_FORM
        + """\
steps:
  - repeat: {times: 3}
    steps:
      - split: offer
        arms:
          a: {weight: 1, steps: [{score: +1}]}
          b: {weight: 1, steps: [{score: +10}]}
      - wait: 1 day
"""
    )
    stage.crowd(40)
    for _ in range(5):
        stage.advance()
        stage.turn(days=1, hours=1)
    assert len(draws(stage)) == 40
    assert {row["score"] for row in _leads(stage)} == {3, 30}
    assert {run["outcome"] for run in stage.runs()} == {"completed"}


def test_new_weights_touch_new_entrants_only(stage: Stage) -> None:
    """Who has drawn keeps the arm of its version; who comes in after draws by the new weights."""
    first = ON_FORM + (
        "steps:\n  - split: offer\n    arms:\n      a: {weight: 99, steps: []}\n"
        "      b: {weight: 1, steps: []}\n  - wait: 1 day\n  - end: done\n"
    )
    stage.publish(tour=first)
    stage.crowd(50, "form.submitted")
    stage.advance()
    before = by_arm(stage)
    turned = first.replace("a: {weight: 99", "a: {weight: 1")
    stage.publish(tour=turned.replace("b: {weight: 1", "b: {weight: 99"))
    stage.turn(days=2)
    stage.advance()
    assert by_arm(stage) == before
    for n in range(50):
        stage.event("form.submitted", f"late{n}")
    stage.advance()
    late = [row["arm"] for row in draws(stage)][-50:]
    assert late.count("b") > 40


def test_a_lead_that_comes_again_draws_the_same_arm_over_versions(stage: Stage) -> None:
    """Another version of the playbook with the same split gives each record the arm it had."""
    text = (
        "enroll: {when: [{event: form.submitted}], again: always}\n"
        "steps:\n  - split: offer\n    arms:\n      a: {weight: 1, steps: []}\n"
        "      b: {weight: 1, steps: []}\n"
    )
    stage.publish(tour=text)
    stage.crowd(60)
    stage.advance()
    first = {row["lead"]: row["arm"] for row in draws(stage)}
    stage.publish(tour=text + "  - tag: changed\n")
    stage.turn(hours=1)
    stage.crowd(60)
    stage.advance()
    rows = draws(stage)
    assert len(rows) == 120
    assert {row["lead"]: row["arm"] for row in rows[60:]} == first


def test_the_first_are_a_sample_the_later_ones_wait_and_then_the_better_arm_is_drawn(
    stage: Stage,
) -> None:
    """Sample by weight, wait until it had its time, then mostly the arm that converts."""
    stage.publish(tour=measured(60))
    stage.crowd(60)
    stage.advance()
    for lead in leads_in(stage, "some"):
        stage.event("order.placed", lead)
    stage.turn(days=1)
    stage.crowd(100)
    for n in range(100, 200):
        stage.event("form.submitted", f"lead{n}")
    stage.advance()
    waiting = stage.runs(state="waiting")
    assert len(waiting) == 140
    assert {run["blocked_on"] for run in waiting} == {"split"}
    assert {run["until_at"] for run in waiting} == {standing(stage)["decide_at"]}
    assert stage.runs(outcome="completed") == [
        run for run in stage.runs() if run["state"] == "finished"
    ]
    stage.turn(days=1, minutes=1)
    stage.advance()
    assert stage.runs(state="waiting") == []
    later = draws(stage, by_weight=False)
    assert len(later) == 140
    assert sum(row["arm"] == "some" for row in later) > 130
    assert standing(stage)["sampled"] == 60
    soundness(stage)


def test_the_evidence_of_a_draw_is_on_record(sqlite_stage: Stage) -> None:
    """What was known of each arm, and what was drawn, stands in the step log."""
    stage = sqlite_stage
    stage.publish(tour=measured(2))
    stage.crowd(2)
    stage.advance()
    stage.turn(days=2, minutes=1)
    stage.event("form.submitted", "late")
    stage.advance()
    run = next(run for run in stage.runs() if run["record"] == stage.lead("late")["id"])
    (line,) = [
        row
        for row in stage.all(enrollments.log_table, enrollment=run["id"])
        if row["step"] == "split-offer"
    ]
    assert line["outcome"] in {"some", "none"}
    assert line["why"].startswith("by what is known: some 0/")
    assert run["memory"]["arms"] == {"offer": line["outcome"]}


@pytest.mark.parametrize(
    ("after", "counts"), [({"hours": 1}, True), ({"days": 3}, False)], ids=["in time", "too late"]
)
def test_only_what_happens_in_time_counts_though_the_run_has_ended(
    stage: Stage, after: dict[str, float], counts: bool
) -> None:
    """The event counts for the arm until the split's time is over, whatever became of the run."""
    stage.publish(tour=measured(5))
    stage.event("form.submitted")
    stage.advance()
    assert stage.run()["state"] == "finished"
    stage.turn(**after)
    stage.event("order.placed")
    stage.event("order.placed")
    (row,) = draws(stage)
    assert (row["converted_at"] is not None) == counts


def test_a_click_counts_for_the_run_whose_mail_it_is_on(stage: Stage) -> None:
    """A click on another run's mail converts nothing; hold-outs click on no mail of theirs."""
    stage.publish(
        tour=measured(50, by="email.clicked").replace("[{tag: offered}]", "[{email: note}]")
    )
    stage.crowd(10)
    stage.work()
    runs = {run["record"]: run["id"] for run in stage.runs()}
    ids = {row["email"].partition("@")[0]: row["id"] for row in _leads(stage)}
    for lead in leads_in(stage, "none"):
        stage.event("email.clicked", lead, enrollment="another")
    for lead in leads_in(stage, "some"):
        stage.event("email.clicked", lead, enrollment=runs[ids[lead]])
    assert {row["arm"] for row in draws(stage) if row["converted_at"]} == {"some"}
    assert {row["arm"] for row in draws(stage) if not row["converted_at"]} == {"none"}


def test_held_out_leads_count_by_the_same_event(stage: Stage) -> None:
    """A hold-out that buys by itself is a conversion of the hold-out."""
    stage.publish(tour=measured(40))
    stage.crowd(40)
    stage.advance()
    for lead in leads_in(stage, "none")[:3]:
        stage.event("order.placed", lead)
    stage.turn(days=2, minutes=1)
    stage.event("form.submitted", "late")
    stage.advance()
    held_out = len(leads_in(stage, "none"))
    evidence = standing(stage)["evidence"]
    assert evidence["none"][1] == 3
    assert evidence["some"][1] == 0
    assert evidence["none"][0] in {held_out, held_out - 1}


def test_two_transactions_at_once_never_pass_the_sample(stage: Stage) -> None:
    """Several drivers draw at the same time: exactly the sample is drawn by weight."""
    stage.publish(tour=measured(37))
    stage.crowd(120)
    barrier = threading.Barrier(4)

    def drive() -> None:
        barrier.wait()
        for _ in range(12):
            for cohort in stage.cohorts():
                advance(stage.store, cohort, limit=7)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(drive) for _ in range(4)]:
            done.result()
    stage.advance()
    assert len(draws(stage)) == len(draws(stage, by_weight=True)) == 37
    assert standing(stage)["sampled"] == 37
    assert len(stage.runs(state="waiting")) == 83
    soundness(stage)


class _Crash(Exception):
    """Something that happens right before the commit."""


def test_a_repeated_transaction_draws_the_same(sqlite_stage: Stage) -> None:
    """What was drawn before a crash is drawn again after it."""
    stage = sqlite_stage
    stage.publish(tour=measured(10))
    stage.crowd(10)
    stage.advance()
    stage.turn(days=3)
    for n in range(30):
        stage.event("form.submitted", f"late{n}")
    seen: list[list[tuple[str, str]]] = []

    def crashing(tx: Transaction) -> None:
        (cohort,) = stage.cohorts()
        _walk_slice(tx, cohort, enrollments.due(tx, cohort, 500))
        rows = tx.conn.execute(splits.table.select()).mappings()
        seen.append(sorted((row["enrollment"], row["arm"]) for row in rows))
        raise _Crash

    for _ in range(2):
        with pytest.raises(_Crash):
            stage.store.write(crashing)
    stage.advance()
    assert seen[0] == seen[1] == sorted((row["enrollment"], row["arm"]) for row in draws(stage))


def test_a_person_ends_the_wait_for_a_winner(stage: Stage) -> None:
    """`skip` draws at once, by what is known so far."""
    stage.publish(tour=measured(2))
    for name in ("ann", "bob", "eve"):
        stage.event("form.submitted", name)
        stage.advance()
    (waiting,) = stage.runs(state="waiting")
    control.skip(stage.store, waiting["id"], "chen.jie")
    stage.advance()
    (line,) = [row for row in draws(stage) if row["enrollment"] == waiting["id"]]
    assert not line["by_weight"]
    assert {run["state"] for run in stage.runs()} == {"finished"}
    soundness(stage)


def test_a_wait_behind_a_split_counts_from_the_draw(sqlite_stage: Stage) -> None:
    """Whoever waited for the winner has been at the split until then."""
    stage = sqlite_stage
    stage.publish(tour=measured(2) + "  - wait: 1 hour\n")
    stage.crowd(2)
    stage.advance()
    stage.event("form.submitted", "late")
    stage.advance()
    stage.turn(days=2, minutes=5)
    stage.advance()
    run = next(run for run in stage.runs() if run["record"] == stage.lead("late")["id"])
    assert stage.clock is not None
    assert run["until_at"] == stage.clock.now + timedelta(hours=1)


def test_an_exit_ends_the_wait_for_a_winner(stage: Stage) -> None:
    """Whoever buys while waiting leaves, and draws nothing."""
    stage.publish(
        tour="exit: [{event: order.placed, goal: bought}]\n" + measured(2, by="page.viewed")
    )
    for name in ("ann", "bob", "eve"):
        stage.event("form.submitted", name)
        stage.advance()
    stage.event("order.placed", "eve")
    stage.advance()
    assert len(draws(stage)) == 2
    assert stage.runs(outcome="bought")


def test_another_event_to_win_by_begins_a_new_sample(stage: Stage) -> None:
    """What was known of the arms by the old event says nothing about the new one."""
    stage.publish(tour=measured(4))
    stage.crowd(4)
    stage.advance()
    stage.turn(days=3)
    stage.publish(tour=measured(4, by="page.viewed"))
    for n in range(6):
        stage.event("form.submitted", f"late{n}")
    stage.advance()
    rows = stage.all(splits.standing_table)
    assert {row["event"]: row["sampled"] for row in rows} == {"order.placed": 4, "page.viewed": 4}
    assert len(stage.runs(state="waiting")) == 2


def test_samples_of_two_playbooks_and_of_two_splits_are_their_own(stage: Stage) -> None:
    """Each split of each playbook has a sample of its own."""
    two = measured(3) + measured(4).partition("steps:\n")[2].replace("split: offer", "split: again")
    stage.publish(tour=two, other=measured(5))
    stage.crowd(10)
    stage.advance()
    found = {
        (row["playbook"], row["split"]): row["sampled"] for row in stage.all(splits.standing_table)
    }
    assert found == {("tour", "offer"): 3, ("tour", "again"): 3, ("other", "offer"): 5}
