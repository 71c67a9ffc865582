"""Everything that is held about one lead, for the person it is about: as JSON and as text to read.

It goes by `engine.store.holdings`, so that a table that is added is in the export, too. The search
for duplicates and the numbers of versions are ours and left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.operations import leads_view, published
from engine.operations.lead_changes import found_lead
from engine.runtime.fields import to_json
from engine.store import suppressions
from engine.store.database import Store, Transaction
from engine.store.holdings import HOLDINGS, Holding

_CALLED = {
    "change": "changes", "event": "events", "enrollment": "enrollments", "step_log": "steps",
    "awaited_event": "awaited_events", "job": "messages", "consent": "consents",
    "score_entry": "points", "assignment": "owners", "task": "tasks", "split_draw": "arms",
    "returned": "came_back", "deal": "deals", "deal_change": "deal_changes",
    "coming_moment": "coming", "refusal": "refusals", "gone_lead": "merged_leads",
}  # fmt: skip
_LEFT_OUT = frozenset({"lead", "erasure", "lead_key", "duplicate", "suppression"})
_OURS = frozenset({"version", "token", "cohort", "batch", "digest", "pc", "position"})
_TIMES = ("at", "accepted_at", "entered_at", "created_at", "began_at", "recorded_at")


def export(store: Store, name: str) -> dict[str, Any]:
    """All that is held about the lead of this address or id.

    Raises:
        NotFoundError: there is no such lead.
    """
    return store.read(lambda tx: _export(tx, name))


def _export(tx: Transaction, name: str) -> dict[str, Any]:
    lead = found_lead(tx, name)
    shown = leads_view.shown(tx, lead)
    found: dict[str, Any] = {
        "workspace": published.current(tx).workspace.workspace,
        "exported_at": tx.now.isoformat(),
        "lead": shown,
    }
    for one in HOLDINGS.values():
        if one.table not in _LEFT_OUT:
            found[_CALLED.get(one.table, one.table)] = _rows(tx, one, lead)
    email = shown["email"]
    listed = suppressions.of_address(tx, email) if isinstance(email, str) else []
    found["suppressions"] = [_plain(row) for row in listed]
    return found


def _rows(tx: Transaction, one: Holding, lead: str) -> list[dict[str, Any]]:
    table = one.rows
    if one.names:
        which = sa.or_(*(table.c[name] == lead for name in one.names))
    else:
        owner = HOLDINGS[one.through].rows
        which = table.c[one.through].in_(sa.select(owner.c.id).where(owner.c.lead == lead))
    order = [table.c[name] for name in _TIMES if name in table.c][:1]
    rows = tx.conn.execute(sa.select(table).where(which).order_by(*order)).mappings()
    return [_plain(row) for row in rows]


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        name: to_json(value)
        for name, value in row.items()
        if name not in _OURS and value not in (None, "", [], {})
    }


def as_text(found: Mapping[str, Any]) -> Iterator[str]:
    """The export as lines that a person can read: a heading a section, a line a row."""
    lead = found["lead"]
    called = lead["fields"].get("full_name") or lead["email"] or lead["id"]
    yield f"# What {found['workspace']} holds about {called}"
    yield ""
    yield f"As of {found['exported_at']}."
    facts = {**{name: one for name, one in lead.items() if name != "fields"}, **lead["fields"]}
    yield from _section("Record", [facts], by_line=True)
    for name, rows in found.items():
        if isinstance(rows, list) and rows:
            yield from _section(name.replace("_", " ").capitalize(), rows)


def _section(
    title: str, rows: Sequence[Mapping[str, Any]], *, by_line: bool = False
) -> Iterator[str]:
    yield ""
    yield f"## {title} ({len(rows)})" if not by_line else f"## {title}"
    yield ""
    for row in rows:
        parts = [f"{name}: {_spoken(value)}" for name, value in row.items() if _is_said(value)]
        if by_line:
            yield from (f"- {part}" for part in parts)
        else:
            yield "- " + "; ".join(parts)


def _is_said(value: object) -> bool:
    return value not in (None, "", [], {})


def _spoken(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {_spoken(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_spoken, value))
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value).replace("\n", " ")
