"""Drawing arms: shares, stability, samples, and the arm that does better."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.playbook.plan import Split, SplitArm, Winner
from engine.runtime.splitting import (
    Drawn,
    Evidence,
    Later,
    Standing,
    arm_kept,
    by_thompson,
    by_weight,
    chances,
    draw,
    interval,
)

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVEN = {"plain": 50.0, "bold": 50.0}


def arms(**weights: float) -> tuple[SplitArm, ...]:
    return tuple(SplitArm(name=name, weight=weight) for name, weight in weights.items())


def a_split(sample: int = 100, **weights: float) -> Split:
    winner = Winner(by="email.clicked", within="2 days", sample=sample)
    made = arms(**(weights or EVEN))
    ways = tuple(range(len(made)))
    return Split(step="split", name="subject", arms=made, ways=ways, winner=winner)


def drawn(lead: int, made: tuple[SplitArm, ...], name: str = "subject") -> str:
    return by_weight(made, (f"lead{lead}", "tour", name, "")).arm


@pytest.mark.parametrize(
    "weights",
    [EVEN, {"a": 90, "none": 10}, {"a": 1, "b": 2, "c": 3, "d": 0.5}, {"a": 0.001, "b": 0.002}],
    ids=["even", "a hold-out", "four", "tiny weights"],
)
def test_shares_follow_the_weights(weights: dict[str, float]) -> None:
    """Of 20,000 records each arm has its share, as far as chance allows (chi-square, p < 1e-6)."""
    made, size = arms(**weights), 20_000
    counts = dict.fromkeys(weights, 0)
    for lead in range(size):
        counts[drawn(lead, made)] += 1
    total = sum(weights.values())
    chi = sum((counts[k] - size * w / total) ** 2 / (size * w / total) for k, w in weights.items())
    degrees = len(weights) - 1
    assert chi < degrees + 5 * math.sqrt(2 * degrees) + 20, counts


NAMES = st.text("abcdefg甲乙丙", min_size=1, max_size=4)
WEIGHTS = st.dictionaries(NAMES, st.floats(0.01, 1e6), min_size=2, max_size=6)


@given(WEIGHTS.flatmap(lambda each: st.permutations(arms(**each))), st.text(max_size=20))
def test_a_record_draws_the_same_arm_whatever_their_order(
    shuffled: list[SplitArm], lead: str
) -> None:
    """The order of the arms in the file means nothing."""
    who = (lead, "tour", "subject", "")
    in_order = sorted(shuffled, key=lambda arm: arm.name)
    assert by_weight(shuffled, who).arm == by_weight(in_order, who).arm


@given(WEIGHTS, st.text(max_size=20), st.floats(1.0, 100.0))
def test_a_greater_weight_takes_nobody_away(
    weights: dict[str, float], lead: str, factor: float
) -> None:
    """An arm that gets more weight keeps whom it had; only others' records come to it."""
    before = by_weight(arms(**weights), (lead, "tour", "subject", "")).arm
    grown = next(iter(weights))
    after = by_weight(
        arms(**{**weights, grown: weights[grown] * factor}), (lead, "tour", "subject", "")
    ).arm
    assert after in (before, grown)


def test_another_split_or_playbook_or_key_draws_anew() -> None:
    """Arms of one split say nothing about those of another."""
    made = arms(**EVEN)
    for other in (("tour", "footer", ""), ("other", "subject", ""), ("tour", "subject", "k2")):
        same = sum(
            by_weight(made, (f"lead{n}", "tour", "subject", "")).arm
            == by_weight(made, (f"lead{n}", *other)).arm
            for n in range(2000)
        )
        assert 880 < same < 1120


def test_draws_do_not_change_from_release_to_release() -> None:
    """Whoever drew an arm years ago still draws it: these are written down."""
    made = arms(plain=50, bold=50)
    assert "".join(drawn(lead, made)[0] for lead in range(24)) == "pbpbppbpbpppppbbbbpbbbpp"


def test_the_sample_is_drawn_by_weight_and_then_waits_for_its_time() -> None:
    """By weight while the sample lasts; then not before the last of it has had its time."""
    split, who = a_split(sample=3), ("ann", "tour", "subject", "")
    early = draw(split, who, ("run", 1), Standing(2, None, {}), NOW)
    assert isinstance(early, Drawn)
    assert early.by_weight
    assert "3 of the first 3" in early.why
    full = Standing(3, NOW + HOUR, {})
    assert draw(split, who, ("run", 1), full, NOW) == Later(NOW + HOUR)
    late = draw(split, who, ("run", 1), full, NOW + HOUR)
    assert isinstance(late, Drawn)
    assert not late.by_weight
    hurried = draw(split, who, ("run", 1), full, NOW, waits=False)
    assert isinstance(hurried, Drawn)


