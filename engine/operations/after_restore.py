"""A store that was brought back from a copy: nobody is mailed twice for it.

What was mailed between the copy and the loss the ledger does not know. A message keeps its id, and
so its Message-ID, when its run is gone through anew: a list of what went settles it. Without one,
what may have gone is in doubt, and goes by the rules of doubt: marketing is held for a person,
what is transactional goes again under the same Message-ID, the run goes on.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.errors import InputError
from engine.operations import brakes
from engine.operations.control import retry_job
from engine.store import enrollments, jobs, leads, restorations
from engine.store.database import Store, Transaction

SLACK = timedelta(days=1)
"""How much longer than the time that is lost its doubts last: windows and `wait until` may put a
step that is gone through anew off by a day."""

WENT = "it went before the restore"
_PAGE = 200
_OURS = re.compile(r"[0-9a-hjkmnp-tv-z]{20}")
"""How ids look that we make: an event with one is another when it comes again."""

_CLOCKED = ("cron", "at", "date")

Row = Mapping[Any, Any]


@dataclass(frozen=True)
class Standing:
    """How a restore stands.

    Attributes:
        copied_at: the moment of the copy.
        lost_at: when the lost store mailed last, at the latest.
        released_at: when mail began to leave again; None: it does not yet.
        is_told: whether all that was mailed in between is known.
        until: when its doubts end; None: mail does not leave yet.
        enrollments: that may have gone on without the store.
        mailed: messages known to have gone.
        held: messages held because they may have gone.
    """

    copied_at: datetime
    lost_at: datetime
    released_at: datetime | None
    is_told: bool
    until: datetime | None
    enrollments: int
    mailed: int
    held: int

    def as_json(self) -> dict[str, object]:
        """What `--json` shows."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def begin(
    tx: Transaction, *, copied_at: datetime, lost_at: datetime | None = None, actor: str = ""
) -> None:
    """Takes the store for a copy of that moment, and pulls the brake for everything.

    Raises:
        InputError: the moments are in the wrong order, or not over.
    """
    lost_at = lost_at or tx.now
    if not copied_at <= lost_at <= tx.now:
        raise InputError(
            f"the copy is of {_said(copied_at)}, and mail was lost until {_said(lost_at)}: "
            f"now it is {_said(tx.now)}",
            help="give the moment of the copy, then that of the loss, both in the past",
        )
    restorations.begin(tx, copied_at=copied_at, lost_at=lost_at, actor=actor)
    brakes.pull(tx, brakes.EVERYTHING, actor or "restore")


def standing(tx: Transaction) -> Standing | None:
    """How the restore stands; None: the store is no copy, or all about it is settled."""
    row = restorations.found(tx)
    if row is None:
        return None
    counted = restorations.count(tx)
    return Standing(
        row["copied_at"], row["lost_at"], row["released_at"], bool(row["is_told"]),
        _until(row), counted["enrollments"], counted["mailed"], counted["held"],
    )  # fmt: skip


def tell_mailed(store: Store, ids: Iterable[str], *, complete: bool = False) -> dict[str, int]:
    """Takes in which messages went in the time that is lost.

    What the ledger takes for open or doubtful is `accepted` from now on; what a run comes to later
    is so when its turn comes.

    Args:
        store: the store.
        ids: of their jobs.
        complete: nothing else went: what is not among them may go.

    Returns:
        how many were new, and how many of the ledger's own are settled by them.

    Raises:
        InputError: the store is no copy, or a complete list is empty.
    """
    new = settled = named = 0
    store.read(_required)
    for some in _chunks(ids):
        named += len(some)
        new += store.write(lambda tx, some=some: _kept(tx, some))  # type: ignore[misc]
    while count := store.write(_settle_page):
        settled += count
    if complete and not named:
        raise InputError(
            "the list names no message of this sender, and is to name all that went",
            help="is it the right file? if nothing went at all: longplay restored end",
        )
    if complete:
        store.write(lambda tx: restorations.change(tx, is_told=True))
    return {"new": new, "settled": settled}


def release_held(store: Store, playbook: str = "") -> int:
    """Sends what is held because it may have gone before: a person has decided that it did not."""
    sent = 0
    while ids := store.read(lambda tx: restorations.held(tx, playbook, _PAGE)):
        for id in ids:
            retry_job(store, id)
        sent += len(ids)
    return sent


def end(store: Store) -> None:
    """Ends the doubts of a restore; what is held stays held.

    Raises:
        InputError: the store is no copy.
    """

    def work(tx: Transaction) -> None:
        _required(tx)
        restorations.end(tx)

    store.write(work)


def pass_over(
    tx: Transaction, rows: Sequence[Row], *, goes_again: Callable[[Row], bool]
) -> Sequence[Row]:
    """Of messages about to be decided about, those that are; the others went, or may have gone.

    It costs one statement where the store is no copy.

    Args:
        tx: a write transaction, in which their leads are locked.
        rows: what is queued.
        goes_again: whether a message in doubt is sent again by itself.
    """
    mark = restorations.found(tx) if rows else None
    if mark is None:
        return rows
    rows, went = _parted(rows, restorations.mailed_among(tx, [row["id"] for row in rows]))
    _write_accepted(tx, went, mark)
    if not rows or brakes.EVERYTHING in brakes.on(tx):
        return rows  # nothing goes: whoever is to be asked has not answered yet
    if mark["released_at"] is None:
        mark = {**mark, "released_at": tx.now}
        restorations.change(tx, released_at=tx.now)
    until = _until(mark)
    if until is not None and tx.now >= until:
        return rows
    asks = [row for row in rows if not (row["params"].get("by_hand") or goes_again(row))]
    doubtful = _doubtful(tx, {row["enrollment"] for row in asks}, mark) if asks else set()
    rows, held = _parted(rows, {row["id"] for row in asks if row["enrollment"] in doubtful})
    _write_in_doubt(tx, held, mark)
    return rows


