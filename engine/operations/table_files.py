"""Files of rows: CSV, JSON Lines, JSON and spreadsheets, read row by row. It knows no leads.

A row that cannot be read is a `Row` with a fault; a file that cannot be read is an `InputError`.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Protocol

from engine.errors import EnvironmentFault, InputError
from engine.operations.formulas import unguarded
from engine.operations.text_encoding import checked_encoding, encoding_of

_SPREADSHEET_MAGIC = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_JSON_SUFFIXES = frozenset({".json", ".jsonl", ".ndjson"})
_DELIMITERS = (",", ";", "\t", "|")
_LONGEST_LINE = 1 << 20
_HEADINGS_AT_MOST = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """One row: where it stands, its cells by heading, and why it cannot be read, if it cannot."""

    number: int
    cells: Mapping[str, object] = field(default_factory=dict)
    fault: str = ""


class TableFile(Protocol):
    """A file of rows.

    Attributes:
        encoding: the encoding it is read in; empty for spreadsheets.
        headings: the headings, in order; None where every row names its own.
        size: bytes or rows, whichever `done` counts.
        done: how far reading has come.
    """

    encoding: str
    headings: list[str] | None
    size: int

    @property
    def done(self) -> int:
        """How far reading has come, of `size`."""
        ...

    def rows(self) -> Iterator[Row]:
        """The rows, once; the file is closed after the last one."""
        ...

    def close(self) -> None:
        """Closes the file before that."""
        ...


def open_table(path: Path, *, language: str = "", encoding: str = "") -> TableFile:
    """The file, recognized by its content and its name, its headings read.

    Raises:
        InputError: it is empty, or nothing that can be read.
        EnvironmentFault: it cannot be opened.
    """
    try:
        with path.open("rb") as file:
            magic = file.read(4)
        if magic.startswith(_SPREADSHEET_MAGIC):
            return SpreadsheetFile(path)
        if not magic:
            raise InputError(f"'{path.name}' is empty")
        name = checked_encoding(encoding) if encoding else encoding_of(path, language)
        if path.suffix.lower() in _JSON_SUFFIXES:
            return JsonFile(path, name)
        return DelimitedFile(path, name)
    except OSError as error:
        raise EnvironmentFault(f"'{path}' cannot be read: {error.strerror}") from error


class DelimitedFile:
    """Comma-separated values, or separated by semicolons, tabs or bars."""

    def __init__(self, path: Path, encoding: str) -> None:
        self.encoding = encoding
        self.size = path.stat().st_size
        self._path = path
        self._file = path.open("rb")
        self._lines = io.TextIOWrapper(self._file, encoding=encoding, newline="")
        self._skipped = 0
        try:
            self.headings: list[str] | None = self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> list[str]:
        """Finds out the delimiter and reads the headings."""
        beginning = list(islice(iter(lambda: self._lines.readline(_LONGEST_LINE), ""), 30))
        declared = beginning[0].rstrip("\r\n").lower() if beginning else ""
        if declared in {f"sep={one}" for one in _DELIMITERS}:  # a line that Excel understands
            self._skipped = 1
            self.delimiter = declared[4:]
        else:
            self.delimiter = _delimiter(beginning)
        self._lines.seek(0)
        for _ in range(self._skipped):
            self._lines.readline()
        self._reader = csv.reader(self._lines, delimiter=self.delimiter)
        try:
            first = next((row for row in self._reader if not _is_blank(row)), [])
        except (csv.Error, UnicodeError) as error:
            name = self._path.name
            raise InputError(f"the headings of '{name}' cannot be read: {error}") from error
        return _headings(self._path, first)

    def close(self) -> None:
        """Closes the file."""
        self._lines.close()

    @property
    def done(self) -> int:
        """Bytes read."""
        return self.size if self._file.closed else self._file.tell()

    def rows(self) -> Iterator[Row]:
        """The rows; blank lines are none."""
        with self._lines:
            while True:
                number = self._reader.line_num + 1 + self._skipped
                try:
                    cells = next(self._reader, None)
                except (csv.Error, UnicodeError) as error:
                    yield Row(number, fault=f"from here on the file cannot be read: {error}")
                    return
                if cells is None:
                    return
                if not _is_blank(cells):
                    yield _row(number, self.headings or [], list(map(unguarded, cells)))


class SpreadsheetFile:
    """The first sheet of an Excel or OpenDocument workbook."""

    encoding = ""

    def __init__(self, path: Path) -> None:
        self._rows = _sheet(path)
        self.size = len(self._rows)
        self.done = next((n for n, row in enumerate(self._rows) if not _is_blank(row)), 0)
        first = [str(cell) for cell in self._rows[self.done]] if self._rows else []
        self.headings: list[str] | None = _headings(path, first)

    def close(self) -> None:
        """Nothing is open: the workbook was read as a whole."""

    def rows(self) -> Iterator[Row]:
        """The rows; blank ones are none."""
        for index in range(self.done + 1, self.size):
            self.done = index + 1
            if not _is_blank(self._rows[index]):
                yield _row(index + 1, self.headings or [], self._rows[index])


class JsonFile:
    """JSON objects: one a line, or all of them in one array."""

    headings: list[str] | None = None

    def __init__(self, path: Path, encoding: str) -> None:
        self.encoding = encoding
        self.size = path.stat().st_size
        self._file = path.open("rb")
        self._text = io.TextIOWrapper(self._file, encoding=encoding)
        beginning = self._text.read(4096).lstrip()
        self._text.seek(0)
        self._is_array = beginning.startswith("[")

    @property
    def done(self) -> int:
        """Bytes read."""
        return self.size if self._file.closed else self._file.tell()

    def close(self) -> None:
        """Closes the file."""
        self._text.close()

    def rows(self) -> Iterator[Row]:
        """The objects; what is no object is a fault."""
        with self._text:
            try:
                yield from self._of_array() if self._is_array else self._of_lines()
            except UnicodeError as error:
                yield Row(0, fault=f"from here on the file cannot be read: {error}")

    def _of_lines(self) -> Iterator[Row]:
        lines = iter(lambda: self._text.readline(_LONGEST_LINE), "")
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _json_row(number, line)

    def _of_array(self) -> Iterator[Row]:
        decoder, buffer, number = json.JSONDecoder(), "", 0
        ended = False
        while True:
            buffer = buffer.lstrip(" \t\r\n,") if number else buffer.lstrip().removeprefix("[")
            buffer = buffer.lstrip()
            if buffer.startswith("]"):
                return
            try:
                found, end = decoder.raw_decode(buffer)
                # A number may go on in the next piece of the file.
                whole = ended or end < len(buffer)
            except (ValueError, RecursionError) as error:
                if ended or len(buffer) > _LONGEST_LINE:
                    yield Row(number + 1, fault=f"from here on the file is no JSON: {error}")
                    return
                whole = False
            if whole:
                number += 1
                buffer = buffer[end:]
                yield _object_row(number, found)
                continue
            more = self._text.read(1 << 16)
            ended = not more
            buffer += more


def _json_row(number: int, line: str) -> Row:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Row(number, {"line": line.rstrip("\r\n")[:1000]}, fault=f"no JSON: {error}")
    return _object_row(number, found)


def _object_row(number: int, found: object) -> Row:
    if not isinstance(found, dict):
        shown = {"line": json.dumps(found, ensure_ascii=False)[:1000]}
        return Row(number, shown, fault="a row must be an object, {…}")
    fields = found.get("fields")
    if isinstance(fields, dict):
        found = {key: cell for key, cell in found.items() if key != "fields"} | fields
    return Row(number, found)


def _delimiter(lines: list[str]) -> str:
    """The delimiter that splits the first lines into most columns, evenly."""
    best, most = ",", 1.0
    for delimiter in _DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            continue
        if not widths:
            continue
        width, times = Counter(widths).most_common(1)[0]
        evenness = width * times / len(widths) + widths[0] / 1000
        if width > 1 and evenness > most:
            best, most = delimiter, evenness
    return best


def _headings(path: Path, cells: Sequence[str]) -> list[str]:
    found = [cell.strip().lstrip("\ufeff") for cell in cells]
    while found and not found[-1]:
        found.pop()
    if not found:
        raise InputError(
            f"'{path.name}' has no headings", help="its first row must name the columns"
        )
    if len(found) > _HEADINGS_AT_MOST:
        raise InputError(f"'{path.name}' has more than {_HEADINGS_AT_MOST} columns")
    doubled = [name for name, times in Counter(found).items() if times > 1 and name]
    if doubled:
        raise InputError(f"'{path.name}' has the column '{doubled[0][:60]}' twice")
    return found


def _is_blank(cells: Sequence[object]) -> bool:
    return not any(str(cell).strip() for cell in cells)


def _row(number: int, headings: Sequence[str], cells: Sequence[object]) -> Row:
    found = {name: cell for name, cell in zip(headings, cells, strict=False) if name}
    beyond = [cell for cell in cells[len(headings) :] if str(cell).strip()]
    beyond += [
        cell for name, cell in zip(headings, cells, strict=False) if not name and str(cell).strip()
    ]
    if beyond:
        return Row(number, found, fault=f"'{str(beyond[0])[:60]}' stands under no heading")
    return Row(number, found)


def _sheet(path: Path) -> Sequence[Sequence[object]]:
    import python_calamine

    try:
        workbook = python_calamine.load_workbook(str(path))
        sheet = workbook.get_sheet_by_index(0)
        rows: Sequence[Sequence[object]] = sheet.to_python(skip_empty_area=False)
    except BaseException as error:  # a panic of the reader is no Exception
        if isinstance(error, KeyboardInterrupt | SystemExit | OSError):
            raise
        raise InputError(
            f"'{path.name}' is no spreadsheet that can be read: {str(error)[:120]}",
            help="save it again as .xlsx, or export it as CSV",
        ) from error
    return rows