def test_a_repeated_draw_is_the_same_and_says_what_was_known() -> None:
    """The same enrollment at the same seq, with the same evidence, draws the same arm."""
    known = {"plain": Evidence(200, 10), "bold": Evidence(200, 14)}
    first = by_thompson(arms(**EVEN), known, ("run", 7))
    assert by_thompson(arms(**EVEN), known, ("run", 7)) == first
    assert "plain 10/200 drew 0." in first.why
    assert len({by_thompson(arms(**EVEN), known, ("run", seq)).arm for seq in range(50)}) == 2


@settings(max_examples=20, deadline=None)
@given(st.floats(0.05, 0.4), st.integers(0, 1000))
def test_the_better_arm_is_preferred_more_and_more(rate: float, seed: int) -> None:
    """Batch after batch, most of what is drawn goes to the arm that converts twice as often."""
    true = {"worse": rate, "better": 2 * rate}
    made = arms(worse=50, better=50)
    known = {name: Evidence(200, round(200 * each)) for name, each in true.items()}
    last: list[str] = []
    for batch in range(20):
        last = [by_thompson(made, known, (f"{seed}-{batch}", n)).arm for n in range(100)]
        for name, each in true.items():
            count, was = last.count(name), known[name]
            known[name] = Evidence(was.trials + count, was.wins + round(count * each))
    assert last.count("better") >= 90


def test_of_equal_arms_neither_is_forgotten() -> None:
    """Without a difference both are drawn."""
    known = {"a": Evidence(500, 50), "b": Evidence(500, 50)}
    found = [by_thompson(arms(a=1, b=1), known, (n,)).arm for n in range(1000)]
    assert 400 < found.count("a") < 600


@pytest.mark.parametrize(
    ("trials", "wins", "mean"), [(0, 0, 0.5), (10, 0, 1 / 12), (10, 10, 11 / 12), (400, 100, 0.251)]
)
def test_rates_are_drawn_from_what_is_known(trials: int, wins: int, mean: float) -> None:
    """The mean of many draws is that of the Beta distribution."""
    known = {"a": Evidence(trials, wins)}
    told = [by_thompson(arms(a=1, b=1), known, (n,)).why for n in range(4000)]
    rates = [float(why.split(" drew ")[1].split(",")[0]) for why in told]
    assert sum(rates) / len(rates) == pytest.approx(mean, abs=0.02)
    assert all(0 <= rate <= 1 for rate in rates)


@given(st.integers(0, 10_000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_an_interval_holds_the_rate(counts: tuple[int, int]) -> None:
    """Whatever was counted, the interval is one of rates and holds the one that was seen."""
    trials, wins = counts
    low, high = interval(trials, wins)
    assert 0 <= low <= high <= 1
    assert not trials or low - 1e-12 <= wins / trials <= high + 1e-12


def test_an_interval_is_wilsons() -> None:
    """A tenth of a hundred is between 5.5 and 17.4 percent."""
    assert interval(100, 10) == pytest.approx((0.0552, 0.1744), abs=0.0001)
    assert interval(0, 0) == (0.0, 1.0)


def test_chances_add_up_and_tell_the_better_arm() -> None:
    """Chances are 1 in sum: high where the evidence is clear, even where there is none."""
    clear = chances({"a": Evidence(1000, 50), "b": Evidence(1000, 100)})
    assert sum(clear.values()) == pytest.approx(1)
    assert clear["b"] > 0.99
    unknown = chances({"a": Evidence(), "b": Evidence()})
    assert unknown["a"] == pytest.approx(0.5, abs=0.05)
    assert chances({"a": Evidence(10, 1)}) == {"a": 1.0}
    assert chances({}) == {}


@pytest.mark.parametrize(
    ("memory", "kept"),
    [
        ({}, None),
        ({"arms": {"subject": "bold"}}, "bold"),
        ({"arms": {"subject": "gone"}}, None),
        ({"arms": {"other": "bold"}}, None),
    ],
    ids=["nothing drawn", "drawn", "an arm that is no more", "another split"],
)
def test_an_arm_is_kept_while_the_plan_has_it(memory: dict[str, object], kept: str | None) -> None:
    """What a run has drawn stands, unless its plan has lost that arm."""
    assert arm_kept(a_split(), memory) == kept
