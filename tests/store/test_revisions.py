"""Tables that grow while workers of two releases are at work: expanded, and never contracted."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from commands.place import require_schema
from engine.errors import EnvironmentFault
from engine.operations import publish
from engine.store import schema
from engine.store.database import Store
from engine.store.schema import Fit, fit, head_revision, migrate, schema_revision
from migrations import rules
from tests.next_release import NEXT, VERSIONS, release
from tests.runtime.stage import Stage, edition_with, soundness

MAIL = "enroll: {when: [{event: form.submitted}]}\nsteps:\n  - email: note\n  - tag: sent\n"


def test_this_release_works_on_the_next_ones_tables(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Migrated under a worker's feet, by a revision that only expands, nobody notices: what was
    begun before goes on, what comes is taken in, mail is sent; started anew, it starts."""
    stage = Stage(store)
    publish.publish(store, edition_with(calm=MAIL))
    stage.event("form.submitted", "ann")
    assert rules.faults(NEXT.format(more="")) == []
    with release(tmp_path, monkeypatch, NEXT.format(more="")):
        assert migrate(store) == "0002"
        assert migrate(store) == "0002", "two at once: the second finds nothing left to do"
    assert (fit(store), head_revision()) == ((Fit.FITS, "0002"), "0001")
    require_schema(store)
    assert migrate(store) == "0002", "an older release leaves newer tables alone"
    stage.event("form.submitted", "bea")
    stage.work()
    assert {job["state"] for job in stage.jobs()} == {"accepted"}
    assert len(stage.transport.sent) == 2
    soundness(stage)


def test_after_a_contraction_older_code_is_refused(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By name, before it starts; what came back is told what to do."""
    with release(tmp_path, monkeypatch, NEXT.format(more='WORKS_FROM = "0002"')):
        migrate(sqlite_store)
        require_schema(sqlite_store)
    with pytest.raises(EnvironmentFault, match="revision '0002', this release works with '0001'"):
        require_schema(sqlite_store)


def test_newer_code_waits_for_its_tables(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not migrate by itself when it is started: others may be at work."""
    assert schema_revision(sqlite_store) == "0001"
    with (
        release(tmp_path, monkeypatch, NEXT.format(more="")),
        pytest.raises(EnvironmentFault) as told,
    ):
        require_schema(sqlite_store)
    assert told.value.help == "run: longplay migrate"


def test_a_revision_that_fails_changes_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a migration is none, on both databases."""
    text = NEXT.format(more="") + '    op.execute("SELECT nonsense")\n'
    with release(tmp_path, monkeypatch, text), pytest.raises(sa.exc.DBAPIError):
        migrate(store)
    assert fit(store) == (Fit.FITS, "0001")
    assert store.write(lambda tx: schema.differences(tx.conn)) == []


@pytest.mark.parametrize(
    "path", sorted(VERSIONS.glob("*.py"))[1:] or [VERSIONS], ids=lambda path: path.name
)
def test_no_revision_after_the_first_takes_anything_away(path: Path) -> None:
    """Or it says from which revision on code does without what it takes away."""
    if path.is_dir():
        return  # there is one revision, and nothing older than it
    assert rules.faults(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('op.drop_table("lead")', "drops a table"),
        ('batch_op.drop_column("email")', "drops a column"),
        ('op.rename_table("lead", "person")', "renames a table"),
        ('op.alter_column("lead", "email", new_column_name="mail")', "renames a column"),
        ('op.alter_column("lead", "email", nullable=False)', "forbids NULL"),
        ('op.alter_column("lead", "email", type_=sa.Integer())', "changes a column's type"),
        ('op.alter_column("lead", "email", server_default=None)', "takes a default away"),
        ('op.add_column("lead", sa.Column("x", sa.String(), nullable=False))', "server_default"),
        ('op.create_unique_constraint("uq", "lead", ["email"])', "adds a rule"),
        ('op.create_index("ix", "lead", ["email"], unique=True)', "a unique index"),
        ('op.execute("ALTER TABLE lead DROP COLUMN email")', "runs SQL with 'drop'"),
    ],
    ids=lambda text: text.partition("(")[0],
)
def test_what_older_code_does_not_survive_is_named(line: str, why: str) -> None:
    """With its line; the same is passed where the revision says that it comes late enough."""
    text = f"def upgrade() -> None:\n    {line}\n"
    (found,) = rules.faults(text)
    assert (found.line, why in found.why) == (2, True)
    assert rules.faults(f'WORKS_FROM = "0003"\n{text}') == []


@pytest.mark.parametrize(
    "line",
    [
        'op.create_table("x", sa.Column("id", sa.String(), nullable=False))',
        'op.add_column("lead", sa.Column("x", sa.String(), nullable=True))',
        'op.add_column("lead", sa.Column("x", sa.Integer(), nullable=False, server_default="0"))',
        'op.create_index("ix", "lead", ["email"])',
        'op.create_table("x"); op.create_index("ix", "x", ["id"], unique=True)',
        'op.alter_column("lead", "email", nullable=True)',
        'op.execute("UPDATE lead SET x = 1")',
    ],
)
def test_what_older_code_does_not_notice_is_passed(line: str) -> None:
    """New tables, columns that may be left out, wider rules."""
    assert rules.faults(f"def upgrade() -> None:\n    {line}\n") == []
