"""Publishing: what was checked becomes what the workers go by, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from engine.operations import clocks
from engine.operations.editions import Edition
from engine.operations.published import (
    plan_table,
    playbook_table,
    published_table,
    template_table,
)
from engine.playbook.plan import Plan
from engine.store import enrollments
from engine.store.database import Store, Transaction
from engine.store.inserting import insert_new, upsert

ChangeKind = Literal["added", "changed", "retired", "unchanged"]


@dataclass(frozen=True, slots=True)
class PlaybookChange:
    """What applying does to one playbook.

    Attributes:
        before: the digest that was current; empty: none.
        after: the digest that is now; empty: the playbook takes nobody in any more.
        active: enrollments that run on, on the versions they began with.
    """

    playbook: str
    change: ChangeKind
    before: str
    after: str
    active: int


def preview(store: Store, edition: Edition) -> list[PlaybookChange]:
    """What `publish` would change."""
    return store.read(lambda tx: _changes(tx, edition))


def publish(store: Store, edition: Edition) -> list[PlaybookChange]:
    """Publishes the edition; running enrollments keep their versions."""
    return store.write(lambda tx: _publish(tx, edition))


def _publish(tx: Transaction, edition: Edition) -> list[PlaybookChange]:
    changes = _changes(tx, edition)
    rows = [
        {"digest": digest, "name": name, "body": body}
        for digest, (name, body) in edition.templates.items()
    ]
    insert_new(tx, template_table, rows, key="digest")
    insert_new(tx, plan_table, [_plan_row(plan, tx) for plan in edition.plans.values()], "digest")
    upsert(
        tx,
        playbook_table,
        [_playbook_row(plan, tx) for plan in edition.plans.values()],
        keys=["name"],
        update=["digest", "kind", "title", "retired", "applied_at"],
    )
    retired = [one.playbook for one in changes if one.change == "retired"]
    tx.conn.execute(
        sa.update(playbook_table).where(playbook_table.c.name.in_(retired)).values(retired=True)
    )
    upsert(
        tx,
        published_table,
        [
            {
                "id": 1,
                "digest": edition.digest,
                "workspace": {"source": edition.source},
                "applied_at": tx.now,
            }
        ],
        keys=["id"],
        update=["digest", "workspace", "applied_at"],
    )
    clocks.wind(tx)
    return changes


def _changes(tx: Transaction, edition: Edition) -> list[PlaybookChange]:
    query = sa.select(playbook_table.c.name, playbook_table.c.digest, playbook_table.c.retired)
    rows = tx.conn.execute(query).all()
    before = {name: digest for name, digest, retired in rows if not retired}
    active = _active(tx)
    changes = []
    for name in sorted({*before, *edition.plans}):
        old = before.get(name, "")
        plan = edition.plans.get(name)
        new = plan.digest if plan is not None else ""
        changes.append(PlaybookChange(name, _kind(old, new), old, new, active.get(name, 0)))
    return changes


def _kind(old: str, new: str) -> ChangeKind:
    if old == new:
        return "unchanged"
    if not old:
        return "added"
    return "changed" if new else "retired"


def _active(tx: Transaction) -> dict[str, int]:
    table = enrollments.table
    query = (
        sa.select(table.c.playbook, sa.func.count())
        .where(enrollments.is_open)
        .group_by(table.c.playbook)
    )
    found: Sequence[Any] = tx.conn.execute(query).all()
    return {row[0]: row[1] for row in found}


def _plan_row(plan: Plan, tx: Transaction) -> dict[str, Any]:
    return {
        "digest": plan.digest,
        "playbook": plan.playbook,
        "format": plan.format,
        "body": plan.canonical(),
        "created_at": tx.now,
    }


def _playbook_row(plan: Plan, tx: Transaction) -> dict[str, Any]:
    return {
        "name": plan.playbook,
        "digest": plan.digest,
        "kind": plan.kind,
        "title": plan.title,
        "retired": False,
        "applied_at": tx.now,
    }
