"""Columns of a file of leads that say what a lead agreed to: they become lines of the ledger.

They are no fields of the lead, so that nobody is made to have agreed by a cell alone: the line says
which file it came from, when it was said, and where, as far as the file knows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo

from engine.errors import InputError
from engine.operations.consenting import Consent, record_in
from engine.operations.headings import Headings
from engine.operations.incoming import Evidence
from engine.operations.intake import event_id
from engine.operations.table_files import Row
from engine.playbook.conditions.vocabulary import DATETIME, TEXT
from engine.playbook.spelling import did_you_mean
from engine.runtime.consenting import FIELDS, STATES
from engine.runtime.fields import FieldTypes, read
from engine.store.database import Transaction

_TYPES: FieldTypes = {
    "consent": TEXT, "open_consent": TEXT, "consent_at": DATETIME, "consent_source": TEXT,
    "consent_text": TEXT, "consent_ip": TEXT,
}  # fmt: skip
_CALLED = {
    "consent": "marketing_consent opt_in optin 同意 营销同意 营销邮件同意 订阅同意",
    "open_consent": "tracking_consent open_tracking_consent 打开跟踪同意 打开追踪同意",
    "consent_at": "consent_time consent_date opt_in_at opt_in_date opt_in_time 同意时间 同意日期",
    "consent_source": "opt_in_source 同意来源",
    "consent_text": "consent_version text_version 同意文本 同意文本版本",
    "consent_ip": "opt_in_ip 同意ip",
}
_COLUMNS = Headings("consent", _TYPES, _CALLED, frozenset())
_SAID: dict[str, str] = {
    **{str(state): str(state) for state in STATES},
    **dict.fromkeys(("yes", "y", "true", "1", "on", "是", "同意", "已同意", "有"), "given"),
    **dict.fromkeys(("double", "double opt-in", "已确认", "双重确认"), "confirmed"),
    **dict.fromkeys(
        ("no", "n", "false", "0", "off", "否", "不同意", "未同意", "已撤回", "撤回", "无"),
        "withdrawn",
    ),
    **dict.fromkeys(("pending", "待确认"), "asked"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """What one row says about consents: purpose → state, and how they came about."""

    states: Mapping[str, str]
    at: datetime | None = None
    evidence: Evidence = field(default_factory=Evidence)


def consent_columns(headings: Iterable[str], custom: FieldTypes) -> dict[str, str]:
    """Those of a file's columns that are about consents: column → what it says.

    A field of the workspace's own with such a name stays that field.
    """
    found = {name: _COLUMNS.named(name, {}) for name in headings if name and name not in custom}
    return {column: meaning for column, meaning in found.items() if meaning}


def without_consents(row: Row, columns: Iterable[str]) -> Row:
    """The row without its cells about consents."""
    gone = set(columns)
    return replace(row, cells={name: one for name, one in row.cells.items() if name not in gone})


def told_by(row: Row, columns: Mapping[str, str], zone: tzinfo) -> Told | None:
    """What a row says; None: nothing.

    Raises:
        InputError: a cell says nothing that is known.
    """
    cells = {meaning: row.cells.get(column) for column, meaning in columns.items()}
    values = {name: read(name, cell, _TYPES[name], zone) for name, cell in cells.items()
              if cell not in (None, "")}  # fmt: skip
    states = {
        purpose: _state(name, str(values[name])) for purpose, name in FIELDS.items()
        if name in values
    }  # fmt: skip
    if not states:
        return None
    at = values.get("consent_at")
    evidence = Evidence(
        source=str(values.get("consent_source") or ""),
        text_version=str(values.get("consent_text") or ""),
        ip=str(values.get("consent_ip") or ""),
    )
    return Told(states, at if isinstance(at, datetime) else None, evidence)


def keep_told(
    tx: Transaction, told: Sequence[tuple[Mapping[str, object], Told]], *, file: str, actor: str
) -> None:
    """Writes what rows say; the same rows again add nothing, and nothing starts a playbook."""
    said = []
    for lead, one in told:
        source = one.evidence.source or f"file {file}"
        evidence = replace(one.evidence, source=source, actor=actor)
        for purpose, state in one.states.items():
            when = one.at.isoformat() if one.at else ""
            who = lead.get("id") or str(lead.get("email")).strip().casefold()
            id = event_id("told", who, purpose, state, when, source, evidence.text_version)
            at = None if one.at is None or one.at > tx.now else one.at
            said.append(Consent(lead, state, purpose, at=at, id=id, evidence=evidence))
    if said:
        rejected = record_in(tx, said, starts=False).rejected
        if rejected:
            raise rejected[0][1]


def _state(name: str, text: str) -> str:
    found = _SAID.get(text.strip().casefold())
    if found is None:
        raise InputError(f"'{text[:60]}' is no '{name}'", help=did_you_mean(text, STATES))
    return found
