"""Keyed enrollments and playbooks that start each other: of the same record and key."""

from collections import Counter

import pytest

from tests.runtime.stage import WORKSPACE, Stage, steps

ORDERS = steps(
    "enroll:",
    "  when: [{event: order.placed}]",
    "  key: event.id",
    "  again: never",
    "exit:",
    "  - {event: quote.accepted, if: event.id == run.key, goal: done}",
    "steps:",
)
EVENTS = "events: {quote.accepted: {id: text}}\n"


@pytest.fixture
def orders(stage: Stage) -> Stage:
    def publish(**playbooks: str) -> None:
        Stage.publish(stage, WORKSPACE + EVENTS, **playbooks)

    stage.publish = publish  # type: ignore[assignment, method-assign]
    return stage


def order(stage: Stage, id_: str, **more: object) -> None:
    stage.event("order.placed", properties={"id": id_, "amount": 10, **more})
    stage.work()


def keys(stage: Stage, **equal: object) -> list[str]:
    return sorted(run["key"] for run in stage.runs(**equal))


def test_each_key_has_a_run_of_its_own(orders: Stage) -> None:
    """Two orders of one lead are two runs; the same order again is none; `again` is per key."""
    orders.publish(order=ORDERS + "  - wait: 1 day\n")
    for id_ in ("A1", "A2", "A1"):
        order(orders, id_)
    assert keys(orders) == ["A1", "A2"]
    orders.turn(days=1, seconds=1)
    orders.work()
    for id_ in ("A1", "A3"):
        order(orders, id_)
    assert keys(orders) == ["A1", "A2", "A3"]


def test_a_run_knows_its_key(orders: Stage) -> None:
    """An exit, a wait and a text look at their own order alone."""
    orders.publish(
        order=ORDERS.split("exit:")[0] + "steps:\n"
        "  - wait_for: quote.accepted\n    where: event.id == run.key\n    up_to: 3 days\n"
        '    save: answer\n    then: [{task: "{{ run.key }} is {{ run.saved.answer.id }}"}]\n'
    )
    for id_ in ("A1", "A2"):
        order(orders, id_)
    orders.event("quote.accepted", properties={"id": "A2"})
    orders.work()
    assert [task["subject"] for task in orders.tasks()] == ["A2 is A2"]
    assert Counter(run["state"] for run in orders.runs()) == {"waiting": 1, "finished": 1}


def test_an_exit_ends_the_run_of_its_key(orders: Stage) -> None:
    """The other order's run goes on."""
    orders.publish(order=ORDERS + "  - wait: 9 days\n")
    for id_ in ("A1", "A2"):
        order(orders, id_)
    orders.event("quote.accepted", properties={"id": "A1"})
    orders.work()
    assert {run["key"]: run["outcome"] for run in orders.runs()} == {"A1": "done", "A2": ""}


SUB = "enroll: {when: [manual], again: always}\nsteps:\n  - wait: 9 days\n"
STARTED = [
    ("  - enroll: sub\n", ["A1", "A2"]),
    ("  - enroll: sub\n    key: event.id + '/x'\n", ["A1/x", "A2/x"]),
    ("  - enroll: sub\n    key: event.amount\n", ["10"]),
]


@pytest.mark.parametrize(("step", "found"), STARTED, ids=["its own", "an expression", "a number"])
def test_a_playbook_starts_another_for_the_same_key(
    orders: Stage, step: str, found: list[str]
) -> None:
    """The run's own key, unless the step says another: an expression, as `enroll.key` is."""
    orders.publish(order=ORDERS + step + "  - wait: 1 day\n", sub=SUB)
    for id_ in ("A1", "A2"):
        order(orders, id_)
    assert keys(orders, playbook="sub") == found


def test_a_run_without_a_key_leaves_it_to_the_other_playbook(orders: Stage) -> None:
    """Its `key:` looks at the event that is handed on."""
    first = ORDERS.replace("  key: event.id\n", "").replace("  again: never", "  again: always")
    sub = SUB.replace("again: always", "key: event.id, again: always")
    orders.publish(order=first + "  - enroll: sub\n", sub=sub)
    for id_ in ("A1", "A2"):
        order(orders, id_)
    assert keys(orders, playbook="sub") == ["A1", "A2"]


LEFT = [
    ("  - leave: sub\n", ["A1"]),
    ("  - leave: sub\n    key: \"'A2'\"\n", ["A2"]),
    ("  - leave: sub\n    key: \"'none'\"\n", []),
]


@pytest.mark.parametrize(("step", "found"), LEFT, ids=["its own", "another", "one that is not"])
def test_a_playbook_ends_another_of_the_same_key(
    orders: Stage, step: str, found: list[str]
) -> None:
    """The lead's other runs there go on."""
    left = "enroll: {when: [{event: quote.accepted}], key: event.id}\nsteps:\n" + step
    orders.publish(order=ORDERS.split("exit:")[0] + "steps:\n  - enroll: sub\n", sub=SUB, left=left)
    for id_ in ("A1", "A2"):
        order(orders, id_)
    orders.event("quote.accepted", properties={"id": "A1"})
    orders.work()
    assert [run["key"] for run in orders.runs(playbook="sub", outcome="left")] == found


def test_a_run_without_a_key_ends_every_one(orders: Stage) -> None:
    """It is about the record as a whole."""
    orders.publish(
        order=ORDERS.split("exit:")[0] + "steps:\n  - wait: 9 days\n",
        left="enroll: {when: [{event: form.submitted}]}\nsteps:\n  - leave: order\n",
    )
    for id_ in ("A1", "A2"):
        order(orders, id_)
    orders.event("form.submitted")
    orders.work()
    assert {run["outcome"] for run in orders.runs(playbook="order")} == {"left"}


def test_playbooks_that_start_each_other_come_to_rest(orders: Stage) -> None:
    """Twenty in a row, and no more: the step is left out, and says why."""
    start = "enroll: {when: [%s], again: always}\nsteps:\n  - score: +1\n  - enroll: %s\n"
    orders.publish(
        ping=start % ("{event: form.submitted}", "pong"), pong=start % ("manual", "ping")
    )
    orders.event("form.submitted")
    for _ in range(30):
        orders.work()
    assert len(orders.runs()) == 21
    assert orders.log(orders.runs()[-1]["id"])[1] == ("enroll-pong", "left out")


def test_a_circle_that_rests_goes_on(orders: Stage) -> None:
    """A month between them is a nurture, not a runaway."""
    start = "enroll: {when: [%s], again: always}\nsteps:\n  - wait: 30 days\n  - enroll: %s\n"
    orders.publish(
        ping=start % ("{event: form.submitted}", "pong"), pong=start % ("manual", "ping")
    )
    orders.event("form.submitted")
    for _ in range(25):
        orders.work()
        orders.turn(days=31)
    orders.work()
    assert len(orders.runs()) == 26
