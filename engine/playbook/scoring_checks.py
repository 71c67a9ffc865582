"""Whether everything a scoring playbook names exists, and whether its levels make sense.

The steps of its thresholds are checked as those of any other playbook, each list by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from engine.playbook.expressions import Expressions
from engine.playbook.nodes import ListNode, MapNode, Node
from engine.playbook.reading import Reader
from engine.playbook.scoring_model import Behavior, ScoringPlaybook
from engine.playbook.spelling import did_you_mean

Item = TypeVar("Item")

_OWN = ("lead.score", "lead.grade")


def check_scoring(
    playbook: ScoringPlaybook, expressions: Expressions, reader: Reader
) -> frozenset[str]:
    """Reports what is wrong with the rules and levels.

    Returns:
        The events whose history its conditions ask for.
    """
    _Check(playbook, expressions, reader).run()
    return frozenset(expressions.counted)


@dataclass
class _Check:
    playbook: ScoringPlaybook
    expressions: Expressions
    reader: Reader

    def run(self) -> None:
        root = self.reader.document.root
        if not isinstance(root, MapNode):
            return
        for rule, node in _pairs(self.playbook.fit, root.values.get("fit")):
            if rule.cond:
                self._fit(node)
        for each, node in _pairs(self.playbook.behavior, root.values.get("behavior")):
            self._behavior(each, node)
        self._twice(root.values.get("behavior"))
        self._grades(root.values.get("grades"))
        self._levels(root.values.get("thresholds"))
        self._nothing(root)

    def _fit(self, node: MapNode) -> None:
        at = node.values["if"]
        compiled = self.expressions.check(at, has_event=False)
        if compiled is None:
            return
        own = sorted(name for name in compiled.names if name.startswith(_OWN))
        if own:
            message = f"'{own[0]}' follows from the score: fit cannot ask for it"
            hint = "ask for what the lead is; totals are for thresholds"
            self.reader.report("score-of-itself", message, hint, at.span)
        elif compiled.reads_time:
            message = "time alone changes this, and fit is worked out when the lead changes"
            hint = "let behavior points fade with `decay:`, or move the lead by a playbook"
            self.reader.report("fit-by-time", message, hint, at.span, severity="warning")

    def _behavior(self, rule: Behavior, node: MapNode) -> None:
        known = rule.event in self.expressions.events()
        if not known:
            hint = did_you_mean(rule.event, self.expressions.events())
            hint += "; your own events are declared in longplay.yaml, under `events:`"
            message = f"no event named '{rule.event}'"
            self.reader.report("unknown-event", message, hint, node.values["event"].span)
        if "if" in node.values:
            self.expressions.check(node.values["if"], event=rule.event if known else None)
        most, _, _per = rule.at_most.partition(" per ")
        if rule.at_most and float(most) < abs(rule.points):
            message = (
                f"{rule.points:g} points at once, and {most} at most: the first is cut already"
            )
            hint = f"write `at_most: {abs(rule.points):g} per …` or more"
            at = node.values["at_most"]
            self.reader.report("limit-below-points", message, hint, at.span, severity="warning")

    def _twice(self, items: Node | None) -> None:
        """Two rules of one event and condition share a limit, and are hardly meant."""
        seen: dict[tuple[str, str], int] = {}
        for rule, node in _pairs(self.playbook.behavior, items):
            key = rule.event, rule.cond
            line = seen.get(key)
            seen.setdefault(key, node.span.line)
            if line is not None:
                message = f"the same event and condition give points on line {line} already"
                hint = "add the points up in one of them, or tell them apart with an `if`"
                self.reader.report("duplicate-rule", message, hint, node.span)

    def _grades(self, node: Node | None) -> None:
        seen: dict[float, str] = {}
        for name, least in self.playbook.grades.items():
            if least in seen and isinstance(node, MapNode):
                message = f"the grades '{seen[least]}' and '{name}' begin at the same total"
                self.reader.report(
                    "bad-grades", message, "give each its own least total", node.keys[name].span
                )
            seen.setdefault(least, name)
            if isinstance(node, MapNode) and name in node.values:
                self._reachable(least, f"the grade '{name}'", node.values[name])

    def _levels(self, items: Node | None) -> None:
        names: dict[str, int] = {}
        for one, node in _pairs(self.playbook.thresholds, items):
            line = names.get(one.name)
            names.setdefault(one.name, node.span.line)
            if line is not None:
                message = f"two thresholds are named '{one.name}'; the first is on line {line}"
                at = node.values["name"]
                self.reader.report("duplicate-threshold", message, "rename one of them", at.span)
            if "at" not in node.values:
                continue
            self._reachable(one.at, f"the threshold '{one.name}'", node.values["at"])
            low = self.playbook.bounds[0]
            if low is not None and one.at <= low:
                message = f"every total is {one.at:g} or more: nobody ever reaches this upward"
                hint = f"write a level above {low:g}"
                self.reader.report("level-out-of-range", message, hint, node.values["at"].span)

    def _reachable(self, level: float, what: str, at: Node) -> None:
        high = self.playbook.bounds[1]
        if high is not None and level > high:
            message = f"{what} begins at {level:g}, and no total is read above {high:g}"
            hint = f"write {high:g} at most, or widen the `range`"
            self.reader.report("level-out-of-range", message, hint, at.span)

    def _nothing(self, root: MapNode) -> None:
        written = {"fit", "behavior"} & root.values.keys()
        if not self.playbook.fit and not self.playbook.behavior and not written:
            message = "this playbook gives no points"
            hint = "add `behavior:` or `fit:` with what gives points"
            self.reader.report("no-points", message, hint, root.keys["playbook"].span)


def _pairs(items: tuple[Item, ...], node: Node | None) -> Iterator[tuple[Item, MapNode]]:
    if isinstance(node, ListNode) and len(node.items) == len(items):
        for item, at in zip(items, node.items, strict=True):
            if isinstance(at, MapNode):
                yield item, at
