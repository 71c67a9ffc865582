"""Suggesting segments of who bought: by thirds of recency, frequency and amount, or by groups.

Groups are found by k-means over the logarithms of the three, and then told by a small decision tree
in conditions, because a segment is a condition. How many leads a condition puts where k-means had
put them is said, and how clearly the groups stand apart (silhouette; Rousseeuw, Journal of
Computational and Applied Mathematics 20, 1987). Fewer than seventy buyers for each of the three
numbers are too few to group (Dolnicar and others, Journal of Travel Research 53, 2014).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engine.errors import InputError, NotFoundError
from engine.operations import published
from engine.operations.fitting import SEED, quiet, require_learner
from engine.operations.pasts import Progress
from engine.operations.proposal_words import words
from engine.operations.purchases import Asking, Purchases, event_of_purchases, purchases
from engine.operations.selecting import checked
from engine.playbook.catalog import event_types
from engine.playbook.formatting import formatted
from engine.playbook.spelling import did_you_mean
from engine.store.database import Store

if TYPE_CHECKING:
    from engine.operations.fitting import Numbers, Places

    Rows = Callable[[Numbers], Any]

FEWEST, FEWEST_GROUPED = 30, 210
MOST_GROUPS = 8
_SAMPLED = 3_000
_CLEAR, _FAIR = 0.5, 0.25
_LEAF = 0.02


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment that is suggested: its name and condition, in words, and who is in it."""

    name: str
    condition: str
    about: str
    leads: int
    middle: tuple[float, float, float]

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        recency, frequency, amount = self.middle
        return {
            "name": self.name, "condition": self.condition, "about": self.about,
            "leads": self.leads, "median_days_since": recency, "median_purchases": frequency,
            "median_amount": amount,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Segments:
    """What is suggested.

    Attributes:
        silhouettes: number of groups → how clearly they stand apart, from -1 to 1.
        groups: how many were asked for; 0: thirds.
        match: the share of buyers whom the conditions put where k-means had put them.
    """

    event: str
    within: str
    leads: int
    buyers: int
    segments: tuple[Segment, ...]
    text: str
    groups: int = 0
    silhouettes: Mapping[int, float] | None = None
    match: float | None = None

    def as_json(self) -> dict[str, Any]:
        """What `--json` shows."""
        return {
            "event": self.event, "within": self.within, "leads": self.leads, "buyers": self.buyers,
            "segments": [one.as_json() for one in self.segments], "groups": self.groups or None,
            "silhouettes": {str(k): round(v, 4) for k, v in (self.silhouettes or {}).items()},
            "match": self.match, "yaml": self.text,
        }  # fmt: skip


def suggest_segments(
    store: Store,
    *,
    event: str = "",
    within: timedelta = timedelta(days=365),
    groups: int = 0,
    language: str = "en",
    progress: Progress = lambda done, total: None,
) -> Segments:
    """Suggests segments of those who bought.

    Args:
        event: what is a purchase; empty: orders, or deals won where there are no orders.
        within: purchases of before count for nothing.
        groups: so many groups by k-means; 0: by thirds.

    Raises:
        EnvironmentFault: scikit-learn is missing.
        NotFoundError: there is no such event.
        InputError: too few leads bought, or there cannot be so many groups.
    """
    require_learner()
    if groups and not 2 <= groups <= MOST_GROUPS:
        raise InputError(f"'{groups}' groups: there can be 2 to {MOST_GROUPS}")
    current = store.read(published.current)
    known = event_types(current.workspace.events)
    if event and event not in known:
        raise NotFoundError(f"no event is named '{event[:60]}'", help=did_you_mean(event, known))
    asking = Asking(event or event_of_purchases(store), f"{max(1, within.days)} days")
    found = purchases(store, current, asking, progress)
    _require_enough(found, FEWEST_GROUPED if groups else FEWEST)
    with quiet():
        made = _Grouped(found, language, groups) if groups else _Thirds(found, language)
        answer = made.segments()
    for one in answer.segments:
        checked(current, one.condition)
    return answer


def _require_enough(found: Purchases, least: int) -> None:
    if found.buyers < least:
        raise InputError(
            f"there is too little to learn from: {found.buyers:,} of {found.leads:,} leads have a "
            f"'{found.asking.event}' within {found.asking.within}, and {least} are the least",
            help="count what is further back (--within), or another event (--event NAME)",
        )


class _Thirds:
    """Segments by a third and two thirds of each number."""

    def __init__(self, found: Purchases, language: str) -> None:
        import numpy as np

        self.found, self.said = found, words(language)
        self.numbers = np.frombuffer(found.numbers, dtype=np.float64).reshape(-1, 3)
        cuts = np.quantile(self.numbers, (1 / 3, 2 / 3), axis=0)
        self.lately, self.long_ago = int(cuts[0, 0]), int(max(cuts[1, 0], cuts[0, 0] + 1))
        self.often = int(max(2, round(cuts[1, 1])))
        self.little, self.much = (_whole(one) for one in cuts[:, 2])

    def segments(self) -> Segments:
        """Who buys lately, often, for much, and who did."""
        recency, frequency, amount = self.found.asking.every
        lately, gone = f"{recency} <= {self.lately}", f"{recency} > {self.long_ago}"
        often, much = f"{frequency} >= {self.often}", f"{amount} >= {self.much:g}"
        # Whoever never bought has bought less often than anybody: once is the least.
        some = f"{frequency} == 1"
        if self.often > 2:
            some = f"{frequency} >= 1 and {frequency} < {self.often}"
        r, f, m = self.numbers.T
        parts = {
            "rfm_best": (f"{lately} and {often} and {much}", ("lately", "often", "much"),
                         (r <= self.lately) & (f >= self.often) & (m >= self.much)),
            "rfm_loyal": (f"{recency} <= {self.long_ago} and {often}",
                          ("while-ago", "often", "something"),
                          (r <= self.long_ago) & (f >= self.often)),
            "rfm_big": (f"{some} and {much}", ("while-ago", "seldom", "much"),
                        (f < self.often) & (m >= self.much)),
            "rfm_new": (f"{lately} and {frequency} == 1", ("lately", "seldom", "something"),
                        (r <= self.lately) & (f == 1)),
            "rfm_going": (f"{gone} and {often}", ("long-ago", "often", "something"),
                          (r > self.long_ago) & (f >= self.often)),
            "rfm_gone": (f"{gone} and {some}",
                         ("long-ago", "seldom", "something"),
                         (r > self.long_ago) & (f < self.often)),
        }  # fmt: skip
        made = tuple(
            self._segment(name, text, _bought(self.said, *about), who)
            for name, (text, about, who) in parts.items()
            if who.any()
        )
        return _answer(self.found, made, self.said, [self.said["cut"]])

    def _segment(self, name: str, text: str, about: str, who: Any) -> Segment:
        return _segment(name, text, about, self.numbers[who])


class _Grouped(_Thirds):
    """Segments by k-means, told in conditions."""

    def __init__(self, found: Purchases, language: str, groups: int) -> None:
        super().__init__(found, language)
        self.groups = groups

    def segments(self) -> Segments:
        """The groups, those with the greatest amounts first."""
        import numpy as np

        scaled = np.log1p(self.numbers)
        scaled = (scaled - scaled.mean(axis=0)) / np.where(scaled.std(axis=0) > 0,
                                                           scaled.std(axis=0), 1)  # fmt: skip
        distinct = len(np.unique(scaled, axis=0))
        if distinct < self.groups:
            raise InputError(
                f"{self.groups} groups cannot be made: there are {distinct} kinds of buyers",
                help="ask for fewer groups",
            )
        most = min(distinct - 1, max(self.groups, 6))
        clear = {k: _silhouette(scaled, _clusters(scaled, k)) for k in range(2, most + 1)}
        where = _clusters(scaled, self.groups)
        rules, told = _conditions(self.numbers, where, self.groups, self.found.asking)
        order = sorted(rules, key=lambda at: -float(np.median(self.numbers[where == at, 2])))
        made = []
        for place, at in enumerate(order, start=1):
            who = self.numbers[told == at]
            if len(who):
                about = self._words(np.median(who, axis=0))
                made.append(_segment(f"rfm_group_{place}", rules[at], about, who))
        match = float((told == where).mean())
        notes = [
            self.said["groups"].format(k=self.groups, all=len(where)),
            _clarity(self.said, clear.get(self.groups)),
            self.said["match"].format(share=match),
        ]
        return _answer(
            self.found, tuple(made), self.said, notes, groups=self.groups, silhouettes=clear,
            match=match,
        )  # fmt: skip

    def _words(self, middle: "Numbers") -> str:
        recency, frequency, amount = (float(one) for one in middle)
        r = "lately" if recency <= self.lately else "while-ago"
        f = "often" if frequency >= self.often else "seldom" if frequency < 2 else "now-and-then"
        m = "much" if amount >= self.much else "something"
        return _bought(
            self.said, "long-ago" if recency > self.long_ago else r, f,
            "little" if amount <= self.little else m,
        )  # fmt: skip


def _clusters(scaled: "Numbers", groups: int) -> "Places":
    from sklearn.cluster import KMeans

    found: Places = KMeans(groups, n_init=10, random_state=SEED).fit_predict(scaled)
    return found


def _silhouette(scaled: "Numbers", where: "Places") -> float:
    from sklearn.metrics import silhouette_score

    size = min(_SAMPLED, len(scaled))
    return float(silhouette_score(scaled, where, sample_size=size, random_state=SEED))


def _conditions(
    numbers: "Numbers", where: "Places", groups: int, asking: Asking
) -> tuple[dict[int, str], "Places"]:
    """A condition for each group, and where the conditions put each buyer."""
    import numpy as np
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(
        max_leaf_nodes=2 * groups, min_samples_leaf=max(1, int(_LEAF * len(numbers))),
        random_state=SEED,
    ).fit(numbers, where).tree_  # fmt: skip
    told = np.full(len(where), -1, dtype=np.intp)
    texts: dict[int, list[str]] = {}
    for at, bounds in _leaves(tree, 0, ((None, None),) * 3):
        group = int(np.argmax(tree.value[at][0]))
        who = np.ones(len(numbers), dtype=bool)
        is_once = bounds[1] == (None, 1)
        least = f"{asking.frequency} {'==' if is_once else '>='} 1"
        terms = [least] if bounds[1][0] is None else []
        for place, (low, high) in enumerate(bounds):
            expression = asking.every[place]
            if low is not None:
                terms.append(f"{expression} > {low:g}")
                who &= numbers[:, place] > low
            if high is not None:
                terms += [] if place == 1 and is_once else [f"{expression} <= {high:g}"]
                who &= numbers[:, place] <= high
        told[who] = group
        texts.setdefault(group, []).append(" and ".join(terms))
    joined = {
        group: some[0] if len(some) == 1 else " or ".join(f"({one})" for one in some)
        for group, some in texts.items()
    }
    return joined, told


Bounds = tuple[tuple[float | None, float | None], ...]


def _leaves(tree: Any, at: int, bounds: Bounds) -> Iterator[tuple[int, Bounds]]:
    """The leaves of a decision tree, and between what each number lies there."""
    if tree.children_left[at] < 0:
        yield at, bounds
        return
    place, cut = int(tree.feature[at]), _whole(float(tree.threshold[at]))
    low, high = bounds[place]
    left = (low, cut if high is None else min(cut, high))
    right = (cut if low is None else max(cut, low), high)
    yield from _leaves(tree, tree.children_left[at], _with(bounds, place, left))
    yield from _leaves(tree, tree.children_right[at], _with(bounds, place, right))


def _with(bounds: Bounds, place: int, pair: tuple[float | None, float | None]) -> Bounds:
    return (*bounds[:place], pair, *bounds[place + 1 :])


def _whole(cut: float) -> float:
    """A number that people write: whole, and two leading digits where it is large."""
    whole = float(int(cut))
    return float(f"{whole:.2g}") if whole >= 1_000 else whole


def _segment(name: str, text: str, about: str, who: "Numbers") -> Segment:
    import numpy as np

    recency, frequency, amount = (float(one) for one in np.median(who, axis=0))
    return Segment(name, text, about, len(who), (recency, frequency, amount))


def _bought(said: Mapping[str, str], recency: str, frequency: str, amount: str) -> str:
    return said["bought"].format(
        recency=said[recency], frequency=said[frequency], amount=said[amount]
    )


def _clarity(said: Mapping[str, str], value: float | None) -> str:
    clear = value or 0.0
    word = "good" if clear >= _CLEAR else "fair" if clear >= _FAIR else "poor"
    return said["clear"].format(value=clear, word=said[f"clear-{word}"])


def _answer(
    found: Purchases, made: tuple[Segment, ...], said: Mapping[str, str], notes: Sequence[str],
    **more: Any,
) -> Segments:  # fmt: skip
    lines = [*(f"# {note}" for note in notes), "segments:"]
    for one in made:
        recency, frequency, amount = one.middle
        size = said["segment"].format(leads=one.leads, all=found.leads,
                                      share=one.leads / found.leads)  # fmt: skip
        lines += [
            f"  # {one.about} {size}",
            "  # " + said["middle"].format(recency=recency, frequency=frequency, amount=amount),
            f"  {one.name}: '{one.condition}'",
        ]
    text = formatted("\n".join(lines) + "\n", "segments.yaml")
    return Segments(
        found.asking.event, found.asking.within, found.leads, found.buyers, made, text, **more
    )
