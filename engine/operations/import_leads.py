"""Importing leads from a file: rows become leads, known ones are changed, nothing is erased.

A lead is known by its address, else by its id, else (a phone number alone) by an id made from that
number; so the same file imported twice changes nothing the second time. Batches are transactions;
a row that does not fit goes to an error file with the reason, and nothing of it is kept.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from engine.operations.lead_columns import map_columns
from engine.operations.lead_rows import Draft, RowRules, read_row
from engine.operations.lead_upsert import upsert
from engine.operations.table_files import Row, open_table
from engine.operations.table_import import ImportResult, Progress, Saved, TableImport
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
        if table.headings is not None:
            columns = map_columns(table.headings, rules.custom, ignore_unknown=rules.ignore_unknown)
            result.left_out, fields = columns.left_out, columns.fields

        def read(row: Row) -> Draft:
            return read_row(row, fields, rules)

        def write(tx: Transaction, drafts: Sequence[Draft]) -> Saved:
            found = upsert(tx, drafts, rules, actor="import", reason=path.name)
            if react is not None and found.changes:
                react(tx, found.changes)
            return Saved(Counter(one.value for one in found.outcomes), found.reasons)

        TableImport(store, table, result, read, write).run(path, progress)
    return result
