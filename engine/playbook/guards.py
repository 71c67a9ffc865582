"""Which names are known to have a value at a step: what the conditions on the way there ask for."""

from engine.playbook.conditions import ConditionError, condition
from engine.playbook.conditions.deducing import present
from engine.playbook.model import Steps
from engine.playbook.step import ControlStep, Step
from engine.playbook.steps.choose import Choose
from engine.playbook.steps.if_ import If
from engine.playbook.steps.repeat import Repeat


def given_by(text: str) -> frozenset[str]:
    """The names that have a value wherever the condition `text` holds."""
    if not text:
        return frozenset()
    try:
        return present(condition(text).tree)
    except ConditionError:
        return frozenset()


def bodies_of(step: Step) -> list[tuple[str, Steps]]:
    """The lists of steps inside a step, each with the condition that leads into it."""
    body = step.body
    if not isinstance(body, ControlStep):
        return []
    if isinstance(body, If):
        return [(body.test, body.then), ("", body.otherwise)]
    if isinstance(body, Choose):
        return [(case.test, case.steps or case.otherwise) for case in body.cases]
    during = body.during if isinstance(body, Repeat) else ""
    return [(during, each) for each in body.bodies()]
