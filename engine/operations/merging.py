"""Merging two leads that are one person: one transaction, with both histories kept.

The survivor gets everything that names the other: events, changes, messages, tasks, deals, points,
consents. Of runs that would mail the person twice one ends. Suppressions hold for both addresses,
and the other's id and address lead to the survivor from then on. It cannot be undone; what the
other lead was stands in the survivor's history.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import sqlalchemy as sa

from engine.errors import InputError
from engine.ids import LeadId, new_id
from engine.operations import published
from engine.operations.deal_locks import lock_deals
from engine.operations.enrollment_rows import finish_rows
from engine.operations.lead_changes import found_lead, react_to
from engine.operations.published import Current
from engine.operations.rescoring import rescore
from engine.operations.rulebooks import by_name
from engine.operations.scopes import load_facts
from engine.playbook.values import Value
from engine.runtime.fields import to_json
from engine.runtime.identity import email_key
from engine.runtime.merging import Run, added_scores, merged_fields, superfluous
from engine.runtime.position import Finish
from engine.runtime.scoring import micros
from engine.store import deals, enrollments, gone, leads, moving_rows, suppressions
from engine.store.company_placing import adopt
from engine.store.database import Store, Transaction
from engine.store.lead_facts import STANDINGS, readings
from engine.store.lead_writing import change_table
from engine.store.leads import LeadChange

_OF_THE_PERSON = (suppressions.UNSUBSCRIBED, "complained", "manual")
"""Reasons that are about the person, and hold for every address of theirs; a bounce is not."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of a merge, or would come of it.

    Attributes:
        survivor: the lead that stays.
        former: the lead that is merged into it.
        fields: what changes on the survivor: name → (before, after).
        ended: enrollments that end: (id, playbook, why).
        moved: rows that go over to the survivor, by table.
    """

    survivor: str
    former: str
    fields: Mapping[str, tuple[Value, Value]] = field(default_factory=dict)
    ended: Sequence[tuple[str, str, str]] = ()
    moved: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What `--json` shows."""
        return {
            "survivor": self.survivor, "merged": self.former,
            "fields": {
                name: {"before": to_json(before), "after": to_json(after)}
                for name, (before, after) in self.fields.items()
            },
            "ended": [
                {"enrollment": id, "playbook": playbook, "why": why}
                for id, playbook, why in self.ended
            ],
            "moved": dict(self.moved),
        }  # fmt: skip


def merge(
    store: Store,
    survivor: str,
    other: str,
    *,
    actor: str,
    reason: str = "",
    take: Collection[str] = (),
) -> Merged:
    """Merges `other` into `survivor`, each named by its address or id.

    Args:
        store: the workspace's store.
        survivor: who stays.
        other: who is merged away.
        actor: who wants it; `reason` is why, in that person's words.
        take: fields whose value comes from `other`; of each other one the survivor's stays.

    Raises:
        NotFoundError: there is no such lead.
        InputError: they are one already, or a field of `take` cannot be taken.
    """

    def work(tx: Transaction) -> Merged:
        return _merge(tx, survivor, other, actor=actor, reason=reason, take=take)

    return store.write(work, alone=True)


def preview(store: Store, survivor: str, other: str, *, take: Collection[str] = ()) -> Merged:
    """What `merge` would do; nothing is changed.

    Raises:
        NotFoundError: there is no such lead.
        InputError: they are one already, or a field of `take` cannot be taken.
    """

    def read(tx: Transaction) -> Merged:
        current = published.current(tx)
        stays, goes = _named(tx, survivor, other)
        before = load_facts(tx, current, [stays, goes])
        values = _values(current, before[stays], before[goes], take)
        ended = [(row["id"], row["playbook"], why) for row, why in _ends(tx, stays, goes)]
        fields = _shown(tx, before[stays], values)
        return Merged(stays, goes, fields, ended)

    return store.read(read)


def _merge(
    tx: Transaction,
    survivor: str,
    other: str,
    *,
    actor: str,
    reason: str,
    take: Collection[str],
) -> Merged:
    current = published.current(tx)
    stays, goes = _named(tx, survivor, other)
    mine = deals.of_lead(tx, goes)
    lock_deals(tx, mine, [stays, goes])
    facts = load_facts(tx, current, [stays, goes])
    values = _values(current, facts[stays], facts[goes], take)
    said = f": {reason}" if reason else ""
    ended = _end_runs(tx, stays, goes)
    _share_suppressions(tx, facts[stays], facts[goes])
    moved = moving_rows.move_rows(tx, goes, stays)
    moved["enrollment"] = moving_rows.move_runs(tx, goes, stays)
    _move_deals(tx, current, mine, stays, actor, f"lead {goes} was merged{said}")
    _remember(tx, facts[goes], stays, goes, actor, reason)
    adopt(tx, stays, goes)
    gone.lead_on(tx, goes, stays, _former_key(facts[stays], facts[goes], values))
    tx.conn.execute(sa.delete(leads.table).where(leads.table.c.id == goes))
    change = leads.save_many(
        tx, {stays: values}, actor=actor, reason=f"merged with {goes}{said}",
        custom=current.custom, zone=current.zone,
    )[stays]  # fmt: skip
    _look_again(tx, change)
    rescore(tx, current, [stays], list(by_name(current)), fires=False)
    fields = _shown(tx, facts[stays], values)
    return Merged(stays, goes, fields, ended, {name: n for name, n in moved.items() if n})


