"""Making, changing and merging companies, by hand or over the API: one transaction each.

No playbook reacts to a company: conditions know leads and deals. Its owner is whose account it is;
the owners of its leads and deals stay as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import InputError, NotFoundError
from engine.ids import new_id
from engine.operations import published
from engine.operations.deal_drafts import owner_named
from engine.operations.edit_deals import checked_id
from engine.operations.published import Current
from engine.playbook.catalog import COMPANY_FIELDS
from engine.playbook.spelling import did_you_mean
from engine.playbook.values import Value
from engine.runtime.companies import (
    LONGEST_NAME,
    domain_key,
    folded_name,
    name_key,
    read_domain,
    spoken,
)
from engine.runtime.fields import read, to_json
from engine.store import companies
from engine.store.database import Store, Transaction

_TYPES = {field.name: field.type for field in COMPANY_FIELDS}


@dataclass(frozen=True, slots=True)
class EditedCompany:
    """A company that was written."""

    company: str
    created: bool
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MergedCompany:
    """What came of merging two companies, or would come of it.

    Attributes:
        fields: what changes on the survivor: name → (before, after).
        moved: rows that go over to the survivor, by table.
    """

    survivor: str
    former: str
    fields: Mapping[str, tuple[Value, Value]]
    moved: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        """What `--json` shows."""
        return {
            "survivor": self.survivor, "merged": self.former,
            "fields": {
                name: {"before": to_json(before), "after": to_json(after)}
                for name, (before, after) in self.fields.items()
            },
            "moved": dict(self.moved),
        }  # fmt: skip


def put_company(store: Store, values: Mapping[str, object], *, actor: str) -> EditedCompany:
    """Makes a company, or changes the one with this id, this domain or this name.

    Raises:
        InputError: a value does not fit, or nothing says which company this is.
    """
    return store.write(lambda tx: put_company_in(tx, values, actor=actor))


def put_company_in(
    tx: Transaction, values: Mapping[str, object], *, actor: str, reason: str = ""
) -> EditedCompany:
    """`put_company` within a transaction that is open already."""
    current, given = published.current(tx), dict(values)
    id = checked_id(given.pop("id", None))
    wanted = typed(current, given)
    known = _known(tx, id, wanted)
    if known is not None:
        wanted = {name: value for name, value in wanted.items() if name != "domain" or value}
        return _change(tx, current, known, wanted, actor, reason)
    domain, name = wanted.pop("domain", None), wanted.pop("name", None)
    if not (domain or name):
        raise InputError("nothing says which company this is", help="give it a name or a domain")
    called = str(name or spoken(str(domain)))
    made = id or new_id()
    _refuse_taken(tx, made, domain)
    row = companies.row_of(made, called, str(domain) if domain else None, tx.now)
    companies.insert(tx, [row], actor, reason)
    _learn(tx, made, called, str(domain) if domain else None)
    rest = _change(tx, current, made, wanted, actor, reason)
    return EditedCompany(made, True, ("name", *rest.changed))


def change_company(
    store: Store, name: str, values: Mapping[str, object], *, actor: str, reason: str = ""
) -> EditedCompany:
    """Changes the company of this id, domain or name; None takes a value away.

    Raises:
        NotFoundError: there is no such company.
        InputError: a value does not fit, or the domain is another company's.
    """

    def work(tx: Transaction) -> EditedCompany:
        current = published.current(tx)
        wanted = typed(current, values)
        if "name" in wanted and not wanted["name"]:
            raise InputError("a company always has a name")
        return _change(tx, current, found_company(tx, name), wanted, actor, reason)

    return store.write(work)


def merge_companies(
    store: Store, survivor: str, other: str, *, actor: str, reason: str = "", dry_run: bool = False
) -> MergedCompany:
    """Merges `other` into `survivor`: its leads, deals, domains and history go over.

    What the survivor lacks comes from the other. It cannot be undone.

    Raises:
        NotFoundError: there is no such company.
        InputError: they are one already.
    """

    def work(tx: Transaction) -> MergedCompany:
        current = published.current(tx)
        stays, goes = found_company(tx, survivor), found_company(tx, other)
        if stays == goes:
            raise InputError(
                f"'{survivor[:100]}' and '{other[:100]}' are one company already", help="name two"
            )
        both = companies.load(tx, [stays, goes], current.company_fields)
        fields = _lacking(both[stays], both[goes])
        if dry_run:
            size = companies.sizes(tx, [goes])[goes]
            return MergedCompany(stays, goes, fields, {"lead": size.leads, "deal": size.deals})
        moved = companies.lead_on(tx, goes, stays)
        was = {name: to_json(value) for name, value in both[goes].items() if value is not None}
        line = companies.change(tx, stays, "merged", None, goes, actor, reason)
        companies.log(tx, [{**line, "before": was}])
        values = {name: after for name, (_, after) in fields.items()}
        companies.save(
            tx, stays, values, actor=actor, reason=f"merged with {goes}",
            custom=current.company_fields,
        )  # fmt: skip
        return MergedCompany(stays, goes, fields, moved)

    if dry_run:
        return store.read(work)
    return store.write(work)


def found_company(tx: Transaction, name: str) -> str:
    """The company of this id, domain or name.

    Raises:
        NotFoundError: there is none.
    """
    found = companies.find(tx, name)
    if found is None:
        raise NotFoundError(
            f"there is no company '{name[:200]}'", help="list them with: longplay companies list"
        )
    return found


def typed(current: Current, values: Mapping[str, object]) -> dict[str, Value]:
    """Values of the right types.

    Raises:
        InputError: a company has no such field, or it cannot hold this.
    """
    return {name: _typed(current, name, given) for name, given in values.items()}


def _typed(current: Current, name: str, given: object) -> Value:
    custom = current.company_fields
    if name in custom:
        return read(name, given, custom[name], current.zone)
    if name not in companies.COLUMNS:
        if name in ("id", "created_at"):
            raise InputError(f"'{name}' of a company never changes")
        known = [*companies.COLUMNS, *custom]
        raise InputError(f"a company has no field '{name[:60]}'", help=did_you_mean(name, known))
    value = read(name, given, _TYPES[name], current.zone)
    text = " ".join(value.split()) if isinstance(value, str) else ""
    if not text:
        return None
    match name:
        case "domain":
            return read_domain(text)
        case "owner":
            return owner_named(current, text)
        case _ if len(text) > LONGEST_NAME:
            raise InputError(f"the name is longer than {LONGEST_NAME} characters")
        case _:
            return text


def _known(tx: Transaction, id: str | None, wanted: Mapping[str, Value]) -> str | None:
    """The company that is meant: by its id, else its domain, else its name."""
    if id is not None:
        id = companies.now_as(tx, [id]).get(id, id)
        if companies.load(tx, [id], {}):
            return id
        return None
    domain, name = wanted.get("domain"), wanted.get("name")
    keys = [domain_key(str(domain))] if domain else []
    named = name_key(folded_name(str(name))) if name else ""
    found = companies.by_keys(tx, [*keys, named])
    if keys and keys[0] in found:
        return found[keys[0]]
    holder = found.get(named)
    if holder is not None and domain and companies.load(tx, [holder], {})[holder]["domain"]:
        return None  # another company of the same name
    return holder


def _change(
    tx: Transaction,
    current: Current,
    id: str,
    values: dict[str, Value],
    actor: str,
    reason: str,
) -> EditedCompany:
    domain = values.get("domain")
    _refuse_taken(tx, id, domain)
    custom = current.company_fields
    changed = companies.save(tx, id, values, actor=actor, reason=reason, custom=custom)
    if "name" in changed or "domain" in changed:
        _learn(tx, id, values.get("name"), domain)
    return EditedCompany(id, False, tuple(changed))


def _refuse_taken(tx: Transaction, id: str, domain: Value) -> None:
    holder = companies.by_keys(tx, [domain_key(str(domain))]) if domain else {}
    for other in holder.values():
        if other != id:
            raise InputError(
                f"'{domain}' is the domain of company '{other}' already",
                help=f"if they are one: longplay companies merge {other} {id}",
            )


def _learn(tx: Transaction, id: str, name: Value, domain: Value) -> None:
    """What a person calls a company, and says is its domain, leads are known by from then on."""
    keys = {domain_key(domain): id} if isinstance(domain, str) else {}
    folded = folded_name(name) if isinstance(name, str) else ""
    companies.learn(tx, keys | ({name_key(folded): id} if folded else {}))


def _lacking(
    survivor: Mapping[str, Value], other: Mapping[str, Value]
) -> dict[str, tuple[Value, Value]]:
    """What the survivor lacks and the other has; a name that is but the domain is none."""
    own = {name for name in survivor if name not in ("id", "created_at", "version")}
    found = {
        name: (survivor[name], other[name])
        for name in sorted(own)
        if survivor[name] in (None, "", []) and other[name] not in (None, "", [])
    }
    bare = spoken(str(survivor["domain"] or ""))
    if survivor["name"] == bare and other["name"] != spoken(str(other["domain"] or "")):
        found["name"] = (survivor["name"], other["name"])
    return found
