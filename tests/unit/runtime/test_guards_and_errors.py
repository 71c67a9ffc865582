"""What every step may carry: a guard, a note, an id, and what to do when it cannot be done."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from engine.errors import NeverWorksError
from engine.playbook.actions import ACTIONS
from engine.playbook.plan import Ask, Do, Plan, Send, Split
from engine.playbook.stepreading import VERBS
from engine.playbook.values import Scope
from engine.runtime.calendar import BusinessCalendar
from engine.runtime.interpreter import Acted, walk
from engine.runtime.position import Finish, JobEnd, Member, Rise, Stop
from engine.runtime.splitting import Drawn
from tests.cases.casework import compiled, with_steps

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)

STEPS = {
    "approve": "approve: Ready?\n  up_to: 1 day\n  then: [{tag: a}]\n  else: [{tag: b}]",
    "assign": "assign: new-leads",
    "choose": "choose:\n    - if: true\n      steps: [{tag: a}]\n    - else: [{tag: b}]",
    "deal": "deal: {name: Big, pipeline: b2b}",
    "email": "email: welcome",
    "end": "end: done",
    "enroll": "enroll: other",
    "goto": "goto: last",
    "leave": "leave: other",
    "notify": "notify: sales-room\n  message: Hi",
    "release": "release: cn-pool",
    "repeat": "repeat: {times: 2}\n  steps: [{wait: 1 day}]",
    "score": "score: +10",
    "set": "set: {segment: cold}",
    "split": "split: offer\n  arms: {a: {weight: 1, steps: [{tag: a}]}, b: {weight: 1, steps: []}}",
    "stage": "stage: mql",
    "tag": "tag: a",
    "task": "task: Call",
    "unsubscribe": "unsubscribe: all",
    "untag": "untag: a",
    "update": "update: {employees: lead.score}",
    "wait": "wait: 1 day",
    "wait_for": "wait_for: order.placed\n  up_to: 1 day\n  then: [{tag: a}]\n  else: [{tag: b}]",
    "webhook": "webhook: https://crm.example.com/leads",
}
FOLLOWED = sorted(set(STEPS) - {"end"})
"""Verbs behind which a step without a guard is reached."""
DOING = sorted(name for name in STEPS if name in ACTIONS or name == "approve")


def plan_of(verb: str, *options: str) -> Plan:
    lines = "".join(f"\n  {line}" for line in options)
    text = f"- {STEPS[verb]}{lines}\n- tag: last\n  id: last\n"
    found = compiled(with_steps(text))
    assert found.plan is not None, [str(one) for one in found.diagnostics if one.is_error]
    return found.plan


@dataclass
class Hands:
    """Does nothing, or cannot."""

    can: bool = True
    done: list[str] = field(default_factory=list)

    def _do(self, member: Member, op: Do | Send | Ask) -> None:
        if not self.can and op.step != "last":
            raise NeverWorksError("it is broken")
        self.done.append(op.step)

    def act(self, member: Member, op: Do) -> Acted:
        self._do(member, op)
        return Acted("done")

    def emit(self, member: Member, op: Send) -> None:
        self._do(member, op)

    def ask(self, member: Member, op: Ask, until_at: datetime) -> None:
        self._do(member, op)

    def rise(self, member: Member, rise: Rise) -> None:
        self.done.append(rise.op.step)

    def draw(self, member: Member, op: Split) -> Drawn:
        self.done.append(op.step)
        return Drawn(op.arms[0].name, "")


def walked(plan: Plan, hands: Hands, **options: object) -> Member:
    scope: dict[str, object] = {"lead": {"score": 5}, "run": {}, "now": NOW}
    member = Member("run", "ann", plan, 0, 0, "", None, NOW, 0, {}, scope, UTC)
    for name, value in options.items():
        setattr(member, name, value)
    walk(member, hands, _calendars, NOW)
    return member


def _calendars(_name: str, _scope: Scope) -> BusinessCalendar:
    return BusinessCalendar(zone=UTC, week={}, country="")


def test_every_verb_is_here() -> None:
    """A new verb comes with a line in this table; the guard of `if` is its argument."""
    assert set(STEPS) == VERBS - {"if"}


@pytest.mark.parametrize("verb", sorted(STEPS))
def test_a_guard_that_fails_leaves_the_whole_step_out(verb: str) -> None:
    """Neither the step nor anything inside it is done, neither then nor else."""
    plan = plan_of(verb, "id: guarded", "note: for the next reader", "if: lead.score > 50")
    hands = Hands()
    member = walked(plan, hands)
    assert hands.done == ["last"]
    assert [(line.step, line.outcome) for line in member.log] == [
        ("guarded", "no"), ("last", "done"), ("end", "completed"),
    ]  # fmt: skip


@pytest.mark.parametrize("verb", FOLLOWED)
def test_a_guard_that_holds_changes_nothing_else(verb: str) -> None:
    """The step is done as without a guard."""
    with_guard = walked(plan_of(verb, "id: it", "if: lead.score < 50"), Hands())
    without = walked(plan_of(verb, "id: it"), Hands())
    assert [(line.step, line.outcome) for line in with_guard.log] == [
        ("it", "yes"), *((line.step, line.outcome) for line in without.log),
    ]  # fmt: skip
    assert (with_guard.blocked_on, with_guard.until_at) == (without.blocked_on, without.until_at)


@pytest.mark.parametrize("verb", FOLLOWED)
def test_every_step_may_say_what_happens_when_it_fails(verb: str) -> None:
    """`on_error` is an option of each verb; where nothing can fail, a warning says so."""
    text = f"- {STEPS[verb]}\n  on_error: continue\n- tag: last\n  id: last\n"
    found = compiled(with_steps(text))
    assert found.plan is not None
    warned = "on-error-without-effect" in {one.rule for one in found.diagnostics}
    assert warned == (verb not in DOING)


@pytest.mark.parametrize("verb", DOING)
def test_what_cannot_be_done_stops_or_goes_on(verb: str) -> None:
    """By default a person decides; with `continue` the run goes on without it, and says so."""
    stopped = walked(plan_of(verb, "id: it"), Hands(can=False))
    assert stopped.ended == Stop("it is broken")
    hands = Hands(can=False)
    member = walked(plan_of(verb, "id: it", "on_error: continue"), hands)
    first = member.log[0]
    assert (first.step, first.outcome, first.why) == ("it", "failed", "it is broken")
    # A question that cannot be asked has no answer: `else`.
    assert member.ended == (Stop("it is broken") if verb == "approve" else Finish("completed"))


JOBS = [verb for verb in DOING if verb in ACTIONS and ACTIONS[verb].mode == "job"]


@pytest.mark.parametrize("verb", JOBS)
def test_what_was_refused_for_good_stops_or_goes_on(verb: str) -> None:
    """A job that was rejected after all attempts is a failure of its step."""
    refused = {"blocked_on": "job", "job": JobEnd("rejected", "550 no", NOW)}
    assert walked(plan_of(verb, "id: it"), Hands(), **refused).ended == Stop("550 no")
    member = walked(plan_of(verb, "id: it", "on_error: continue"), Hands(), **refused)
    assert [(line.step, line.outcome) for line in member.log][:2] == [
        ("it", "rejected"), ("last", "done"),
    ]  # fmt: skip
