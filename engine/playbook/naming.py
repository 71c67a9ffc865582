"""Ids of steps that were given none: the verb and its argument, never the position."""

import re
from collections.abc import Iterator, Sequence

from engine.playbook.model import Steps
from engine.playbook.step import ControlStep, Step

_TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_LONGEST = 40


def every(steps: Steps) -> Iterator[Step]:
    """All steps, in the order of the file."""
    for step in steps:
        yield step
        if isinstance(step.body, ControlStep):
            for body in step.body.bodies():
                yield from every(body)


def slug(text: str) -> str:
    """The words of a text, joined by `-`."""
    words = re.findall(r"\w+", _TEMPLATE.sub(" ", text).lower())
    return "-".join(words)[:_LONGEST].strip("-_")


def step_ids(steps: Sequence[Step]) -> dict[Step, str]:
    """The id of every step; those of one verb and argument are told apart by -2, -3."""
    taken = {step.common.id for step in steps if step.common.id}
    ids: dict[Step, str] = {}
    for step in steps:
        if step.common.id:
            ids[step] = step.common.id
            continue
        stem = "-".join(part for part in (slug(step.verb), slug(step.argument)) if part)
        name, number = stem, 2
        while name in taken:
            name, number = f"{stem}-{number}", number + 1
        taken.add(name)
        ids[step] = name
    return ids
