"""Importing events from a file: each is taken in like one that was sent, and starts nothing.

A row names the event, the lead and, if it has them, an id, a time and properties: as the API
wants them (`{"id", "name", "lead": {"email"}, "at", "properties"}`), or flat, one column each;
what is none of these is a property. A row without an id gets one made from what it says, so that
the same file imported twice changes nothing the second time.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import cast

from engine.errors import InputError
from engine.ids import derived_id
from engine.operations import published
from engine.operations.file_language import file_language
from engine.operations.import_errors import ErrorFile
from engine.operations.intake import IncomingEvent, intake_in
from engine.operations.published import Current
from engine.operations.table_files import Row, TableFile, open_table
from engine.playbook.catalog import EVENTS
from engine.playbook.conditions.vocabulary import DATETIME, NUMBER, ValueType, value_type
from engine.playbook.spelling import did_you_mean
from engine.playbook.values import Value
from engine.runtime.fields import read
from engine.store.database import Store, Transaction

BATCH = 500
_MOST_TEXT = 10_000

Progress = Callable[[int, int], None]

_NAMES = {"name": "name", "event": "name", "id": "id", "event_id": "id", "at": "at", "time": "at",
          "timestamp": "at", "date": "at", "email": "email", "lead": "lead", "lead_id": "lead_id",
          "properties": "properties", "事件": "name", "事件名称": "name", "邮箱": "email",
          "电子邮件": "email", "时间": "at"}  # fmt: skip


@dataclass(slots=True)
class EventImport:
    """What became of a file of events."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    errors_file: Path | None = None
    enrolled: int = field(default=0)

    def summary(self) -> dict[str, object]:
        """What `--json` shows."""
        return {
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "rejected": self.rejected,
            "errors_file": str(self.errors_file) if self.errors_file else None,
        }


def import_events(
    store: Store,
    path: Path,
    *,
    trigger: bool = False,
    encoding: str = "",
    progress: Progress | None = None,
) -> EventImport:
    """Imports a file of events.

    Args:
        store: where to.
        path: JSON Lines, JSON, CSV or a spreadsheet.
        trigger: whether they may start playbooks, however old they are.
        encoding: the file's encoding, where a person knows it.
        progress: called after each batch with how much is done, of how much.

    Raises:
        InputError: the file cannot be read; nothing was imported.
    """
    current = store.read(published.current)
    found = EventImport()
    language = file_language(current.workspace)
    with closing(open_table(path, language=language, encoding=encoding)) as table:
        _require_name(path, table)
        with ErrorFile(path, table.headings) as errors:
            _run(store, current, table, errors, found, trigger=trigger, progress=progress)
            found.errors_file = errors.written
    return found


def _require_name(path: Path, table: TableFile) -> None:
    if table.headings is not None and "name" not in {_meaning(one) for one in table.headings}:
        raise InputError(
            f"no column of '{path.name}' names the event",
            help=f"its headings need 'name' and 'email'; found {', '.join(table.headings[:8])}",
        )


def _run(
    store: Store,
    current: Current,
    table: TableFile,
    errors: ErrorFile,
    found: EventImport,
    *,
    trigger: bool,
    progress: Progress | None,
) -> None:
    rows = table.rows()
    while batch := list(islice(rows, BATCH)):
        read_rows: list[tuple[Row, IncomingEvent]] = []
        rejected: list[tuple[Row, InputError]] = []
        for row in batch:
            try:
                read_rows.append((row, _event(row, current)))
            except InputError as error:
                rejected.append((row, error))
        rejected += _take(store, read_rows, found, trigger=trigger)
        for row, fault in sorted(rejected, key=lambda one: one[0].number):
            errors.add(row, f"{fault.message}; {fault.help}" if fault.help else fault.message)
        found.rejected += len(rejected)
        if progress is not None:
            progress(table.done, table.size)


