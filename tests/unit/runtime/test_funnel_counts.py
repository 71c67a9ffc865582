"""How a funnel counts: skipping, going back, waiting, and buying again."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.runtime.funnel import Funnel, Resting
from engine.runtime.purchases import Loyalty, Purchase, customers

NOW = datetime(2026, 11, 2, tzinfo=UTC)
STAGES = ("visitor", "lead", "mql", "customer")


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def way(*stages: str, step: float = 2) -> list[tuple[str, datetime]]:
    return [(stage, ago(100 - place * step)) for place, stage in enumerate(stages)]


def test_a_stage_that_is_skipped_has_been_reached() -> None:
    """It was not entered, and no time was spent in it."""
    funnel = Funnel(STAGES, NOW)
    funnel.add(way("lead", "customer"))
    counts = funnel.counts()
    assert [one.reached for one in counts] == [1, 1, 1, 1]
    assert [one.entered for one in counts] == [0, 1, 0, 1]
    assert [one.now for one in counts] == [0, 0, 0, 1]
    assert counts[1].left_to == {"customer": 1}


def test_going_back_undoes_nothing_and_counts_nobody_twice() -> None:
    """Recycled to lead and on again: reached once, moved three times."""
    funnel = Funnel(STAGES, NOW)
    funnel.add(way("lead", "mql", "lead", "mql"))
    counts = funnel.counts()
    assert [one.reached for one in counts] == [1, 1, 1, 0]
    assert counts[1].left_to == {"mql": 2}
    assert counts[2].left_to == {"lead": 1}


def test_who_still_waits_is_not_counted_as_lost_nor_as_quick() -> None:
    """Six went on after two days; a hundred of today say nothing about how long it takes."""
    funnel = Funnel(STAGES, NOW)
    for _ in range(6):
        funnel.add(way("lead", "mql"))
    funnel.rest(Resting("", "lead", ago(0.1), 100))
    (_, lead, mql, _) = funnel.counts()
    assert (lead.reached, lead.now, lead.went_on, lead.median_days) == (106, 100, 6, 2)
    assert mql.median_days is None
    assert lead.rate == pytest.approx(6 / 106)
    assert lead.between is not None
    assert lead.between[0] < 6 / 106 < lead.between[1]


def test_stages_that_are_gone_are_passed_over() -> None:
    """The workspace has dropped one; what was before and behind it still counts."""
    funnel = Funnel(STAGES, NOW)
    funnel.add(way("lead", "dropped", "mql"))
    funnel.rest(Resting("", "dropped", ago(3), 5))
    assert [one.reached for one in funnel.counts()] == [1, 1, 1, 0]


def test_an_empty_funnel_divides_by_nothing() -> None:
    """No rate, no median, no fault."""
    assert [one.rate for one in Funnel(STAGES, NOW).counts()] == [None] * 4


def bought(lead: str, *days: float, currency: str = "CNY") -> list[Purchase]:
    return [Purchase(lead, ago(day), 10, currency, ago(200)) for day in days]


def test_customers_who_buy_again_are_counted_with_how_soon() -> None:
    """Two of three; the third may still. Each currency has its own customers."""
    loyalty = Loyalty(NOW)
    purchases = [*bought("a", 90, 60, 5), *bought("b", 50, 45, currency="USD"), *bought("c", 40)]
    for one in customers(purchases):
        loyalty.add(one)
    assert (loyalty.customers, loyalty.again, loyalty.purchases) == (3, 2, 6)
    assert loyalty.per_customer() == {"CNY": 20, "USD": 20}
    assert loyalty.revenue == {"CNY": 40, "USD": 20}
    assert loyalty.again_within(30) == pytest.approx(2 / 3)
    assert loyalty.again_within(365) is None
