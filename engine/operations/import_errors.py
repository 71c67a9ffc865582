"""The error file of an import: the rows that were rejected, as they were, and why."""

import csv
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TextIO

from engine.errors import EnvironmentFault
from engine.operations.headings import REASON_COLUMN
from engine.operations.table_files import Row


class ErrorFile:
    """`FILE.errors.csv`: made with the first rejected row; one of an earlier import is removed.

    It is UTF-8 with a byte order mark, so that Excel shows it right, and can be imported itself
    once its rows are mended.
    """

    def __init__(self, source: Path, headings: Sequence[str] | None) -> None:
        self.path = source.with_name(f"{source.name}.errors.csv")
        self._headings = [name for name in headings or () if name and name != REASON_COLUMN]
        self._names_its_columns = headings is not None
        self._file: TextIO | None = None

    @property
    def written(self) -> Path | None:
        """The file, if any row was rejected."""
        return self.path if self._file is not None else None

    def add(self, row: Row, reason: str) -> None:
        """Adds a row."""
        if self._file is None:
            self._file = self._make()
            columns = self._headings if self._names_its_columns else ["row", "record"]
            csv.writer(self._file).writerow([*columns, REASON_COLUMN])
        if self._names_its_columns:
            cells = [_text(row.cells.get(name)) for name in self._headings]
        else:
            cells = [str(row.number), json.dumps(dict(row.cells), ensure_ascii=False, default=str)]
        csv.writer(self._file).writerow([*cells, reason])

    def _make(self) -> TextIO:
        try:
            return self.path.open("w", encoding="utf-8-sig", newline="", errors="replace")
        except OSError as error:
            raise EnvironmentFault(
                f"'{self.path}' cannot be written: {error.strerror}",
                help="the rejected rows go there; import a copy from a folder you may write to",
            ) from error

    def __enter__(self) -> "ErrorFile":
        self.path.unlink(missing_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
