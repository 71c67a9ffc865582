"""Writing leads: making and changing many at once, with the change log that explains them.

Every value is checked against its field's type before anything is written. The caller has locked
the leads it changes.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache, partial
from typing import Any

import sqlalchemy as sa

from engine.errors import InputError
from engine.ids import LeadId, new_id
from engine.playbook.catalog import DEFAULT_LIFECYCLE
from engine.playbook.values import Value
from engine.runtime.fields import BUILT_IN, FieldTypes, read_lead, to_json
from engine.runtime.identity import email_key, full_name
from engine.store import forgotten, quick
from engine.store.company_placing import place_again, place_new
from engine.store.database import Transaction
from engine.store.inserting import insert_many, insert_new
from engine.store.lead_facts import NO_FIELDS, Facts, Row, facts_of, find_by_key, rows, table
from engine.store.tables import Change

change_table: sa.Table = Change.__table__  # type: ignore[attr-defined]

_WORKED_OUT = frozenset({"score", "scores"})
_UNLOGGED = frozenset(
    {*_WORKED_OUT, "consent", "open_consent"}
    | {name for name in BUILT_IN if name.startswith("last_") and "_at" in name}
)
"""What has a ledger of its own, or changes with every event: the change log leaves it out."""


@dataclass(frozen=True, slots=True)
class LeadChange:
    """A lead before and after a transaction touched it; `before` of a new lead is None."""

    id: LeadId
    before: Facts | None
    after: Facts

    @property
    def changed(self) -> frozenset[str]:
        """The names whose values differ."""
        before = self.before or {}
        names = before.keys() | self.after.keys()
        differing = {name for name in names if before.get(name) != self.after.get(name)}
        return frozenset(differing - {"version"})


def create_many(
    tx: Transaction,
    new: Sequence[Mapping[str, Value]],
    *,
    actor: str,
    reason: str = "",
    custom: FieldTypes = NO_FIELDS,
    lifecycle: Sequence[str] = DEFAULT_LIFECYCLE,
    zone: tzinfo = UTC,
    is_read: bool = False,
) -> list[LeadChange]:
    """Makes leads, in the order given.

    A lead starts in the lifecycle's second stage when it has an address, else in its first, unless
    it comes with one. Where a lead with that address (or id) exists, nothing is written and
    `before` is that lead as it stands: two intakes may meet the same address at once.
    `is_read` says that the values are what `read_lead` made of them.

    Raises:
        InputError: a value does not fit its field; nothing was written.
    """
    read = _known if is_read else partial(_checked, custom=custom, zone=zone)
    drafts = [_draft(tx, values, lifecycle, read) for values in new]
    place_new(tx, drafts)
    # In one order everywhere: two transactions with the same addresses must not wait crosswise.
    made = insert_new(tx, table, sorted(drafts, key=lambda draft: draft["email_key"] or ""))
    _log(
        tx,
        [
            _change(tx, draft["id"], "created", None, draft["id"], actor, reason)
            for draft in drafts
            if draft["id"] in made
        ],
    )
    _come_back(tx, [draft["email_key"] for draft in drafts if draft["id"] in made])
    there = _already_there(tx, [draft for draft in drafts if draft["id"] not in made], custom)
    answers = []
    for draft in drafts:
        known = there.get(draft["email_key"]) or there.get(draft["id"])
        after = known or facts_of(draft, custom, tx.now)
        answers.append(LeadChange(LeadId(str(after["id"])), known, after))
    return answers


def save_many(
    tx: Transaction,
    changes: Mapping[LeadId, Mapping[str, Value]],
    *,
    actor: str,
    reason: str = "",
    custom: FieldTypes = NO_FIELDS,
    zone: tzinfo = UTC,
) -> dict[LeadId, LeadChange]:
    """Changes fields of many leads; None takes a value away.

    Entering a stage sets `stage_entered_at`, unless it is given too. What is equal already is not
    written. Leads that do not exist are left out of the answer.

    Raises:
        InputError: a value does not fit its field, or an address belongs to another lead.
    """
    checked = {id: _checked(values, custom, zone) for id, values in changes.items()}
    _refuse_taken(tx, checked)
    answers, updates, log = {}, _Updates(), []
    moved: list[str] = []
    elsewhere: dict[str, tuple[str | None, str | None]] = {}
    for row in rows(tx, changes):
        id = LeadId(row["id"])
        before = facts_of(row, custom, tx.now)
        differing = {
            name: value
            for name, value in checked[id].items()
            if value != _stored(row, before, name)
        }
        if "stage" in differing:
            differing.setdefault("stage_entered_at", tx.now)
        answers[id] = LeadChange(id, before, _after(row, before, differing))
        if differing:
            updates.add(row, differing)
        if isinstance(email := differing.get("email"), str):
            moved.append(email)
        if not _SIGNS.isdisjoint(differing):
            elsewhere[id] = _signs(answers[id].after)
        log += [
            _change(tx, id, name, before.get(name), value, actor, reason)
            for name, value in differing.items()
            if name not in _UNLOGGED and name != "stage_entered_at"
        ]
    updates.write(tx)
    place_again(tx, elsewhere)
    _come_back(tx, [email_key(email) for email in moved])
    _log(tx, log)
    return answers


def move_times(tx: Transaction, moved: Mapping[LeadId, Mapping[str, Value]]) -> None:
    """Sets `last_…_at` of leads, and nothing else: what `save_many` would do, without a look."""
    updates = _Updates()
    for id, times in moved.items():
        updates.add({"id": id}, times)
    updates.write(tx)


def touch(tx: Transaction, ids: Iterable[str], name: str, at: datetime | None = None) -> None:
    """Moves one of the leads' `last_…_at` forward, to now unless another time is given."""
    quick.change(tx, _touch(name), ids=list(ids), moment=at or tx.now)


