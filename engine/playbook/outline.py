"""What a plan says, step by step: the view in which versions are compared, counted and moved.

It reads ops alone, so a version published years ago can be read as well as the files of today. It
decides nothing, and knows no op that it need not: whatever an op says is what its fields say.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from pydantic import JsonValue

from engine.playbook.plan import (
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
    Wait,
)

_TARGETS = ("else_to", "to", "exit_to", "skip_to", "ways")
_VERBS = {"await": "wait_for", "ask": "approve", "branch": "if"}
_SPELLED = {"span": "for", "cond": "if", "sources": "from", "events": "event"}


@dataclass(frozen=True, slots=True)
class OutlineStep:
    """A step of a plan.

    Attributes:
        verb: as it is written: `email`, `wait`, `wait_for`, `if`, `goto`, …
        ops: the places of its own ops, in order; the steps in its branches have their own.
        facts: what it says, as written; what is left empty is left out.
        within: the step in whose branch it stands, and which branch; empty: on the top level.
    """

    id: str
    verb: str
    ops: tuple[int, ...]
    facts: Mapping[str, JsonValue]
    within: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Outline:
    """The steps of a plan, in order, and the ways between its ops."""

    plan: Plan

    @cached_property
    def steps(self) -> tuple[OutlineStep, ...]:
        """The steps in the order of their first op."""
        places: dict[str, list[int]] = {}
        for at, op in enumerate(self.plan.ops):
            places.setdefault(op.step, []).append(at)
        nests = sorted(_nests(self.plan), key=len)
        return tuple(self._step(id, tuple(ops), nests) for id, ops in places.items())

    @cached_property
    def by_id(self) -> Mapping[str, OutlineStep]:
        """The steps by their ids."""
        return {step.id: step for step in self.steps}

    def landing(self, at: int) -> int:
        """The op that somebody at `at` really stands at: behind jumps, which cost nothing."""
        for _ in self.plan.ops:
            op = self.plan.ops[at]
            if not isinstance(op, Jump):
                break
            at = op.to
        return at

    def reach(self, at: int) -> frozenset[int]:
        """The ops that somebody at `at` may still come to, that one included."""
        found = self._reaches.get(at)
        if found is None:
            seen, waiting = {at}, [at]
            while waiting:
                for following in ways(self.plan, waiting.pop()):
                    if following not in seen:
                        seen.add(following)
                        waiting.append(following)
            found = self._reaches[at] = frozenset(seen)
        return found

    @cached_property
    def _reaches(self) -> dict[int, frozenset[int]]:
        return {}

    def is_guard(self, at: int) -> bool:
        """Whether this op is the `if` of a step, and not its verb."""
        return is_guard(self.plan, at)

    def _step(self, id: str, ops: tuple[int, ...], nests: list["_Nest"]) -> OutlineStep:
        facts: dict[str, JsonValue] = {}
        verb = ""
        for at in ops:
            op = self.plan.ops[at]
            if self.is_guard(at) and isinstance(op, Branch):
                facts["only if"] = op.cond
                continue
            verb = verb or self._verb(at, ops)
            for name, value in self._said(op, verb):
                before = facts.get(name)
                if before is not None and before != value:
                    facts[name] = [*(before if isinstance(before, list) else [before]), value]
                else:
                    facts[name] = value
        around = [one for one in nests if ops[0] in one.inside and one.step != id]
        within = (around[0].step, around[0].way) if around else ("", "")
        return OutlineStep(id, verb or "if", ops, facts, within)

    def _verb(self, at: int, ops: tuple[int, ...]) -> str:
        op = self.plan.ops[at]
        if isinstance(op, Do | Send):
            return op.action
        if isinstance(op, Jump):
            return "goto"
        if isinstance(op, Branch) and (op.else_to <= at or self._returns(ops)):
            return "repeat"
        return _VERBS.get(op.op, op.op)

    def _returns(self, ops: tuple[int, ...]) -> bool:
        jumps = [(at, self.plan.ops[at]) for at in ops]
        return any(isinstance(op, Jump) and op.to <= at for at, op in jumps)

    def _said(self, op: Op, verb: str) -> Iterator[tuple[str, JsonValue]]:
        if isinstance(op, Jump):
            if verb == "goto":
                yield "to", self.plan.ops[self.landing(op.to)].step
            return
        said: dict[str, JsonValue] = op.model_dump(
            mode="json", exclude_defaults=True, exclude={"op", "step", "action", *_TARGETS}
        )
        params = said.pop("params", None)
        if isinstance(params, dict):
            said = {**params, **said}
        for name, value in said.items():
            if value not in (None, "", False, [], {}):
                yield _SPELLED.get(name, name), value


def is_guard(plan: Plan, at: int) -> bool:
    """Whether the op at `at` is a step's own `if`: a branch before another op of the same step."""
    op = plan.ops[at]
    if not isinstance(op, Branch) or op.else_to <= at:
        return False
    following = plan.ops[at + 1]
    first = all(plan.ops[before].step != op.step for before in range(at))
    return first and following.step == op.step and not isinstance(following, Jump)


