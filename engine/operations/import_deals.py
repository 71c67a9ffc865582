"""Importing deals from a file: rows become deals, known ones are changed, nothing is erased.

A deal is known by its id, else by its contact and its name; so the same file imported twice changes
nothing the second time. Stages are obeyed as everywhere: a row whose move is not allowed goes to
the error file, with the reason.
"""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from engine.operations import published
from engine.operations.deal_rows import DEALS, DealDraft, read_deal_row
from engine.operations.deal_upsert import DealBatch
from engine.operations.file_language import file_language
from engine.operations.table_files import Row, open_table
from engine.operations.table_import import ImportResult, Progress, Saved, TableImport
from engine.store.database import Store, Transaction


def import_deals(
    store: Store,
    path: Path,
    *,
    trigger: bool = False,
    force: bool = False,
    encoding: str = "",
    ignore_unknown: bool = False,
    progress: Progress | None = None,
) -> ImportResult:
    """Imports a file of deals.

    Args:
        store: where to.
        path: CSV, JSON Lines, JSON or a spreadsheet.
        trigger: whether what they change may start playbooks.
        force: whether deals may move backward, too.
        encoding: the file's encoding, where a person knows it.
        ignore_unknown: whether columns that mean nothing are left out.
        progress: called after each batch.

    Raises:
        InputError: the file cannot be read, or a column means nothing; nothing was imported.
    """
    current = store.read(published.current)
    language = file_language(current.workspace)
    with closing(open_table(path, language=language, encoding=encoding)) as table:
        result = ImportResult(encoding=table.encoding)
        fields = None
        if table.headings is not None:
            columns = DEALS.mapped(
                table.headings, current.deal_fields, ignore_unknown=ignore_unknown
            )
            result.left_out, fields = columns.left_out, columns.fields

        def read(row: Row) -> DealDraft:
            return read_deal_row(row, fields, current, ignore_unknown=ignore_unknown)

        def write(tx: Transaction, drafts: Sequence[DealDraft]) -> Saved:
            batch = DealBatch(tx, published.current(tx), path.name, starts=trigger, force=force)
            return batch.write(drafts)

        TableImport(store, table, result, read, write).run(path, progress)
    return result
