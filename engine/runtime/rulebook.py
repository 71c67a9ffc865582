"""The rules of a scoring playbook, ready to be asked: which of them an event or a lead meets. Pure.

Rules that ask for one exact text of an event (`event.path == "/pricing"`) are found by that text,
so that two hundred of them cost an event no more than one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

from engine.playbook.conditions import condition
from engine.playbook.conditions.tree import Comparison, Literal, Logic, Name, Node
from engine.playbook.scoring_plan import BehaviorRule, Scoring, exact_length, grade_of
from engine.playbook.values import Scope, Value
from engine.runtime.scoring import Idle, Standing

Truth = Callable[[Scope], bool]
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """A rule with its condition, and its place among the rules."""

    place: int
    rule: BehaviorRule
    holds: Truth | None
    per: int


@dataclass(slots=True)
class _Listeners:
    """The rules of one event: those that are always asked, and those found by a text."""

    always: list[Asked] = field(default_factory=list)
    by_text: dict[str, dict[str, list[Asked]]] = field(default_factory=dict)

    def candidates(self, properties: Mapping[str, Value]) -> list[Asked]:
        found = list(self.always)
        for name, texts in self.by_text.items():
            value = properties.get(name)
            if isinstance(value, str):
                found += texts.get(value, ())
            elif value is not None:
                found += [one for some in texts.values() for one in some]
        return found


class Rulebook:
    """What a score is worked out by.

    Args:
        scoring: the plan's part.
        watched: further totals that somebody asks about, besides grades and thresholds.
    """

    def __init__(self, playbook: str, scoring: Scoring, watched: Sequence[float] = ()) -> None:
        self.playbook = playbook
        self.scoring = scoring
        self.name = scoring.score
        self.levels = tuple(sorted({*scoring.levels, *watched}))
        self._fit = [(condition(rule.cond).truth, rule) for rule in scoring.fit]
        self.thresholds = [
            (level, condition(level.cond).truth if level.cond else None)
            for level in scoring.thresholds
        ]
        self.at = {level.playbook: level.at for level in scoring.thresholds}
        self._listeners: dict[str, _Listeners] = {}
        for place, rule in enumerate(scoring.behavior):
            self._listen(place, rule)
        self.needs_ledger = bool(scoring.decay.idle) or any(
            rule.most is not None for rule in scoring.behavior
        )
        """Whether something late changes what came after it."""

    def _listen(self, place: int, rule: BehaviorRule) -> None:
        asked = condition(rule.cond) if rule.cond else None
        per = exact_length(rule.per) // _MICROSECOND if rule.per else 0
        one = Asked(place, rule, asked.truth if asked else None, per)
        listeners = self._listeners.setdefault(rule.event, _Listeners())
        wanted = _text_wanted(asked.tree) if asked else None
        if wanted is None:
            listeners.always.append(one)
        else:
            name, text = wanted
            listeners.by_text.setdefault(name, {}).setdefault(text, []).append(one)

    @cached_property
    def events(self) -> frozenset[str]:
        """The events that give points."""
        return frozenset(self._listeners)

    @cached_property
    def fit_fields(self) -> frozenset[str] | None:
        """The fields of a lead that fit asks for; None: it asks for more than those."""
        found: set[str] = set()
        for rule in self.scoring.fit:
            asked = condition(rule.cond)
            if asked.events or any(not name.startswith("lead.") for name in asked.names):
                return None
            found |= {name.split(".")[1] for name in asked.names}
        return frozenset(found)

    def blank(self) -> Standing:
        """A standing without any points, that fades and is limited by these rules."""
        return self._blank

    @cached_property
    def _blank(self) -> Standing:
        scoring, decay = self.scoring, self.scoring.decay
        idle = None
        if decay.idle:
            after = exact_length(decay.idle) // _MICROSECOND
            idle = Idle(decay.points, exact_length(decay.every) // _MICROSECOND, after)
        half_life = exact_length(decay.half_life).total_seconds() if decay.half_life else 0.0
        return Standing(half_life=half_life, idle=idle, low=scoring.low, high=scoring.high)

    def fit(self, scope: Scope) -> tuple[float, list[tuple[float, str]]]:
        """The points for what the lead is: their sum, and each with its reason."""
        held = [rule for holds, rule in self._fit if holds(scope)]
        return float(sum(rule.points for rule in held)), [(one.points, one.reason) for one in held]

    def meets(self, event: str, properties: Mapping[str, Value], scope: Scope) -> list[Asked]:
        """The rules that an event meets; `scope["event"]` is the event."""
        listeners = self._listeners.get(event)
        if listeners is None:
            return []
        candidates = listeners.candidates(properties)
        return [one for one in candidates if one.holds is None or one.holds(scope)]

    def grade(self, total: float) -> str | None:
        """The grade of a total."""
        return grade_of(self.scoring.grades, total)


def _text_wanted(tree: Node) -> tuple[str, str] | None:
    """A property of the event, and the one text it must be for the condition to hold."""
    terms = tree.terms if isinstance(tree, Logic) and tree.operator == "and" else (tree,)
    for term in terms:
        if not isinstance(term, Comparison) or len(term.rest) != 1 or term.rest[0][0] != "==":
            continue
        sides = (term.first, term.rest[0][1])
        for one, other in (sides, sides[::-1]):
            if not isinstance(one, Name) or not isinstance(other, Literal):
                continue
            if len(one.path) == 2 and one.path[0] == "event" and _is_plain(other):
                return one.path[1], str(other.value)
    return None


def _is_plain(literal: Literal) -> bool:
    return isinstance(literal.value, str) and literal.moment is None and literal.length is None
