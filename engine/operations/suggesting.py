"""Suggesting the rules of a score: weights learnt from what leads did and what became of them.

It refuses to learn from too little: ten outcomes (and ten leads without one) for every rule, after
Peduzzi and others (Journal of Clinical Epidemiology 49, 1996). Nothing is published or written.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.errors import InputError, NotFoundError
from engine.operations import published
from engine.operations.backtest import outcome_stages
from engine.operations.fitting import (
    Examples,
    Fitted,
    calibration,
    examples_of,
    fit,
    ranked,
    require_learner,
)
from engine.operations.lead_samples import Judged, Samples, gather, search
from engine.operations.pasts import Asked, Progress
from engine.operations.published import Current
from engine.operations.rulebooks import by_name
from engine.operations.selecting import events_of
from engine.operations.sign_search import Search, event_names
from engine.operations.suggestion import TOP, Check, Rule, Suggested, Wanted
from engine.playbook.catalog import event_types
from engine.playbook.conditions import condition
from engine.playbook.scoring_plan import PRIMARY, Scoring, exact_length
from engine.playbook.spelling import did_you_mean
from engine.runtime.foretelling import Share
from engine.runtime.signs import Showing, Sign, signs_of
from engine.store.database import Store

if TYPE_CHECKING:
    from engine.operations.fitting import Numbers

PER_RULE = 10
"""Outcomes that each rule needs, and as many leads without."""
FEWEST_RULES, MOST_RULES, _MOST_TRIED = 3, 60, 150
_LEAST_PART, _LEAST = 0.01, 10
_OWN = 0.1
"""Of what a sign says so much must be its own: the usual bound, a variance inflation of 10."""
_HALF_LIFE = "30 days"
_NOTHING: Any = ((), (), ())


def suggest(
    store: Store, wanted: Wanted, progress: Progress = lambda done, total: None
) -> Suggested:
    """Learns rules from the leads' pasts.

    Raises:
        EnvironmentFault: scikit-learn is missing.
        NotFoundError: there is no such score, stage or event.
        InputError: there is too little to learn from; it says how little.
    """
    require_learner()
    current = store.read(published.current)
    playbook, present = _present(current, wanted.score)
    stages = outcome_stages(current, wanted.became)
    asked = _asked(store, current, wanted, present, stages)
    judged = Judged(wanted.after, wanted.within, store.read(lambda tx: tx.now))
    found, counts = search(store, current, asked, judged, progress)
    require_enough(counts, stages[0], wanted)
    half_life = wanted.half_life or (present.decay.half_life if present else "") or _HALF_LIFE
    signs = _signs(found, present, counts.leads)
    showing = Showing(signs, exact_length(half_life).total_seconds())
    samples = gather(store, current, asked, judged, showing, present, progress)
    require_enough(samples, stages[0], wanted)
    empty = Suggested(
        wanted, playbook, present, stages, samples.leads, samples.outcomes, samples.sooner,
        samples.young, half_life, 0, 0, 0, (), (), (), *_NOTHING,
    )  # fmt: skip
    return learnt(empty, signs, examples_of(samples))


def learnt(empty: Suggested, signs: Sequence[Sign], examples: Examples) -> Suggested:
    """The rules that these examples teach."""
    places = chosen(signs, examples)
    some = replace(examples, shown=examples.shown[:, places].astype("float64"))
    fitted = fit(some)
    per_logit, low = scale(fitted, some)
    points = rounded(fitted, per_logit)
    rules = [
        _rule(signs[place], points[at], fitted, at, per_logit, some)
        for at, place in enumerate(places)
    ]
    others = [at for at in range(len(signs)) if signs[at].points and at not in places]
    kept = [_kept(signs[at], examples, at) for at in others]
    rare = [one for one in kept if one.having.of < _LEAST]
    crowded = tuple(one.sign.name for one in kept if one.having.of >= _LEAST)
    slight = tuple(one.sign.name for one in rules if not one.points)
    every = (*(one for one in rules if one.points), *rare)
    return replace(
        empty, per_logit=per_logit, base=fitted.base, low=low, rules=every, slight=slight,
        crowded=crowded,
        totals=totals(some, points, low), came=examples.came, before=examples.present,
        check=_checked(some, empty.present is not None),
    )  # fmt: skip


def _present(current: Current, score: str) -> tuple[str, Scoring | None]:
    """The playbook that keeps this score now, and its rules; else what one would be called."""
    books = by_name(current)
    if score in books:
        return books[score].playbook, books[score].scoring
    if books and score != PRIMARY:
        hint = did_you_mean(score, books)
        raise NotFoundError(f"no scoring playbook keeps a score '{score[:60]}'", help=hint)
    return "lead-score", None


def _asked(
    store: Store, current: Current, wanted: Wanted, present: Scoring | None, stages: Sequence[str]
) -> Asked:
    known = event_types(current.workspace.events)
    for name in wanted.ends:
        if name not in known:
            raise NotFoundError(f"no event is named '{name}'", help=did_you_mean(name, known))
    names = set(store.read(lambda tx: event_names(tx, wanted.ends)))
    counted = frozenset[str]()
    if present is not None:
        texts = (*(one.cond for one in present.fit), *(one.cond for one in present.behavior))
        for text in filter(None, texts):
            counted |= events_of(current, condition(text))
        names |= present.events
    return Asked(
        frozenset(stages), frozenset(wanted.ends), frozenset(names | counted), counted,
        frozenset({wanted.score}),
    )  # fmt: skip


def require_enough(samples: Samples, outcome: str, wanted: Wanted) -> None:
    """Refuses to learn from too little.

    Raises:
        InputError: there are too few outcomes, or too few leads without one.
    """
    came, leads = samples.outcomes, samples.leads
    rarer, least = min(came, leads - came), PER_RULE * FEWEST_RULES
    if rarer >= least:
        return
    what = "came to" if came <= leads - came else "did not come to"
    raise InputError(
        f"there is too little to learn from: of {leads:,} leads that can be judged {rarer:,} "
        f"{what} '{outcome}', and {least} are the least ({PER_RULE} for each of {FEWEST_RULES} "
        f"rules); {samples.sooner:,} came there before they could be judged, and "
        f"{samples.young:,} have not had the time",
        help="judge sooner (--after), wait shorter (--within), or name an outcome that comes more "
        "often (--became STAGE, --or-event EVENT)",
    )


def _signs(found: Search, present: Scoring | None, leads: int) -> list[Sign]:
    known = signs_of(present) if present is not None else []
    more = found.signs(known, max(_LEAST, round(_LEAST_PART * leads)))
    return [*known, *more][: max(_MOST_TRIED, len(known))]


def supports(signs: Sequence[Sign], examples: Examples) -> list[int]:
    """How many leads there are to learn each sign from.

    Of fit these are those that show it or those that do not, whichever are fewer. Behavior that
    everybody shows is shown more by some than by others.
    """
    shown = [int(one) for one in (examples.shown != 0).sum(axis=0)]
    leads = len(examples.came)
    return [
        many if sign.event else min(many, leads - many)
        for sign, many in zip(signs, shown, strict=True)
    ]


def chosen(signs: Sequence[Sign], examples: Examples) -> list[int]:
    """The places of the signs to learn of: common enough, no two alike, and not too many.

    Those that rules ask for already come first; the outcome has no say.
    """
    support = supports(signs, examples)
    most = min(MOST_RULES, examples.rarer // PER_RULE)
    # What one page is worth says more than what pages are worth, so the particular comes first.
    order = sorted(
        range(len(signs)),
        key=lambda at: (not signs[at].points, not signs[at].cond, -support[at], at),
    )
    found: list[int] = []
    basis: list[Numbers] = []
    for at in order:
        if len(found) < most and support[at] >= _LEAST:
            own = _own(examples.shown[:, at].astype("float64"), basis)
            if own is not None:
                found.append(at)
                basis.append(own)
    if not found:
        raise InputError(
            "there is nothing to learn from: no sign is shown by some leads and not by others",
            help="record what leads do (longplay events import), or more about them",
        )
    return sorted(found)


def _own(column: "Numbers", basis: "Sequence[Numbers]") -> "Numbers | None":
    """What a sign says that those before it do not, of length 1; None: too little."""
    import numpy as np

    centered = column - column.mean()
    whole = float(centered @ centered)
    rest = centered
    for _ in range(2):  # twice, because rounding leaves something of them the first time
        for one in basis:
            rest = rest - (rest @ one) * one
    left = float(rest @ rest)
    if whole <= 0 or left < _OWN * whole:
        return None
    return np.asarray(rest / np.sqrt(left))


def scale(fitted: Fitted, examples: Examples) -> tuple[float, float]:
    """Points for a logit, so that the best hundredth reaches 100; and the lower end of the range.

    Raises:
        InputError: no sign tells leads apart.
    """
    import numpy as np

    raw = examples.shown @ fitted.weights
    low, high = float(np.quantile(raw, 0.01)), float(np.quantile(raw, 0.99))
    widest = max(high, -low, float(np.abs(raw).max()) / 3)
    if widest < 0.01:
        raise InputError(
            "nothing that leads were or did tells apart who came to the outcome",
            help="record more of what they do, or ask for another outcome",
        )
    return TOP / widest, (-TOP if low < 0 else 0.0)


def rounded(fitted: Fitted, per_logit: float) -> list[float]:
    """The weights in whole points."""
    return [float(round(weight * per_logit)) for weight in fitted.weights]


def totals(examples: Examples, points: Sequence[float], low: float) -> "Numbers":
    """What examples come to by rules of these points, as a lead's total is read."""
    import numpy as np

    raw = np.clip(examples.shown @ np.asarray(points), low, TOP)
    found: Numbers = np.floor(raw + 0.5 + 1e-6)
    return found


