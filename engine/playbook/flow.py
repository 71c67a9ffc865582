"""Where a playbook can go: steps nobody reaches, and loops that would never rest."""

from collections.abc import Iterable

from engine.playbook.lowering import Lowering
from engine.playbook.model import Steps
from engine.playbook.naming import every
from engine.playbook.plan import Ask, Await, Climb, Repeat, Wait
from engine.playbook.reading import Reader
from engine.playbook.step import ControlStep, Step

_RESTS = (Wait, Await, Ask, Climb)


def check_flow(lowering: Lowering, steps: Steps, reader: Reader) -> None:
    """Reports unreachable steps and loops without a wait."""
    reached = lowering.reachable()
    for step in _unreached(lowering, steps, reached):
        reader.report(
            "unreachable-step",
            f"nothing leads to the step '{lowering.ids[step]}'",
            "the step before it always goes elsewhere: move it, or take one of them out",
            step.node.keys[step.verb].span,
        )
    restless = [*_counted_loops(steps), *_cycles(lowering, reached)]
    for step in dict.fromkeys(restless):
        reader.report(
            "loop-without-wait",
            f"the loop at '{lowering.ids[step]}' contains no wait",
            "put a `wait:` or a `wait_for:` on every way round",
            step.node.keys[step.verb].span,
        )


def _unreached(lowering: Lowering, steps: Steps, reached: frozenset[int]) -> Iterable[Step]:
    """The first unreached step of every list: what follows it is the same fault."""
    for step in steps:
        if lowering.places[lowering.start(step)] not in reached:
            yield step
            return
        if isinstance(step.body, ControlStep):
            for body in step.body.bodies():
                yield from _unreached(lowering, body, reached)


def _counted_loops(steps: Steps) -> Iterable[Step]:
    """`repeat: {times: N}` ends by itself, but must contain a wait all the same."""
    for step in every(steps):
        if step.verb != "repeat" or not isinstance(step.body, ControlStep):
            continue
        inside = (each for body in step.body.bodies() for each in every(body))
        if not any(each.verb in ("wait", "wait_for", "approve") for each in inside):
            yield step


def _cycles(lowering: Lowering, reached: frozenset[int]) -> Iterable[Step]:
    """The step that closes each cycle without a wait: found as a way back to an open op."""
    open_, done = set[int](), set[int]()
    for start in sorted(reached):
        stack = [(start, iter(_onward(lowering, start)))]
        if start in done:
            continue
        open_.add(start)
        while stack:
            at, following = stack[-1]
            target = next(following, None)
            if target is None:
                stack.pop()
                open_.discard(at)
                done.add(at)
            elif target in open_:
                step = lowering.drafts[at].step
                if isinstance(step, Step):
                    yield step
            elif target not in done:
                open_.add(target)
                stack.append((target, iter(_onward(lowering, target))))


def _onward(lowering: Lowering, at: int) -> Iterable[int]:
    """Where an op goes on at once: a wait goes nowhere, a counted loop only out."""
    draft = lowering.drafts[at]
    if draft.op in _RESTS:
        return ()
    if draft.op is Repeat:
        return [lowering.places[label] for label in draft.targets()]
    return lowering.successors(at)
