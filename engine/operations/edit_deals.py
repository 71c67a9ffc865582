"""Making, changing and moving deals by hand or over the API, with everything that this sets off.

One transaction each: the deal, its history, the owner's turn, the events, and the playbooks that
react. A move that is not allowed changes nothing, and says why.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.errors import InputError, NotFoundError
from engine.ids import new_id
from engine.operations import published
from engine.operations.deal_changes import react_to_deals
from engine.operations.deal_drafts import decide, drafted, moved_values, typed
from engine.operations.deal_locks import lock_deals
from engine.operations.edit_leads import put_lead_in
from engine.operations.owning import OwnerDesk
from engine.operations.published import Current
from engine.operations.reactions import Reaction
from engine.operations.scopes import load_deals, load_facts
from engine.playbook.values import Value
from engine.runtime.assignment import Assigned
from engine.runtime.deal_moves import Moves, Refused
from engine.store import deals, leads
from engine.store.database import Store, Transaction
from engine.store.deals import DealChanged

_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}\Z")


@dataclass(frozen=True, slots=True)
class EditedDeal:
    """A deal that was written.

    Attributes:
        created: whether it is new.
        changed: the names of the fields that differ now.
        reaction: the enrollments that this began, and those declined.
    """

    deal: str
    created: bool
    changed: frozenset[str] = frozenset()
    reaction: Reaction = field(default_factory=Reaction)


def put_deal(
    store: Store, values: Mapping[str, object], *, actor: str, force: bool = False
) -> EditedDeal:
    """Makes a deal, or changes the one with this id: posted twice with an id is posted once.

    `lead` is an address, an id, or a lead as `{"email": …}`; a lead with a new address is made.

    Raises:
        InputError: a value does not fit, no lead is named, or the stage may not be entered.
    """

    def work(tx: Transaction) -> EditedDeal:
        current = published.current(tx)
        given = dict(values)
        id = checked_id(given.pop("id", None))
        if id is not None and deals.contacts_of(tx, [id]):
            return _change(tx, current, id, given, actor, force=force)
        return _create(tx, current, id, given, actor)

    return store.write(work)


def change_deal(
    store: Store, deal: str, values: Mapping[str, object], *, actor: str, force: bool = False
) -> EditedDeal:
    """Changes a deal, and moves it when a stage is among the values; None takes a value away.

    Raises:
        NotFoundError: there is no such deal.
        InputError: a value does not fit, or the move is not allowed; nothing was changed.
    """

    def work(tx: Transaction) -> EditedDeal:
        return _change(tx, published.current(tx), deal, dict(values), actor, force=force)

    return store.write(work)


def checked_id(given: object) -> str | None:
    """The id that somebody gives a deal; None: one is made.

    Raises:
        InputError: it is none.
    """
    if given in (None, ""):
        return None
    if not isinstance(given, str) or not _ID.match(given):
        raise InputError(
            f"'{str(given)[:64]}' is no id",
            help="use up to 64 letters, digits, dots, hyphens or colons",
        )
    return given


def _create(
    tx: Transaction, current: Current, id: str | None, given: dict[str, object], actor: str
) -> EditedDeal:
    lead = _lead(tx, given.pop("lead", None), actor)
    values = typed(current, given)
    leads.lock(tx, [lead])
    facts = load_facts(tx, current, [lead])[lead]
    draft = drafted(current, facts, values, id=id or new_id(), now=tx.now)
    (change,) = deals.create_many(
        tx, [draft], actor=actor, custom=current.deal_fields, zone=current.zone
    )
    if change.before is not None:
        raise InputError(f"a deal with the id '{id}' was made at the same moment", help="try again")
    return EditedDeal(change.id, True, change.changed, _settle(tx, current, change, actor))


def _change(
    tx: Transaction,
    current: Current,
    deal: str,
    given: dict[str, object],
    actor: str,
    *,
    force: bool,
) -> EditedDeal:
    lead = _lead(tx, given.pop("lead"), actor) if "lead" in given else None
    contacts = lock_deals(tx, [deal], [lead] if lead else [])
    before = load_deals(tx, current, [deal]).get(deal)
    if before is None:
        raise NotFoundError(
            f"there is no deal '{deal[:60]}'", help="list them with: longplay deals list"
        )
    values = typed(current, given)
    if "name" in values and not values["name"]:
        raise InputError("a deal always has a name")
    if lead is not None:
        values["lead"] = lead
    contact = lead or contacts[deal]
    facts = load_facts(tx, current, [contact])[contact]
    values |= _move(current, facts, {**before, **values}, before, values, tx, force=force)
    saved = deals.save_many(
        tx, {deal: values}, actor=actor, custom=current.deal_fields, zone=current.zone
    )[deal]
    if not saved.changed:
        return EditedDeal(deal, False)
    return EditedDeal(deal, False, saved.changed, _settle(tx, current, saved, actor))


def _move(
    current: Current,
    lead: Mapping[str, Value],
    wanted: Mapping[str, Value],
    before: Mapping[str, Value],
    values: dict[str, Value],
    tx: Transaction,
    *,
    force: bool,
) -> dict[str, Value]:
    """What the stage and the pipeline among the values write; they are taken out."""
    stage, pipeline = values.pop("stage", None), values.pop("pipeline", None)
    if not stage and pipeline in (None, "", before["pipeline"]):
        return {}
    deal = {**wanted, "stage": before["stage"], "pipeline": before["pipeline"]}
    decision = decide(
        current, lead, deal, str(stage or ""), force=force, now=tx.now,
        pipeline=str(pipeline or ""),
    )  # fmt: skip
    if isinstance(decision, Refused):
        raise InputError(decision.why, help=decision.help)
    return moved_values(decision, tx.now) if isinstance(decision, Moves) else {}


def _settle(tx: Transaction, current: Current, change: DealChanged, actor: str) -> Reaction:
    """An owner named by hand counts for whose turn it is; then the playbooks react."""
    owner, former = change.after["owner"], (change.before or {}).get("owner")
    if isinstance(owner, str) and owner != former:
        desk = OwnerDesk(tx, current, actor=actor)
        desk.give(
            str(change.after["lead"]),
            Assigned(owner, f"{owner} was named by hand"),
            rule="",
            former=former if isinstance(former, str) else None,
            deal=change.id,
        )
        desk.flush()
    return react_to_deals(tx, [change], starts=True)


def _lead(tx: Transaction, given: object, actor: str) -> str:
    """The lead that is named: by address (then it is made when it is new), by id, or as a lead."""
    if isinstance(given, Mapping):
        wanted: dict[str, Any] = {str(name): value for name, value in given.items()}
        return str(put_lead_in(tx, wanted, actor=actor).lead)
    text = str(given or "").strip()
    if not text:
        raise InputError("the deal names no lead", help='give `"lead": "ann@example.com"`')
    if "@" in text:
        found = leads.find(tx, text)
        return str(found or put_lead_in(tx, {"email": text}, actor=actor).lead)
    found = leads.find(tx, text)
    if found is None:
        raise InputError(
            f"there is no lead '{text[:60]}'", help="name an address, or the id of a lead"
        )
    return str(found)
