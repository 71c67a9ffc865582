"""The suppression list as a file: taken in from another system, and written out whole.

Addresses that were erased leave as salted hashes. They can be taken in where the salt is the same,
or where there is none yet: then it is taken over with them.
"""

import csv
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from engine.errors import EnvironmentFault, InputError
from engine.operations.headings import Headings
from engine.operations.incoming import Evidence, IncomingEvent
from engine.operations.intake import event_id, intake_in
from engine.operations.suppressing import REASONS
from engine.operations.table_files import Row, open_table
from engine.operations.table_import import ImportResult, Progress, Saved, TableImport
from engine.operations.text_encoding import checked_encoding
from engine.playbook.conditions.vocabulary import DATETIME, TEXT
from engine.playbook.spelling import did_you_mean
from engine.runtime.fields import FieldTypes, read
from engine.runtime.identity import address
from engine.store import forgotten, leads, suppressions
from engine.store.database import Store, Transaction
from engine.store.suppressions import UNSUBSCRIBED

COLUMNS = ("email", "topic", "reason", "source", "at", "hash", "salt")
PAGE = 1000

_TYPES: FieldTypes = {name: DATETIME if name == "at" else TEXT for name in COLUMNS}
_CALLED = {
    "email": "e-mail mail email_address address recipient 邮箱 电子邮箱 邮件地址 邮箱地址",
    "topic": "list group 主题 列表",
    "reason": "type status cause 原因 类型 状态",
    "source": "来源",
    "at": "created created_at date time timestamp suppressed_at 时间 日期 加入时间",
}
_HEADINGS = Headings("suppression", _TYPES, _CALLED, frozenset())
_MEANT = {
    **dict.fromkeys(
        ("unsubscribe", "unsub", "unsubscribes", "opt-out", "optout", "退订", "已退订", "取消订阅"),
        UNSUBSCRIBED,
    ),
    **dict.fromkeys(
        ("bounce", "bounces", "hard bounce", "hardbounce", "invalid", "blocked", "cleaned", "退信",
         "硬退信", "无效地址"),
        "bounced",
    ),
    **dict.fromkeys(
        ("complaint", "complaints", "spam", "spamcomplaint", "spam complaint", "abuse",
         "spamreport", "投诉", "垃圾邮件投诉"),
        "complained",
    ),
    **dict.fromkeys(("manual", "manualsuppression", "手动", "人工"), "manual"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of the list: an address, or the hash of one."""

    email: str
    topic: str
    reason: str
    source: str
    at: datetime | None
    hash: str = ""
    salt: str = ""


def import_suppressions(
    store: Store,
    path: Path,
    *,
    reason: str = "",
    topics: Collection[str] = (),
    zone: tzinfo = UTC,
    language: str = "",
    encoding: str = "",
    progress: Progress | None = None,
) -> ImportResult:
    """Takes in a list; who is on it already stays as it is.

    Args:
        store: where to.
        path: CSV, JSON Lines, JSON or a spreadsheet with a column for the address.
        reason: of rows that name none; empty: unsubscribed.
        topics: those of the workspace.
        zone: what times without an offset are in.
        language: the workspace's; the tie-break when nothing else tells the file's encoding.
        encoding: the file's encoding, where a person knows it.
        progress: called after each batch.

    Raises:
        InputError: the file cannot be read, or no column holds addresses; nothing was imported.
    """
    default = _reason(reason or UNSUBSCRIBED)
    with closing(open_table(path, language=language, encoding=encoding)) as table:
        result = ImportResult(encoding=table.encoding)
        columns = None
        if table.headings is not None:
            found = _HEADINGS.mapped(table.headings, {}, ignore_unknown=True)
            columns, result.left_out = dict(found.fields), found.left_out
            if not {"email", "hash"} & set(columns.values()):
                raise InputError(
                    f"no column of '{path.name}' holds addresses", help="call one of them 'email'"
                )

        def read_one(row: Row) -> Listed:
            return _listed(row, columns, default, topics, zone, path.name)

        TableImport(store, table, result, read_one, _write).run(path, progress)
    return result


def export_suppressions(store: Store, path: Path, *, encoding: str = "") -> int:
    """Writes the whole list as CSV; answers how many rows.

    Raises:
        EnvironmentFault: the file cannot be written.
        InputError: there is no such encoding, or it lacks a character of the list.
    """
    name = checked_encoding(encoding) if encoding else "utf-8-sig"
    try:
        with path.open("w", encoding=name, newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="", extrasaction="ignore")
            writer.writeheader()
            count = 0
            for row in _everything(store):
                at = row["at"].isoformat() if row.get("at") else ""
                writer.writerow({**row, "at": at})
                count += 1
    except OSError as error:
        raise EnvironmentFault(f"'{path}' cannot be written: {error.strerror}") from error
    except UnicodeEncodeError as error:
        raise InputError(
            f"'{error.object[error.start : error.end]}' cannot be written in {name}",
            help="leave --encoding out: Excel reads UTF-8 too",
        ) from error
    return count


def _everything(store: Store) -> Sequence[dict[str, Any]]:
    """All rows as of one moment, so that nobody is missed between two pages."""

    def load(tx: Transaction) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        after = ""
        while page := suppressions.whole_page(tx, after=after, limit=PAGE):
            rows += [{**row, "email": row["email_key"]} for row in page]
            after = str(page[-1]["email_key"])
        salt = forgotten.salt_of(tx)
        return rows + [{**row, "salt": salt} for row in forgotten.listing(tx)]

    return store.read(load)


def _listed(
    row: Row,
    columns: dict[str, str] | None,
    default: str,
    topics: Collection[str],
    zone: tzinfo,
    file: str,
) -> Listed:
    if row.fault:
        raise InputError(row.fault)
    values: dict[str, Any] = {}
    for column, cell in row.cells.items():
        name = columns.get(column) if columns is not None else _HEADINGS.named(column, {})
        if name is not None and cell not in (None, ""):
            values[name] = read(name, cell, _TYPES[name], zone)
    email, hash = str(values.get("email") or ""), str(values.get("hash") or "")
    if not email and not hash:
        raise InputError("the row has no address")
    reason = str(values.get("reason") or "")
    if not hash or reason != forgotten.ERASED:
        reason = _reason(reason) if reason else default
    topic = str(values.get("topic") or "")
    if topic and not hash and (topic not in topics or reason != UNSUBSCRIBED):
        # A group of another system: who has left it has left that, and we know no such thing.
        raise InputError(f"no topic is named '{topic[:60]}'", help=did_you_mean(topic, topics))
    return Listed(
        address(email) if email else "", topic, reason, str(values.get("source") or f"file {file}"),
        values.get("at"), hash, str(values.get("salt") or ""),
    )  # fmt: skip


def _reason(text: str) -> str:
    folded = text.strip().casefold().replace("_", " ")
    found = folded if folded in REASONS else _MEANT.get(folded)
    if found is None:
        raise InputError(f"no reason is named '{text[:60]}'", help=did_you_mean(text, REASONS))
    return found


def _write(tx: Transaction, rows: Sequence[Listed]) -> Saved:
    reasons: dict[int, str] = {}
    hashed = []
    ours = {salt: forgotten.adopt_salt(tx, salt) for salt in {one.salt for one in rows if one.hash}}
    for position, one in enumerate(rows):
        if one.hash and not ours[one.salt]:
            reasons[position] = "it is the hash of another house, whose salt is not ours"
        elif one.hash:
            hashed.append({"hash": one.hash, "topic": one.topic, "reason": one.reason,
                           "at": one.at or tx.now})  # fmt: skip
    plain = [one for one in rows if one.email]
    created = forgotten.add_hashes(tx, hashed) + _add(tx, plain)
    unchanged = len(rows) - len(reasons) - created
    return Saved({"created": created, "unchanged": unchanged}, reasons)


def _add(tx: Transaction, rows: Sequence[Listed]) -> int:
    """Suppresses addresses; those of leads that leave everything or a topic end their runs."""
    found = leads.find_by_email(tx, [one.email for one in rows])
    leads.lock(tx, found.values())
    new = suppressions.add_rows(tx, [_suppression(tx, one) for one in rows])
    left = [row for row in new if row["reason"] == UNSUBSCRIBED and row["email_key"] in found]
    intake_in(tx, [_left(row) for row in left], starts=False)
    return len(new)


def _suppression(tx: Transaction, one: Listed) -> dict[str, Any]:
    return {
        "email_key": leads.email_key(one.email), "topic": one.topic, "reason": one.reason,
        "source": one.source, "at": min(one.at, tx.now) if one.at else tx.now,
    }  # fmt: skip


def _left(row: Mapping[str, Any]) -> IncomingEvent:
    key, topic, at = row["email_key"], row["topic"], row["at"]
    return IncomingEvent(
        "email.unsubscribed",
        {"email": key},
        id=event_id("listed", key, topic, at.isoformat()),
        at=at,
        properties={"topic": topic} if topic else {},
        evidence=Evidence(row["source"], actor="import"),
    )
