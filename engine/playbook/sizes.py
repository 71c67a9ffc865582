"""How much record one enrollment leaves: an estimate from the plan alone.

Every op that is passed is a row of the step log, jumps excepted. Waits and jobs are also a time at
which the enrollment is looked at again; how many of those share one event of Temporal's history
depends on how many enrollments are due together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from engine.playbook.plan import Ask, Await, End, Jump, Op, Plan, Repeat, Send, Wait
from engine.playbook.routes import following, quickest, reached_from

Cost: TypeAlias = Callable[[Op], int]
"""What an op counts for."""


@dataclass(frozen=True)
class Loop:
    """A loop without a number of rounds: where it is, and what each round costs at least."""

    step: str
    rows: int
    takes: timedelta


@dataclass(frozen=True)
class Size:
    """The most that one enrollment leaves behind when it goes round no uncounted loop.

    Args:
        rows: of the step log.
        looks: times at which it is woken: after waits, mails and answers.
        loops: what each round of an uncounted loop adds.
    """

    rows: int
    looks: int
    loops: Sequence[Loop] = ()


def estimate(plan: Plan) -> Size:
    """The most rows and looks of one enrollment, and its uncounted loops."""
    return Size(
        _longest(plan, 0, len(plan.ops), -1, _row)[0],
        _longest(plan, 0, len(plan.ops), -1, _look)[0],
        _loops(plan),
    )


def _row(op: Op) -> int:
    return 0 if isinstance(op, Jump) else 1


def _look(op: Op) -> int:
    return 1 if isinstance(op, Wait | Await | Send | Ask) else 0


def _longest(plan: Plan, low: int, high: int, head: int, cost: Cost) -> dict[int, int]:
    """The most from each op in `low..high` on; a way back to `head` ends the round."""
    most: dict[int, int] = {}
    for at in range(high - 1, low - 1, -1):
        op = plan.ops[at]
        if isinstance(op, Repeat):
            inside = _longest(plan, at + 1, op.exit_to, at, cost) if op.exit_to > at + 1 else {}
            rounds = op.times * inside.get(at + 1, 0)
            most[at] = rounds + (op.times + 1) * cost(op) + most.get(op.exit_to, 0)
            continue
        onward = [most.get(target, 0) for target in following(op, at) if target > at]
        most[at] = cost(op) + max(onward, default=0)
    return most or {low: 0}


def _loops(plan: Plan) -> tuple[Loop, ...]:
    found: dict[str, Loop] = {}
    for at, op in enumerate(plan.ops):
        if isinstance(op, End | Repeat):
            continue
        for target in following(op, at):
            if target > at or isinstance(plan.ops[target], Repeat):
                continue
            if at not in reached_from(plan, target):
                continue
            quick = quickest(plan, {target: True}, 2)
            if quick is not None and quick.last not in found:
                found[quick.last] = Loop(quick.last, max(len(quick.steps) - 1, 1), quick.takes)
    return tuple(found.values())
