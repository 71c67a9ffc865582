"""Making and changing leads by hand or over the API, with everything that a change sets off.

One transaction each: the lead, its change log, the owner's turn, and the playbooks that react.
It refuses what follows from other things (scores, grades, the times of stages).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.errors import InputError, NotFoundError
from engine.ids import LeadId, derived_id
from engine.operations import published
from engine.operations.lead_changes import found_lead, react_to
from engine.operations.lead_stages import checked_move
from engine.operations.owning import OwnerDesk
from engine.operations.places import country_code, language_tag
from engine.operations.published import Current
from engine.operations.reactions import Reaction
from engine.operations.scopes import load_facts
from engine.playbook.spelling import did_you_mean
from engine.playbook.values import Value
from engine.runtime.assignment import Assigned
from engine.runtime.fields import BUILT_IN, read_lead
from engine.runtime.identity import email_key
from engine.store import gone, leads
from engine.store.database import Store, Transaction
from engine.store.leads import LeadChange

_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}\Z")
_SHORTEST_PHONE = 5
_CONSENTS = ("consent", "open_consent")
_FOLLOWS = frozenset(
    {"score", "scores", "grade", "version", "stage_entered_at", "created_at", "orders", "revenue"}
) | {name for name in BUILT_IN if name.startswith("last_") and name.endswith("_at")}


@dataclass(frozen=True, slots=True)
class Edited:
    """A lead that was written.

    Attributes:
        created: whether it is new.
        changed: the names of the fields that differ now.
        reaction: the enrollments that this began, and those declined.
    """

    lead: LeadId
    created: bool
    changed: frozenset[str] = frozenset()
    reaction: Reaction = field(default_factory=Reaction)


@dataclass(frozen=True, slots=True)
class By:
    """Who changes leads, and why.

    Attributes:
        actor: as the history knows him.
        reason: why; a lead goes back to an earlier stage only with one.
        force: back, too, where the lead's stage does not say so.
    """

    actor: str
    reason: str = ""
    force: bool = False


def put_lead(
    store: Store,
    values: Mapping[str, object],
    *,
    actor: str,
    reason: str = "",
    force: bool = False,
) -> Edited:
    """Makes a lead, or changes the one with this address or id: posted twice is posted once.

    Raises:
        InputError: a value does not fit, the lead may not be in that stage, or nothing says which
            lead this is.
    """
    by = By(actor, reason, force)
    return store.write(lambda tx: _put(tx, values, by))


def change_lead(
    store: Store,
    name: str,
    values: Mapping[str, object],
    *,
    actor: str,
    reason: str = "",
    force: bool = False,
) -> Edited:
    """Changes the lead with this address or id; None takes a value away.

    Raises:
        NotFoundError: there is no such lead.
        InputError: a value does not fit, or the lead may not move to that stage.
    """
    by = By(actor, reason, force)

    def work(tx: Transaction) -> Edited:
        current = published.current(tx)
        return _change(tx, current, found_lead(tx, name), _typed(current, values), by)

    return store.write(work)


def put_lead_in(tx: Transaction, values: Mapping[str, object], *, actor: str) -> Edited:
    """`put_lead` within a transaction that is open already."""
    return _put(tx, values, By(actor))


def _put(tx: Transaction, values: Mapping[str, object], by: By) -> Edited:
    current = published.current(tx)
    given = dict(values)
    id = _checked_id(given.pop("id", None))
    typed = _typed(current, given)
    if id is None and not typed.get("email"):
        id = _id_from_phone(typed.get("phone"))
    known = _known(tx, id, typed)
    if known is not None and _is_former(tx, typed.get("email")):
        del typed["email"]
    if known is not None:
        return _change(tx, current, known, typed, by)
    made = _create(tx, current, id, typed, by)
    return made if isinstance(made, Edited) else _change(tx, current, made, typed, by)


def _known(tx: Transaction, id: LeadId | None, typed: Mapping[str, Value]) -> LeadId | None:
    email = typed.get("email")
    holder = leads.find(tx, email) if isinstance(email, str) else None
    named = leads.find(tx, id) if id is not None else None
    if named is None and holder is not None and id is not None:
        raise InputError(f"'{email}' belongs to lead '{holder}', not to '{id}'")
    return named or holder


def _is_former(tx: Transaction, email: Value) -> bool:
    """Whether the address is one that the lead had before it was merged: that changes nothing."""
    return isinstance(email, str) and email_key(email) in gone.by_key(tx, [email_key(email)])


def _create(
    tx: Transaction,
    current: Current,
    id: LeadId | None,
    typed: Mapping[str, Value],
    by: By,
) -> Edited | LeadId:
    """The new lead; or the id of one that somebody else made in the meantime."""
    if typed.get("stage"):
        checked_move(tx, current, None, typed, reason=by.reason, force=by.force)
    values = dict(typed) if id is None else {**typed, "id": id}
    (change,) = leads.create_many(
        tx,
        [values],
        actor=by.actor,
        reason=by.reason[:500],
        custom=current.custom,
        lifecycle=current.workspace.lifecycle,
        zone=current.zone,
    )
    if change.before is not None:
        return change.id
    leads.lock(tx, [change.id])
    return Edited(change.id, True, change.changed, _settle(tx, current, change, by.actor))


def _change(
    tx: Transaction, current: Current, lead: LeadId, typed: Mapping[str, Value], by: By
) -> Edited:
    leads.lock(tx, [lead])
    if typed.get("stage"):
        facts = load_facts(tx, current, [lead]).get(lead)
        checked_move(tx, current, facts, typed, reason=by.reason, force=by.force)
    saved = leads.save_many(
        tx, {lead: typed}, actor=by.actor, reason=by.reason[:500], custom=current.custom,
        zone=current.zone,
    ).get(lead)  # fmt: skip
    if saved is None:
        raise NotFoundError(f"there is no lead '{lead}' any more")
    if not saved.changed:
        return Edited(lead, False)
    return Edited(lead, False, saved.changed, _settle(tx, current, saved, by.actor))


def _settle(tx: Transaction, current: Current, change: LeadChange, actor: str) -> Reaction:
    """An owner named by hand counts for whose turn it is; then the playbooks react."""
    owner, former = change.after.get("owner"), (change.before or {}).get("owner")
    if "owner" in change.changed and isinstance(owner, str):
        desk = OwnerDesk(tx, current, actor=actor)
        before = former if isinstance(former, str) else None
        desk.give(change.id, Assigned(owner, f"{owner} was named by hand"), rule="", former=before)
        desk.flush()
    return react_to(tx, [change], starts=True)


def _typed(current: Current, values: Mapping[str, object]) -> dict[str, Value]:
    """Values of the right types, with places and people spelled as the workspace does.

    Raises:
        InputError: a name is unknown or follows from other things, or a value does not fit.
    """
    return {name: _read(current, name, given) for name, given in values.items()}


def _read(current: Current, name: str, given: object) -> Value:
    if name == "id":
        raise InputError("the id of a lead never changes")
    if name in _CONSENTS:
        raise InputError(
            f"'{name}' cannot be written: the ledger of consents says it",
            help="record it with: longplay consent record, or POST /v1/consents",
        )
    if name in _FOLLOWS:
        raise InputError(f"'{name}' cannot be written: it follows from what happens")
    value = read_lead(name, given, current.custom, current.zone)
    if not isinstance(value, str):
        return value
    match name:
        case "stage" if value not in current.workspace.lifecycle:
            known = current.workspace.lifecycle
            raise InputError(f"no stage is called '{value[:60]}'", help=did_you_mean(value, known))
        case "owner" if value not in current.workspace.owners:
            people = current.workspace.owners
            raise InputError(f"no owner is called '{value[:60]}'", help=did_you_mean(value, people))
        case "country":
            return country_code(value)
        case "language":
            return language_tag(value)
        case "email":
            email_key(value)
            return value
        case _:
            return value


def _id_from_phone(phone: Value) -> LeadId:
    """The id that importing gives a lead with nothing but a phone number, too."""
    digits = re.sub(r"\D+", "", phone) if isinstance(phone, str) else ""
    if len(digits) < _SHORTEST_PHONE:
        raise InputError(
            "nothing says which lead this is", help="give it an email, a phone or an id"
        )
    return LeadId(derived_id("lead", "phone", digits))


def _checked_id(given: object) -> LeadId | None:
    if given is None:
        return None
    if not isinstance(given, str) or not _ID.match(given):
        raise InputError(
            f"'{str(given)[:64]}' is no id",
            help="use up to 64 letters, digits, dots, hyphens or colons",
        )
    return LeadId(given)
