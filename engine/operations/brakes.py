"""The emergency brake: no mail leaves, for one playbook, one mail account or for everything."""

from collections.abc import Iterable

import sqlalchemy as sa

from engine.store import jobs, quick
from engine.store.database import Transaction
from engine.store.inserting import insert_new
from engine.store.sending_tables import Brake

table: sa.Table = Brake.__table__  # type: ignore[attr-defined]
EVERYTHING = "*"
ACCOUNT = "via:"
"""How the scope begins that holds the mail of an account."""

_on = sa.select(table.c.scope)


def on(tx: Transaction) -> frozenset[str]:
    """What is braked: playbooks' names, or `*`."""
    return frozenset(row["scope"] for row in quick.fetch(tx, _on))


def said(scope: str) -> str:
    """What a scope is called."""
    account = scope.removeprefix(ACCOUNT)
    return f"the mail account '{account}'" if account != scope else scope


def accounts(scopes: Iterable[str]) -> frozenset[str]:
    """The mail accounts among what is braked."""
    return frozenset(one.removeprefix(ACCOUNT) for one in scopes if one.startswith(ACCOUNT))


def pull(tx: Transaction, scope: str, actor: str) -> bool:
    """Pulls the brake; senders read it before every window. Answers whether it was off."""
    row = {"scope": scope, "at": tx.now, "actor": actor}
    return bool(insert_new(tx, table, [row], key="scope"))


def let_go(tx: Transaction, scope: str) -> bool:
    """Lets go of the brake and makes due what waited for it; answers whether it was on."""
    was_on = tx.conn.execute(sa.delete(table).where(table.c.scope == scope)).rowcount > 0
    job = jobs.table
    waiting = sa.and_(jobs.is_deferred, job.c.reason == "paused")
    if scope.startswith(ACCOUNT):
        waiting = sa.and_(waiting, job.c.via == scope.removeprefix(ACCOUNT))
    elif scope != EVERYTHING:
        waiting = sa.and_(waiting, job.c.playbook == scope)
    cohorts = tx.conn.execute(sa.select(job.c.cohort).where(waiting).distinct()).scalars().all()
    tx.conn.execute(sa.update(job).where(waiting).values(not_before=tx.now))
    tx.nudges.update(cohorts)
    return was_on
