"""From nested steps to flat ops: labels, jumps and the ids of steps.

It knows no step by name: each lowers itself with the few operations here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pydantic import BaseModel

from engine.playbook.plan import Branch, Climb, End, Jump, Op, Split
from engine.playbook.step import ControlStep, Step

_TARGETS = ("else_to", "to", "exit_to", "skip_to")
_GOES_ELSEWHERE = (Jump, Split, Climb, End)
"""Ops that never go on with the next one: they name where they go, or go nowhere."""


@dataclass(frozen=True, slots=True)
class Label:
    """A place among the ops that is known only later."""

    number: int


@dataclass(frozen=True, slots=True)
class Draft:
    """An op whose targets are still labels; `step` is the name where it is of no written step."""

    op: type[BaseModel]
    step: Step | str | None
    fields: Mapping[str, Any]

    def targets(self) -> Iterator[Label]:
        """The labels it may go to, besides the next op."""
        yield from (self.fields[name] for name in _TARGETS if name in self.fields)
        yield from self.fields.get("ways", ())


Act: TypeAlias = Callable[[Step], tuple[type[BaseModel], Mapping[str, Any]]]
"""Makes an action's step into its op: the class, and the fields besides `step`."""


@dataclass
class Lowering:
    """Collects the ops of one playbook."""

    ids: Mapping[Step, str]
    action: Act
    drafts: list[Draft] = field(default_factory=list)
    places: dict[Label, int] = field(default_factory=dict)
    starts: dict[Step, Label] = field(default_factory=dict)
    _labels: int = 0

    def label(self) -> Label:
        """A new place, to be `place`d later."""
        self._labels += 1
        return Label(self._labels)

    def place(self, label: Label) -> None:
        """Says that `label` is here."""
        self.places[label] = len(self.drafts)

    def emit(self, op: type[BaseModel], step: Step | str | None, **fields: Any) -> None:
        """Appends an op; targets are given as labels."""
        self.drafts.append(Draft(op, step, fields))

    def jump(self, target: Label, step: Step | str) -> None:
        """Goes on at `target`."""
        self.emit(Jump, step, to=target)

    def steps(self, steps: Iterable[Step]) -> None:
        """Appends the ops of a list of steps, each behind its guard."""
        for step in steps:
            self.place(self.start(step))
            after = self.label()
            if step.common.cond:
                self.emit(Branch, step, cond=step.common.cond, else_to=after)
            if isinstance(step.body, ControlStep):
                step.body.lower(step, self)
            else:
                op, fields = self.action(step)
                self.emit(op, step, **fields)
            self.place(after)

    def start(self, step: Step) -> Label:
        """The place where `step` begins."""
        return self.starts.setdefault(step, self.label())

    def start_of(self, name: str) -> Label | None:
        """The place where the step of that id begins."""
        found = next((step for step, known in self.ids.items() if known == name), None)
        return self.start(found) if found is not None else None

    def end(self) -> None:
        """Whoever falls off the end has completed the playbook."""
        self.emit(End, None, outcome="completed")

    def successors(self, at: int) -> Sequence[int]:
        """Where the op at `at` may go on."""
        draft = self.drafts[at]
        targets = [self.places[label] for label in draft.targets()]
        return targets if draft.op in _GOES_ELSEWHERE else [*targets, at + 1]

    def reachable(self) -> frozenset[int]:
        """The ops that some enrollment can come to."""
        found, waiting = {0}, [0]
        while waiting:
            for at in self.successors(waiting.pop()):
                if at not in found:
                    found.add(at)
                    waiting.append(at)
        return frozenset(found)

    def threaded(self, at: int) -> int:
        """The first op from `at` on that is no jump."""
        seen: set[int] = set()
        while self.drafts[at].op is Jump and at not in seen:
            seen.add(at)
            at = self.places[self.drafts[at].fields["to"]]
        return at

    def ops(self) -> tuple[Op, ...]:
        """The finished ops: no jump leads to a jump, and what nobody reaches is left out."""
        kept = self._kept()
        number = {at: index for index, at in enumerate(kept)}
        built: list[Op] = []
        for at in kept:
            draft = self.drafts[at]
            fields = dict(draft.fields)
            for name in _TARGETS:
                if name in fields:
                    fields[name] = number[self.threaded(self.places[fields[name]])]
            if "ways" in fields:
                places = (self.threaded(self.places[label]) for label in fields["ways"])
                fields["ways"] = tuple(number[place] for place in places)
            built.append(draft.op(step=self._name(draft.step), **fields))  # type: ignore[arg-type]
        return tuple(built)

    def _name(self, step: Step | str | None) -> str:
        if isinstance(step, str):
            return step
        return self.ids[step] if step is not None else "end"

    def _kept(self) -> list[int]:
        """The ops that remain: reached when every jump goes straight to its end."""
        found, waiting = {0}, [0]
        while waiting:
            at = waiting.pop()
            for following in self._next(at):
                if following not in found:
                    found.add(following)
                    waiting.append(following)
        return sorted(found)

    def _next(self, at: int) -> Iterator[int]:
        """A target is threaded; the next op is kept even if it is a jump, to be fallen into."""
        draft = self.drafts[at]
        yield from (self.threaded(self.places[label]) for label in draft.targets())
        if draft.op not in _GOES_ELSEWHERE:
            yield at + 1
