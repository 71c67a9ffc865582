"""What is worth a warning in a pipeline or a lifecycle, each with the numbers that justify it.

Whatever there is too little of is not judged, and that is said too, with how little there is.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from engine.runtime.pipeline_health import FEWEST, StageHealth, added

Number: TypeAlias = int | float | Mapping[str, float] | None

FEWEST_OPEN = 20
"""Records that must be under way before a pile among them means anything."""

_CLEARLY = 2.326347874040841
"""Standard deviations that chance exceeds once in a hundred times."""

_FEWEST_STALLED = 3

Kind = Literal["pile", "stalled", "probability", "overdue"]


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning about a stage; `numbers` are what it rests on."""

    kind: Kind
    stage: str
    numbers: Mapping[str, Number] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unjudged:
    """What is not judged: `has` of what there should be `needs`.

    `what` is `stays` (deals that left the stage), `ends` (deals that are over) or `open` (deals
    under way, of the whole pipeline).
    """

    what: Literal["stays", "ends", "open"]
    stage: str
    has: int
    needs: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How many records stand in a stage; `entered` and `left` lately, and how many usually do."""

    stage: str
    now: int
    entered: int | None = None
    left: int | None = None
    explained: float | None = None


def warnings(stages: Sequence[StageHealth], now: datetime) -> list[Warned]:
    """What is worth a warning, stage by stage."""
    standings = [
        Standing(one.name, len(one.deals), one.entered, one.left, one.explained) for one in stages
    ]
    return [
        *piles(standings),
        *(found for one in stages for found in _of_stage(one, now)),
    ]


def unjudged(stages: Sequence[StageHealth]) -> list[Unjudged]:
    """What nothing is said about, because there is too little of it."""
    found = []
    for one in stages:
        if one.stays.ended < FEWEST:
            found.append(Unjudged("stays", one.name, one.stays.ended, FEWEST))
        if one.over < FEWEST:
            found.append(Unjudged("ends", one.name, one.over, FEWEST))
    under_way = sum(len(one.deals) for one in stages)
    if under_way < FEWEST_OPEN:
        found.append(Unjudged("open", "", under_way, FEWEST_OPEN))
    return found


def piles(stages: Sequence[Standing]) -> list[Warned]:
    """Stages behind the first that hold clearly more than those on both sides: a spindle.

    A funnel gets narrower. Where a stage holds more than the one before it, by more than chance
    makes in 99 of 100 cases (the difference of two counts, beside the root of their sum), work
    piles up; or the stage before is fed by too little.
    """
    if sum(one.now for one in stages) < FEWEST_OPEN:
        return []
    found = []
    for place in range(1, len(stages)):
        here, before = stages[place], stages[place - 1]
        after = stages[place + 1] if place + 1 < len(stages) else None
        if _clearly_more(here.now, before.now) and (
            after is None or _clearly_more(here.now, after.now)
        ):
            found.append(
                Warned(
                    "pile", here.stage,
                    {
                        "now": here.now, "before": before.now,
                        "after": after.now if after else None,
                        "share": here.now / sum(one.now for one in stages),
                        "entered": here.entered, "left": here.left,
                        "explained": _rounded(here.explained),
                    },
                )
            )  # fmt: skip
    return found


def _clearly_more(one: int, other: int) -> bool:
    return one > other and (one - other) / math.sqrt(one + other) >= _CLEARLY


def _of_stage(stage: StageHealth, now: datetime) -> Iterator[Warned]:
    if len(stage.stalled) >= _FEWEST_STALLED:
        late = [one.deal for one in stage.stalled]
        yield Warned(
            "stalled", stage.name,
            {
                "deals": len(late), "of": len(stage.deals), "days": _rounded(stage.limit),
                "basis": stage.stays.ended, "amount": added(late, lambda _: 1.0),
            },
        )  # fmt: skip
    low, high = stage.between
    said = stage.rules.probability / 100
    if said and stage.over >= FEWEST and not low <= said <= high:
        yield Warned(
            "probability", stage.name,
            {
                "said": said, "won": stage.won, "over": stage.over, "low": low, "high": high,
                "by_probability": stage.by_probability, "by_history": stage.by_history,
            },
        )  # fmt: skip
    overdue = [
        deal for deal in stage.deals if deal.expected_close_at and deal.expected_close_at < now
    ]
    if overdue:
        yield Warned(
            "overdue", stage.name,
            {
                "deals": len(overdue), "of": len(stage.deals),
                "amount": added(overdue, lambda _: 1.0),
            },
        )  # fmt: skip


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
