"""Rules learnt from history, held to the weights that it was made by, and to plain scikit-learn.

    python -m bench.suggesting [--leads 5000] [--seed 1] [--bundle DIR --python PYTHON] [--json]

Leads are made up by known weights (`bench.known_weights`): how many of the weights lie within the
intervals that are told for them, and how far off they are. Then rules are suggested as a marketer
would have it, and the area under the curve of their whole points is set beside those of a plain
`LogisticRegression` of scikit-learn on the same examples, the newest quarter held back from both.

With `--bundle` the same is done on a public data set of lead scoring: leadforge-lead-scoring-v1
(MIT), as `leadforge generate --recipe b2b_saas_procurement_v1 --seed 42 --mode student_public
--difficulty intermediate --n-leads 5000 --out DIR` of the package `leadforge` 1.0.0 makes it.
PYTHON is one that has pandas and pyarrow, which come with that package. Rules are learnt from its
training and validation leads; its test leads judge them, and judge a plain scikit-learn model on
the data set's own table of features beside them. A backtest of the rules over the test leads says
what the best fifth of totals, as a threshold, would have foretold.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from bench import known_weights
from bench.lead_bundle import Bundle, load
from engine.operations import published
from engine.operations.backtest import Question, backtest
from engine.operations.editions import check
from engine.operations.fitting import Examples, examples_of, fit, quiet, ranked
from engine.operations.lead_samples import Judged, Samples, gather
from engine.operations.pasts import Asked
from engine.operations.proposals import edition_with_text
from engine.operations.suggesting import suggest
from engine.operations.suggestion import DAY, Suggested, Wanted
from engine.operations.suggestion_file import written
from engine.playbook.scoring_plan import Scoring, exact_length
from engine.runtime.signs import Showing, Sign
from engine.store.database import Store
from engine.store.schema import migrate

NAMES = frozenset(("page.viewed", "form.submitted", "email.clicked"))


def fresh(folder: Path, name: str) -> Store:
    """A store of its own."""
    store = Store(f"sqlite:///{folder / name}.db")
    migrate(store)
    return store


def sampled(
    store: Store, signs: Sequence[Sign], after: timedelta, names: frozenset[str],
    present: Scoring | None = None,
) -> Samples:  # fmt: skip
    """The examples of a store."""
    showing = Showing(signs, exact_length(known_weights.HALF_LIFE).total_seconds())
    now = store.read(lambda tx: tx.now)
    asked = Asked(frozenset({"opportunity", "customer"}), names=names)
    judged = Judged(after, 90 * DAY, now)
    current = store.read(published.current)
    return gather(store, current, asked, judged, showing, present, lambda done, total: None)


def plain_area(examples: Examples) -> float:
    """A plain model of scikit-learn, fitted to the oldest three quarters and judged by the rest."""
    cut = len(examples.came) * 3 // 4
    with quiet():
        model = LogisticRegression(max_iter=5_000).fit(examples.shown[:cut], examples.came[:cut])
    chance = model.predict_proba(examples.shown[cut:])[:, 1]
    return float(roc_auc_score(examples.came[cut:], chance))


def recovered(folder: Path, number: int, seed: int) -> dict[str, Any]:
    """Known weights: within their intervals or not; and the rules that are suggested."""
    store = fresh(folder, f"known-{seed}")
    known_weights.publish_rules(store)
    known_weights.fill(store, number, seed=seed)
    signs = tuple(known_weights.WEIGHTS)
    examples = examples_of(sampled(store, signs, known_weights.AFTER, NAMES))
    fitted = fit(examples)
    truth = np.asarray(list(known_weights.WEIGHTS.values()))
    began = time.perf_counter()
    found = suggest(store, Wanted())
    seconds = time.perf_counter() - began
    written(found, known_weights.folder(), "en")
    assert found.check is not None and found.check.present is not None
    store.close()
    return {
        "data": "known weights", "seed": seed, "leads": number, "outcomes": int(found.outcomes),
        "weights": len(truth),
        "within_interval": int(((fitted.low <= truth) & (truth <= fitted.high)).sum()),
        "off_by_at_most": round(float(np.abs(fitted.weights - truth).max()), 3),
        "seconds": round(seconds, 1), **areas(found), "auc_plain": round(plain_area(examples), 4),
    }  # fmt: skip


def areas(found: Suggested) -> dict[str, float]:
    """What the check of a suggestion found, on the newest quarter."""
    check = found.check
    assert check is not None
    told = {"auc_points": check.points.area, "auc_model": check.model.area,
            "slope": check.truth.slope}  # fmt: skip
    told |= {"auc_by_hand": check.present.area} if check.present is not None else {}
    return {name: round(value, 4) for name, value in told.items()}


def public(folder: Path, bundle: Bundle) -> dict[str, Any]:
    """The public data set: rules learnt from its training leads, judged by its test leads."""
    train, test = fresh(folder, "train"), fresh(folder, "test")
    load(train, bundle, test=False)
    load(test, bundle, test=True)
    after = timedelta(days=30)
    began = time.perf_counter()
    found = suggest(train, Wanted(after=after, within=90 * DAY))
    seconds = time.perf_counter() - began
    text = written(found, bundle.folder(), "en")
    checked = check(bundle.folder(text))
    scoring = checked.plans["lead-score"].scoring
    samples = sampled(test, (), after, bundle.names, scoring)
    came, totals = np.asarray(samples.came), np.asarray(samples.present, dtype=float)
    points = ranked(came, totals)
    model = ranked(came, bundle.plain(came))
    level = next(one.least for one in scoring.grades if one.name == "B") if scoring else 0
    text += f"thresholds:\n  - name: hot\n    at: {level:g}\n    steps:\n      - tag: hot\n"
    played = backtest(test, edition_with_text(bundle.folder(), text.encode(), "rules"), Question())
    told = played.lines[0].told
    train.close()
    test.close()
    assert points is not None and model is not None
    return {
        "data": "leadforge-lead-scoring-v1, intermediate", "leads": found.leads,
        "outcomes": found.outcomes, "rules": len(found.rules), "seconds": round(seconds, 1),
        "test_leads": len(came), "test_outcomes": int(came.sum()),
        "auc_points": round(points.area, 4), "auc_points_low": round(points.low, 4),
        "auc_points_high": round(points.high, 4), "auc_plain": round(model.area, 4),
        "auc_plain_low": round(model.low, 4), "auc_plain_high": round(model.high, 4),
        "threshold": level, "precision": told.precision.as_json(),
        "recall": told.recall(played.outcomes).as_json(), "days_before": told.lead_days,
    }  # fmt: skip


def runs(args: argparse.Namespace) -> Iterator[Mapping[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(args.seed, args.seed + args.runs):
            yield recovered(Path(folder), args.leads, seed)
        if args.bundle:
            yield public(Path(folder), Bundle.read(args.bundle, args.python))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    for one in runs(args):
        if args.json:
            print(json.dumps(one))
            continue
        for name, value in one.items():
            print(f"{name:>20}  {value:,}" if isinstance(value, int | float) else
                  f"{name:>20}  {value}")  # fmt: skip
        print()


if __name__ == "__main__":
    main()
