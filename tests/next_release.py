"""The next release, as far as its tables go: a revision behind those that there are."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.store import schema
from migrations import rules

VERSIONS = Path(rules.__file__).parent / "versions"
NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = depends_on = None
{more}

def upgrade() -> None:
    op.create_table("flavor", sa.Column("id", sa.String(), primary_key=True))
    with op.batch_alter_table("lead") as batch_op:
        batch_op.add_column(sa.Column("flavor", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("weight", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_lead_flavor", "lead", ["flavor"])
"""


@contextmanager
def release(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> Iterator[None]:
    """The code of the next release, as far as migrating goes."""
    scripts = folder / "migrations"
    if not scripts.exists():
        shutil.copytree(VERSIONS.parent, scripts)
    (scripts / "versions" / "0002_next.py").write_text(text)
    with monkeypatch.context() as patched:
        patched.setattr(schema, "_scripts", lambda: scripts)
        yield
