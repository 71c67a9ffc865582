"""The scores of the published playbooks, and the totals that somebody asks about."""

import math
from collections.abc import Iterable, Iterator
from functools import lru_cache

from engine.operations.published import Current
from engine.playbook.conditions import condition
from engine.playbook.conditions.tree import Comparison, Literal, Name, Negative, Node, walk
from engine.playbook.plan import Await
from engine.playbook.scoring_plan import PRIMARY
from engine.runtime.rulebook import Rulebook


@lru_cache(maxsize=8)
def rulebooks(current: Current) -> tuple[Rulebook, ...]:
    """One for each score that a current playbook keeps."""
    found = []
    for plan in current.plans.values():
        if plan.scoring is not None:
            watched = sorted(set(_watched(current, plan.scoring.score)))
            found.append(Rulebook(plan.playbook, plan.scoring, watched))
    return tuple(sorted(found, key=lambda one: one.name))


@lru_cache(maxsize=8)
def by_name(current: Current) -> dict[str, Rulebook]:
    """The same by the names of the scores."""
    return {one.name: one for one in rulebooks(current)}


def reads_fading(current: Current, names: Iterable[str]) -> bool:
    """Whether one of these names is of a score that changes by time alone."""
    fading = {one.name for one in rulebooks(current) if _fades(one)}
    if not fading:
        return False
    for name in names:
        parts = name.split(".")
        if name in ("lead.score", "lead.grade") and PRIMARY in fading:
            return True
        if parts[:2] == ["lead", "scores"] and (len(parts) < 3 or parts[2] in fading):
            return True
    return False


def _fades(book: Rulebook) -> bool:
    blank = book.blank()
    return bool(blank.half_life) or blank.idle is not None


def _watched(current: Current, score: str) -> Iterator[float]:
    """Totals that a trigger, an exit, a wait or a segment compares the score with."""
    for plan in current.plans.values():
        for trigger in plan.enroll.triggers:
            if trigger.kind == "score" and (trigger.score or PRIMARY) == score:
                yield trigger.level
        texts = [op.cond for op in plan.ops if isinstance(op, Await)]
        texts += [trigger.cond for trigger in plan.enroll.triggers]
        texts += [item.cond for item in plan.exits]
        for text in filter(None, texts):
            yield from _compared(condition(text).tree, score)
    for text in current.workspace.segments.values():
        yield from _compared(condition(text).tree, score)


def _compared(tree: Node, score: str) -> Iterator[float]:
    for node in walk(tree):
        if isinstance(node, Comparison):
            sides = (node.first, *(other for _, other in node.rest))
            if any(isinstance(one, Name) and _is_of(one.path, score) for one in sides):
                values = [value for one in sides if (value := _number(one)) is not None]
                yield from (level for one in values for level in (one, math.floor(one) + 1))


def _is_of(path: tuple[str, ...], score: str) -> bool:
    is_main = score == PRIMARY and path == ("lead", "score")
    return is_main or path == ("lead", "scores", score, "total")


def _number(node: Node) -> float | None:
    if isinstance(node, Negative):
        inner = _number(node.operand)
        return None if inner is None else -inner
    is_number = isinstance(node, Literal) and isinstance(node.value, int | float)
    return float(node.value) if is_number and not isinstance(node.value, bool) else None  # type: ignore[arg-type,union-attr]
