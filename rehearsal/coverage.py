"""Which steps of a playbook, and which ways out of them, no scenario comes to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from engine.playbook.model import Playbook
from engine.playbook.naming import every, step_ids
from engine.playbook.plan import Ask, Await, Branch, Jump, Op, Plan, Repeat, Split

Reached = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Gap:
    """A step that nobody reaches, or a way out of it that nobody goes."""

    number: int
    step: str
    way: str = ""

    @property
    def said(self) -> str:
        """For people."""
        if self.way:
            return f"step {self.number} `{self.step}`: in no scenario {self.way}"
        return f"step {self.number} `{self.step}` is reached by no scenario"


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a playbook its scenarios come through."""

    playbook: str
    steps: int
    gaps: tuple[Gap, ...]

    @property
    def missed(self) -> int:
        """Steps that no scenario reaches."""
        return sum(not gap.way for gap in self.gaps)

    def as_json(self) -> dict[str, object]:
        """For scripts."""
        gaps = [{"number": one.number, "step": one.step, "way": one.way} for one in self.gaps]
        return {"playbook": self.playbook, "steps": self.steps, "gaps": gaps}


def coverage(playbook: Playbook, plan: Plan, reached: Reached) -> Coverage:
    """What of the plan was not gone through.

    Args:
        playbook: as it is written: its steps are counted in the order of the file.
        plan: what it became.
        reached: (step, way) of everything that was, over all scenarios.
    """
    ids = list(step_ids(tuple(every(playbook.steps))).values())
    # A `goto` becomes no op of its own: who goes that way is seen where it leads.
    lasting = {op.step for op in plan.ops if not isinstance(op, Jump)}
    gone = set(reached)
    steps = {step for step, way in gone if not way.startswith("if ")}
    gaps: list[Gap] = []
    for number, step in enumerate(ids, 1):
        if step not in lasting:
            continue
        if step not in steps:
            gaps.append(Gap(number, step))
            continue
        ways = _ways([op for op in plan.ops if op.step == step])
        gaps += [Gap(number, step, said) for way, said in ways if (step, way) not in gone]
    return Coverage(plan.playbook, len(lasting & set(ids)), tuple(gaps))


def _ways(ops: list[Op]) -> Iterator[tuple[str, str]]:
    """The ways out of a step's ops, and what it means when nobody goes there."""
    number = 0
    guarded = len(ops) > 1 and isinstance(ops[0], Branch) and not isinstance(ops[1], Branch | Jump)
    for op in ops[1:] if guarded else ops:
        match op:
            case Branch():
                case = f" of case {number + 1}" if number else ""
                yield f"branch {number} yes", f"its condition{case} holds"
                yield f"branch {number} no", f"its condition{case} does not hold"
                number += 1
            case Await():
                yield "await happened", "it happens"
                if op.up_to != "forever":
                    yield "await timed out", "the time runs out"
            case Split():
                for arm in op.arms:
                    yield f"split {arm.name}", f"the arm '{arm.name}' is drawn"
            case Ask():
                yield "ask approved", "a person says yes"
                yield "ask rejected", "a person says no"
                yield "ask no answer", "nobody answers in time"
            case Repeat():
                yield "repeat done", "the loop ends"
            case _:
                pass
    if guarded:
        yield "if no", "its `if` leaves it out"