def ways(plan: Plan, at: int) -> tuple[int, ...]:
    """Where the op at `at` may go on."""
    op = plan.ops[at]
    match op:
        case End():
            return ()
        case Jump(to=to):
            return (to,)
        case Wait():
            skips = op.until and "skip" in (op.on_missing, op.on_past)
            return (at + 1, op.skip_to) if skips else (at + 1,)
        case _:
            arms = tuple(getattr(op, "ways", ()))
            return targets(op) if arms else (at + 1, *targets(op))


def targets(op: Op) -> tuple[int, ...]:
    """The places that an op names."""
    found: list[int] = []
    for name in _TARGETS:
        value = getattr(op, name, None)
        if isinstance(value, int):
            found.append(value)
        elif value is not None:
            found.extend(value)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Nest:
    """A branch of a step: the ops in it."""

    step: str
    way: str
    inside: range

    def __len__(self) -> int:
        return len(self.inside)


def _nests(plan: Plan) -> Iterator[_Nest]:
    for at, op in enumerate(plan.ops):
        match op:
            case Climb():
                yield from _levels(plan, at, op)
            case _ if hasattr(op, "ways"):
                yield from _arms(plan, op)
            case Repeat():
                yield _Nest(op.step, "steps", range(at + 1, op.exit_to))
            case Wait():
                if op.until:
                    yield _Nest(op.step, "then", range(at + 1, op.skip_to))
            case Branch() if is_guard(plan, at):
                pass
            case Branch() if op.else_to <= at:
                yield _Nest(op.step, "steps", range(op.else_to, at))
            case _:
                yield from _both(plan, at, op)


def _both(plan: Plan, at: int, op: Op) -> Iterator[_Nest]:
    """`then` and `else` of a branch, an await or a question."""
    if not isinstance(op, Branch | Await) and not hasattr(op, "else_to"):
        return
    other: int = op.else_to
    last = plan.ops[other - 1] if other > at + 1 else None
    loops = isinstance(last, Jump) and last.step == op.step and last.to <= at
    yield _Nest(op.step, "steps" if loops else "then", range(at + 1, other))
    if isinstance(last, Jump) and last.step == op.step and last.to > other:
        yield _Nest(op.step, "else", range(other, last.to))


def _levels(plan: Plan, at: int, op: Climb) -> Iterator[_Nest]:
    """The levels of an escalation: each ends behind the jump that leads back to the ladder."""
    for number, start in enumerate(op.ways, 1):
        later = [one for one in (*op.ways, op.exit_to, len(plan.ops)) if one > start]
        yield _Nest(op.step, f"level {number}", range(start, min(later)))


def _arms(plan: Plan, op: Op) -> Iterator[_Nest]:
    """The arms of a split: each ends where the next begins, the last where they meet again."""
    starts: tuple[int, ...] = getattr(op, "ways", ())
    after = [one.to for one in plan.ops if isinstance(one, Jump) and one.step == op.step]
    ends = sorted({*starts, *after})
    for arm, start in zip(getattr(op, "arms", ()), starts, strict=True):
        following = [end for end in ends if end > start]
        if following:
            yield _Nest(op.step, arm.name, range(start, following[0]))


_SHORT_SPACE = re.compile(r"\s+")


def said(value: JsonValue) -> str:
    """A value of a step or of the workspace in one line, as a person would write it."""
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return ", ".join(map(said, value)) or "nothing"
    if isinstance(value, Mapping):
        told = {name: one for name, one in value.items() if one not in (None, "", [], {}, False)}
        return ", ".join(f"{name}: {said(one)}" for name, one in told.items()) or "nothing"
    return _SHORT_SPACE.sub(" ", str(value)).strip()
