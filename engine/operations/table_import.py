"""Importing a file of records, batch by batch: each batch a transaction, each bad row told of.

It knows neither leads nor deals: how a row is read and a batch is written is given. A row that does
not fit goes to an error file with the reason, and nothing of it is kept; what the database refuses
is halved until the culprit stands alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Generic, TypeVar

from sqlalchemy.exc import DataError, IntegrityError

from engine.errors import InputError
from engine.operations.import_errors import ErrorFile
from engine.operations.table_files import Row, TableFile
from engine.store.database import Store, Transaction

BATCH = 500

Progress = Callable[[int, int], None]
"""Called after each batch with how much is done, of how much (bytes, or rows of a sheet)."""

D = TypeVar("D")


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


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a batch: how many were created, updated, unchanged; place → why rejected."""

    counts: Mapping[str, int]
    reasons: Mapping[int, str]


@dataclass(slots=True)
class TableImport(Generic[D]):
    """One import under way.

    Args:
        store: where to.
        table: the file.
        result: what is counted.
        read: a row as a draft; raises InputError when it is none.
        write: writes drafts in one transaction.
    """

    store: Store
    table: TableFile
    result: ImportResult
    read: Callable[[Row], D]
    write: Callable[[Transaction, Sequence[D]], Saved]

    def run(self, path: Path, progress: Progress | None) -> None:
        """Imports the whole file; `path` is its name, beside which the errors go."""
        with ErrorFile(path, self.table.headings) as errors:
            rows = self.table.rows()
            while batch := list(islice(rows, BATCH)):
                rejected = self._take(batch)
                for row, why in sorted(rejected, key=lambda one: one[0].number):
                    errors.add(row, why)
                self.result.rows += len(batch)
                self.result.rejected += len(rejected)
                if progress is not None:
                    progress(self.table.done, self.table.size)
            self.result.errors_file = errors.written

    def _take(self, batch: Sequence[Row]) -> list[tuple[Row, str]]:
        drafts, rejected = [], []
        for row in batch:
            try:
                drafts.append((row, self.read(row)))
            except InputError as error:
                rejected.append((row, _reason(error)))
        return rejected + self._save(drafts)

    def _save(self, drafts: Sequence[tuple[Row, D]]) -> list[tuple[Row, str]]:
        if not drafts:
            return []
        try:
            found = self.store.write(lambda tx: self.write(tx, [one for _, one in drafts]))
        except (InputError, DataError, IntegrityError) as error:
            if len(drafts) == 1:
                return [(drafts[0][0], _reason(error))]
            half = len(drafts) // 2
            return self._save(drafts[:half]) + self._save(drafts[half:])
        self.result.created += found.counts.get("created", 0)
        self.result.updated += found.counts.get("updated", 0)
        self.result.unchanged += found.counts.get("unchanged", 0)
        return [(drafts[position][0], why) for position, why in found.reasons.items()]


def _reason(error: Exception) -> str:
    if isinstance(error, InputError):
        return f"{error.message}; {error.help}" if error.help else error.message
    return f"the database refused it: {str(getattr(error, 'orig', error)).splitlines()[0][:200]}"