def _doubtful(tx: Transaction, ids: set[str], mark: Row) -> set[str]:
    """Enrollments that may have been mailed in the time that is lost."""
    entered = restorations.entered_since(tx, ids, mark["begun_at"])
    fresh = {row["id"] for row in entered}
    parents = {row["cause"].split(":")[1] for row in entered if row["cause"].startswith("enroll:")}
    copied = restorations.may_have_run(tx, (ids - fresh) | parents)
    if mark["is_told"]:
        entered = [row for row in entered if not _is_told_by_list(row, copied)]
    found = set() if mark["is_told"] else set(copied)
    bulks = {_bulk_of(row) for row in entered} - {""}
    young = restorations.bulks_since(tx, bulks, mark["copied_at"]) if bulks else set()
    for row in entered:
        parent = row["cause"].split(":")[1] if row["cause"].startswith("enroll:") else ""
        old_bulk = bool(_bulk_of(row)) and _bulk_of(row) not in young
        if parent in found or old_bulk or _was_caused_before(row, mark["lost_at"]):
            found.add(row["id"])
    return found & ids


def _is_told_by_list(row: Row, copied: set[str]) -> bool:
    """Whether its messages, had they gone before, would be in a complete list under their ids.

    Those of events without an id of their sender's, and of changes, had others.
    """
    kind, _, rest = row["cause"].partition(":")
    if kind == "event":
        return _OURS.fullmatch(rest) is None
    if kind == "enroll":
        return rest.partition(":")[0] in copied
    return kind == "bulk" or row["reason"].partition(" ")[0] in _CLOCKED


def _bulk_of(row: Row) -> str:
    kind, _, id = row["cause"].partition(":")
    return id if kind == "bulk" else ""


def _was_caused_before(row: Row, lost_at: datetime) -> bool:
    """Whether what made it enter may have done so before: an event of then, a clock of then."""
    if row["event_at"] is not None:
        return bool(row["event_at"] <= lost_at)
    kind, _, moment = row["reason"].partition(" ")
    if kind not in _CLOCKED:
        return False
    try:
        return datetime.fromisoformat(moment) <= lost_at
    except ValueError:
        return False


def _until(mark: Row) -> datetime | None:
    released: datetime | None = mark["released_at"]
    return released and released + (mark["lost_at"] - mark["copied_at"]) + SLACK


def _write_accepted(tx: Transaction, rows: Sequence[Row], mark: Row) -> None:
    ends = {"state": "accepted", "reason": WENT, "accepted_at": mark["lost_at"],
            "ended_at": tx.now, "not_before": None}  # fmt: skip
    jobs.write(tx, [{"id": row["id"]} | ends for row in rows], tuple(ends))
    enrollments.wake_at_seq(tx, [(row["enrollment"], row["seq"]) for row in rows])


def _write_in_doubt(tx: Transaction, rows: Sequence[Row], mark: Row) -> None:
    span = f"{_said(mark['copied_at'])} and {_said(mark['lost_at'])}"
    ends = {"state": "in_doubt", "reason": f"{restorations.HELD}it may have gone between {span}",
            "ended_at": tx.now, "not_before": None}  # fmt: skip
    jobs.write(tx, [{"id": row["id"]} | ends for row in rows], tuple(ends))
    enrollments.wake_at_seq(tx, [(row["enrollment"], row["seq"]) for row in rows])


def _kept(tx: Transaction, ids: Sequence[str]) -> int:
    _required(tx)
    return restorations.keep_mailed(tx, ids)


def _settle_page(tx: Transaction) -> int:
    mark = _required(tx)
    rows = restorations.open_and_mailed(tx, _PAGE)
    leads.lock(tx, sorted({row["lead"] for row in rows}))
    _write_accepted(tx, rows, mark)
    for batch in sorted({row["batch"] for row in rows if row["batch"]}):
        jobs.settle_batch(tx, batch)
    tx.nudges.update(row["cohort"] for row in rows)
    return len(rows)


def _required(tx: Transaction) -> Row:
    mark = restorations.found(tx)
    if mark is None:
        raise InputError(
            "the database was not restored from a copy, or that is settled",
            help="after a restore by other means: longplay restored begin --copied-at TIME",
        )
    return mark


def _parted(rows: Sequence[Row], ids: set[str]) -> tuple[list[Row], list[Row]]:
    return [row for row in rows if row["id"] not in ids], [row for row in rows if row["id"] in ids]


def _chunks(ids: Iterable[str]) -> Iterable[list[str]]:
    some: list[str] = []
    for id in ids:
        some.append(id)
        if len(some) == 2 * _PAGE:
            yield some
            some = []
    if some:
        yield some


def _said(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")
