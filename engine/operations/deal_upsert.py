"""Writing a batch of deals in one transaction: who is new, who changes, who may not move.

Nothing is asked per deal. Rows about one deal are folded in the order of the file; a row whose move
is not allowed is left out whole, with the reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from engine.errors import InputError
from engine.ids import derived_id
from engine.operations.deal_changes import react_to_deals
from engine.operations.deal_drafts import decide, drafted, moved_values
from engine.operations.deal_locks import lock_deals
from engine.operations.deal_rows import DealDraft
from engine.operations.lead_changes import react_to
from engine.operations.published import Current
from engine.operations.scopes import load_deals, load_facts
from engine.operations.table_import import Saved
from engine.playbook.values import Value
from engine.runtime.deal_moves import Moves, Refused
from engine.store import deals, gone, lead_writing, leads
from engine.store.database import Transaction
from engine.store.deals import Facts

ACTOR = "import"


@dataclass(slots=True)
class DealBatch:
    """Deals of one batch while they are folded.

    Args:
        tx: the open transaction.
        current: what is published.
        reason: what the history says: the file's name.
        starts: whether what changes may start playbooks.
        force: whether deals may move backward, too.
    """

    tx: Transaction
    current: Current
    reason: str
    starts: bool = False
    force: bool = False
    _contacts: dict[str, dict[str, Value]] = field(default_factory=dict)
    _deals: dict[str, Facts] = field(default_factory=dict)
    _new: dict[str, None] = field(default_factory=dict)
    _elsewhere: set[str] = field(default_factory=set)
    _values: dict[str, dict[str, Value]] = field(default_factory=dict)

    def write(self, drafts: Sequence[DealDraft]) -> Saved:
        """Makes and changes the deals that `drafts` are about.

        Raises:
            InputError: two transactions got in each other's way; nothing may be kept.
        """
        contacts = self._find_contacts(drafts)
        ids = [_id_of(draft, contact) for draft, contact in zip(drafts, contacts, strict=True)]
        known = lock_deals(self.tx, [id for id in ids if id], [one for one in contacts if one])
        self._contacts = load_facts(
            self.tx, self.current, sorted({*filter(None, contacts), *known.values()})
        )
        self._deals = load_deals(self.tx, self.current, sorted(known))
        counts: dict[str, int] = {}
        reasons: dict[int, str] = {}
        for place, (draft, contact, id) in enumerate(zip(drafts, contacts, ids, strict=True)):
            try:
                outcome = self._fold(draft, contact, id)
            except InputError as error:
                reasons[place] = f"{error.message}; {error.help}" if error.help else error.message
            else:
                counts[outcome] = counts.get(outcome, 0) + 1
        self._save()
        return Saved(counts, reasons)

    def _find_contacts(self, drafts: Sequence[DealDraft]) -> list[str]:
        """The contact of every draft, empty where there is none; new addresses become leads."""
        by_key = dict(leads.find_by_key(self.tx, sorted({one.key for one in drafts if one.key})))
        new = {one.key: one.email for one in drafts if one.key and one.key not in by_key}
        made = lead_writing.create_many(
            self.tx,
            [{"email": email} for email in new.values()],
            actor=ACTOR,
            reason=self.reason,
            custom=self.current.custom,
            lifecycle=self.current.workspace.lifecycle,
            zone=self.current.zone,
        )
        by_key |= {key: one.id for key, one in zip(new, made, strict=True)}
        fresh = [one for one in made if one.before is None]
        if fresh:
            leads.lock(self.tx, [one.id for one in fresh])
            react_to(self.tx, fresh, starts=self.starts)
        now = gone.now_as(self.tx, {draft.lead for draft in drafts if draft.lead})
        drafts = [replace(draft, lead=now.get(draft.lead, draft.lead)) for draft in drafts]
        named = {draft.lead for draft in drafts if draft.lead}
        spelled = {name: _from_phone(name) for name in named}
        there = leads.load(self.tx, {*named, *filter(None, spelled.values())})
        found = []
        for draft in drafts:
            candidates = (draft.lead, spelled.get(draft.lead, ""))
            by_id = next((str(id) for id in candidates if id and id in there), "")
            found.append(str(by_key[draft.key]) if draft.key else by_id)
        return found

    def _fold(self, draft: DealDraft, contact: str, id: str) -> str:
        if draft.lead and not contact:
            raise InputError(f"there is no lead '{draft.lead[:60]}'", help="import the leads first")
        known = self._deals.get(id)
        if known is None:
            return self._open(draft, contact, id)
        return self._change(draft, contact, known)

    def _open(self, draft: DealDraft, contact: str, id: str) -> str:
        if not contact:
            raise InputError("the deal names no lead", help="give its contact's address")
        values = {**draft.values, "stage": draft.stage, "pipeline": draft.pipeline}
        deal = drafted(self.current, self._contacts[contact], values, id=id, now=self.tx.now)
        self._date(draft, deal)
        self._deals[id] = deal
        self._new[id] = None
        return "created"

    def _date(self, draft: DealDraft, deal: Facts) -> None:
        """When the deal was opened, and when it entered its stage, as far as the row tells."""
        now = self.tx.now
        made, entered = draft.created_at, draft.entered_at
        if isinstance(made, datetime):
            deal["created_at"] = made
        stages = self.current.workspace.pipelines[str(deal["pipeline"])].stages
        if entered is None and deal["stage"] == stages[0].name:
            entered = made or now
        if not isinstance(entered, datetime):
            self._elsewhere.add(str(deal["id"]))
            return
        if entered > now:
            name = "created_at" if draft.entered_at is None else "stage_entered_at"
            raise InputError(f"'{name}' lies in the future: {entered:%Y-%m-%d %H:%M}")
        deal["stage_entered_at"] = entered
        deal["created_at"] = min(entered, made if isinstance(made, datetime) else now)
        deal["closed_at"] = entered if deal["closed"] else None

    def _change(self, draft: DealDraft, contact: str, known: Facts) -> str:
        id = str(known["id"])
        values = dict(draft.values)
        if contact:
            values["lead"] = contact
        values |= self._move(draft, known, values)
        differing = {name: value for name, value in values.items() if known.get(name) != value}
        if not differing:
            return "unchanged"
        known.update(differing)
        if id not in self._new:
            self._values.setdefault(id, {}).update(differing)
        return "updated"

    def _move(
        self, draft: DealDraft, known: Facts, values: Mapping[str, Value]
    ) -> dict[str, Value]:
        if not draft.stage and draft.pipeline in ("", known["pipeline"]):
            return {}
        deal = {**known, **values}
        decision = decide(
            self.current,
            self._contacts[str(deal["lead"])],
            deal,
            draft.stage,
            force=self.force,
            now=self.tx.now,
            pipeline=draft.pipeline,
        )
        if isinstance(decision, Refused):
            raise InputError(decision.why)
        return moved_values(decision, self.tx.now) if isinstance(decision, Moves) else {}

    def _save(self) -> None:
        custom, zone = self.current.deal_fields, self.current.zone
        made = deals.create_many(
            self.tx, [self._deals[id] for id in self._new], actor=ACTOR, reason=self.reason,
            custom=custom, zone=zone, elsewhere=self._elsewhere,
        )  # fmt: skip
        if any(one.before is not None for one in made):
            raise InputError("somebody else made the same deal at the same moment")
        saved = deals.save_many(
            self.tx, self._values, actor=ACTOR, reason=self.reason, custom=custom, zone=zone
        )
        react_to_deals(self.tx, [*made, *saved.values()], starts=self.starts)


def _id_of(draft: DealDraft, contact: str) -> str:
    """A deal without an id is known by its contact and its name."""
    if draft.id is not None:
        return draft.id
    if not contact:
        return ""
    return derived_id("deal", "imported", contact, str(draft.values["name"]).casefold())


def _from_phone(text: str) -> str:
    """The id that an import of leads gives to one with this phone number alone."""
    digits = "".join(sign for sign in text if sign.isdigit())
    return derived_id("lead", "phone", digits) if len(digits) >= 5 else ""
