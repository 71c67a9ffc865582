"""Leads' stages: whether somebody may move a lead, and the lifecycle as people read it.

Whoever moves one (a step, a person, the API, an import, an event) is judged by the same decision,
`engine.runtime.lifecycle`; here it gets the facts that its conditions ask for.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from engine.errors import InputError
from engine.operations import published
from engine.operations.lead_changes import found_lead
from engine.operations.published import Current
from engine.operations.scopes import load_histories, scope_of
from engine.operations.selecting import events_of
from engine.playbook.conditions import condition
from engine.playbook.lifecycle import USUAL, stage_named
from engine.playbook.spelling import did_you_mean
from engine.playbook.values import Value
from engine.runtime.lifecycle import (
    Advances,
    Denied,
    Recycles,
    StageDecision,
    decide_stage,
    may_be_in,
)
from engine.store import leads
from engine.store.database import Store, Transaction
from engine.store.lead_writing import change_table


def judge(
    tx: Transaction,
    current: Current,
    facts: Mapping[str, Value] | None,
    values: Mapping[str, Value],
    *,
    force: bool = False,
) -> StageDecision:
    """Whether a lead may be in the stage among `values`.

    Args:
        tx: the open transaction; the lead is locked.
        current: what is published.
        facts: the lead as it is; None: it is new.
        values: what is written along with the stage.
        force: backward, too, where the stage does not say so.
    """
    to = str(values.get("stage") or "")
    stages = current.workspace.lifecycle_stages
    as_it_will_be = {**(facts or {}), **values}
    if facts is not None:
        as_it_will_be["stage"] = facts.get("stage")
    names = _counted(current)
    id = str((facts or {}).get("id") or "")
    history = load_histories(tx, [id], names).get(id) if names and id else None
    scope = scope_of(current, as_it_will_be, now=tx.now, history=history)
    if facts is not None:
        return decide_stage(stages, to, scope, force=force)
    stage = stage_named(stages, to)
    if stage is None:
        hint = did_you_mean(to, current.workspace.lifecycle)
        return Denied(f"the lifecycle has no stage '{to[:60]}'", hint)
    return may_be_in(stage, scope) or Advances(to)


def checked_move(
    tx: Transaction,
    current: Current,
    facts: Mapping[str, Value] | None,
    values: Mapping[str, Value],
    *,
    reason: str,
    force: bool,
) -> None:
    """The same for a person, who has to say why a lead goes back.

    Raises:
        InputError: it may not move there, or no reason is given.
    """
    decision = judge(tx, current, facts, values, force=force)
    if isinstance(decision, Denied):
        raise InputError(decision.why, help=decision.help)
    if isinstance(decision, Recycles) and not reason.strip():
        here = (facts or {}).get("stage")
        raise InputError(
            f"from {here} back to {decision.stage}: no reason is given",
            help="say why, with --reason TEXT, or as `reason`; it is kept in the lead's history",
        )


@lru_cache(maxsize=8)
def _counted(current: Current) -> tuple[str, ...]:
    """The events that criteria count."""
    texts = [
        text for one in current.workspace.lifecycle_stages for text in (one.enter_if, one.leave_if)
    ]
    found = [events_of(current, condition(text)) for text in texts if text]
    return tuple(sorted(frozenset[str]().union(*found)))


def definitions(store: Store) -> list[dict[str, Any]]:
    """The stages in order: what each means and takes, and how many leads are in it.

    `usually` is what others mean by a stage of which the workspace says nothing.
    """
    return store.read(described)


def described(tx: Transaction) -> list[dict[str, Any]]:
    """`definitions` within a transaction that is open already."""
    table = leads.table
    query = sa.select(table.c.stage, sa.func.count()).group_by(table.c.stage)
    now = {row[0]: row[1] for row in tx.conn.execute(query)}
    return [
        {
            "stage": one.name, "about": one.about,
            "usually": "" if one.about else USUAL.get(one.name, ""), "enter_if": one.enter_if,
            "leave_if": one.leave_if, "requires": list(one.requires),
            "back_to": list(one.back_to), "now": now.get(one.name, 0),
        }
        for one in published.current(tx).workspace.lifecycle_stages
    ]  # fmt: skip


def history(store: Store, name: str) -> list[dict[str, Any]]:
    """Every move of a lead between stages, the newest first: who made it, and why.

    Raises:
        NotFoundError: there is no such lead.
    """
    return store.read(lambda tx: _history(tx, name))


def _history(tx: Transaction, name: str) -> list[dict[str, Any]]:
    lead, table = found_lead(tx, name), change_table
    mine = sa.and_(table.c.lead == lead, table.c.field == "stage")
    query = sa.select(table).where(mine).order_by(table.c.at.desc(), table.c.id.desc())
    order = {stage: place for place, stage in enumerate(published.current(tx).workspace.lifecycle)}
    return [
        {
            "at": row.at, "from": row.before, "to": row.after, "actor": row.actor,
            "reason": row.reason,
            "back": order.get(str(row.after), 0) < order.get(str(row.before), -1),
        }
        for row in tx.conn.execute(query)
    ]  # fmt: skip
