"""Which arm of a split an enrollment goes: by weight, or by what is known of the arms.

Everything here is a function of what is given: the chance that a draw needs is made of names by
hashing, so that the same enrollment draws the same arm whenever and wherever it is asked.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.playbook.plan import Split, SplitArm

_NORMAL_95 = 1.959963984540054
_SCALE = 1 << 53


@dataclass(frozen=True, slots=True)
class Drawn:
    """An arm, why it was this one, and whether it was drawn by weight."""

    arm: str
    why: str
    by_weight: bool = True


@dataclass(frozen=True, slots=True)
class Later:
    """No arm can be drawn before `at`: the sample has not had its time yet."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of an arm: who had the time that the split allows, and who converted in it."""

    trials: int = 0
    wins: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a split with a winner has come.

    Attributes:
        sampled: enrollments drawn by weight so far.
        decide_at: when the last of them has had the time that the split allows.
        evidence: what is known of each arm; arms that nothing is known of are absent.
    """

    sampled: int
    decide_at: datetime | None
    evidence: Mapping[str, Evidence]


def arm_kept(op: Split, memory: Mapping[str, object]) -> str | None:
    """The arm that a run has drawn at this split before, while the plan has it."""
    arms = memory.get("arms")
    kept = arms.get(op.name) if isinstance(arms, Mapping) else None
    return kept if any(arm.name == kept for arm in op.arms) else None


def draw(
    op: Split,
    identity: Sequence[str],
    turn: Sequence[object],
    standing: Standing,
    now: datetime,
    *,
    waits: bool = True,
) -> Drawn | Later:
    """The arm of a split with a winner: by weight while the sample lasts, then by what is known.

    Args:
        op: the split.
        identity: what the draw by weight belongs to: record, playbook, split and key.
        turn: what the later draw belongs to: enrollment and seq.
        standing: how far the split has come.
        now: the present moment.
        waits: whether a sample without its time is waited for; a person may have cut that short.
    """
    if op.winner is None:
        return by_weight(op.arms, identity)
    if standing.sampled < op.winner.sample:
        drawn = by_weight(op.arms, identity)
        place = f"{standing.sampled + 1} of the first {op.winner.sample}"
        return Drawn(drawn.arm, f"{drawn.why}; {place}")
    if waits and standing.decide_at is not None and now < standing.decide_at:
        return Later(standing.decide_at)
    return by_thompson(op.arms, standing.evidence, turn)


def by_weight(arms: Sequence[SplitArm], identity: Sequence[str]) -> Drawn:
    """The arm that `identity` always draws: shares follow the weights.

    Each arm bids with a number of its own; the best bid wins. So the order of the arms means
    nothing, and a changed weight moves only those whose best bid it changes.
    """

    def bid(arm: SplitArm) -> float:
        return -math.log(next(_uniforms(*identity, arm.name))) / arm.weight

    drawn = min(arms, key=bid)
    total = sum(arm.weight for arm in arms)
    return Drawn(drawn.name, f"by weight, {drawn.weight:g} of {total:g}")


def by_thompson(
    arms: Sequence[SplitArm], evidence: Mapping[str, Evidence], turn: Sequence[object]
) -> Drawn:
    """The arm whose rate, drawn at random from what is known of it, is the highest.

    An arm that does better is drawn more often, and one of which little is known is still tried.
    What is known and what was drawn stands in the reason.
    """
    rates = {}
    for arm in arms:
        known = evidence.get(arm.name, Evidence())
        source = _uniforms("thompson", *turn, arm.name)
        rates[arm.name] = _beta(known.wins + 1, known.trials - known.wins + 1, source)
    best = max(arms, key=lambda arm: rates[arm.name]).name
    told = ", ".join(_told(arm.name, evidence, rates[arm.name]) for arm in arms)
    return Drawn(best, f"by what is known: {told}", by_weight=False)


def _told(name: str, evidence: Mapping[str, Evidence], rate: float) -> str:
    known = evidence.get(name, Evidence())
    return f"{name} {known.wins}/{known.trials} drew {rate:.4f}"


def interval(trials: int, wins: int) -> tuple[float, float]:
    """Where the true rate lies, with 95 % confidence (Wilson's interval)."""
    if not trials:
        return 0.0, 1.0
    z2 = _NORMAL_95**2
    rate = wins / trials
    middle = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    half = math.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2)) * _NORMAL_95
    half /= 1 + z2 / trials
    # With no conversion, or nothing but conversions, the rounding must not say otherwise.
    return (max(0.0, middle - half) if wins else 0.0), min(1.0, middle + half)


def chances(evidence: Mapping[str, Evidence], *, draws: int = 4000) -> dict[str, float]:
    """How likely each arm is the best one, to a percent or so; repeatable."""
    best = dict.fromkeys(evidence, 0)
    sources = {
        name: _uniforms("chances", name, known.trials, known.wins)
        for name, known in evidence.items()
    }
    for _ in range(draws if len(evidence) > 1 else 0):
        rates = {
            name: _beta(known.wins + 1, known.trials - known.wins + 1, sources[name])
            for name, known in evidence.items()
        }
        best[max(rates, key=rates.__getitem__)] += 1
    if len(evidence) == 1:
        return dict.fromkeys(evidence, 1.0)
    return {name: count / draws for name, count in best.items()}


def _uniforms(*names: object) -> Iterator[float]:
    """Numbers between 0 and 1, both excluded, that always belong to `names`."""
    seed = hashlib.sha256("\x1f".join(map(str, names)).encode()).digest()
    number = 0
    while True:
        block = hashlib.sha256(seed + number.to_bytes(8, "big")).digest()
        for at in range(0, 32, 8):
            bits = int.from_bytes(block[at : at + 8], "big") >> 11
            yield (bits + 0.5) / _SCALE
        number += 1


def _beta(alpha: float, beta: float, source: Iterator[float]) -> float:
    """A number drawn from the Beta distribution: one gamma's share of two."""
    left, right = _gamma(alpha, source), _gamma(beta, source)
    return left / (left + right)


def _gamma(shape: float, source: Iterator[float]) -> float:
    """A number drawn from the gamma distribution of a shape of 1 or more (Marsaglia and Tsang)."""
    d = shape - 1 / 3
    c = 1 / math.sqrt(9 * d)
    while True:
        x = math.sqrt(-2 * math.log(next(source))) * math.cos(2 * math.pi * next(source))
        v = (1 + c * x) ** 3
        if v > 0 and math.log(next(source)) < x * x / 2 + d * (1 - v + math.log(v)):
            return d * v
