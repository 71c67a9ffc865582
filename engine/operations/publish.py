"""Publishing: what was checked becomes what the workers go by, in one transaction."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from engine.ids import new_id
from engine.operations import clocks, published, rescoring, retention, timed_segments, watching
from engine.operations.clock_changes import count_clocks
from engine.operations.crossings import count_crossings
from engine.operations.editions import Edition, digest_over
from engine.operations.planning import Planned, planned
from engine.operations.published import (
    plan_table,
    playbook_table,
    published_table,
    template_table,
)
from engine.playbook.plan import Plan
from engine.store import mail_files, versions
from engine.store.database import Store, Transaction
from engine.store.inserting import insert_new, upsert


def preview(
    store: Store, edition: Edition, progress: Callable[[int], None] = lambda looked: None
) -> Planned:
    """What `publish` would change.

    Args:
        progress: called with how many leads were looked at, where rules of a score change.
    """
    found = store.read(lambda tx: planned(tx, edition))
    clocks = count_clocks(store, edition)
    return replace(found, scores=count_crossings(store, edition, progress), clocks=clocks)


def publish(store: Store, edition: Edition, *, actor: str = "", fires: bool = False) -> Planned:
    """Publishes the edition; running enrollments keep their versions.

    With `fires` whoever reaches a threshold because the rules of a score changed runs its steps.
    """
    return publish_planned(store, lambda _tx: edition, "apply", actor, fires=fires)


def publish_planned(
    store: Store,
    edition_of: Callable[[Transaction], Edition],
    how: str,
    actor: str,
    *,
    fires: bool = False,
) -> Planned:
    """Plans while others write, and publishes in a short transaction what was planned.

    Args:
        store: the workspace's store.
        edition_of: what to publish, seen from what is published now.
        how: what the history of versions says of it.
        actor: who does it.
        fires: whether thresholds that are reached by the change run their steps.
    """

    def plan(tx: Transaction) -> tuple[str, Edition, Planned]:
        edition = edition_of(tx)
        return published.revision(tx), edition, planned(tx, edition)

    def work(tx: Transaction) -> Planned:
        # Counting a hundred thousand enrollments takes a second, and nobody should wait for that;
        # only if somebody else has published meanwhile is it done again.
        is_fresh = published.revision(tx, lock=True) == ready[0]
        _, edition, found = ready if is_fresh else plan(tx)
        _publish(tx, edition, found, how, actor, fires=fires)
        return found

    ready = store.read(plan)
    return store.write(work)


def _publish(
    tx: Transaction, edition: Edition, found: Planned, how: str, actor: str, *, fires: bool
) -> None:
    before = {
        name: published.plan(tx, digest) for name, digest in published.current_digests(tx).items()
    }
    keep(tx, edition, edition.plans.values())
    make_current(tx, edition.plans.values())
    retired = [one.playbook for one in found.changes if one.change == "retired"]
    tx.conn.execute(
        sa.update(playbook_table).where(playbook_table.c.name.in_(retired)).values(retired=True)
    )
    set_published(tx, edition.source, {name: plan.digest for name, plan in edition.plans.items()})
    if not found.is_nothing:
        changed = [one for one in found.changes if one.change != "unchanged"]
        told = [(one.playbook, one.after, one.before) for one in changed]
        versions.record(tx, how, actor, told)
    clocks.wind(tx)
    watching.wind(tx)
    timed_segments.watch(tx, published.current(tx))
    retention.watch(tx, published.current(tx))
    rescoring.begin(tx, before, edition.plans, fires=fires)


def keep(tx: Transaction, edition: Edition, plans: Iterable[Plan]) -> None:
    """Stores plans and the templates that they pin, for good; nobody goes by them yet."""
    plans = list(plans)
    pinned = {digest for plan in plans for digest in plan.templates.values()}
    rows = [
        {"digest": digest, "name": name, "body": body}
        for digest, (name, body) in edition.templates.items()
        if digest in pinned
    ]
    insert_new(tx, template_table, rows, key="digest")
    mail_files.keep(tx, {one: edition.carried[one] for one in pinned & edition.carried.keys()})
    insert_new(tx, plan_table, [_plan_row(plan, tx) for plan in plans], "digest")


def make_current(tx: Transaction, plans: Iterable[Plan]) -> None:
    """Lets new enrollments begin on these plans."""
    upsert(
        tx,
        playbook_table,
        [_playbook_row(plan, tx) for plan in plans],
        keys=["name"],
        update=["digest", "kind", "title", "retired", "applied_at"],
    )


def set_published(tx: Transaction, source: str, digests: Mapping[str, str]) -> None:
    """Writes what is published now; every process reads it anew."""
    row = {
        "id": 1, "digest": digest_over(source, digests), "revision": new_id(),
        "workspace": {"source": source}, "applied_at": tx.now,
    }  # fmt: skip
    update = [name for name in row if name != "id"]
    upsert(tx, published_table, [row], keys=["id"], update=update)


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
