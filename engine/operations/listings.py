"""Enrollments and messages as contract.md promises them, a page at a time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.errors import InputError, NotFoundError
from engine.operations import published
from engine.operations.lead_changes import found_lead
from engine.operations.leads_view import names_of
from engine.playbook.spelling import did_you_mean
from engine.store import enrollments, jobs
from engine.store.database import Store, Transaction

STATES = ("pending", "active", "waiting", "held", "finished", "stopped")
MESSAGE_STATES = (
    "claimed", "in_flight", "accepted", "deferred", "skipped", "rejected", "bounced", "in_doubt",
)  # fmt: skip

_QUEUED = "queued"  # the ledger's own word for what the contract calls `claimed`


def list_enrollments(
    store: Store,
    *,
    playbook: str = "",
    lead: str = "",
    state: str = "",
    before: str = "",
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Enrollments, newest first; the next page is `before` the last id.

    Raises:
        InputError: the lead, or the state, does not exist.
    """
    if state and state not in STATES:
        raise InputError(f"no state is named '{state}'", help=did_you_mean(state, STATES))

    def read(tx: Transaction) -> list[dict[str, Any]]:
        record = str(found_lead(tx, lead)) if lead else None
        rows = enrollments.page(
            tx, playbook=playbook, lead=record, state=state, before=before, limit=limit
        )
        return shape_enrollments(tx, rows)

    return store.read(read)


def show_enrollment(store: Store, enrollment: str) -> dict[str, Any]:
    """One enrollment, with what it did so far under `steps`.

    Raises:
        NotFoundError: there is none with this id.
    """

    def read(tx: Transaction) -> dict[str, Any]:
        row = enrollments.by_id(tx, enrollment)
        if row is None:
            raise NotFoundError(
                f"no enrollment has the id '{enrollment[:60]}'",
                help="list them with: longplay enrollments list",
            )
        steps = [
            {name: line[name] for name in ("seq", "at", "step", "op", "outcome", "why")}
            for line in enrollments.steps_of(tx, enrollment)
        ]
        return {**shape_enrollments(tx, [row])[0], "cause": row["cause"], "steps": steps}

    return store.read(read)


def list_messages(
    store: Store, *, lead: str = "", state: str = "", before: str = "", limit: int = 100
) -> list[dict[str, Any]]:
    """Messages of the ledger, newest first; the next page is `before` the last id.

    Raises:
        InputError: the lead, or the state, does not exist.
    """
    if state and state not in MESSAGE_STATES:
        raise InputError(f"no state is named '{state}'", help=did_you_mean(state, MESSAGE_STATES))
    kept = _QUEUED if state == "claimed" else state

    def read(tx: Transaction) -> list[dict[str, Any]]:
        record = str(found_lead(tx, lead)) if lead else None
        rows = jobs.page(tx, lead=record, state=kept, before=before, limit=limit)
        return shape_messages(tx, rows)

    return store.read(read)


def shape_enrollments(tx: Transaction, rows: Sequence[sa.RowMapping]) -> list[dict[str, Any]]:
    """Rows of enrollments in the form of the contract."""
    names = names_of(tx, [row["lead"] for row in rows])
    return [
        {
            "id": row["id"], "playbook": row["playbook"], "digest": row["digest"],
            "lead": names[row["lead"]], "deal": row["deal"], "key": row["key"],
            "state": row["state"], "step": _step(tx, row), "until": _until(row),
            "entered_at": row["entered_at"], "ended_at": row["ended_at"],
            "outcome": row["outcome"], "reason": row["reason"],
        }
        for row in rows
    ]  # fmt: skip


def shape_messages(tx: Transaction, rows: Sequence[sa.RowMapping]) -> list[dict[str, Any]]:
    """Jobs of the ledger in the form of the contract."""
    names = names_of(tx, [row["lead"] for row in rows])
    return [
        {
            "id": row["id"], "message_id": row["message_id"],
            "kind": "notice" if row["kind"] == "notify" else row["kind"],
            "lead": names.get(row["lead"], ""),
            "to": row["address"] or _expected(row, names.get(row["lead"], "")),
            "playbook": row["playbook"], "step": row["step"], "subject": row["subject"],
            "state": "claimed" if row["state"] == _QUEUED else row["state"],
            "at": row["accepted_at"] or row["ended_at"] or row["not_before"] or row["created_at"],
            "reason": row["reason"], "via": row["via"],
        }
        for row in rows
    ]  # fmt: skip


def _expected(row: sa.RowMapping, lead: str) -> str:
    """Where a mail to a lead will go that has not gone yet."""
    return lead if row["kind"] == "email" and "@" in lead else ""


def _step(tx: Transaction, row: sa.RowMapping) -> str:
    if row["ended_at"] is not None:
        return ""
    step: str = published.plan(tx, row["digest"]).ops[row["pc"]].step
    return step


def _until(row: sa.RowMapping) -> datetime | None:
    until: datetime | None = row["until_at"]
    return until if row["state"] in {"waiting", "held"} else None
