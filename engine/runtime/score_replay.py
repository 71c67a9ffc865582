"""A lead's past played through the rules of a score: which thresholds it would have come to. Pure.

Everything counts at its own time, as the ledger has it. What is fed must be in the order of time.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from engine.playbook.conditions import condition
from engine.playbook.scoring_plan import Scoring
from engine.playbook.values import Scope, Value
from engine.runtime.rulebook import Asked, Rulebook, Truth
from engine.runtime.scoring import Standing, granted

MOVED_BY_SCORES = ("lead.stage", "lead.owner", "lead.score", "lead.grade")
"""What the steps of thresholds change themselves: as it was, it is what the former rules made of
it, and the rules of today cannot be judged by that."""


class Limits:
    """What the rules with a limit have given one lead lately."""

    def __init__(self) -> None:
        self._given: dict[str, deque[tuple[int, float]]] = {}

    def points(self, asked: Asked, at: int) -> float:
        """What the rule gives for something that happened at `at`, in microseconds."""
        rule = asked.rule
        if rule.most is None:
            return rule.points
        before = self._given.setdefault(rule.name, deque())
        while before and before[0][0] <= at - asked.per:
            before.popleft()
        points = granted(rule.points, rule.most, sum(each for _, each in before))
        before.append((at, abs(points)))
        return points


def asked_of(scoring: Scoring) -> dict[str, Truth | None]:
    """Threshold → its condition, where the past can tell whether that held; else None."""
    found: dict[str, Truth | None] = {}
    for level in scoring.thresholds:
        one = condition(level.cond) if level.cond else None
        knows = one is not None and not any(n.startswith(MOVED_BY_SCORES) for n in one.names)
        found[level.name] = one.truth if one is not None and knows else None
    return found


def passed_over(scoring: Scoring) -> list[str]:
    """The thresholds whose condition cannot be asked of the past, because scores change it."""
    asked = asked_of(scoring)
    return [one.name for one in scoring.thresholds if one.cond and asked[one.name] is None]


@dataclass(slots=True)
class Replay:
    """A lead under the rules of one score.

    Attributes:
        crossed: threshold → when it was first reached, from `since` on.
    """

    book: Rulebook
    asked: Mapping[str, Truth | None]
    since: int = 0
    crossed: dict[str, int] = field(default_factory=dict)
    _standing: Standing = field(default_factory=Standing)
    _limits: Limits = field(default_factory=Limits)
    _above: set[str] = field(default_factory=set)

    def begin(self, scope: Scope) -> None:
        """The lead as it was at first."""
        self._standing = replace(self.book.blank(), at=0, fit=self.book.fit(scope)[0])

    def event(self, name: str, properties: Mapping[str, Value], scope: Scope, at: int) -> None:
        """Something that it did; `scope["event"]` is the same."""
        met = self.book.meets(name, properties, scope)
        if not met and self.book.fit_fields is not None:
            return
        self._pass(scope, at)
        for asked in met:
            self._standing = self._standing.added(self._limits.points(asked, at), at)
        if self.book.fit_fields is None:
            self._standing = replace(self._standing, fit=self.book.fit(scope)[0])
        self._look(scope, at)

    def points(self, points: float, scope: Scope, at: int) -> None:
        """Points that no rule gave: a step's, or those that it came with."""
        self._pass(scope, at)
        self._standing = self._standing.added(points, at)
        self._look(scope, at)

    def changed(self, name: str, scope: Scope, at: int) -> None:
        """A field of the lead is another now; a condition may hold by that."""
        self._pass(scope, at)
        fields = self.book.fit_fields
        if fields is None or name in fields:
            self._standing = replace(self._standing, fit=self.book.fit(scope)[0])
        self._look(scope, at)

    def total(self, at: int) -> int:
        """The total at a moment that nothing is fed of any more."""
        return self._standing.total(at)

    def finish(self, scope: Scope, at: int) -> None:
        """Lets time pass up to the end."""
        self._pass(scope, at)

    def _pass(self, scope: Scope, at: int) -> None:
        """What time alone did up to `at`: totals that fall, and those that rise again."""
        standing = self._standing
        if standing.behavior < 0:
            moment = standing.next_look(self.book.levels, standing.at)
            while moment is not None and moment < at:
                self._look(scope, moment)
                moment = standing.next_look(self.book.levels, moment)
        if self._above:
            total = standing.total(at)
            self._above = {name for name in self._above if total >= self._at(name)}

    def _at(self, name: str) -> float:
        return next(one.at for one in self.book.scoring.thresholds if one.name == name)

    def _look(self, scope: Scope, at: int) -> None:
        thresholds = self.book.scoring.thresholds
        total = self._standing.total(at) if thresholds else 0
        for level in thresholds:
            if total < level.at:
                self._above.discard(level.name)
            elif level.name not in self._above:
                holds = self.asked[level.name]
                if holds is None or holds(scope):
                    self._above.add(level.name)
                    if at >= self.since:
                        self.crossed.setdefault(level.name, at)
