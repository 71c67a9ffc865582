"""Rules learnt from history: known weights come back, nothing looks ahead, little is refused."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from bench import known_weights
from engine.errors import EnvironmentFault, InputError, NotFoundError
from engine.operations import published
from engine.operations.editions import check
from engine.operations.fitting import Examples, examples_of, fit
from engine.operations.lead_samples import Judged, gather
from engine.operations.pasts import Asked
from engine.operations.suggesting import learnt as learn
from engine.operations.suggesting import suggest
from engine.operations.suggestion import DAY, Suggested, Wanted
from engine.operations.suggestion_file import written
from engine.playbook.formatting import formatted
from engine.runtime.signs import Showing, Sign
from engine.store import events, leads
from engine.store.database import Store
from engine.store.inserting import insert_many
from engine.store.schema import migrate

pytestmark = pytest.mark.xdist_group("suggest")  # scikit-learn takes long to import
NAMES = frozenset(("page.viewed", "form.submitted", "email.clicked"))


@dataclass
class Learnt:
    """A history of known weights, and what is suggested from it."""

    store: Store
    found: Suggested
    text: str


def made(path: Path, number: int, **given: int) -> Store:
    store = Store(f"sqlite:///{path}")
    migrate(store)
    known_weights.publish_rules(store)
    known_weights.fill(store, number, **given)
    return store


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Learnt]:
    store = made(tmp_path_factory.mktemp("history") / "history.db", 2_000)
    found = suggest(store, Wanted())
    yield Learnt(store, found, written(found, known_weights.folder(), "en"))
    store.close()


def asked() -> Asked:
    return Asked(frozenset({"opportunity", "customer"}), names=NAMES, scores=frozenset({"score"}))


def judged(store: Store) -> Judged:
    return Judged(14 * DAY, 90 * DAY, store.read(lambda tx: tx.now))


def test_known_weights_are_found_again(learnt: Learnt) -> None:
    """Each lies within its interval, and what means nothing is told as maybe nothing."""
    signs, weights = tuple(known_weights.WEIGHTS), list(known_weights.WEIGHTS.values())
    showing = Showing(signs, timedelta(days=30).total_seconds())
    current = learnt.store.read(published.current)
    samples = gather(
        learnt.store, current, asked(), judged(learnt.store), showing, None, lambda *_: None
    )
    found = fit(examples_of(samples))
    within = [
        low <= weight <= high
        for low, weight, high in zip(found.low, weights, found.high, strict=True)
    ]
    assert (len(within), sum(within) >= len(within) - 1) == (9, True), found
    assert found.low[7] < 0 < found.high[7]
    assert found.low[0] > 0 > found.high[2]


def test_rounded_rules_do_nearly_as_well_and_better_than_those_by_hand(learnt: Learnt) -> None:
    """The area under the curve of whole points is that of the model, on leads held back."""
    check = learnt.found.check
    assert check is not None and check.present is not None
    assert check.points.area == pytest.approx(check.model.area, abs=0.02)
    assert check.points.area > check.present.area + 0.02
    assert 0.6 < check.truth.slope < 1.6


def test_the_file_does_what_was_worked_out(learnt: Learnt) -> None:
    """The language, going by the written rules, comes to the very totals that were checked."""
    folder = known_weights.folder(learnt.text)
    checked = check(folder)
    assert checked.ok and formatted(learnt.text, "lead-score.yaml") == learnt.text
    scoring = checked.plans["lead-score"].scoring
    current = learnt.store.read(published.current)
    showing = Showing((), 0)
    samples = gather(
        learnt.store, current, asked(), judged(learnt.store), showing, scoring, lambda *_: None
    )
    present = np.asarray(samples.present)[np.argsort(np.asarray(samples.at), kind="stable")]
    assert (present == learnt.found.totals).all()


def test_the_file_keeps_what_is_not_rules(learnt: Learnt) -> None:
    """Title, notes and steps of thresholds stay; what is too rare to learn of is as it was."""
    plan = check(known_weights.folder(learnt.text)).plans["lead-score"]
    assert plan.title == "线索评分 · Lead score" and "note: 决策者" in learnt.text
    assert plan.scoring is not None and plan.scoring.thresholds[0].name == "mql"
    assert 'if: lead.stage in ["visitor", "lead"]' in learnt.text
    (kept,) = [one for one in learnt.found.rules if one.is_kept]
    assert (kept.sign.name, kept.points) == ("email.complained", -50)
    assert "Suggested from 2,000 leads" in learnt.text
    chinese = written(learnt.found, known_weights.folder(), "zh-CN")
    assert "依据 2,000 条线索得出" in chinese
    assert [line for line in chinese.splitlines() if "#" not in line] == [
        line for line in learnt.text.splitlines() if "#" not in line
    ]


def test_nothing_is_learnt_from_what_came_later(learnt: Learnt, tmp_path: Path) -> None:
    """Events and fields of after the moment of judging change nothing; nor does asking twice."""
    with sa.create_engine(learnt.store.url).connect() as conn:
        conn.exec_driver_sql(f"VACUUM INTO '{tmp_path / 'later.db'}'")
        conn.engine.dispose()
    store = Store(f"sqlite:///{tmp_path / 'later.db'}")
    query = sa.select(leads.table).where(leads.table.c.stage == "opportunity")
    came = store.read(lambda tx: list(tx.conn.execute(query).mappings()))
    rows = [
        {
            "id": f"later-{row['id']}-{place}", "name": name, "lead": row["id"], "deal": None,
            "at": row["stage_entered_at"] + timedelta(days=place), "properties": {"path": "/end"},
            "accepted_at": row["stage_entered_at"],
        }
        for row in came
        for place, name in enumerate(("page.viewed", "email.clicked", "form.submitted"))
    ]  # fmt: skip
    store.write(lambda tx: insert_many(tx, events.table, rows))
    again = suggest(store, Wanted())
    assert written(again, known_weights.folder(), "en") == learnt.text
    store.close()


def test_too_little_is_refused_and_says_how_little(tmp_path: Path) -> None:
    """Ten outcomes a rule are the least; the refusal counts what there is."""
    store = made(tmp_path / "few.db", 60)
    with pytest.raises(InputError) as caught:
        suggest(store, Wanted())
    assert "too little to learn from: of 60 leads" in caught.value.message
    assert "and 30 are the least" in caught.value.message
    assert "--or-event" in caught.value.help
    for wanted in (
        Wanted(score="scor"),
        Wanted(became="oportunity"),
        Wanted(ends=("order.place",)),
    ):
        with pytest.raises(NotFoundError, match="did you mean"):
            suggest(store, wanted)
    store.close()


def test_without_the_extra_the_command_that_installs_it_is_named(
    learnt: Learnt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else of Longplay needs scikit-learn."""
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(EnvironmentFault) as caught:
        suggest(learnt.store, Wanted())
    assert "pip install 'longplay[suggest]'" in caught.value.help


