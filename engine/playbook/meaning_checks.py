"""What a playbook's conditions mean to each other: entries nobody passes, cases never reached.

It asks no record. It compares conditions with each other and with what the triggers say; every
finding is a warning.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.playbook.actions import StageParams
from engine.playbook.conditions import condition
from engine.playbook.conditions.deducing import excludes, implies, spelled, ways
from engine.playbook.conditions.tree import Node as Tree
from engine.playbook.expressions import Expressions
from engine.playbook.lexicon import Lexicon
from engine.playbook.model import Playbook, When
from engine.playbook.nodes import ListNode, MapNode, Node, ScalarNode, Span
from engine.playbook.reading import Reader
from engine.playbook.spelling import did_you_mean
from engine.playbook.step import Step
from engine.playbook.steps.choose import Choose
from engine.playbook.workspace import Workspace


def check_meaning(
    playbook: Playbook,
    ids: Mapping[Step, str],
    lexicon: Lexicon,
    reader: Reader,
) -> None:
    """Reports conditions that make another one, or the whole playbook, void."""
    expressions = Expressions(lexicon, reader, playbook.record)
    checks = _Meaning(playbook, expressions, lexicon.workspace, reader)
    root = reader.document.root
    if isinstance(root, MapNode):
        checks.entries(root)
        checks.saved(root, ids)
    for step in ids:
        if isinstance(step.body, Choose):
            checks.cases(step)
        elif isinstance(step.body, StageParams):
            checks.stage(step.body, step)


@dataclass
class _Meaning:
    playbook: Playbook
    expressions: Expressions
    workspace: Workspace
    reader: Reader

    def _warn(self, rule: str, message: str, hint: str, at: Node) -> None:
        self.reader.report(rule, message, hint, at.span, severity="warning")

    def _tree(self, text: str, event: str = "") -> Tree | None:
        return self.expressions.tree(text, event or None)

    def entries(self, root: MapNode) -> None:
        """Triggers that let nobody in, and exits that whoever enters has met already."""
        enroll = root.values.get("enroll")
        node = enroll.values.get("when") if isinstance(enroll, MapNode) else None
        entry = self._tree(self.playbook.enroll.cond)
        items = list(zip(self.playbook.enroll.when, _items(node), strict=False))
        certain: list[list[Tree]] = []
        for item, at in items:
            known = [each for each in self._known(item) if each is not None]
            known += [entry] if entry is not None else []
            certain.append(known)
            alone = any(not ways(each) for each in known)
            if len(known) > 1 and not alone and excludes(*known):
                message = (
                    f"nobody enters by this {item.kind} trigger: its conditions exclude another"
                )
                hint = "compare what the trigger says with its `if`, and with the `if` of `enroll`"
                self._warn("nobody-enters", message, hint, at)
        if certain and all(certain):
            self._exits(root, certain)

    def _known(self, item: When) -> Iterator[Tree | None]:
        """What holds of a record that this trigger brings in."""
        segment = self.workspace.segments.get(item.segment, item.segment)
        yield self._tree(segment)
        yield self._tree(item.cond, item.event)
        if item.stage and self.playbook.record == "lead" and "." not in item.stage:
            yield self._tree(f"lead.stage == '{item.stage}'")
        if item.score and item.name == "score":
            yield self._tree(f"lead.score >= {item.level:g}")

    def _exits(self, root: MapNode, certain: list[list[Tree]]) -> None:
        for item, at in zip(self.playbook.exit, _items(root.values.get("exit")), strict=False):
            leaving = self._tree(item.cond) if not item.event else None
            if leaving is None or not isinstance(at, MapNode):
                continue
            if all(any(implies(each, leaving) for each in known) for known in certain):
                message = "whoever enters has met this exit already, so that nobody is enrolled"
                hint = "change the exit, or what lets a record in"
                self._warn("exit-holds-at-entry", message, hint, at.values["if"])

    def cases(self, step: Step) -> None:
        """A case of `choose` whose records all went another way before."""
        body, node = step.body, step.fields.values["choose"]
        assert isinstance(body, Choose)
        before: list[tuple[Tree, str]] = []
        for case, at in zip(body.cases, _items(node), strict=False):
            tree = self._tree(case.test)
            if tree is None or not isinstance(at, MapNode):
                continue
            first = next((text for each, text in before if implies(tree, each)), "")
            if first:
                message = f"whoever meets this went the way of the case '{first}' before"
                self._warn("case-never-reached", message, "put the narrower case first",
                           at.values["if"])  # fmt: skip
            before.append((tree, case.test))

    def stage(self, body: StageParams, step: Step) -> None:
        """A move that always goes backward, and so is always left out."""
        stages = self.workspace.lifecycle
        if body.force or self.playbook.record != "lead" or body.stage not in stages:
            return
        if any(body.stage in one.back_to for one in self.workspace.lifecycle_stages):
            return
        least = self._least_stage()
        if stages.index(body.stage) < least or stages.index(body.stage) == 0:
            what = (
                f"every lead is in '{stages[least]}' or later by then" if least else "it is first"
            )
            message = f"nobody moves to '{body.stage}': {what}"
            hint = "a move backward is made with `force: true`"
            self._warn("stage-goes-backward", message, hint, step.fields.values["stage"])

    def _least_stage(self) -> int:
        """The earliest stage that a lead of this playbook can be in."""
        stages, entry = self.workspace.lifecycle, self._tree(self.playbook.enroll.cond)
        found = []
        for item in self.playbook.enroll.when:
            known = [each for each in (*self._known(item), entry) if each is not None]
            if not any("lead.stage" in spelled(each) for each in known):
                return 0
            possible = [
                at
                for at, name in enumerate(stages)
                if not any(
                    excludes(each, condition(f"lead.stage == '{name}'").tree) for each in known
                )
            ]
            found.append(possible[0] if possible else 0)
        return min(found, default=0)

    def saved(self, root: MapNode, ids: Mapping[Step, str]) -> None:
        """`run.saved.NAME` that no step saves."""
        names = {getattr(step.body, "save", "") for step in ids} - {""}
        for scalar in _scalars(root.values.get("steps")):
            for name in dict.fromkeys(_SAVED.findall(scalar.text)):
                if name not in names:
                    message = f"nothing saves 'run.saved.{name}'"
                    hint = did_you_mean(name, names) if names else "write `save:` at the step"
                    self._warn_inside("never-saved", message, hint, scalar, f"run.saved.{name}")

    def _warn_inside(self, rule: str, message: str, hint: str, node: ScalarNode, part: str) -> None:
        """The same at a part of a text."""
        line, column = self.reader.document.inside(node, node.text.index(part) + 1)
        inside = (line, column) != (node.span.line, node.span.column)
        end = column + len(part) if inside else column
        self.reader.report(rule, message, hint, Span(line, column, line, end), severity="warning")


_SAVED = re.compile(r"\brun\.saved\.([a-z][a-z0-9_]*)")


def _items(node: Node | None) -> tuple[Node, ...]:
    return node.items if isinstance(node, ListNode) else ()


def _scalars(node: Node | None) -> Iterator[ScalarNode]:
    if isinstance(node, ScalarNode):
        yield node
    elif isinstance(node, MapNode | ListNode):
        for each in node.values.values() if isinstance(node, MapNode) else node.items:
            yield from _scalars(each)
