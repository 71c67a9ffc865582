"""Signs: what a rule of a score could ask for, worth one point, and how far a lead shows it. Pure.

What a lead shows is what a rule of one point would come to by the language itself, limits and
fading included. So a score is the sum of its rules' points times what the lead shows of each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.playbook.conditions import condition
from engine.playbook.scoring_plan import BehaviorRule, Scoring
from engine.playbook.values import Scope, Value
from engine.runtime.rulebook import Rulebook
from engine.runtime.score_replay import Limits
from engine.runtime.scoring import Standing

TIMES, PERIOD = 3, "7 days"
"""How often a sign counts in how long, where no rule says it."""


@dataclass(frozen=True, slots=True)
class Sign:
    """Something that a rule of fit or behavior could ask for.

    Attributes:
        event: of behavior, the event; empty: it is of fit.
        cond: the condition; of behavior it may be empty.
        times: how often it counts in `per`; None: always.
        points: what a rule gives for it now; 0: there is none.
        note: the reason that this rule shows.
    """

    cond: str
    event: str = ""
    times: float | None = None
    per: str = ""
    points: float = 0
    note: str = ""

    @property
    def kind(self) -> Literal["fit", "behavior"]:
        """Which list its rule stands in."""
        return "behavior" if self.event else "fit"

    @property
    def name(self) -> str:
        """What it is, in the language."""
        if not self.event:
            return self.cond
        return f"{self.event} if {self.cond}" if self.cond else self.event


def signs_of(scoring: Scoring) -> list[Sign]:
    """The signs that rules ask for already."""
    found = [Sign(rule.cond, points=rule.points, note=rule.note) for rule in scoring.fit]
    for rule in scoring.behavior:
        times = None if rule.most is None else rule.most / abs(rule.points)
        found.append(Sign(rule.cond, rule.event, times, rule.per, rule.points, rule.note))
    return found


class Showing:
    """How far leads show these signs.

    Args:
        signs: in the order of the answers.
        half_life: seconds in which half of a behavior is forgotten; 0: it is not.
    """

    def __init__(self, signs: Sequence[Sign], half_life: float) -> None:
        self.signs, self.half_life = signs, half_life
        self._fit = [
            (place, condition(one.cond).truth) for place, one in enumerate(signs) if not one.event
        ]
        self._places = [place for place, one in enumerate(signs) if one.event]
        rules = tuple(
            BehaviorRule(event=one.event, cond=one.cond, points=1, most=one.times, per=one.per)
            for one in signs
            if one.event
        )
        self.book = Rulebook("", Scoring(behavior=rules))

    def begin(self) -> "Shown":
        """A lead that has done nothing yet."""
        return Shown(self, [Standing(half_life=self.half_life)] * len(self._places), Limits())

    def at(self, shown: Sequence[Standing], scope: Scope, now: int) -> list[float]:
        """What the lead shows of each sign at a moment."""
        found = [0.0] * len(self.signs)
        for place, standing in zip(self._places, shown, strict=True):
            found[place] = standing.behavior_at(now)
        for place, holds in self._fit:
            found[place] = float(holds(scope))
        return found


@dataclass(slots=True)
class Shown:
    """One lead's."""

    showing: Showing
    _standings: list[Standing]
    _limits: Limits

    def event(self, name: str, properties: Mapping[str, Value], scope: Scope, at: int) -> None:
        """Something that it did; events come in the order of time."""
        for asked in self.showing.book.meets(name, properties, scope):
            points = self._limits.points(asked, at)
            self._standings[asked.place] = self._standings[asked.place].added(points, at)

    def at(self, scope: Scope, now: int) -> list[float]:
        """What it shows of each sign at a moment; `scope` is the lead as of then."""
        return self.showing.at(self._standings, scope, now)