def test_levels_move_with_the_points(learnt: Learnt) -> None:
    """A threshold is reached by as many leads as before, whatever the points are worth now."""
    found = learnt.found
    scoring = check(known_weights.folder(learnt.text)).plans["lead-score"].scoring
    assert scoring is not None
    was = float((found.before >= 50).mean())
    now = float((found.totals >= scoring.thresholds[0].at).mean())
    assert now == pytest.approx(was, abs=0.01)
    unknown = replace(found, present=None, text="")
    text = written(unknown, replace(known_weights.folder(), files={
        "longplay.yaml": known_weights.WORKSPACE.encode()}), "en")  # fmt: skip
    assert "thresholds" not in text and "grades: {A: " in text


def test_what_everybody_does_is_learnt_by_how_much(learnt: Learnt) -> None:
    """Behavior that all leads show some of has weight; what adds nothing of its own is left out."""
    dice = np.random.default_rng(3)
    amount, noise = dice.uniform(1, 3, 400), dice.uniform(0, 1, 400)
    same = amount + dice.normal(0, 0.01, 400)
    always = np.ones(400)
    came = (dice.uniform(0, 1, 400) < 1 / (1 + np.exp(6 - 3 * amount))).astype(np.intp)
    shown = np.column_stack((amount, noise, same, always))
    signs = [
        Sign("", "page.viewed", 3, "7 days", 5), Sign("", "email.clicked", 3, "7 days", 5),
        Sign("", "form.submitted", 3, "7 days", 5), Sign("lead.email is defined", points=5),
    ]  # fmt: skip
    found = learn(learnt.found, signs, Examples(shown, came, np.zeros(400)))
    assert found.rules[0].sign.event == "page.viewed" and found.rules[0].low > 0
    assert found.crowded == ("form.submitted", "lead.email is defined")
    text = written(found, known_weights.folder(), "en")
    assert "# Left out, because others say nearly the same" in text


def test_what_is_no_better_than_chance_is_told_so(learnt: Learnt) -> None:
    """Weights of leads whose outcomes have nothing to do with them are warned of."""
    dice = np.random.default_rng(5)
    shown = dice.integers(0, 2, (600, 3)).astype(np.float64)
    came = dice.integers(0, 2, 600).astype(np.intp)
    signs = [Sign(f"lead.employees >= {at}") for at in (10, 20, 30)]
    found = learn(learnt.found, signs, Examples(shown, came, np.zeros(600)))
    assert found.check is not None and found.check.is_chance
    assert "不比随机好" in written(found, known_weights.folder(), "zh")
