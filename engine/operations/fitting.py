"""Fitting weights to examples: regularized logistic regression, what it is sure of, how it does.

scikit-learn does the fitting; it is an extra, and imported only here and only when asked. Weights
are per unit of what a lead shows. Their intervals are Laplace's approximation around the fit: the
logarithm of the posterior is taken as quadratic, the penalty being a normal prior (Bishop, Pattern
Recognition and Machine Learning, 2006, 4.5). Nothing here is left to chance: the folds are seeded.
"""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import EnvironmentFault
from engine.operations.lead_samples import Samples

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Places = NDArray[np.intp]

NORMAL_95 = 1.959964
STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""How freely weights may grow, tried in turn; the one whose forecasts are best is taken."""
SEED = 20260101
_FOLDS = 5


def require_learner() -> None:
    """Says so before any work is done if the extra is missing.

    Raises:
        EnvironmentFault: it is.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise EnvironmentFault(
            "suggesting needs scikit-learn, which is not installed",
            help="install it with: pip install 'longplay[suggest]'",
        ) from None


@dataclass(frozen=True, slots=True)
class Examples:
    """Examples as arrays, in the order in which they were judged."""

    shown: "NDArray[np.floating[Any]]"
    came: "Places"
    present: "Numbers"

    def part(self, rows: Any) -> "Examples":
        """Some of them."""
        return Examples(self.shown[rows], self.came[rows], self.present[rows])

    @property
    def rarer(self) -> int:
        """How many there are of the rarer answer."""
        came = int(self.came.sum())
        return min(came, len(self.came) - came)


def examples_of(samples: Samples) -> Examples:
    """Arrays of samples, the earliest judged first."""
    import numpy as np

    order = np.argsort(np.asarray(samples.at, dtype=np.int64), kind="stable")
    shown = np.frombuffer(samples.shown, dtype=np.float32).reshape(samples.leads, samples.signs)
    return Examples(
        shown[order],  # in half the bytes: only what is chosen of it becomes double
        np.frombuffer(samples.came, dtype=np.int8)[order].astype(np.intp),
        np.asarray(samples.present, dtype=np.float64)[order],
    )


@dataclass(frozen=True, slots=True)
class Fitted:
    """Weights, in logits per unit shown; `low` and `high` are the ends of 95 % intervals."""

    base: float
    weights: "Numbers"
    low: "Numbers"
    high: "Numbers"
    strength: float

    def logits(self, shown: "NDArray[np.floating[Any]]") -> "Numbers":
        """The logits of examples."""
        found: Numbers = self.base + shown @ self.weights
        return found


def fit(examples: Examples) -> Fitted:
    """Fits weights; how strongly they are held back is chosen by cross-validation."""
    import numpy as np
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.model_selection import StratifiedKFold

    shown = examples.shown.astype(np.float64)
    spread = shown.std(axis=0)
    spread[spread == 0] = 1.0
    scaled = shown / spread
    folds = StratifiedKFold(min(_FOLDS, max(2, examples.rarer)), shuffle=True, random_state=SEED)
    model = LogisticRegressionCV(
        Cs=list(STRENGTHS), cv=folds, scoring="neg_log_loss", l1_ratios=(0.0,), max_iter=500,
        solver="newton-cholesky", use_legacy_attributes=False,
    )  # fmt: skip
    with quiet():
        model.fit(scaled, examples.came)
    weights, base = np.asarray(model.coef_[0]), float(model.intercept_[0])
    strength = float(model.C_)
    sure = _sure(scaled, base + scaled @ weights, strength)
    half = NORMAL_95 * sure / spread
    weights = weights / spread
    return Fitted(base, weights, weights - half, weights + half, strength)


def _sure(scaled: "Numbers", logits: "Numbers", strength: float) -> "Numbers":
    """The standard errors of the weights, the base being fitted as well."""
    import numpy as np

    chance = 1 / (1 + np.exp(-logits))
    by = chance * (1 - chance)
    wide = np.column_stack((np.ones(len(scaled)), scaled))
    curve = wide.T @ (wide * by[:, None])
    curve[np.arange(1, len(curve)), np.arange(1, len(curve))] += 1 / strength
    found: Numbers = np.sqrt(np.diag(np.linalg.inv(curve)))[1:]
    return found


@dataclass(frozen=True, slots=True)
class Ranked:
    """How well a number puts leads in order: the area under the curve, with its 95 % interval.

    It is the chance that of two leads, one of whom came to the outcome, that one has the greater
    number; equal ones count half. The interval is Hanley's and McNeil's (Radiology 143, 1982).
    """

    area: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        """For scripts."""
        return {"auc": round(self.area, 4), "low": round(self.low, 4), "high": round(self.high, 4)}


def ranked(came: "Places", numbers: "Numbers") -> Ranked | None:
    """How well these numbers rank; None where all came, or nobody did."""
    from sklearn.metrics import roc_auc_score

    yes = int(came.sum())
    no = len(came) - yes
    if not yes or not no:
        return None
    area = float(roc_auc_score(came, numbers))
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (yes - 1) * (first - area**2) + (no - 1) * (second - area**2)
    half = NORMAL_95 * math.sqrt(max(0.0, spread) / (yes * no))
    return Ranked(area, max(0.0, area - half), min(1.0, area + half))


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether forecasts mean what they say, on leads that the weights were not fitted to.

    Attributes:
        slope: 1 is right; less: they are too extreme (Cox, Biometrika 45, 1958).
        forecast: the share that was to come, by the forecasts.
        came: the share that came.
        brier: the mean square of what the forecasts were off by.
    """

    slope: float
    forecast: float
    came: float
    brier: float

    def as_json(self) -> dict[str, float]:
        """For scripts."""
        return {name: round(getattr(self, name), 4) for name in self.__slots__}


def calibration(fitted: Fitted, examples: Examples) -> Calibration | None:
    """How true the forecasts are; None where all came, or nobody did."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    if not examples.rarer:
        return None
    logits = fitted.logits(examples.shown)
    chance = 1 / (1 + np.exp(-logits))
    with quiet():
        again = LogisticRegression(C=np.inf, max_iter=500).fit(logits[:, None], examples.came)
    return Calibration(
        float(again.coef_[0][0]), float(chance.mean()), float(examples.came.mean()),
        float(((chance - examples.came) ** 2).mean()),
    )  # fmt: skip


@contextmanager
def quiet() -> Iterator[None]:
    """On one thread, as it is the same everywhere and fast for what we have.

    scikit-learn warns of what it will call otherwise one day; who asks cannot do anything.
    """
    from threadpoolctl import threadpool_limits

    with warnings.catch_warnings(), threadpool_limits(limits=1):
        warnings.simplefilter("ignore")
        yield
