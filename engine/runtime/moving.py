"""Where an enrollment goes on when it is moved to another version, or why it stays. Pure.

`longplay plan` and `longplay apply --move` ask the same `Route`, so what one announces the other
does. A step that is still there is gone on with; one that is gone is left out as `skip` would leave
it out. Nobody does the same step twice because of a move.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from engine.playbook.outline import Outline, OutlineStep, targets
from engine.playbook.pairing import Pairing, pair
from engine.playbook.plan import Ask, Await, Branch, Do, End, Op, Plan, Repeat, Send, Wait
from engine.playbook.values import Value
from engine.runtime.position import ON_CLIMB, ON_EVENT, ON_JOB, ON_WAIT

RELEASED = frozenset({"queued", "deferred"})
"""States of a job that nothing was sent of: it can be taken back."""

_REPEATABLE = frozenset({"set", "update", "tag", "untag", "stage", "leave", "unsubscribe"})
"""Actions that change nothing when they are done once more."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where enrollments of one version stand: all that a decision about them looks at.

    Attributes:
        job: the state of the message that it waits for; empty: it waits for none.
        had: it has done a step that comes again behind the place it would go to.
    """

    pc: int
    state: str
    blocked_on: str = ""
    job: str = ""
    had: bool = False


@dataclass(frozen=True, slots=True)
class Goes:
    """It goes on at `pc` of the other version.

    Attributes:
        keeps: just as it stands: the wait that it is in says the same in both.
        since: it has been waiting for a moment, and its new moment is sought from when it began.
    """

    pc: int
    step: str
    keeps: bool = False
    since: bool = False


@dataclass(frozen=True, slots=True)
class Stays:
    """It stays with its version; `soon`: in a moment that reason is gone."""

    why: str
    soon: bool = False


Landing: TypeAlias = Goes | Stays


@dataclass(frozen=True)
class Route:
    """The way from one version of a playbook to another."""

    old: Outline
    new: Outline
    pairing: Pairing
    _risks: dict[int, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def between(cls, old: Plan, new: Plan) -> "Route":
        """The way from `old` to `new`."""
        before, after = Outline(old), Outline(new)
        return cls(before, after, pair(before, after))

    def landing(self, standing: Standing) -> Landing:
        """Where whoever stands like this goes on."""
        waits = _in_the_middle(standing)
        if waits is not None:
            return waits
        found = self._place(standing)
        if isinstance(found, Stays):
            return found
        if standing.had:
            return Stays("it would do a step again that it has done: that stands behind it now")
        return found

    def place(self, pc: int) -> int | None:
        """The place of the new version that `pc` corresponds to, whoever stands there."""
        found = self._place(Standing(pc, "active"))
        return found.pc if isinstance(found, Goes) else None

    def again(self, pc: int) -> frozenset[str]:
        """Steps that a move from `pc` would bring about although the old version would not.

        Whoever has done one of them already must not come to it again. Both versions' names of a
        step are given.
        """
        known = self._risks.get(pc)
        if known is None:
            known = self._risks[pc] = self._again(pc)
        return known

    def memory(self, memory: Mapping[str, Value], at: int) -> dict[str, Value]:
        """What a run keeps, with the counts of its loops under their new names.

        A loop that it is put into in the middle counts this as its first round.
        """
        counts = memory.get("counts")
        before = counts if isinstance(counts, Mapping) else {}
        after: dict[str, Value] = {
            self.pairing.to[name]: count
            for name, count in before.items()
            if name in self.pairing.to and self._counts(self.pairing.to[name])
        }
        for place, op in enumerate(self.new.plan.ops):
            if isinstance(op, Repeat) and place < at < op.exit_to and not after.get(op.step):
                after[op.step] = 1
        kept = {name: value for name, value in memory.items() if name != "counts"}
        return {**kept, "counts": after} if after else kept

    @cached_property
    def renamed_senders(self) -> Mapping[str, str]:
        """Old id → new id of steps that send, where it differs: answers to their mail follow."""
        return {
            old: new
            for old, new in self.pairing.to.items()
            if old != new and any(isinstance(self.old.plan.ops[at], Send)
                                  for at in self.old.by_id[old].ops)
        }  # fmt: skip

    def step_at(self, pc: int) -> str:
        """The id of the old version's step at `pc`."""
        return self.old.plan.ops[self.old.landing(pc)].step

    def _counts(self, step: str) -> bool:
        return any(isinstance(self.new.plan.ops[at], Repeat) for at in self.new.by_id[step].ops)

    def _place(self, standing: Standing) -> Landing:
        if standing.state == "pending":
            return Goes(0, self.new.plan.ops[0].step)
        pc = self.old.landing(standing.pc)
        op = self.old.plan.ops[pc]
        if op.step not in self.pairing.to:
            return self._next(pc, standing)
        step = self.new.by_id[self.pairing.to[op.step]]
        at = self._same_op(pc, step)
        there = self.new.plan.ops[at]
        if isinstance(op, Await) and isinstance(there, Await) and self._lost(op, there):
            return Stays("it waits for an answer to a mail that the new version does not ask about")
        keeps = bool(standing.blocked_on) and standing.blocked_on != ON_JOB
        since = isinstance(op, Wait) and isinstance(there, Wait) and bool(op.until and there.until)
        keeps = keeps and self._says_the_same(op, there)
        return Goes(at, there.step, keeps, since=since and standing.blocked_on == ON_WAIT)

    def _next(self, pc: int, standing: Standing) -> Landing:
        """Behind a step that is gone: the next that is not, as if those between were skipped."""
        if standing.state == "stopped":
            return Stays("it stopped at a step that is gone: retry, skip or cancel it first")
        seen: set[int] = set()
        while pc not in seen:
            seen.add(pc)
            op = self.old.plan.ops[pc]
            if op.step in self.pairing.to:
                at = self.new.by_id[self.pairing.to[op.step]].ops[0]
                return Goes(at, self.new.plan.ops[at].step)
            if isinstance(op, End):
                break
            pc = self.old.landing(_behind(op, pc))
        last = len(self.new.plan.ops) - 1
        if isinstance(self.new.plan.ops[last], End):
            return Goes(last, self.new.plan.ops[last].step)
        return Stays("its step is gone, and there is no end to go to in the new version")

    def _same_op(self, pc: int, step: OutlineStep) -> int:
        """The op of `step` that does what the op at `pc` does: a step may have several."""
        op = self.old.plan.ops[pc]
        mine = [at for at in self.old.by_id[op.step].ops if self._role(self.old, at) ==
                self._role(self.old, pc)]  # fmt: skip
        there = [at for at in step.ops if self._role(self.new, at) == self._role(self.old, pc)]
        nth = mine.index(pc)
        return there[nth] if nth < len(there) else step.ops[0]

    @staticmethod
    def _role(outline: Outline, at: int) -> str:
        return "guard" if outline.is_guard(at) else outline.plan.ops[at].op

    def _lost(self, op: Await, there: Await) -> bool:
        known = {self.pairing.to.get(name) for name in op.sources}
        return bool(op.sources and there.sources) and not known & set(there.sources)

    def _says_the_same(self, op: Op, there: Op) -> bool:
        calendars = (self.old.plan.calendar, self.new.plan.calendar)
        own = getattr(op, "calendar", "")
        return self._said(op, self.pairing.to) == self._said(there, {}) and (
            calendars[0] == calendars[1] or bool(own) or not isinstance(op, Wait | Await)
        )

    @staticmethod
    def _said(op: Op, names: Mapping[str, str]) -> dict[str, object]:
        said = op.model_dump(exclude={"step", "else_to", "to", "exit_to", "skip_to", "ways"})
        if said.get("sources"):
            said["sources"] = tuple(names.get(one, one) for one in said["sources"])
        return said

    def _again(self, pc: int) -> frozenset[str]:
        found = self._place(Standing(pc, "active"))
        if isinstance(found, Stays):
            return frozenset()
        ahead = {self.new.plan.ops[at].step for at in self.new.reach(found.pc)
                 if _matters(self.new.plan.ops[at])}  # fmt: skip
        expected = {
            self.pairing.to.get(self.old.plan.ops[at].step)
            for at in self.old.reach(self.old.landing(pc))
            if _matters(self.old.plan.ops[at])
        }
        fresh = ahead - expected
        return frozenset(fresh | {self.pairing.back[one] for one in fresh & set(self.pairing.back)})


def _in_the_middle(standing: Standing) -> Stays | None:
    """Why it cannot be moved just now, whatever the new version says."""
    if standing.blocked_on == ON_JOB and standing.job not in RELEASED:
        if standing.job == "in_flight":
            return Stays("its message is being sent", soon=True)
        return Stays("its message is through, and it has not gone on yet", soon=True)
    if standing.blocked_on not in {"", ON_CLIMB, ON_WAIT, ON_EVENT, ON_JOB}:
        what = {"answer": "a person's answer", "split": "the decision of a split"}
        return Stays(f"it waits for {what.get(standing.blocked_on, standing.blocked_on)}")
    return None


def _matters(op: Op) -> bool:
    """Whether doing it once more is felt by somebody."""
    return isinstance(op, Send | Ask) or (isinstance(op, Do) and op.action not in _REPEATABLE)


def _behind(op: Op, pc: int) -> int:
    """Where it goes on when this op is left out."""
    if isinstance(op, Await | Branch | Repeat):
        return targets(op)[0]
    others = () if isinstance(op, Wait) else targets(op)
    return max(others, default=pc + 1) if others else pc + 1