def _rule(
    sign: Sign, points: float, fitted: Fitted, at: int, per_logit: float, examples: Examples
) -> Rule:
    low, high = float(fitted.low[at]) * per_logit, float(fitted.high[at]) * per_logit
    return Rule(sign, points, low, high, *_shares(examples, at))


def _kept(sign: Sign, examples: Examples, at: int) -> Rule:
    return Rule(sign, sign.points, sign.points, sign.points, *_shares(examples, at), is_kept=True)


def _shares(examples: Examples, at: int) -> tuple[Share, Share]:
    has = examples.shown[:, at] != 0
    came = examples.came == 1
    having = Share(int((came & has).sum()), int(has.sum()))
    return having, Share(int((came & ~has).sum()), int((~has).sum()))


def _checked(examples: Examples, has_present: bool) -> Check | None:
    """Fits to the oldest three quarters, and looks at the newest."""
    cut = len(examples.came) * 3 // 4
    old, new = examples.part(slice(None, cut)), examples.part(slice(cut, None))
    if old.rarer < PER_RULE or new.rarer < PER_RULE // 2:
        return None
    fitted = fit(old)
    try:
        per_logit, low = scale(fitted, old)
    except InputError:
        return None
    model = ranked(new.came, fitted.logits(new.shown))
    points = ranked(new.came, totals(new, rounded(fitted, per_logit), low))
    present = ranked(new.came, new.present) if has_present else None
    truth = calibration(fitted, new)
    assert model is not None and points is not None and truth is not None
    return Check(len(new.came), int(new.came.sum()), model, points, present, truth)