def _take(
    store: Store,
    rows: Sequence[tuple[Row, IncomingEvent]],
    found: EventImport,
    *,
    trigger: bool,
) -> list[tuple[Row, InputError]]:
    def write(tx: Transaction) -> list[tuple[int, InputError]]:
        answer = intake_in(tx, [event for _, event in rows], trigger_old=trigger, starts=trigger)
        found.accepted += answer.accepted
        found.duplicates += answer.duplicates
        found.enrolled += len(answer.reaction.entered)
        return answer.rejected

    before = (found.accepted, found.duplicates, found.enrolled)

    def once(tx: Transaction) -> list[tuple[int, InputError]]:
        # A transaction that the database aborts is repeated as a whole.
        found.accepted, found.duplicates, found.enrolled = before
        return write(tx)

    return [(rows[index][0], error) for index, error in store.write(once)] if rows else []


def _meaning(heading: str) -> str:
    return _NAMES.get(heading.strip().lower().replace(" ", "_"), "")


def _event(row: Row, current: Current) -> IncomingEvent:
    if row.fault:
        raise InputError(row.fault)
    known: dict[str, object] = {}
    loose: dict[str, object] = {}
    for column, cell in row.cells.items():
        if cell is None or cell == "":
            continue
        meaning = _meaning(column)
        if meaning:
            known.setdefault(meaning, cell)
        else:
            loose[column.strip()] = cell
    name = str(known.get("name") or "").strip()
    if not name:
        raise InputError("the row names no event", help='give it a "name"')
    lead = _lead(known)
    at = _moment(known.get("at"), current)
    given = {**loose, **_object(known.get("properties"), "properties")}
    properties = _properties(name, given, current)
    id = str(known.get("id") or "").strip()[:200] or _made_id(name, lead, at, given)
    return IncomingEvent(name, lead, id=id, at=at, properties=properties)


def _lead(known: Mapping[str, object]) -> dict[str, object]:
    given = known.get("lead")
    lead = dict(given) if isinstance(given, Mapping) else {}
    if isinstance(given, str):
        lead["email" if "@" in given else "id"] = given.strip()
    if "email" in known:
        lead["email"] = str(known["email"])
    if "lead_id" in known:
        lead["id"] = str(known["lead_id"])
    return lead


def _moment(given: object, current: Current) -> datetime | None:
    if isinstance(given, int | float) and not isinstance(given, bool):
        try:  # what other systems export: seconds or milliseconds since 1970
            return datetime.fromtimestamp(given / 1000 if given > 10**11 else given, UTC)
        except (ValueError, OverflowError, OSError):
            raise InputError(f"'{given}' is no time") from None
    return cast(datetime | None, read("at", given, DATETIME, current.zone))


def _object(given: object, name: str) -> dict[str, object]:
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            raise InputError(f"'{name}' is no JSON object") from None
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InputError(f"'{name}' is no JSON object")
    return {str(key): value for key, value in given.items()}


def _properties(name: str, given: Mapping[str, object], current: Current) -> dict[str, Value]:
    types = _types(name, current)
    found: dict[str, Value] = {}
    for key, value in given.items():
        kind = types.get(key) or (NUMBER if key in {"amount", "value"} else None)
        found[key] = read(key, value, kind, current.zone) if kind else _plain(key, value)
    return found


def _types(name: str, current: Current) -> dict[str, ValueType]:
    known = {event.name: event for event in EVENTS}
    if name in known:
        return {one.name: one.type for one in known[name].properties}
    declared = current.workspace.events.get(name)
    if declared is None:
        raise InputError(
            f"no event is named '{name[:60]}'",
            help=did_you_mean(name, {*known, *current.workspace.events}),
        )
    return {key: value_type(kind) for key, kind in declared.items()}


def _plain(key: str, value: object) -> Value:
    if isinstance(value, str):
        if len(value) > _MOST_TEXT:
            raise InputError(f"the text for '{key[:60]}' is longer than {_MOST_TEXT:,} characters")
        return value.replace("\x00", "")
    if isinstance(value, datetime):
        return value.isoformat()
    return cast(Value, value)


def _made_id(
    name: str, lead: Mapping[str, object], at: datetime | None, given: Mapping[str, object]
) -> str:
    said = json.dumps(given, sort_keys=True, default=str, ensure_ascii=False)
    who = json.dumps(lead, sort_keys=True, default=str, ensure_ascii=False)
    return derived_id("imported", name, who, at.isoformat() if at else "", said)