@lru_cache(maxsize=16)
def _touch(name: str) -> sa.Update:
    column, moment = table.c[name], sa.bindparam("moment", type_=table.c[name].type)
    some = table.c.id.in_(sa.bindparam("ids", expanding=True))
    older = sa.or_(column.is_(None), column < moment)
    return table.update().where(some, older).values({name: moment, "version": table.c.version + 1})


def typed(
    values: Mapping[str, Value], custom: FieldTypes = NO_FIELDS, zone: tzinfo = UTC
) -> dict[str, Value]:
    """What `save_many` would write for these values.

    Raises:
        InputError: one does not fit its field.
    """
    return _checked(values, custom, zone)


def _come_back(tx: Transaction, keys: Iterable[str | None]) -> None:
    """What addresses that were erased were suppressed for holds for whoever has them now."""
    forgotten.restore(tx, filter(None, keys))


class _Updates:
    """UPDATEs gathered by the columns they set, so that each group is one statement."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)

    def add(self, row: Row, differing: Mapping[str, Value]) -> None:
        values = _columns(differing)
        own = {name: to_json(value) for name, value in differing.items() if name not in BUILT_IN}
        if own:
            merged = {**row["fields"], **own}
            values["fields"] = {name: value for name, value in merged.items() if value is not None}
        self._groups[tuple(sorted(values))].append(
            {"the_id": row["id"]} | {f"new_{name}": value for name, value in values.items()}
        )

    def write(self, tx: Transaction) -> None:
        for names, parameters in self._groups.items():
            quick.run_locked(tx, _update(names), parameters)


@lru_cache(maxsize=128)
def _update(names: tuple[str, ...]) -> sa.Update:
    new = {name: sa.bindparam(f"new_{name}", type_=table.c[name].type) for name in names}
    statement = table.update().where(table.c.id == sa.bindparam("the_id", type_=table.c.id.type))
    return statement.values(**new, version=table.c.version + 1)


def _columns(values: Mapping[str, Value]) -> dict[str, Any]:
    """Built-in values as their columns hold them."""
    found: dict[str, Any] = {name: each for name, each in values.items() if name in BUILT_IN}
    if "email" in found:
        found["email_key"] = email_key(found["email"]) if found["email"] else None
    if isinstance(found.get("birthday"), date):
        found["birthday"] = found["birthday"].isoformat()
    for name in ("orders", "revenue", "score"):
        if name in found:
            found[name] = found[name] or 0
    for name, empty in (("tags", list), ("scores", dict)):
        if name in found:
            found[name] = to_json(found[name] or empty())
    return found


def _stored(row: Row, before: Facts, name: str) -> Value:
    """What is kept under a name; a full name that is only worked out is not kept."""
    return row[name] if name == "full_name" else before.get(name)


def _checked(values: Mapping[str, Value], custom: FieldTypes, zone: tzinfo) -> dict[str, Value]:
    found = {}
    for name, value in values.items():
        if name == "id":
            raise InputError("the id of a lead never changes")
        found[name] = value if name in _WORKED_OUT else read_lead(name, value, custom, zone)
    if "stage" in found and not found["stage"]:
        raise InputError("a lead is always in a stage")
    return found


def _after(row: Row, before: Facts, differing: Mapping[str, Value]) -> Facts:
    after = {**before, **differing}
    if differing:
        after["version"] = row["version"] + 1
    for name in ("orders", "revenue", "score", "tags", "scores"):
        if name in differing and differing[name] is None:
            after[name] = _columns({name: None})[name]
    if differing.keys() & {"first_name", "last_name", "full_name"}:
        given = differing.get("full_name", row["full_name"])
        after["full_name"] = given or full_name(_str(after["first_name"]), _str(after["last_name"]))
    return after


def _str(value: Value) -> str | None:
    return value if isinstance(value, str) else None


_SIGNS = frozenset({"email", "company"})
"""What says which company a lead belongs to."""


def _signs(facts: Facts) -> tuple[str | None, str | None]:
    email = _str(facts["email"])
    return email_key(email) if email else None, _str(facts["company"])


def _refuse_taken(tx: Transaction, changes: Mapping[LeadId, Mapping[str, Value]]) -> None:
    wanted: dict[str, LeadId] = {}
    for id, values in changes.items():
        email = values.get("email")
        if isinstance(email, str) and wanted.setdefault(email_key(email), id) != id:
            raise InputError(f"'{email}' is given to two leads at once")
    taken = find_by_key(tx, wanted) if wanted else {}
    for key, holder in taken.items():
        if holder != wanted[key]:
            raise InputError(
                f"'{key}' belongs to lead '{holder}' already",
                help=f"if they are one person: longplay leads merge {holder} {wanted[key]}",
            )


_EMPTY: dict[str, Any] = dict.fromkeys(column.name for column in table.c)
_EMPTY |= {"orders": 0, "revenue": 0, "score": 0, "version": 0}


def _draft(
    tx: Transaction,
    given: Mapping[str, Value],
    lifecycle: Sequence[str],
    read: Callable[[Mapping[str, Value]], dict[str, Value]],
) -> dict[str, Any]:
    """A whole row of a new lead."""
    values = {name: value for name, value in given.items() if value is not None}
    id = values.pop("id", None) or new_id()
    checked = {
        # As the store gives times back, because the facts of a new lead are these.
        name: value.astimezone(UTC) if isinstance(value, datetime) else value
        for name, value in read(values).items()
        if value is not None
    }
    at = checked.get("created_at") or tx.now
    first = lifecycle[1] if checked.get("email") and len(lifecycle) > 1 else lifecycle[0]
    own = {name: to_json(value) for name, value in checked.items() if name not in BUILT_IN}
    return {
        **_EMPTY,
        "stage": first, "created_at": at, "stage_entered_at": tx.now, "tags": [], "scores": {},
        **_columns(checked), "fields": own, "id": id,
    }  # fmt: skip


def _known(values: Mapping[str, Value]) -> dict[str, Value]:
    return dict(values)


def _already_there(
    tx: Transaction, refused: Sequence[Mapping[str, Any]], custom: FieldTypes
) -> dict[str, Facts]:
    """The leads that stood in the way of new ones, by the key of their address and by their id."""
    if not refused:
        return {}
    keys = [draft["email_key"] for draft in refused if draft["email_key"]]
    query = sa.select(table).where(
        sa.or_(table.c.email_key.in_(keys), table.c.id.in_([draft["id"] for draft in refused]))
    )
    found: dict[str, Facts] = {}
    for row in tx.conn.execute(query):
        facts = facts_of(row._asdict(), custom, tx.now)
        found[row.id] = facts
        if row.email_key:
            found[row.email_key] = facts
    return found


def _change(
    tx: Transaction, id: str, name: str, before: Value, after: Value, actor: str, reason: str
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "lead": id,
        "at": tx.now,
        "field": name,
        "before": to_json(before),
        "after": to_json(after),
        "actor": actor,
        "reason": reason,
    }


def _log(tx: Transaction, changes: Iterable[Mapping[str, Any]]) -> None:
    insert_many(tx, change_table, list(changes))
