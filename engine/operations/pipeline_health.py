"""The health of pipelines as people and scripts see it: one pipeline in full, or all in short.

Read models; they change nothing. The numbers are `engine.runtime.pipeline_health`'s; here they get
the rows, and their form.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.errors import InputError
from engine.operations import published
from engine.playbook.spelling import did_you_mean
from engine.playbook.workspace import Workspace
from engine.runtime.pipeline_health import (
    StageHealth,
    Stalled,
    added,
    measured,
    observe,
    together,
)
from engine.runtime.pipeline_warnings import Unjudged, Warned, unjudged, warnings
from engine.store import journeys
from engine.store.database import Store, Transaction

MOST_STALLED = 20
"""Stalled deals that are listed of a stage; all are counted."""


@dataclass(frozen=True)
class PipelineHealth:
    """A pipeline at a moment.

    Attributes:
        stages: those that close nothing, in order.
        elsewhere: how many open deals are in stages that the pipeline has no more.
    """

    pipeline: str
    now: datetime
    stages: Sequence[StageHealth]
    elsewhere: int
    warnings: Sequence[Warned]
    unjudged: Sequence[Unjudged]

    @property
    def expected(self) -> dict[str, Mapping[str, float] | None]:
        """What all open deals are worth, and what is expected of them, by currency.

        By history it is None as soon as one stage with deals has too little of it.
        """
        known = [one.by_history for one in self.stages if one.deals]
        return {
            "amount": together(one.amounts for one in self.stages),
            "by_probability": together(one.by_probability for one in self.stages),
            "by_history": None if None in known else together(one for one in known if one),
        }

    @property
    def by_owner(self) -> list[dict[str, Any]]:
        """Stalled deals by owner and stage, the most of them first."""
        found: dict[tuple[str, str], list[Stalled]] = defaultdict(list)
        for stage in self.stages:
            for one in stage.stalled:
                found[one.deal.owner or "", stage.name].append(one)
        rows = [
            {
                "owner": owner or None, "stage": stage, "deals": len(late),
                "amount": added([one.deal for one in late], lambda _: 1.0),
                "longest_days": round(max(one.days for one in late), 1),
            }
            for (owner, stage), late in found.items()
        ]  # fmt: skip
        return sorted(rows, key=lambda row: (-row["deals"], row["owner"] or "", row["stage"]))


def pipeline_names(workspace: Workspace, wanted: str = "") -> list[str]:
    """The pipelines that are meant: the one that is named, or all.

    Raises:
        InputError: there is none of that name, or none at all.
    """
    if not workspace.pipelines:
        raise InputError(
            "the workspace has no pipeline",
            help="declare one under `pipelines:` in longplay.yaml, then run: longplay apply",
        )
    if wanted and wanted not in workspace.pipelines:
        raise InputError(
            f"no pipeline is named '{wanted[:60]}'",
            help=did_you_mean(wanted, workspace.pipelines),
        )
    return [wanted] if wanted else list(workspace.pipelines)


def health(store: Store, pipeline: str = "") -> list[dict[str, Any]]:
    """The health of a pipeline, or of every one, as documents.

    Raises:
        InputError: there is no such pipeline.
    """

    def read(tx: Transaction) -> list[dict[str, Any]]:
        names = pipeline_names(published.current(tx).workspace, pipeline)
        return [as_json(health_in(tx, name)) for name in names]

    return store.read(read)


def health_in(tx: Transaction, pipeline: str) -> PipelineHealth:
    """The health of a pipeline that there is, within a transaction that is open already."""
    workspace = published.current(tx).workspace
    observed = observe(journeys.of_deals(tx, pipeline), tx.now)
    deals = journeys.open_deals(tx, pipeline, workspace.currency)
    stages = measured(workspace.pipelines[pipeline], observed, deals, tx.now)
    return PipelineHealth(
        pipeline=pipeline,
        now=tx.now,
        stages=stages,
        elsewhere=len(deals) - sum(len(one.deals) for one in stages),
        warnings=warnings(stages, tx.now),
        unjudged=unjudged(stages),
    )


def as_json(found: PipelineHealth) -> dict[str, Any]:
    """A pipeline's health as a document."""
    return {
        "pipeline": found.pipeline,
        "at": found.now,
        "stages": [_stage(one) for one in found.stages],
        "elsewhere": found.elsewhere,
        "expected": found.expected,
        "stalled": [_stalled(one) for stage in found.stages for one in _first(stage.stalled)],
        "stalled_by_owner": found.by_owner,
        "warnings": [warned_as_json(one) for one in found.warnings],
        "unjudged": [
            {"what": one.what, "stage": one.stage, "has": one.has, "needs": one.needs,
             "text": said_of_unjudged(one)}
            for one in found.unjudged
        ],
    }  # fmt: skip


