"""Importing leads from a file: rows become leads, known ones are changed, nothing is erased.

A lead is known by its address, else by its id, else (a phone number alone) by an id made from that
number; so the same file imported twice changes nothing the second time. Batches are transactions;
a row that does not fit goes to an error file with the reason, and nothing of it is kept.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from engine.operations.consent_columns import (
    consent_columns,
    keep_told,
    told_by,
    without_consents,
)
from engine.operations.lead_columns import map_columns
from engine.operations.lead_rows import Draft, RowRules, read_row
from engine.operations.lead_upsert import upsert
from engine.operations.table_files import Row, open_table
from engine.operations.table_import import ImportResult, Progress, Saved, TableImport
from engine.store import forgotten, leads
from engine.store.database import Store, Transaction
from engine.store.leads import LeadChange

__all__ = ["ImportResult", "React", "import_leads"]

React = Callable[[Transaction, Sequence[LeadChange]], None]
"""Called with a batch's changes inside its transaction, once they are written."""


def import_leads(
    store: Store,
    path: Path,
    rules: RowRules,
    *,
    language: str = "",
    encoding: str = "",
    react: React | None = None,
    progress: Progress | None = None,
) -> ImportResult:
    """Imports a file of leads.

    Args:
        store: where to.
        path: CSV, JSON Lines, JSON or a spreadsheet.
        rules: what a lead of this workspace may hold.
        language: the workspace's; the tie-break when nothing else tells the file's encoding.
        encoding: the file's encoding, where a person knows it.
        react: called with each batch's changes, inside its transaction.
        progress: called after each batch.

    Raises:
        InputError: the file cannot be read, or a column means nothing; nothing was imported.
    """
    with closing(open_table(path, language=language, encoding=encoding)) as table:
        result = ImportResult(encoding=table.encoding)
        fields = None
        told: dict[str, str] = {}
        if table.headings is not None:
            told = consent_columns(table.headings, rules.custom)
            others = [name for name in table.headings if name not in told]
            columns = map_columns(others, rules.custom, ignore_unknown=rules.ignore_unknown)
            result.left_out, fields = columns.left_out, columns.fields

        def read(row: Row) -> Draft:
            said = told if fields is not None else consent_columns(row.cells, rules.custom)
            if not said:
                return read_row(row, fields, rules)
            draft = read_row(without_consents(row, said), fields, rules)
            return replace(draft, row=row, told=told_by(row, said, rules.zone))

        def write(tx: Transaction, drafts: Sequence[Draft]) -> Saved:
            erased = _erased(tx, drafts)
            left = [at for at in range(len(drafts)) if at not in erased]
            kept = [drafts[at] for at in left]
            found = upsert(tx, kept, rules, actor="import", reason=path.name)
            said = [(_lead(one), one.told) for at, one in enumerate(kept)
                    if one.told is not None and at not in found.reasons]  # fmt: skip
            keep_told(tx, said, file=path.name, actor="import")
            if react is not None and found.changes:
                react(tx, found.changes)
            reasons = {left[at]: why for at, why in found.reasons.items()} | erased
            return Saved(Counter(one.value for one in found.outcomes), reasons)

        TableImport(store, table, result, read, write).run(path, progress)
    return result


def _erased(tx: Transaction, drafts: Sequence[Draft]) -> dict[int, str]:
    """Why rows of people whose data were erased are refused; who came back by itself is not."""
    keys = [draft.key for draft in drafts if draft.key]
    gone = forgotten.known(tx, keys)
    if not gone:
        return {}
    gone -= leads.find_by_key(tx, gone).keys()
    why = "this address was erased and is not taken in again; who signs up anew is"
    return {at: why for at, draft in enumerate(drafts) if draft.key in gone}


def _lead(draft: Draft) -> dict[str, object]:
    return {"id": draft.id} if draft.id else {"email": draft.values["email"]}
