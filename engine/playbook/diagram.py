"""A plan as a picture: its boxes and lines, and the same as Mermaid text.

It draws what the plan does, op by op; jumps are lines, not boxes. Pixels are `diagram_svg`'s.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, assert_never

from engine.playbook.escalation_plan import Watch
from engine.playbook.naming import slug
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
    SplitArm,
    Trigger,
    Wait,
)

NodeKind = Literal["start", "send", "do", "wait", "branch", "end"]
START = -1
"""The number of the node that stands for the triggers."""
_PRINTED = re.compile(r"\{\{\s*([\w.]+)[^}]*\}\}")


@dataclass(frozen=True, slots=True)
class Node:
    """A box: the op's number, what is written in it, and the step it belongs to."""

    number: int
    kind: NodeKind
    label: str
    step: str = ""
    caption: str = ""
    """The step's id, where the label does not say it already."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A line from one box to another."""

    source: int
    target: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Diagram:
    """The boxes of a plan, in the order of its ops, and the lines between them."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def diagram(plan: Plan) -> Diagram:
    """The boxes and lines of a plan."""
    nodes = [Node(START, "start", _start(plan))]
    edges = [Edge(START, _landing(plan, 0))]
    for number, op in enumerate(plan.ops):
        if isinstance(op, Jump):
            continue
        kind, label = _box(op)
        nodes.append(Node(number, kind, label, op.step, _caption(op, label)))
        for target, name in _lines(op, number):
            edges.append(Edge(number, _landing(plan, target), name))
    return Diagram(plan.title or plan.playbook, tuple(nodes), tuple(dict.fromkeys(edges)))


def mermaid(drawn: Diagram) -> str:
    """The diagram as Mermaid text."""
    lines = ["flowchart TD"]
    for node in drawn.nodes:
        opening, closing = _SHAPES[node.kind]
        caption = f"<br/><small>{_escaped(node.caption)}</small>" if node.caption else ""
        lines.append(f'  {_name(node.number)}{opening}"{_escaped(node.label)}{caption}"{closing}')
    for edge in drawn.edges:
        arrow = f'-- "{_escaped(edge.label)}" -->' if edge.label else "-->"
        lines.append(f"  {_name(edge.source)} {arrow} {_name(edge.target)}")
    return "\n".join(lines) + "\n"


_SHAPES: Mapping[NodeKind, tuple[str, str]] = {
    "start": ("([", "])"),
    "send": ("[/", "/]"),
    "do": ("[", "]"),
    "wait": ("{{", "}}"),
    "branch": ("{", "}"),
    "end": ("([", "])"),
}


def _name(number: int) -> str:
    return "start" if number == START else f"n{number}"


def _escaped(label: str) -> str:
    """Text that Mermaid reads as text: its own signs as entities."""
    signs = {'"': "#quot;", "<": "#lt;", ">": "#gt;", "`": "#96;", "\n": "<br/>"}
    return "".join(signs.get(char, char) for char in label.replace("#", "#35;"))


def _caption(op: Op, label: str) -> str:
    named = op.step if not isinstance(op, End) else ""
    return "" if slug(label) == slug(named) else short(named, 40)


def _landing(plan: Plan, at: int) -> int:
    """Where a line ends: behind a jump."""
    op = plan.ops[at]
    return op.to if isinstance(op, Jump) else at


def _start(plan: Plan) -> str:
    if plan.escalation is not None:
        return _watch(plan.escalation.watch)
    triggers = [_trigger(each) for each in plan.enroll.triggers] or ["by hand"]
    return "\n".join(triggers)


def _watch(watch: Watch) -> str:
    stages = ", ".join(watch.stages) or "any open stage"
    where = f"{watch.pipeline}: {stages}" if watch.pipeline else stages
    return f"is in {where}" + (f"\nif {short(watch.cond)}" if watch.cond else "")


def _trigger(trigger: Trigger) -> str:
    match trigger.kind:
        case "event":
            return trigger.event
        case "stage":
            return f"enters {trigger.stage}"
        case "score" | "threshold":
            return f"{trigger.score} ≥ {trigger.level:g}"
        case "segment":
            return short(trigger.cond)
        case "cron":
            return f"cron {trigger.cron}"
        case "date" | "at":
            return trigger.moment
        case "manual":
            return "by hand"


def _lines(op: Op, at: int) -> Iterator[tuple[int, str]]:  # noqa: PLR0912 - one arm an op
    """Where an op goes on, and what the line says."""
    match op:
        case Branch():
            yield at + 1, "yes"
            yield op.else_to, "no"
        case Await() if op.else_to == at + 1:
            yield at + 1, ""
        case Await():
            yield at + 1, "happened"
            yield op.else_to, "time is over"
        case Wait():
            yield at + 1, ""
            if op.until and op.skip_to != at + 1 and "skip" in (op.on_past, op.on_missing):
                yield op.skip_to, "skipped"
        case Repeat():
            yield at + 1, "again"
            yield op.exit_to, "enough"
        case Split():
            yield from zip(op.ways, map(_share, op.arms, [op] * len(op.arms)), strict=True)
        case Climb():
            yield from zip(op.ways, op.levels, strict=True)
            yield op.exit_to, "it is over"
        case Ask() if op.else_to == at + 1:
            yield at + 1, "whatever the answer"
        case Ask():
            yield at + 1, "yes"
            yield op.else_to, "no, or no answer"
        case Do() | Send():
            yield at + 1, ""
        case End() | Jump():
            return
        case _:
            assert_never(op)


def _box(op: Op) -> tuple[NodeKind, str]:
    match op:
        case Send():
            return "send", _action(op)
        case Do():
            return "do", _action(op)
        case Wait():
            return "wait", f"wait {op.span}" if op.span else f"wait until {op.until}"
        case Await():
            awaited = " or ".join(op.events) or short(op.cond)
            limit = "" if op.up_to == "forever" else f"\nup to {op.up_to}"
            return "wait", f"wait for {awaited}{limit}"
        case Branch():
            return "branch", short(op.cond)
        case Repeat():
            return "branch", f"{op.times} times"
        case Split():
            return "branch", _split(op)
        case Climb():
            return "wait", f"{len(op.levels)} level{'s' if len(op.levels) > 1 else ''}"
        case Ask():
            asked = f"ask {' or '.join(op.by)}: {op.text}"
            return "wait", f"{short(asked)}\nup to {op.up_to}"
        case End():
            return "end", op.outcome
        case Jump():
            return "do", ""
        case _:
            assert_never(op)


def _split(op: Split) -> str:
    if op.winner is None:
        return f"split {op.name}"
    winner = op.winner
    return f"split {op.name}\nwinner by {winner.by}\nof {winner.sample} within {winner.within}"


def _share(arm: SplitArm, op: Split) -> str:
    """An arm's name with its share, as a line is named."""
    percent = 100 * arm.weight / sum(each.weight for each in op.arms)
    return f"{short(arm.name, 30)} {percent:.3g} %"


def _action(op: Do | Send) -> str:
    """What an action does, in a few words."""
    params = op.params
    match op.action:
        case "email":
            return f"email {params['template']}"
        case "set" | "update":
            return short(f"{op.action} " + ", ".join(f"{k} = {v}" for k, v in params.items()))
        case "tag" | "untag":
            return short(f"{op.action} {_joined(params['tags'])}")
        case "stage":
            pipeline = f"{params['pipeline']}." if params["pipeline"] else ""
            return f"stage {pipeline}{params['stage']}"
        case "score":
            return f"score {params['points']:+}"
        case "assign":
            return f"assign {params['rule'] or params['to']}"
        case "release":
            return f"release {params['pool']}"
        case "task":
            return short(f"task: {params['text']}")
        case "notify":
            return short(f"notify {_joined(params['who'])}")
        case _:
            return short(f"{op.action} {params.get('playbook', '')}".strip())


def _joined(items: object) -> str:
    return ", ".join(map(str, items)) if isinstance(items, list | tuple) else str(items)


def short(text: str, most: int = 60) -> str:
    """`text` on one line, `{{ x }}` as `‹x›`, cut where it is too long for a box."""
    line = " ".join(_PRINTED.sub(r"‹\1›", text).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
