"""Cases as data: what a YAML case says, and how ops and findings are written in one line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from engine.playbook.diagnostics import Diagnostic
from engine.playbook.plan import (
    Ask,
    Await,
    Branch,
    Climb,
    Do,
    End,
    Jump,
    Op,
    Repeat,
    Send,
    Split,
    Wait,
)
from engine.playbook.workspace import load_workspace
from tests.cases.casework import HEAD, compiled, with_steps

FOLDER = Path(__file__).parent
_ABOVE = HEAD.count("\n") + 1


@dataclass(frozen=True)
class Case:
    """One named case of a file."""

    file: str
    says: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.file}: {self.says['name']}"


def cases() -> Iterator[Case]:
    for path in sorted(FOLDER.rglob("*.yaml")):
        for says in yaml.safe_load(path.read_text(encoding="utf-8")):
            yield Case(str(path.relative_to(FOLDER)).removesuffix(".yaml"), says)


def line(op: Op) -> str:
    """An op in one line: its kind, its step, and where else it goes."""
    match op:
        case Do() | Send():
            return f"{op.op} {op.step}"
        case Wait():
            return f"wait {op.step} ({op.span or op.until}) skip to {op.skip_to}"
        case Await():
            awaited = ", ".join(op.events) or op.cond
            return f"await {op.step} ({awaited}) else {op.else_to}"
        case Branch():
            return f"branch {op.step} ({op.cond}) else {op.else_to}"
        case Jump():
            return f"jump to {op.to}"
        case Repeat():
            return f"repeat {op.step} ({op.times}) then {op.exit_to}"
        case Split():
            ways = zip(op.arms, op.ways, strict=True)
            arms = ", ".join(f"{arm.name} {arm.weight:g} at {way}" for arm, way in ways)
            return f"split {op.name}: {arms}"
        case Ask():
            return f"ask {op.step} of {', '.join(op.by)} else {op.else_to}"
        case Climb():
            levels = zip(op.levels, op.ways, strict=True)
            told = ", ".join(f"{after} at {way}" for after, way in levels)
            return f"climb {op.step}: {told}; then {op.exit_to}"
        case End():
            return f"end {op.outcome}"


def outcome(case: Case) -> dict[str, Any]:
    """What compiling the case gives, in the words of the case."""
    says = case.says
    if "workspace" in says:
        found: Sequence[Diagnostic] = load_workspace(says["workspace"]).diagnostics
        return {"findings": [_placed(each, 0, 0) for each in found]}
    text = with_steps(says["steps"]) if "steps" in says else says["playbook"]
    result = compiled(text)
    above, left = (_ABOVE, 2) if "steps" in says else (0, 0)
    given: dict[str, Any] = {
        "findings": [_placed(each, above, left) for each in result.diagnostics]
    }
    if result.plan is not None:
        given["ops"] = [line(op) for op in result.plan.ops]
        given["params"] = {
            op.step: dict(op.params) for op in result.plan.ops if isinstance(op, Do | Send)
        }
        given["plan"] = result.plan.model_dump(mode="json")
    return given


def _placed(found: Diagnostic, above: int, left: int) -> str:
    if found.file.startswith("templates/"):
        return f"{found.file}:{found.line} {found.rule}: {found.message}"
    return f"{found.line - above}:{found.column - left} {found.rule}: {found.message}"


def is_part(expected: object, given: object) -> bool:
    """Whether everything that `expected` says is so in `given`."""
    if isinstance(expected, dict) and isinstance(given, dict):
        return all(key in given and is_part(value, given[key]) for key, value in expected.items())
    return bool(expected == given)
