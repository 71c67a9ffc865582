"""The ways through a plan: what follows what, which ops come before which, how long it may take.

It looks at ops only. Whether a way is likely is nobody's knowledge here: every way counts.
"""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

from engine.errors import InputError
from engine.playbook.durations import parse_duration
from engine.playbook.plan import (
    Ask,
    Await,
    Branch,
    Climb,
    Do,
    End,
    Jump,
    Op,
    Plan,
    Repeat,
    Send,
    Split,
    Wait,
)

_NOTHING = timedelta(0)
_A_DAY = timedelta(days=1)  # what a wait until a moment takes, as far as anyone can know
_MOST_STATES = 4000


def following(op: Op, at: int) -> tuple[int, ...]:
    """The ops that may come right after the op at `at`, as the plan numbers them."""
    match op:
        case Do() | Send():
            return (at + 1,)
        case Wait():
            skips = op.until and "skip" in (op.on_past, op.on_missing)
            return (at + 1, op.skip_to) if skips else (at + 1,)
        case Await() | Branch() | Ask():
            return (at + 1, op.else_to)
        case Jump():
            return (op.to,)
        case Repeat():
            return (at + 1, op.exit_to)
        case Split():
            return op.ways
        case Climb():
            return (*op.ways, op.exit_to)
        case End():
            return ()
        case _:
            assert_never(op)


def reached_from(plan: Plan, start: int) -> frozenset[int]:
    """The ops that may come after the op at `start`; itself only by a loop."""
    found, waiting = set[int](), [start]
    while waiting:
        at = waiting.pop()
        for target in following(plan.ops[at], at):
            if target not in found:
                found.add(target)
                waiting.append(target)
    return frozenset(found)


def least(op: Op, *, onward: bool) -> timedelta:
    """The least time an op takes.

    Args:
        onward: it goes on with the next op; else with the other one, when the time is over.
    """
    match op:
        case Wait(span=span):
            return length(span) if span else _A_DAY
        case Await(up_to=up_to) if not onward:
            return length(up_to)
        case _:
            return _NOTHING


def length(text: str) -> timedelta:
    """About how long a duration is; business days as days, and nothing for what has no length."""
    try:
        return parse_duration(text).rough if text and text != "forever" else _NOTHING
    except InputError:
        return _NOTHING


@dataclass(frozen=True)
class Burst:
    """The quickest way to do something several times: the steps on it, and how long it takes."""

    steps: tuple[str, ...]
    takes: timedelta
    last: str


def quickest(plan: Plan, counted: Mapping[int, bool], times: int) -> Burst | None:
    """The quickest way through `times` ops of those that are `counted`, from one of them on.

    Counted loops end after their number of rounds. None when there is no such way, or when the
    plan has too many ways to look at.
    """
    best: Burst | None = None
    for start in counted:
        found = _quickest_from(plan, start, counted, times)
        if found is not None and (best is None or found.takes < best.takes):
            best = found
    return best


def _quickest_from(plan: Plan, start: int, counted: Mapping[int, bool], times: int) -> Burst | None:
    """Dijkstra's way over places, with how often each counted loop was gone round."""
    waiting: list[tuple[timedelta, int, int, int, tuple[tuple[int, int], ...], tuple[str, ...]]]
    inside = tuple(
        (at, 1)
        for at, op in enumerate(plan.ops)
        if isinstance(op, Repeat) and at < start < op.exit_to
    )
    waiting = [(_NOTHING, 0, start, 0, inside, ())]
    seen: set[tuple[int, int, tuple[tuple[int, int], ...]]] = set()
    number = 0
    while waiting and len(seen) < _MOST_STATES:
        takes, _, at, done, rounds, steps = heapq.heappop(waiting)
        if (at, done, rounds) in seen:
            continue
        seen.add((at, done, rounds))
        op = plan.ops[at]
        steps = steps if steps[-1:] == (op.step,) or isinstance(op, Jump) else (*steps, op.step)
        done += at in counted
        if done == times:
            return Burst(steps, takes, op.step)
        for target, gone in _onward(op, at, rounds):
            number += 1
            later = takes + least(op, onward=target == at + 1)
            heapq.heappush(waiting, (later, number, target, done, gone, steps))
    return None


def _onward(
    op: Op, at: int, rounds: tuple[tuple[int, int], ...]
) -> Iterator[tuple[int, tuple[tuple[int, int], ...]]]:
    if not isinstance(op, Repeat):
        for target in dict.fromkeys(following(op, at)):
            yield target, rounds
        return
    gone = dict(rounds)
    before = gone.pop(at, 0)
    yield op.exit_to, tuple(sorted(gone.items()))
    if before < op.times:
        yield at + 1, tuple(sorted({**gone, at: before + 1}.items()))
