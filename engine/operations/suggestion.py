"""Suggested rules of a score as a value: what was asked, each rule with its reason, and the check.

It is worked out by `suggesting`, and written down by `suggestion_file`.
"""

import math
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engine.operations.fitting import Calibration, Ranked
from engine.playbook.scoring_plan import PRIMARY, Scoring
from engine.runtime.foretelling import Share
from engine.runtime.signs import Sign

if TYPE_CHECKING:
    from engine.operations.fitting import Numbers, Places

DAY = timedelta(days=1)
TOP = 100.0
"""The upper end of the range of suggested rules."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for.

    Attributes:
        score: the score whose rules are wanted.
        after: how long after it was first known a lead is judged.
        within: how soon after that the outcome must come.
        became: entering this stage, or one behind it, is the outcome, as a won deal is.
        ends: events that are an outcome as well.
        half_life: of behavior points; empty: as it is now, else 30 days.
    """

    score: str = PRIMARY
    after: timedelta = 14 * DAY
    within: timedelta = 90 * DAY
    became: str = ""
    ends: tuple[str, ...] = ()
    half_life: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that is suggested.

    Attributes:
        points: what it gives; of a sign too rare to learn of, what it gives now.
        low: the least that it may well be worth, in points.
        high: the most.
        having: the leads that show it, and how many of them came to the outcome.
        others: the same of those that do not.
        is_kept: it is as it was, because too few leads show it.
    """

    sign: Sign
    points: float
    low: float
    high: float
    having: Share
    others: Share
    is_kept: bool = False

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "rule": self.sign.name, "kind": self.sign.kind, "points": self.points,
            "low": round(self.low, 2), "high": round(self.high, 2), "kept": self.is_kept,
            "leads": self.having.of, "having": self.having.as_json(),
            "others": self.others.as_json(),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """How rules that were fitted to the oldest three quarters do on the newest."""

    leads: int
    outcomes: int
    model: Ranked
    points: Ranked
    present: Ranked | None
    truth: Calibration

    @property
    def is_chance(self) -> bool:
        """Whether tossing a coin may rank leads as well."""
        return self.points.low <= 0.5

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "leads": self.leads, "outcomes": self.outcomes, "model": self.model.as_json(),
            "points": self.points.as_json(), "no_better_than_chance": self.is_chance,
            "present": self.present.as_json() if self.present else None,
            "calibration": self.truth.as_json(),
        }  # fmt: skip


@dataclass(slots=True)
class Suggested:
    """The rules that are suggested, and what they rest on.

    Attributes:
        per_logit: points that one logit is worth.
        base: the logit of a lead with no points.
        low: the lower end of the range; the upper one is 100.
        slight: signs that are worth less than a point.
        crowded: rules of today that others say nearly the same as, or for which outcomes are too
            few; they are left out.
        totals: what the leads come to by these rules, when they are judged.
        came: which of them came to the outcome.
        before: what they come to by the rules of today.
        check: None: there are too few outcomes to hold some back.
    """

    wanted: Wanted
    playbook: str
    present: Scoring | None
    stages: tuple[str, ...]
    leads: int
    outcomes: int
    sooner: int
    young: int
    half_life: str
    per_logit: float
    base: float
    low: float
    rules: tuple[Rule, ...]
    slight: tuple[str, ...]
    crowded: tuple[str, ...]
    totals: "Numbers"
    came: "Places"
    before: "Numbers"
    check: Check | None = None
    text: str = field(default="")

    def as_json(self) -> dict[str, Any]:
        """What `--json` shows."""
        return {
            "playbook": self.playbook, "score": self.wanted.score, "leads": self.leads,
            "outcomes": self.outcomes, "sooner": self.sooner, "too_young": self.young,
            "half_life": self.half_life, "points_per_logit": round(self.per_logit, 3),
            "base_logit": round(self.base, 4), "range": [self.low, TOP],
            "rules": [one.as_json() for one in self.rules], "slight": list(self.slight),
            "crowded": list(self.crowded),
            "check": self.check.as_json() if self.check else None, "yaml": self.text,
        }  # fmt: skip


def chance_of(found: Suggested, total: float) -> float:
    """The forecast for a lead with this total when it is judged."""
    return 1 / (1 + math.exp(-(found.base + total / found.per_logit)))
