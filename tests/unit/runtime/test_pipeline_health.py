"""A pipeline judged by its own history: what is stalled, what is expected, and what is not said."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from engine.playbook.workspace import Pipeline, PipelineStage
from engine.runtime.pipeline_health import (
    DealJourney,
    OpenDeal,
    StageHealth,
    measured,
    observe,
    together,
)
from engine.runtime.pipeline_warnings import Standing, Warned, piles, unjudged, warnings

NOW = datetime(2026, 11, 2, tzinfo=UTC)
B2B = Pipeline(
    stages=(
        PipelineStage(name="qualify", probability=10),
        PipelineStage(name="方案", probability=60),
        PipelineStage(name="won", closes="won"),
        PipelineStage(name="lost", closes="lost"),
    )
)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def closed(days: float, end: str = "won", since: float = 200) -> DealJourney:
    """A deal that stayed so many days in the second stage, and then was over."""
    left = ago(since) + timedelta(days=1 + days)
    entries = [("qualify", ago(since)), ("方案", ago(since) + timedelta(days=1)), (end, left)]
    return DealJourney(entries, end, left)


def standing(days: float, amount: float | None = 100, currency: str = "CNY") -> OpenDeal:
    return OpenDeal(f"d{days}", "a deal", "方案", "li.wei", amount, currency, ago(days), None)


HISTORY = [
    *(closed(days, "won") for days in range(1, 11)),
    *(closed(days, "lost") for days in range(1, 31)),
]


def proposal(
    journeys: Sequence[DealJourney] = HISTORY, deals: Sequence[OpenDeal] = ()
) -> StageHealth:
    here = [DealJourney([("方案", one.entered_at)], "", None) for one in deals if one.is_dated]
    return measured(B2B, observe([*journeys, *here], NOW), deals, NOW)[1]


def test_the_usual_time_is_that_of_nine_in_ten_that_leave() -> None:
    """Of forty that left, thirty-six had left after 26 days; those of now move that but little."""
    assert proposal().limit == 26
    stage = proposal(deals=[standing(40), standing(20), standing(2)])
    assert [round(one.days) for one in stage.stalled] == [40]


def test_deals_that_never_leave_do_not_make_stalling_usual() -> None:
    """Forty that lie there for ever are stalled, although they are half of all."""
    stage = proposal(deals=[standing(300 + n / 10) for n in range(40)])
    assert len(stage.stalled) == 40
    assert stage.chance(300) == 0


def test_expectations_follow_history_and_how_long_a_deal_has_been_there() -> None:
    """Ten of forty were won, all within ten days: after that nothing is expected any more."""
    stage = proposal(deals=[standing(0), standing(20)])
    assert stage.chance() == pytest.approx(0.25, abs=0.01)
    assert stage.chance(20) == 0
    assert stage.by_probability == {"CNY": 120}
    assert stage.by_history is not None
    assert stage.by_history["CNY"] == pytest.approx(25, abs=2)


def test_currencies_are_never_added() -> None:
    """Each has its own sum; a deal without an amount has none."""
    stage = proposal(deals=[standing(1), standing(2, 7, "USD"), standing(3, None), standing(4, 5)])
    assert stage.amounts == {"CNY": 105, "USD": 7}
    assert together([stage.amounts, {"USD": 1, "EUR": 2}]) == {"CNY": 105, "EUR": 2, "USD": 8}


def test_too_little_history_says_how_little() -> None:
    """Nineteen ends say nothing yet, and that is said; nothing is expected and nothing stalled."""
    stages = measured(B2B, observe(HISTORY[:19], NOW), [standing(400)], NOW)
    assert (stages[1].limit, stages[1].chance(), stages[1].by_history) == (None, None, None)
    assert warnings(stages, NOW) == []
    told = {(one.what, one.stage): (one.has, one.needs) for one in unjudged(stages)}
    assert told["stays", "方案"] == (19, 20)
    assert told["ends", "qualify"] == (19, 20)
    assert told["open", ""] == (1, 20)


def test_a_stay_of_unknown_length_is_no_evidence() -> None:
    """What came from elsewhere was there before: its first stay is left out, the next counts."""
    came = DealJourney([("qualify", ago(9)), ("方案", ago(8))], "", None, is_dated=False)
    found = observe([came], NOW)
    assert ("qualify" in found, found["方案"].entered) == (False, 1)


def test_a_clock_that_was_set_back_makes_no_negative_stay() -> None:
    """It counts as none at all."""
    odd = DealJourney([("qualify", ago(1)), ("方案", ago(2))], "", None)
    assert observe([odd], NOW)["qualify"].stays == {(0, "left"): 1}


@pytest.mark.parametrize(
    ("counts", "piled"),
    [
        ((30, 20, 10), []),
        ((10, 40, 12), ["b"]),
        ((10, 12, 11), []),
        ((2, 9, 3), []),
        ((10, 12, 60), ["c"]),
        ((50, 5, 30, 4), ["c"]),
        ((0, 0, 0), []),
        ((25,), []),
    ],
    ids=str,
)
def test_a_pile_is_clearly_more_than_before_and_behind(
    counts: tuple[int, ...], piled: list[str]
) -> None:
    """More than chance makes, of enough records; a funnel that narrows is none."""
    found = piles([Standing(name, n) for name, n in zip("abcd", counts, strict=False)])
    assert [one.stage for one in found] == piled


def test_a_warning_carries_the_numbers_that_justify_it() -> None:
    """Stalled deals by their sums, and a probability by what was won of what is over."""
    deals = [standing(90 + n, 10, "USD" if n else "CNY") for n in range(4)]
    late = [one._replace(expected_close_at=ago(1)) for one in deals]
    stages = measured(B2B, observe(HISTORY, NOW), late, NOW)
    found: dict[str, Warned] = {one.kind: one for one in warnings(stages, NOW)}
    assert found["stalled"].numbers["amount"] == {"CNY": 10, "USD": 30}
    assert found["stalled"].numbers["basis"] == 40
    assert (found["probability"].numbers["won"], found["probability"].numbers["over"]) == (10, 40)
    assert found["overdue"].numbers["deals"] == 4
