"""Every answer that an entry of the inbox takes, of whatever kind it is, one by one or in bulk.

What each kind does is in `inbox` and `escalations`; here it is found by the entry's kind, so that
the command line, the API, the pages and the buttons in messages say the same words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from engine.errors import InputError
from engine.operations import escalations, inbox, published
from engine.playbook import walltime
from engine.playbook.spelling import did_you_mean
from engine.runtime.gathering import NINE
from engine.store import leads, task_acts, tasks
from engine.store.database import Store, Transaction

VERBS = (
    "done", "acknowledge", "snooze", "approve", "reject", "reassign", "retry", "skip",
)  # fmt: skip
MOST = 500
"""Entries in one bulk."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a person answers.

    Attributes:
        verb: one of `VERBS`.
        by: who.
        way: how: `cli`, `api`, `page`, or `message`.
        result: of `done`, what came of it.
        until: of `snooze`; None: tomorrow morning.
        to: of `reassign`, the new owner.
    """

    verb: str
    by: str = ""
    way: str = ""
    result: str = ""
    until: datetime | None = None
    to: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a bulk came to: the entries that took the answer, and why others did not."""

    done: list[str] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)


def answer(store: Store, task: str, said: Said) -> dict[str, Any]:
    """Answers one entry, and gives it as it is then.

    Raises:
        InputError: there is no such entry, it has been answered, or it does not take this answer.
    """
    if said.verb not in VERBS:
        raise InputError(f"nothing is called '{said.verb}'", help=did_you_mean(said.verb, VERBS))
    known = store.read(lambda tx: tasks.get(tx, task))
    match said.verb:
        case "approve" | "reject":
            yes = said.verb == "approve"
            inbox.answer(store, task, yes=yes, actor=said.by, way=said.way)
        case "retry" | "skip":
            inbox.decide(store, task, said.verb, actor=said.by, way=said.way)
        case "reassign":
            store.write(lambda tx: _reassign(tx, task, said))
        case _ if known["kind"] == "escalation":
            _escalated(store, known, said)
        case "done":
            inbox.finish(store, task, result=said.result, actor=said.by, way=said.way)
        case "snooze":
            until = said.until or later(store)
            inbox.snooze(store, task, until, actor=said.by, way=said.way)
        case _:
            store.write(lambda tx: _acknowledge(tx, task, said))
    return show(store, task)


def answer_many(store: Store, ids: Sequence[str], said: Said) -> Answered:
    """Answers several entries, each in a transaction of its own.

    Raises:
        InputError: they are too many, or none.
    """
    wanted = list(dict.fromkeys(ids))
    if not 1 <= len(wanted) <= MOST:
        raise InputError(f"{len(wanted)} entries were named, not 1 to {MOST}")
    answered = Answered()
    for one in wanted:
        try:
            answer(store, one, said)
            answered.done.append(one)
        except InputError as error:
            answered.failed.append({"id": one, "error": error.message})
    return answered


def show(store: Store, task: str) -> dict[str, Any]:
    """One entry, open or not, with who did what with it.

    Raises:
        NotFoundError: there is none with this id.
    """

    def read(tx: Transaction) -> dict[str, Any]:
        (found,) = inbox.shapes(tx, [tasks.get(tx, task)])
        return found

    return store.read(read)


LATER = ("hours", "tomorrow", "monday", "week")
"""Until when an entry is put off, in words that a button has room for."""


def later(store: Store, word: str = "tomorrow") -> datetime:
    """What a word of `LATER` means now: in three hours, or at nine by the workspace's clock.

    Raises:
        InputError: it is none of these words.
    """
    if word not in LATER:
        raise InputError(f"'{word[:40]}' is no time", help=f"use one of: {', '.join(LATER)}")

    def read(tx: Transaction) -> datetime:
        if word == "hours":
            return tx.now + timedelta(hours=3)
        zone = published.current(tx).zone
        day = walltime.local(tx.now, zone).replace(hour=0, minute=0, second=0, microsecond=0)
        days = {"tomorrow": 1, "week": 7}.get(word, 7 - day.weekday())
        return walltime.instant(day + timedelta(days=days, minutes=NINE), zone)

    return store.read(read)


def _escalated(store: Store, known: Mapping[str, Any], said: Said) -> None:
    if known["state"] != "open":
        raise InputError(f"escalation '{known['id']}' is {known['state']} already")
    match said.verb:
        case "acknowledge":
            escalations.acknowledge(store, known["id"], actor=said.by)
        case "snooze":
            until = said.until or later(store)
            escalations.snooze(store, known["id"], until, actor=said.by)
        case _:
            escalations.done(store, known["id"], result=said.result, actor=said.by)


def _acknowledge(tx: Transaction, task: str, said: Said) -> None:
    """Says that somebody sees to it; of a task that is kept, and nothing else changes."""
    known = tasks.get(tx, task)
    if known["state"] != "open":
        raise InputError(f"task '{task}' is {known['state']} already")
    task_acts.record(tx, task, "acknowledged", by=said.by, way=said.way)


def _reassign(tx: Transaction, task: str, said: Said) -> None:
    owners = published.current(tx).workspace.owners
    if said.to not in owners:
        raise InputError(f"no owner is named '{said.to}'", help=did_you_mean(said.to, owners))
    known = tasks.get(tx, task)
    if known["lead"]:
        leads.lock(tx, [known["lead"]])
    tasks.give(tx, task, said.to)
    task_acts.record(tx, task, "reassigned", by=said.by, way=said.way, detail=said.to)
