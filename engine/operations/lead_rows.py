"""One row of a file as a lead: its values typed, its identity worked out. It opens no store."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from engine.errors import InputError
from engine.ids import LeadId, derived_id
from engine.operations.consent_columns import Told
from engine.operations.lead_columns import WORKED_OUT, field_named
from engine.operations.places import country_code, language_tag
from engine.operations.table_files import Row
from engine.playbook.catalog import DEFAULT_LIFECYCLE
from engine.playbook.spelling import did_you_mean
from engine.playbook.values import Value
from engine.playbook.workspace import Workspace
from engine.runtime import civil
from engine.runtime.fields import BUILT_IN, FieldTypes, field_types, read_lead
from engine.runtime.identity import email_key

_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}\Z")
_DIGITS = re.compile(r"\D+")


@dataclass(frozen=True, slots=True)
class RowRules:
    """What a lead of this workspace may hold, as far as importing has to know.

    Attributes:
        custom: the workspace's own fields.
        lifecycle: the stages.
        owners: every owner's name, and the name people write, to the owner's name.
        zone: what times without an offset are in.
        ignore_unknown: whether fields that no lead has are left out instead of refused.
        judges_stages: whether the published lifecycle says who may move to which stage.
        force: whether a row may send a lead back to an earlier stage.
    """

    custom: FieldTypes = field(default_factory=dict)
    lifecycle: Sequence[str] = DEFAULT_LIFECYCLE
    owners: Mapping[str, str] = field(default_factory=dict)
    zone: tzinfo = UTC
    ignore_unknown: bool = False
    judges_stages: bool = False
    force: bool = False


def rules_of(
    workspace: Workspace, *, ignore_unknown: bool = False, force: bool = False
) -> RowRules:
    """The rules of a workspace."""
    shown = {owner.name: name for name, owner in workspace.owners.items() if owner.name}
    return RowRules(
        custom=field_types(workspace.fields.lead),
        lifecycle=workspace.lifecycle,
        owners=shown | {name: name for name in workspace.owners},
        zone=civil.zone(workspace.timezone),
        ignore_unknown=ignore_unknown,
        judges_stages=True,
        force=force,
    )


@dataclass(frozen=True, slots=True)
class Draft:
    """A row that can be a lead.

    Attributes:
        row: the row it was read from.
        key: the key of its address; None without one.
        id: the id it names, or the one made from a phone number alone.
        is_named: whether the row itself names the id.
        values: fields to write; what the row leaves empty is not among them.
        told: what the row says about consents; None: nothing.
    """

    row: Row
    key: str | None
    id: LeadId | None
    is_named: bool
    values: Mapping[str, Value]
    told: Told | None = None


def read_row(row: Row, fields: Mapping[str, str] | None, rules: RowRules) -> Draft:
    """The row as a lead.

    Args:
        row: the row.
        fields: what its columns mean; None when every row names fields of its own.
        rules: what a lead may hold.

    Raises:
        InputError: a value does not fit, or nothing says which lead this is.
    """
    if row.fault:
        raise InputError(row.fault)
    values: dict[str, Value] = {}
    for column, cell in row.cells.items():
        name = fields.get(column) if fields is not None else _own_name(column, rules)
        if name is None or cell is None or cell == "":
            continue
        value = _value(name, cell, rules)
        if value is not None and value != []:
            values[name] = value
    given = values.pop("id", None)
    email = values.get("email")
    key = email_key(email) if isinstance(email, str) else None
    if given is not None:
        return Draft(row, key, _checked_id(given), True, values)
    if key is not None:
        return Draft(row, key, None, False, values)
    return Draft(row, None, _id_from_phone(values.get("phone")), False, values)


def _own_name(column: str, rules: RowRules) -> str | None:
    name = field_named(column, rules.custom)
    if name is None and column not in WORKED_OUT and not rules.ignore_unknown:
        raise InputError(
            f"a lead has no field '{column[:60]}'",
            help=did_you_mean(column, [*BUILT_IN.keys() - WORKED_OUT, *rules.custom]),
        )
    return name


def _value(name: str, cell: object, rules: RowRules) -> Value:
    value = read_lead(name, cell, rules.custom, rules.zone)
    if not isinstance(value, str):
        return value
    match name:
        case "country":
            return country_code(value)
        case "language":
            return language_tag(value)
        case "stage":
            return _one_of("stage", value, {stage: stage for stage in rules.lifecycle})
        case "owner" if rules.owners:
            return _one_of("owner", value, rules.owners)
        case _:
            return value


def _one_of(what: str, value: str, known: Mapping[str, str]) -> str:
    found = known.get(value) or known.get(value.lower())
    if found is None:
        raise InputError(f"no {what} is called '{value[:60]}'", help=did_you_mean(value, known))
    return found


def _checked_id(given: Value) -> LeadId:
    text = str(given)
    if not _ID.match(text):
        raise InputError(
            f"'{text[:64]}' is no id", help="use up to 64 letters, digits, dots, hyphens or colons"
        )
    return LeadId(text)


def _id_from_phone(phone: Value) -> LeadId:
    digits = _DIGITS.sub("", phone) if isinstance(phone, str) else ""
    if len(digits) < 5:
        raise InputError(
            "nothing says which lead this is", help="give it an address, an id or a phone number"
        )
    return LeadId(derived_id("lead", "phone", digits))
