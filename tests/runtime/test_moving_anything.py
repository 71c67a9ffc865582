"""Any version moved to any other, from anywhere: nobody is lost, nobody does a step twice."""

import shutil
import tempfile
from collections import Counter
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from engine.operations import moving, planning
from engine.playbook.outline import Outline
from engine.playbook.pairing import pair
from engine.store.database import Store
from tests.runtime.stage import WORKSPACE, Clock, Stage, _edition, soundness

HEAD = "enroll: {when: [{event: form.submitted}]}\nsteps:\n"
Step = tuple[str, ...]


def _leaf(number: int) -> st.SearchStrategy[Step]:
    return st.sampled_from(
        [
            (f"email: {'note' if number % 2 else 'other'}", f"id: m{number}"),
            (f"task: Call {number}", f"id: t{number}"),
            (f"wait: {number} days",),
            (f"wait: {number} days",),
            (f"tag: tag{number}",),
        ]
    )


_leaves = st.integers(1, 5).flatmap(_leaf)
_branches = st.tuples(
    st.sampled_from(["lead.score > 5", "lead.email is defined"]),
    st.lists(_leaves, min_size=1, max_size=2),
    st.lists(_leaves, max_size=2),
).map(lambda parts: ("if", parts[0], *("|".join(one) for one in parts[1]), "else",
                     *("|".join(one) for one in parts[2])))  # fmt: skip
_versions = st.lists(st.one_of(_leaves, _leaves, _leaves, _branches), min_size=3, max_size=7)
_edits = st.lists(
    st.tuples(st.sampled_from(["swap", "swap", "drop", "insert"]), st.integers(0, 6), _leaves),
    min_size=1,
    max_size=3,
)


def edited(version: list[Step], edits: list[tuple[str, int, Step]]) -> list[Step]:
    """The version after somebody has worked on it."""
    steps = list(version)
    for kind, at, leaf in edits:
        here = at % len(steps)
        if kind == "drop" and len(steps) > 1:
            del steps[here]
        elif kind == "swap":
            steps[here], steps[here - 1] = steps[here - 1], steps[here]
        else:
            steps.insert(here, leaf)
    return steps


def written(version: list[Step]) -> str:
    """The version as YAML; what was named already gets no second step of that name."""
    seen: set[str] = set()
    lines: list[str] = []
    for step in version:
        if step[0] != "if":
            lines += _written(step, "  ", seen)
            continue
        cut = step.index("else")
        arms = [
            [line for one in part for line in _written(tuple(one.split("|")), "      ", seen)]
            for part in (step[2:cut], step[cut + 1 :])
        ]
        if arms[0]:
            lines += [f"  - if: {step[1]}", "    then:", *arms[0]]
            lines += ["    else:", *arms[1]] if arms[1] else []
    return HEAD + "\n".join(lines or ["  - tag: nothing"]) + "\n"


def _written(step: Step, indent: str, seen: set[str]) -> list[str]:
    if len(step) > 1 and step[1] in seen:
        return []
    seen.update(step[1:])
    return [f"{indent}- {step[0]}", *(f"{indent}  {option}" for option in step[1:])]


def steps_done(stage: Stage) -> Counter[tuple[str, str]]:
    """How often each enrollment was mailed, and given a task, by which step."""
    mails = [(job["enrollment"], job["step"]) for job in stage.jobs(state="accepted")]
    tasks = [(one["enrollment"], one["subject"]) for one in stage.tasks(kind="task")]
    return Counter(mails + tasks)


@given(
    first=_versions,
    changes=st.lists(st.tuples(_edits, st.integers(0, 6)), min_size=1, max_size=3),
    entries=st.lists(st.integers(0, 4), min_size=2, max_size=5),
)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
def test_any_move_loses_nobody_and_repeats_nothing(
    _sqlite_template: Path,
    first: list[Step],
    changes: list[tuple[list[tuple[str, int, Step]], int]],
    entries: list[int],
) -> None:
    """Random versions, edits and moments: everybody arrives, each step is done at most once."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(_sqlite_template, Path(folder) / "store.db")
        clock = Clock()
        stage = Stage(Store(f"sqlite:///{folder}/store.db", clock=clock), clock)
        stage.publish(slow=written(first))
        for number, days in enumerate(entries):
            stage.event("form.submitted", f"lead{number}")
            stage.work()
            stage.turn(days=days)
            stage.work()
        version = first
        for edits, days in changes:
            version = edited(version, edits)
            _move(stage, written(version))
            stage.work()
            stage.turn(days=days)
            stage.work()
        for _ in range(12):
            stage.turn(days=6)
            stage.work()
        assert {run["state"] for run in stage.runs()} == {"finished"}
        assert len(stage.runs()) == len(entries)
        assert all(count == 1 for count in steps_done(stage).values())
        stage.store.close()


def _move(stage: Stage, text: str) -> None:
    """Publishes and moves; what was announced is what was done."""
    edition = _edition(WORKSPACE, (("slow", f"playbook: slow\n{text}"),))
    (change,) = stage.store.read(lambda tx: planning.planned(tx, edition)).changes
    for one in change.steps:
        if one.change.kind != "head":
            assert one.before + one.here + one.past == change.active
    stage.publish(slow=text)
    before = {run["id"]: run["seq"] for run in stage.runs()}
    (answer,) = moving.move(stage.store)
    assert answer.moved == change.moves
    assert sum(answer.stayed.values()) == sum(one.count for one in change.staying)
    after = {run["id"]: run["seq"] for run in stage.runs()}
    assert before.keys() == after.keys()
    assert all(before[run] <= after[run] <= before[run] + 1 for run in after)
    soundness(stage)


@given(version=_versions, edits=_edits)
@settings(max_examples=60, deadline=None)
def test_any_two_versions_are_paired_one_to_one(
    version: list[Step], edits: list[tuple[str, int, Step]]
) -> None:
    """No step is two steps; a version paired with itself changes nothing."""
    texts = [written(version), written(edited(version, edits))]
    old, new = (
        Outline(_edition(WORKSPACE, (("slow", f"playbook: slow\n{text}"),)).plans["slow"])
        for text in texts
    )
    found = pair(old, new)
    assert len(set(found.to.values())) == len(found.to)
    assert set(found.to) <= set(old.by_id) and set(found.back) <= set(new.by_id)
    same = pair(old, old)
    assert all(before == after for before, after in same.to.items()) and not same.moved
    assert len(same.to) == len(old.steps)