def _named(tx: Transaction, survivor: str, other: str) -> tuple[LeadId, LeadId]:
    stays, goes = found_lead(tx, survivor), found_lead(tx, other)
    if stays == goes:
        raise InputError(
            f"'{survivor[:100]}' and '{other[:100]}' are one lead already", help="name two"
        )
    return stays, goes


def _values(
    current: Current, survivor: dict[str, Value], other: dict[str, Value], take: Collection[str]
) -> dict[str, Value]:
    lifecycle = current.workspace.lifecycle
    fields = merged_fields(survivor, other, lifecycle=lifecycle, take=take)
    fields.pop(STANDINGS, None)
    mine, more = (cast("dict[str, Any]", one.get(STANDINGS) or {}) for one in (survivor, other))
    if more:
        fields["scores"] = cast(Value, added_scores(mine, more))
    return fields


def _shown(
    tx: Transaction, before: Mapping[str, Value], values: Mapping[str, Value]
) -> dict[str, tuple[Value, Value]]:
    """What is different, as people read it: of scores what they come to."""
    after = dict(values)
    standings = after.pop("scores", None)
    if isinstance(standings, Mapping):
        after |= readings(standings, micros(tx.now))
    return {name: (before.get(name), value) for name, value in after.items()}


def _ends(tx: Transaction, stays: str, goes: str) -> list[tuple[Mapping[str, Any], str]]:
    """The runs of both that are one too many, and why each ends."""
    rows = moving_rows.runs_of(tx, [stays, goes])
    runs = [
        Run(
            row["id"], row["lead"], row["playbook"], "the person", row["key"], row["entered_at"],
            row["ended_at"] is None, published.plan(tx, row["digest"]).enroll.again,
        )
        for row in rows
    ]  # fmt: skip
    why = superfluous(runs)
    return [(row, why[row["id"]]) for row in rows if row["id"] in why]


def _end_runs(tx: Transaction, stays: str, goes: str) -> list[tuple[str, str, str]]:
    ends = {row["id"]: why for row, why in _ends(tx, stays, goes)}
    rows = [row for row in enrollments.open_of(tx, [stays, goes]) if row["id"] in ends]
    finish_rows(tx, [(row, Finish("merged", f"merged: {ends[row['id']]}")) for row in rows])
    return [(row["id"], row["playbook"], ends[row["id"]]) for row in rows]


def _share_suppressions(
    tx: Transaction, survivor: Mapping[str, Value], other: Mapping[str, Value]
) -> None:
    """What the person forbade at one address is forbidden at the other."""
    pair = [one["email"] for one in (survivor, other) if isinstance(one["email"], str)]
    if len(pair) < 2:
        return
    for address, twin in (pair, reversed(pair)):
        for one in suppressions.of_address(tx, address):
            if one["reason"] in _OF_THE_PERSON:
                suppressions.add(
                    tx, twin, reason=str(one["reason"]), topic=str(one["topic"]),
                    source=str(one["source"]),
                )  # fmt: skip


def _move_deals(
    tx: Transaction, current: Current, mine: Sequence[str], stays: str, actor: str, reason: str
) -> None:
    deals.save_many(
        tx, {deal: {"lead": stays} for deal in mine}, actor=actor, reason=reason[:500],
        custom=current.deal_fields, zone=current.zone,
    )  # fmt: skip


def _remember(
    tx: Transaction,
    other: Mapping[str, Value],
    stays: str,
    goes: str,
    actor: str,
    reason: str,
) -> None:
    """Keeps what the other lead was in the survivor's history."""
    was = {name: to_json(value) for name, value in other.items() if value not in (None, "", [], {})}
    line = {
        "id": new_id(), "lead": stays, "at": tx.now, "field": "merged", "before": was,
        "after": goes, "actor": actor, "reason": reason[:500],
    }  # fmt: skip
    tx.conn.execute(sa.insert(change_table), line)


def _former_key(
    survivor: Mapping[str, Value], other: Mapping[str, Value], values: Mapping[str, Value]
) -> str | None:
    """The key of the address that the survivor does not keep; mail from there is known as its."""
    former = survivor.get("email") if "email" in values else other.get("email")
    return email_key(former) if isinstance(former, str) else None


def _look_again(tx: Transaction, change: LeadChange) -> None:
    """Exits and waits see the survivor as it is now. Nothing starts: what the other lead reached,
    it has been enrolled for already."""
    react_to(tx, [change], starts=False)
    rows = enrollments.open_of(tx, [change.id])
    enrollments.wake(tx, [row["id"] for row in rows if row["held_at"] is None])
    tx.nudges.update(row["cohort"] for row in rows)
