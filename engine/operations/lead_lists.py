"""Leads as a list for other programs: CSV or JSON Lines, a page at a time, however many they are.

Each page is a short read of its own: a lead that changes meanwhile is listed as it is when its page
is read, each lead once. Cells that a spreadsheet would run are made harmless.
"""

import csv
import io
import json
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Literal, get_args

from engine.errors import InputError
from engine.ids import LeadId
from engine.operations import leads_view, published
from engine.operations.formulas import guarded
from engine.operations.published import Current
from engine.operations.selecting import Selection, selection
from engine.playbook.spelling import did_you_mean
from engine.playbook.values import Value
from engine.runtime.fields import BUILT_IN
from engine.store import leads, suppressions
from engine.store.database import Store, Transaction

Form = Literal["csv", "jsonl"]
FORMS: tuple[Form, ...] = get_args(Form)

ENCODINGS: Mapping[str, str] = {"utf-8": "utf-8", "utf-8-bom": "utf-8", "gbk": "gb18030"}
"""What a file may be written in. GB 18030 is GBK with the characters that GBK lacks."""

PAGE = 1_000
_BOM = b"\xef\xbb\xbf"
_LEFT_OUT = frozenset({"scores"})
_SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class LeadList:
    """What is listed, and how.

    Attributes:
        current: what is published.
        chosen: which leads.
        columns: the columns of CSV.
        form: `csv` or `jsonl`.
        encoding: a name of `ENCODINGS`.
    """

    current: Current
    chosen: Selection
    columns: tuple[str, ...]
    form: Form
    encoding: str

    @property
    def head(self) -> bytes:
        """How the file begins."""
        mark = _BOM if self.encoding == "utf-8-bom" else b""
        return mark + (self._coded(_line(self.columns)) if self.form == "csv" else b"")

    def page(self, store: Store, after: str = "") -> tuple[bytes, int, str | None]:
        """The next leads behind that id: their lines, how many, and where to go on."""
        return store.read(lambda tx: self._page(tx, after))

    def pages(self, store: Store) -> Iterator[tuple[bytes, int]]:
        """The whole file, in pieces, each with how many leads it holds."""
        yield self.head, 0
        after: str | None = ""
        while after is not None:
            text, number, after = self.page(store, after)
            yield text, number

    def _page(self, tx: Transaction, after: str) -> tuple[bytes, int, str | None]:
        found = self.chosen.stretch(tx, after, PAGE)
        known = leads.load(tx, found.ids, self.current.custom)
        rows = [known[LeadId(id)] for id in found.ids]
        blocked = suppressions.blocked(tx, {str(one["id"]): one["email"] for one in rows})
        if self.form == "csv":
            zone = self.current.zone
            lines = [
                _line([_cell(one, name, blocked, zone) for name in self.columns]) for one in rows
            ]
        else:
            shaped = leads_view.shapes(rows, self.current, blocked)
            lines = [json.dumps(one, ensure_ascii=False) + "\n" for one in shaped]
        return self._coded("".join(lines)), len(rows), found.cursor

    def _coded(self, text: str) -> bytes:
        return text.encode(ENCODINGS[self.encoding], "replace")


def lead_list(
    store: Store,
    *,
    where: str = "",
    segment: str = "",
    columns: Sequence[str] = (),
    form: str = "csv",
    encoding: str = "utf-8",
) -> LeadList:
    """A list of the leads that a condition holds of, that are in a segment, or of all.

    Args:
        store: the workspace's store.
        where: a condition; with a segment, both must hold.
        segment: the name of a saved segment.
        columns: fields, in the order wanted; none: every field that leads have.
        form: `csv` or `jsonl`, which has every field.
        encoding: `utf-8`, `utf-8-bom` or `gbk`.

    Raises:
        InputError: the condition is wrong, or there is no such segment, field, form or encoding.
    """
    current = store.read(published.current)
    if form not in FORMS:
        raise InputError(f"no list has the form '{form[:40]}'", help=did_you_mean(form, FORMS))
    if encoding not in ENCODINGS:
        raise InputError(
            f"no list is written in '{encoding[:40]}'", help=did_you_mean(encoding, ENCODINGS)
        )
    known = current.workspace.segments
    if segment and segment not in known:
        raise InputError(f"no segment is named '{segment[:60]}'", help=did_you_mean(segment, known))
    selection(current, where)  # on its own, so that it cannot reach out of its parentheses
    both = " and ".join(f"({one})" for one in (f"segment.{segment}" if segment else "", where)
                        if one.strip())  # fmt: skip
    chosen = selection(current, both)
    return LeadList(current, chosen, _columns(current, columns), form, encoding)


def _columns(current: Current, wanted: Sequence[str]) -> tuple[str, ...]:
    known = [name for name in (*BUILT_IN, *current.custom) if name not in _LEFT_OUT]
    known = [*dict.fromkeys(known), _SUPPRESSED]
    for name in wanted:
        if name not in known:
            raise InputError(f"a lead has no field '{name[:60]}'", help=did_you_mean(name, known))
    return tuple(dict.fromkeys(wanted)) or tuple(known)


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()


def _cell(
    lead: Mapping[str, Value], name: str, blocked: Container[str], zone: tzinfo
) -> str:  # fmt: skip
    value = (str(lead["id"]) in blocked) if name == _SUPPRESSED else lead.get(name)
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.astimezone(zone).isoformat()
        case date():
            return value.isoformat()
        case str():
            return guarded(value)
        case list() | tuple():
            return guarded(", ".join(map(str, value)))
        case _:
            return str(value)
