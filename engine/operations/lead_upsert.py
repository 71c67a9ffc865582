"""Writing a batch of drafts in one transaction: who is new, who changes, who stands in conflict.

Nothing is asked per lead, and rows about one lead are folded in the order of the file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from engine.ids import LeadId
from engine.operations import published
from engine.operations.lead_rows import Draft, RowRules
from engine.operations.lead_stages import judge
from engine.playbook.values import Value
from engine.runtime.lifecycle import Denied
from engine.store import gone, leads
from engine.store.database import Transaction
from engine.store.leads import Facts, LeadChange


class Outcome(Enum):
    """What became of a row."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Upserted:
    """What became of each draft, in order, why the rejected ones were, and the leads changed."""

    outcomes: Sequence[Outcome]
    reasons: Mapping[int, str]
    changes: Sequence[LeadChange]


@dataclass(slots=True)
class _Target:
    """The lead that rows are folded into."""

    id: LeadId | None
    facts: Facts
    is_new: bool
    values: dict[str, Value] = field(default_factory=dict)
    former_keys: set[str] = field(default_factory=set)
    """Of addresses that it had before it was merged: a row that names one changes none."""

    def fold(self, values: Mapping[str, Value]) -> bool:
        """Takes in a row's values; answers whether any of them is different. Tags are added."""
        differs = False
        for name, given in values.items():
            value, known = given, self.values.get(name, self.facts.get(name))
            if name == "tags" and isinstance(known, list) and isinstance(given, list):
                value = [*known, *(tag for tag in given if tag not in known)]
            if name == "email" and self._has(known, given):
                continue
            if value != known:
                self.values[name] = value
                differs = True
        return differs

    def _has(self, known: Value, given: Value) -> bool:
        """Whether an address is the lead's already, now or formerly."""
        former = isinstance(given, str) and leads.email_key(given) in self.former_keys
        return former or _is_same_address(known, given)


def _is_same_address(known: Value, given: Value) -> bool:
    """Whether two spellings are of one address: that is no change worth a row in the log."""
    both = isinstance(known, str) and isinstance(given, str)
    return both and leads.email_key(str(known)) == leads.email_key(str(given))


def upsert(
    tx: Transaction, drafts: Sequence[Draft], rules: RowRules, *, actor: str, reason: str
) -> Upserted:
    """Makes and changes the leads that `drafts` are about.

    Raises:
        InputError: two transactions got in each other's way; nothing of this one may be kept.
    """
    by_key: dict[str, _Target] = {}
    by_id: dict[str, _Target] = {}
    _known(tx, drafts, rules, by_key, by_id)
    outcomes: list[Outcome] = []
    reasons: dict[int, str] = {}
    touched: dict[int, _Target] = {}
    for position, draft in enumerate(drafts):
        found = _target(draft, by_key, by_id)
        if isinstance(found, str):
            reasons[position] = found
            outcomes.append(Outcome.REJECTED)
            continue
        denied = _denied(tx, found, draft, rules)
        if denied:
            reasons[position] = denied
            outcomes.append(Outcome.REJECTED)
            continue
        is_first = found.is_new and id(found) not in touched
        differs = found.fold(draft.values)
        if differs or is_first:
            touched[id(found)] = found
        outcomes.append(_outcome(is_first, differs))
    changes = _write(tx, list(touched.values()), rules, actor, reason)
    return Upserted(outcomes, reasons, changes)


def _denied(tx: Transaction, found: _Target, draft: Draft, rules: RowRules) -> str:
    """Why a row may not put the lead into its stage; empty when it may, or names none."""
    stage = draft.values.get("stage")
    if not rules.judges_stages or not stage or not published.is_published(tx):
        return ""
    if stage == found.values.get("stage", found.facts.get("stage")):
        return ""
    known = None if found.is_new else {**found.facts, **found.values}
    decision = judge(
        tx, published.current(tx), known, {**found.values, **draft.values}, force=rules.force
    )
    return decision.why if isinstance(decision, Denied) else ""


def _outcome(is_first: bool, differs: bool) -> Outcome:
    if is_first:
        return Outcome.CREATED
    return Outcome.UPDATED if differs else Outcome.UNCHANGED


def _known(
    tx: Transaction,
    drafts: Sequence[Draft],
    rules: RowRules,
    by_key: dict[str, _Target],
    by_id: dict[str, _Target],
) -> None:
    """Locks and loads the leads that the drafts may be about."""
    holders = leads.find_by_key(tx, [draft.key for draft in drafts if draft.key])
    named = {draft.id for draft in drafts if draft.id}
    merged = gone.now_as(tx, named)
    ids = {*holders.values(), *named, *map(LeadId, merged.values())} - set(map(LeadId, merged))
    leads.lock(tx, ids)
    for id, facts in leads.load(tx, ids, rules.custom).items():
        by_id[id] = _Target(id, facts, is_new=False)
        email = facts["email"]
        if isinstance(email, str):
            by_key[leads.email_key(email)] = by_id[id]
    # Rows that name a lead by an id or an address that it had before it was merged.
    by_id |= {former: by_id[now] for former, now in merged.items() if now in by_id}
    for key, holder in holders.items():
        if key not in by_key:
            by_id[holder].former_keys.add(key)
            by_key[key] = by_id[holder]


def _target(draft: Draft, by_key: dict[str, _Target], by_id: dict[str, _Target]) -> _Target | str:
    """The lead that a draft is about; a text: why it can be about none."""
    holder = by_key.get(draft.key) if draft.key else None
    named = by_id.get(draft.id) if draft.id else None
    if draft.is_named and holder is not None and holder is not named:
        return f"'{draft.values['email']}' belongs to lead '{holder.id}', not to '{draft.id}'"
    target = named or holder
    if target is None:
        target = _Target(draft.id, {}, is_new=True)
    if draft.key:
        by_key[draft.key] = target
    if draft.id:
        by_id[draft.id] = target
    return target


def _write(
    tx: Transaction, targets: Sequence[_Target], rules: RowRules, actor: str, reason: str
) -> list[LeadChange]:
    new = [target for target in targets if target.is_new]
    made = leads.create_many(
        tx,
        [target.values | {"id": target.id} if target.id else target.values for target in new],
        actor=actor,
        reason=reason,
        custom=rules.custom,
        lifecycle=rules.lifecycle,
        zone=rules.zone,
    )
    saves = {target.id: target.values for target in targets if target.id and not target.is_new}
    # Somebody else may have made one of them since it was looked for.
    met = {change.id: target.values for change, target in zip(made, new, strict=True)
           if change.before is not None}  # fmt: skip
    saved = leads.save_many(
        tx, saves | met, actor=actor, reason=reason, custom=rules.custom, zone=rules.zone
    )
    return [change for change in made if change.before is None] + list(saved.values())
