"""A shadow that says the same as the live version decides the same, whatever the version is."""

import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import HealthCheck, example, given, settings

from engine.operations import shadows
from engine.store.database import Store
from rehearsal.shadow_report import compare
from tests.runtime.stage import WORKSPACE, Clock, Stage, _edition
from tests.runtime.test_moving_anything import Step, _versions, written


@example(
    version=[("wait: 1 days",), ("email: note", "id: m1"), ("wait: 1 days",)], lives=[(2, True)]
)
@given(version=_versions, lives=st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=4))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_same_version_decides_the_same(
    _sqlite_template: Path, version: list[Step], lives: list[tuple[int, bool]]
) -> None:
    """Random versions, entries, orders and unsubscriptions: no difference is ever told."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(_sqlite_template, Path(folder) / "store.db")
        clock = Clock()
        stage = Stage(Store(f"sqlite:///{folder}/store.db", clock=clock), clock)
        text = written(version)
        stage.publish(slow=text)
        shadow = f"playbook: slow\ntitle: another\n{text}"
        shadows.cast(stage.store, _edition(WORKSPACE, (("slow", shadow),)))
        for number, (days, leaves) in enumerate(lives):
            lead = f"lead{number}"
            stage.event("form.submitted", lead, fields={"city": "杭州"})
            stage.work()
            # Day by day: what a live run does late, its shadow would have done in time.
            for _ in range(days):
                stage.turn(days=1)
                stage.work()
            stage.turn(hours=1)
            stage.work()
            stage.event("order.placed", lead, properties={"amount": 5})
            if leaves:
                stage.unsubscribe(lead)
            stage.work()
        report = compare(stage.store, shadows.shadow_of(stage.store, "slow"))
        assert (report.runs, report.same) == (len(lives), len(lives)), report.as_json()
        stage.store.close()
