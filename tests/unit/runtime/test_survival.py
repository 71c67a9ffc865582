"""Survival curves, held to the figures of a textbook and of other people's programs."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.runtime.survival import Ends, Span, curve, ends

REMISSION = [
    (6, 3, 1), (7, 1, 0), (9, 0, 1), (10, 1, 1), (11, 0, 1), (13, 1, 0), (16, 1, 0), (17, 0, 1),
    (19, 0, 1), (20, 0, 1), (22, 1, 0), (23, 1, 0), (25, 0, 1), (32, 0, 2), (34, 0, 1), (35, 0, 1),
]  # fmt: skip
"""Weeks in remission of 21 patients on 6-MP (Freireich and others, 1963): ended, and still on."""

SPANS = [
    Span(days, end, count)
    for days, ended, still in REMISSION
    for end, count in (("over", ended), ("", still))
    if count
]


def test_the_curve_of_a_textbook_is_found() -> None:
    """As lifelines 0.30.3 and scipy.stats.ecdf 1.17.1 find it, the 95 % limits included."""
    found = curve(SPANS)
    assert (found.count, found.ended) == (21, 9)
    known = [
        (6, 0.857143, 0.619718, 0.951552), (7, 0.806723, 0.563147, None),
        (10, 0.752941, 0.503200, None), (13, 0.690196, 0.431610, 0.849066),
        (16, 0.627451, 0.367511, None), (22, 0.537815, 0.267779, None),
        (23, 0.448179, 0.188052, 0.680143),
    ]  # fmt: skip
    assert [step.days for step in found.steps] == [row[0] for row in known]
    for step, (_, share, low, high) in zip(found.steps, known, strict=True):
        assert step.share == pytest.approx(share, abs=1e-6)
        assert step.low == pytest.approx(low, abs=1e-6)
        assert high is None or step.high == pytest.approx(high, abs=1e-6)
    assert (found.median, found.by(0.9)) == (23, None)
    assert (found.share(5.9), found.share(6)) == (1.0, found.steps[0].share)


def test_some_that_never_end_do_not_hide_when_the_others_do() -> None:
    """Of three that end within three days, and many that never do: all three by the third day."""
    found = curve([Span(1, "over"), Span(2, "over"), Span(3, "over"), Span(90, "", 7)])
    assert (found.by(0.9), found.within(0.9)) == (None, 3)


def test_without_censoring_the_curve_is_the_plain_share() -> None:
    """And its mean the plain mean."""
    found = curve([Span(day, "over") for day in (1, 2, 3, 4)])
    assert [step.share for step in found.steps] == pytest.approx([0.75, 0.5, 0.25, 0])
    assert found.mean == pytest.approx(2.5)
    assert (found.median, found.within(0.5)) == (2, 2)


def test_nothing_observed_is_no_curve() -> None:
    """It says so, and divides by nothing."""
    for spans in ([], [Span(3, "", 5)]):
        found = curve(spans)
        assert (found.ended, found.median, found.within(0.9), found.share(9)) == (0, None, None, 1)
        assert ends(spans).chance("won") is None


FATES = ["lost", "won", "", "lost", "won", "lost", "", "won", "won", "lost", "", "won", "", "won"]
"""How fourteen deals ended, the first after one day, the next after two, and so on."""


def fates() -> Ends:
    return ends([Span(day, end) for day, end in enumerate(FATES, 1)])


def test_each_end_has_the_share_that_comes_to_it() -> None:
    """As lifelines 0.30.3 finds it (AalenJohansenFitter)."""
    found = fates()
    assert found.days == [1, 2, 4, 5, 6, 8, 9, 10, 12, 14]
    won = [0, 0.071429, 0.071429, 0.149351, 0.149351, 0.238404, 0.327458, 0.327458, 0.446197,
           0.683673]  # fmt: skip
    lost = [0.071429, 0.071429, 0.149351, 0.149351, 0.227273, 0.227273, 0.227273, 0.316327,
            0.316327, 0.316327]  # fmt: skip
    assert found.shares["won"] == pytest.approx(won, abs=1e-6)
    assert found.shares["lost"] == pytest.approx(lost, abs=1e-6)
    assert found.chance("won") == pytest.approx(0.683673, abs=1e-6)


def test_the_chance_is_read_where_enough_have_been() -> None:
    """Ten had lasted for 5 days, nine for 8: a deal of 13 days is judged as one of 5."""
    found = fates()
    at_five = (0.683673 - 0.149351) / (1 - 0.149351 - 0.149351)
    assert found.chance("won", 5) == pytest.approx(at_five, abs=1e-5)
    assert found.chance("won", 13) == found.chance("won", 5)


spans = st.builds(
    Span,
    st.integers(0, 40).map(float),
    st.sampled_from(["won", "lost", ""]),
    st.integers(1, 5),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(spans, min_size=1, max_size=40))
def test_shares_add_up(observed: list[Span]) -> None:
    """What lasts and what has come to each end is everything, at every length."""
    lasting, found = curve(observed), ends(observed)
    for place, step in enumerate(lasting.steps):
        reached = sum(shares[place] for shares in found.shares.values())
        assert step.share + reached == pytest.approx(1, abs=1e-9)
        assert 0 <= step.low <= step.share + 1e-12 <= step.high + 2e-12 <= 1 + 2e-12
    chances = [found.chance(end, 3) for end in ("won", "lost")]
    known = [one for one in chances if one is not None]
    assert not known or math.isclose(sum(known), 1, abs_tol=1e-9)


def test_what_has_lasted_long_may_never_end() -> None:
    """Ten of twenty end within ten days; of those that have lasted for longer, none did."""
    found = ends([*[Span(day, "won") for day in range(1, 11)], Span(90, "", 10)])
    assert (found.ending(), found.ending(10), found.within(0.9)) == (0.5, 0.0, 9)