def _first(late: Sequence[Stalled]) -> Sequence[Stalled]:
    return late[:MOST_STALLED]


def _stage(one: StageHealth) -> dict[str, Any]:
    low, high = one.between
    return {
        "stage": one.name,
        "now": len(one.deals),
        "entered_90_days": one.entered,
        "left_90_days": one.left,
        "median_days": _days(one.stays.median),
        "usual_days": _days(one.limit),
        "stays_ended": one.stays.ended,
        "stalled": len(one.stalled) if one.limit is not None else None,
        "probability": one.rules.probability / 100,
        "won": one.won,
        "over": one.over,
        "win_rate": one.won / one.over if one.over else None,
        "win_rate_between": [low, high] if one.over else None,
        "amount": one.amounts,
        "by_probability": one.by_probability,
        "by_history": one.by_history,
        "curve": [
            {"days": step.days, "stay": step.share, "low": step.low, "high": step.high,
             "at_risk": step.at_risk}
            for step in thinned(one.stays.steps)
        ],
    }  # fmt: skip


def thinned(steps: Sequence[Any], most: int = 60) -> Sequence[Any]:
    """So many points of a curve at most, the first and the last among them."""
    if len(steps) <= most:
        return steps
    return [steps[round(place * (len(steps) - 1) / (most - 1))] for place in range(most)]


def _stalled(one: Stalled) -> dict[str, Any]:
    deal = one.deal
    return {
        "id": deal.id, "name": deal.name, "stage": deal.stage, "owner": deal.owner,
        "amount": deal.amount, "currency": deal.currency, "days": _days(one.days),
        "at_least": not deal.is_dated, "usual_days": _days(one.limit), "chance": one.chance,
    }  # fmt: skip


def warned_as_json(one: Warned) -> dict[str, Any]:
    """A warning: its kind, its stage, what it says, and the numbers that it rests on."""
    return {
        "kind": one.kind, "stage": one.stage, "text": said(one), "numbers": dict(one.numbers)
    }  # fmt: skip


def said(one: Warned) -> str:
    """A warning in a sentence, with its numbers."""
    numbers: Mapping[str, Any] = one.numbers
    match one.kind:
        case "pile":
            return _pile(one.stage, numbers)
        case "stalled":
            return (
                f"{one.stage}: {numbers['deals']:,} of {numbers['of']:,} deals have been here for "
                f"over {numbers['days']:g} days, within which 90 % of the {numbers['basis']:,} "
                f"that left had left; at stake: {money(numbers['amount'])}"
            )
        case "probability":
            return (
                f"{one.stage}: the workspace says {numbers['said']:.0%}, but {numbers['won']:,} of "
                f"{numbers['over']:,} deals that were here and are over were won "
                f"({numbers['low']:.0%} to {numbers['high']:.0%})"
            )
        case "overdue":
            return (
                f"{one.stage}: {numbers['deals']:,} of {numbers['of']:,} deals were expected to "
                f"close by now: {money(numbers['amount'])}"
            )


def _pile(stage: str, numbers: Mapping[str, Any]) -> str:
    beside = f"{numbers['before']:,} before it"
    if numbers["after"] is not None:
        beside += f" and {numbers['after']:,} behind it"
    text = f"{stage}: {numbers['now']:,} pile up here ({numbers['share']:.0%}), with {beside}"
    if numbers["entered"] is not None:
        text += f"; in 90 days {numbers['entered']:,} came and {numbers['left']:,} went"
    if numbers["explained"] is not None:
        text += f"; by what came and how long they stay, {numbers['explained']:,.0f} would be usual"
    return text


def said_of_unjudged(one: Unjudged) -> str:
    """What is not judged, and how little there is of it."""
    match one.what:
        case "stays":
            what = f"how long deals stay in {one.stage}", "have left it"
        case "ends":
            what = f"what comes of deals in {one.stage}", "that were there are won or lost"
        case "open":
            what = "whether deals pile up", "are under way"
    return f"{what[0]} is not judged: {one.has:,} {what[1]}, and it takes {one.needs:,}"


def money(amounts: Mapping[str, float] | None) -> str:
    """Amounts, each in its currency."""
    if amounts is None:
        return "not known"
    parts = (f"{amount:,.0f} {currency}" for currency, amount in amounts.items())
    return " + ".join(parts) or "no amount"


def _days(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
