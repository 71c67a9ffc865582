"""Playbooks beside each other: two that set one thing to different values, and ones in a circle.

It looks at finished plans only. Two playbooks are rivals when both may run for one record; where
what lets records in shows that they cannot, or one ends the other, nothing is said.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.playbook.conditions import ConditionError, condition
from engine.playbook.conditions.deducing import excludes
from engine.playbook.conditions.tree import Node as Tree
from engine.playbook.diagnostics import Diagnostic
from engine.playbook.model import Playbook
from engine.playbook.naming import every, step_ids
from engine.playbook.nodes import MapNode, Span
from engine.playbook.plan import Do, Plan
from engine.playbook.source import Document


@dataclass(frozen=True)
class Write:
    """What a step sets: a field, `stage` or `owner`, to a value that is told from others."""

    what: str
    value: str
    step: str
    is_firm: bool = True
    """Whether it goes against what is there; a stage without `force` only moves forward."""


def check_rivals(
    plans: Mapping[str, Plan],
    playbooks: Mapping[str, Playbook],
    documents: Mapping[str, Document],
) -> Iterator[Diagnostic]:
    """Warnings about playbooks that fight, each at the later of the two in the order of files."""
    files = dict(_files(plans, documents))
    earlier: dict[str, list[tuple[str, list[Write]]]] = defaultdict(list)
    for name in sorted(files, key=lambda each: files[each].file):
        for what, mine in _writes(plans[name]).items():
            found = _rival(plans, name, mine, earlier[what])
            earlier[what].append((name, mine))
            if found is not None:
                other, theirs, own = found
                there = _place(theirs.step, playbooks[other], files[other])
                here = _place(own.step, playbooks[name], files[name])
                yield _fight(own, theirs, f"{files[other].file}:{there.line}", other, here,
                             files[name].file)  # fmt: skip
    yield from _circles(plans, playbooks, files)


def _files(
    plans: Mapping[str, Plan], documents: Mapping[str, Document]
) -> Iterator[tuple[str, Document]]:
    for document in documents.values():
        root = document.root
        named = root.values.get("playbook") if isinstance(root, MapNode) else None
        text = getattr(named, "text", "")
        if text in plans:
            yield text, document


def _writes(plan: Plan) -> dict[str, list[Write]]:
    """Everything a plan sets, by what it sets."""
    found: dict[str, list[Write]] = defaultdict(list)
    for write in _every_write(plan):
        found[write.what].append(write)
    return found


def _every_write(plan: Plan) -> Iterator[Write]:
    for op in plan.ops:
        if not isinstance(op, Do):
            continue
        params = op.params
        if op.action in ("set", "update"):
            for field, value in params.items():
                if field not in str(value):  # it counts on from what is there
                    yield Write(f"'{field}'", str(value), op.step)
        elif op.action == "stage":
            named = (params.get("pipeline"), params["stage"])
            stage = ".".join(str(part) for part in named if part)
            yield Write("the stage", stage, op.step, is_firm=bool(params.get("force")))
        elif op.action == "assign" and plan.kind == "escalation":
            continue  # it comes after the others on purpose: whoever had the record let it lie
        elif op.action == "assign" and not (params["unless_owned"] or params["exclude_current"]):
            yield Write("the owner", str(params["rule"] or params["to"]), op.step)


def _rival(
    plans: Mapping[str, Plan],
    name: str,
    mine: list[Write],
    earlier: list[tuple[str, list[Write]]],
) -> tuple[str, Write, Write] | None:
    """The first playbook before this one that sets the same thing otherwise, for one record."""
    values = {each.value for each in mine}
    for other, theirs in earlier:
        if values == {each.value for each in theirs}:
            continue
        pairs = ((a, b) for a in theirs for b in mine if a.value != b.value)
        found = next((pair for pair in pairs if pair[0].is_firm or pair[1].is_firm), None)
        if found is not None and _may_meet(plans[other], plans[name]):
            return other, *found
    return None


def _fight(own: Write, theirs: Write, place: str, other: str, here: Span, file: str) -> Diagnostic:
    message = (
        f"{own.what} becomes '{own.value}' here and '{theirs.value}' in {place}, "
        "and both may run for one record"
    )
    hint = f"let only one of them set it, or write `- leave: {other}` before this step"
    return Diagnostic(
        "fields-fought-over", message, hint, file, here.line, here.column, here.end_column,
        "warning",
    )  # fmt: skip


def _may_meet(one: Plan, two: Plan) -> bool:
    """Whether one record may be in both playbooks at a time, as far as their entries tell."""
    if one.record != two.record or _ends(one, two) or _ends(two, one):
        return False
    return any(not excludes(*left, *right) for left in _entries(one) for right in _entries(two))


def _ends(one: Plan, two: Plan) -> bool:
    return any(
        isinstance(op, Do) and op.action == "leave" and op.params.get("playbook") == two.playbook
        for op in one.ops
    )


def _entries(plan: Plan) -> list[list[Tree]]:
    """What holds of the records that each trigger lets in."""
    found = []
    for trigger in plan.enroll.triggers:
        texts = [plan.enroll.cond, trigger.cond]
        if trigger.kind == "stage" and plan.record == "lead":
            texts.append(f"lead.stage == '{trigger.stage}'")
        found.append([tree for text in texts if text for tree in _trees(text)])
    return found or [[]]


def _trees(text: str) -> list[Tree]:
    try:
        return [condition(text).tree]
    except ConditionError:
        return []


def _place(step: str, playbook: Playbook, document: Document) -> Span:
    ids = step_ids(tuple(every(playbook.steps)))
    found = next((each for each, name in ids.items() if name == step), None)
    return found.node.keys[found.verb].span if found is not None else document.root.span


def _circles(
    plans: Mapping[str, Plan], playbooks: Mapping[str, Playbook], files: Mapping[str, Document]
) -> Iterator[Diagnostic]:
    """Playbooks that start each other for ever: every one of them may be entered again at once."""
    starts = {
        name: {
            str(op.params["playbook"]): op.step
            for op in plan.ops
            if isinstance(op, Do) and op.action == "enroll"
        }
        for name, plan in plans.items()
        if plan.enroll.again == "always"
    }
    for name in sorted(starts):
        for target, step in starts[name].items():
            if name in _after(target, starts) and name <= min(_after(target, starts) & set(starts)):
                at = _place(step, playbooks[name], files[name])
                message = f"'{name}' starts '{target}', which starts '{name}' again, for ever"
                hint = "let one of them end without starting another, or be entered once"
                yield Diagnostic(
                    "enroll-each-other", message, hint, files[name].file, at.line, at.column,
                    at.end_column, "warning",
                )  # fmt: skip


def _after(start: str, starts: Mapping[str, Mapping[str, str]]) -> set[str]:
    found, waiting = set[str](), [start]
    while waiting:
        for target in starts.get(waiting.pop(), {}):
            if target not in found:
                found.add(target)
                waiting.append(target)
    return found
