"""Importing leads from a file: rows become leads, known ones are changed, nothing is erased.

A lead is known by its address, else by its id, else (a phone number alone) by an id made from that
number; so the same file imported twice changes nothing the second time. Batches are transactions;
a row that does not fit goes to an error file with the reason, and nothing of it is kept.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy.exc import DataError, IntegrityError

from engine.errors import InputError
from engine.operations.import_errors import ErrorFile
from engine.operations.lead_columns import map_columns
from engine.operations.lead_rows import Draft, RowRules, read_row
from engine.operations.lead_upsert import Outcome, Upserted, upsert
from engine.operations.table_files import Row, TableFile, open_table
from engine.store.database import Store, Transaction
from engine.store.leads import LeadChange

BATCH = 500

React = Callable[[Transaction, Sequence[LeadChange]], None]
"""Called with a batch's changes inside its transaction, once they are written."""

Progress = Callable[[int, int], None]
"""Called after each batch with how much is done, of how much (bytes, or rows of a sheet)."""


@dataclass(slots=True)
class ImportResult:
    """What became of a file.

    Attributes:
        errors_file: where the rejected rows are; None when there are none.
        encoding: the encoding the file was read in; empty for spreadsheets.
        left_out: columns that were not imported.
    """

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    errors_file: Path | None = None
    encoding: str = ""
    left_out: tuple[str, ...] = ()

    def summary(self) -> dict[str, object]:
        """What `--json` shows."""
        return {
            "rows": self.rows,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "rejected": self.rejected,
            "errors_file": str(self.errors_file) if self.errors_file else None,
        }


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
        importing = _Importing(store, table, rules, react, path.name, result, fields)
        with ErrorFile(path, table.headings) as errors:
            importing.run(errors, progress)
            result.errors_file = errors.written
    return result


@dataclass(slots=True)
class _Importing:
    """One import under way."""

    store: Store
    table: TableFile
    rules: RowRules
    react: React | None
    reason: str
    result: ImportResult
    fields: Mapping[str, str] | None

    def run(self, errors: ErrorFile, progress: Progress | None) -> None:
        rows = self.table.rows()
        while batch := list(islice(rows, BATCH)):
            rejected = self._take(batch)
            for row, why in sorted(rejected, key=lambda one: one[0].number):
                errors.add(row, why)
            self.result.rows += len(batch)
            self.result.rejected += len(rejected)
            if progress is not None:
                progress(self.table.done, self.table.size)

    def _take(self, batch: Sequence[Row]) -> list[tuple[Row, str]]:
        drafts, rejected = [], []
        for row in batch:
            try:
                drafts.append(read_row(row, self.fields, self.rules))
            except InputError as error:
                rejected.append((row, _reason(error)))
        return rejected + self._save(drafts)

    def _save(self, drafts: Sequence[Draft]) -> list[tuple[Row, str]]:
        """Writes drafts; what the database refuses is halved until the culprit stands alone."""
        if not drafts:
            return []
        try:
            found = self.store.write(lambda tx: self._write(tx, drafts))
        except (InputError, DataError, IntegrityError) as error:
            if len(drafts) == 1:
                return [(drafts[0].row, _reason(error))]
            half = len(drafts) // 2
            return self._save(drafts[:half]) + self._save(drafts[half:])
        counts = Counter(found.outcomes)
        self.result.created += counts[Outcome.CREATED]
        self.result.updated += counts[Outcome.UPDATED]
        self.result.unchanged += counts[Outcome.UNCHANGED]
        return [(drafts[position].row, why) for position, why in found.reasons.items()]

    def _write(self, tx: Transaction, drafts: Sequence[Draft]) -> Upserted:
        found = upsert(tx, drafts, self.rules, actor="import", reason=self.reason)
        if self.react is not None and found.changes:
            self.react(tx, found.changes)
        return found


def _reason(error: Exception) -> str:
    if isinstance(error, InputError):
        return f"{error.message}; {error.help}" if error.help else error.message
    return f"the database refused it: {str(getattr(error, 'orig', error)).splitlines()[0][:200]}"
