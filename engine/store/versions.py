"""The repository of publications: which version of a playbook was published when, and by whom."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from engine.ids import new_id
from engine.store.database import Transaction
from engine.store.version_tables import Publication, PublishedVersion

publication_table: sa.Table = Publication.__table__  # type: ignore[attr-defined]
version_table: sa.Table = PublishedVersion.__table__  # type: ignore[attr-defined]


def record(tx: Transaction, how: str, actor: str, versions: Iterable[tuple[str, str, str]]) -> str:
    """Writes a publication with its (playbook, digest, digest before), and answers its id."""
    id = new_id()
    row = {"id": id, "at": tx.now, "actor": actor, "how": how}
    tx.conn.execute(sa.insert(publication_table), row)
    rows = [
        {"publication": id, "playbook": playbook, "digest": digest, "before": before}
        for playbook, digest, before in versions
    ]
    if rows:
        tx.conn.execute(sa.insert(version_table), rows)
    return id


def history(tx: Transaction, playbook: str = "", *, limit: int = 1000) -> Sequence[sa.RowMapping]:
    """What was published of a playbook (of all, when none is named), newest first."""
    query: sa.Select[Any] = (
        sa.select(
            publication_table.c.id, publication_table.c.at, publication_table.c.actor,
            publication_table.c.how, version_table.c.playbook, version_table.c.digest,
            version_table.c.before,
        )
        .join(publication_table, publication_table.c.id == version_table.c.publication)
        .order_by(publication_table.c.id.desc(), version_table.c.playbook)
        .limit(limit)
    )  # fmt: skip
    if playbook:
        query = query.where(version_table.c.playbook == playbook)
    return tx.conn.execute(query).mappings().all()
