"""A crowd of leads, read from any table that `leads import` takes."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import InputError
from engine.ids import derived_id
from engine.operations.lead_columns import map_columns
from engine.operations.lead_rows import read_row, rules_of
from engine.operations.published import Current
from engine.operations.table_files import open_table
from engine.playbook.values import Value
from engine.runtime.identity import email_key

MOST = 100_000
"""Leads of one forecast; a sample of a larger file says as much."""


@dataclass(slots=True)
class Crowd:
    """The leads of a file.

    Attributes:
        leads: their values, each with an id that belongs to its place in the file.
        left_out: how many rows could not be used.
        reason: why the first of these could not.
    """

    leads: list[Mapping[str, Value]] = field(default_factory=list)
    left_out: int = 0
    reason: str = ""


def read_crowd(path: Path, current: Current) -> Crowd:
    """The leads in a file of any form and encoding that the import takes.

    Raises:
        InputError: the file cannot be read, a column means nothing, or no row can be used.
    """
    crowd, seen = Crowd(), set[str]()
    for number, (values, wrong) in enumerate(_rows(path, current)):
        key = email_key(str(values["email"])) if values.get("email") else f"row {number}"
        fault = wrong or (f"'{key}' is in the file twice" if key in seen else "")
        if fault:
            crowd.left_out += 1
            crowd.reason = crowd.reason or fault
            continue
        seen.add(key)
        crowd.leads.append({**values, "id": derived_id("crowd", number)})
        if len(crowd.leads) > MOST:
            raise InputError(f"'{path.name}' has more than {MOST:,} leads", help="take a sample")
    if not crowd.leads:
        raise InputError(f"there is no lead in '{path.name}'", help=crowd.reason)
    return crowd


def _rows(path: Path, current: Current) -> Iterator[tuple[Mapping[str, Value], str]]:
    """The values of each row, or what is wrong with it."""
    rules = rules_of(current.workspace, ignore_unknown=True)
    with closing(open_table(path, language=current.workspace.language)) as table:
        fields = None
        if table.headings is not None:
            fields = map_columns(table.headings, current.custom, ignore_unknown=True).fields
        for row in table.rows():
            try:
                values = read_row(row, fields, rules).values
            except InputError as error:
                yield {}, error.message
                continue
            yield {name: value for name, value in values.items() if name != "id"}, ""
