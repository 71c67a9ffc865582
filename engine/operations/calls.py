"""Webhooks and notices to chat rooms in the send ledger: the window, and what became of it.

What may go is decided as for mail (`windows`). Whoever is called is told at least once: a call in
doubt is made again, under the same id. A notice that no room takes lands in the inbox.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from pydantic import JsonValue

from engine.calls.verdicts import Again, Answer, NotTried, Refused, Taken, Verdict
from engine.ids import kind_of_queue
from engine.operations import notices
from engine.operations.clock_guard import ClockGuard
from engine.operations.windows import WINDOW, Letter, Window, claim
from engine.store import enrollments, gone, jobs, leads
from engine.store.database import Transaction

QUEUE = "longplay-webhook"
"""The queue of everything that is called over HTTP; in the bulk lane it has another."""

MOST_KEPT = 16 * 1024
"""Bytes of a saved answer: it travels with the enrollment from then on."""

_WEBHOOK = (
    timedelta(seconds=10), *(timedelta(minutes=n) for n in (1, 5, 15, 60, 120, 240)),
)  # fmt: skip
_NOTICE = tuple(timedelta(minutes=n) for n in (1, 2, 5, 10, 15))
_GIVE_UP = {"webhook": (8, timedelta(hours=24)), "notify": (5, timedelta(minutes=30))}
"""Attempts and age after which it is given up; a notice is news for half an hour only."""


def are_calls(queue: str) -> bool:
    """Whether what goes by this queue is called over HTTP, in either lane."""
    return kind_of_queue(queue) == QUEUE


@dataclass(frozen=True, slots=True)
class Called:
    """What an attempt found out about one call.

    Attributes:
        letter: what was claimed.
        verdict: what became of it.
        text: what it says, for the ledger and the inbox.
    """

    letter: Letter
    verdict: Verdict
    text: str = ""

    def __post_init__(self) -> None:
        """Takes out of the text what a database refuses."""
        object.__setattr__(self, "text", _clean(self.text))

    @property
    def title(self) -> str:
        """Its first line."""
        return self.text.partition("\n")[0][:200] or self.letter.op.step


def take_turn(
    tx: Transaction,
    batch: str,
    token: str,
    guard: ClockGuard,
    called: Sequence[Called],
    *,
    size: int,
    first: bool,
) -> Window:
    """Reports `called`, then claims up to `size` more.

    Args:
        tx: a write transaction.
        batch: the batch's id.
        token: this attempt's own.
        guard: this process's.
        called: what was found out since the last turn.
        size: how many calls may be begun; 0 only settles the batch.
        first: whether this attempt claims for the first time.
    """
    if called:
        if tx.is_postgres and size:
            # All at once and in one order, before either half locks its own (runtime.md, I7).
            next_ones = {row["lead"] for row in jobs.takeable(tx, batch, WINDOW)}
            leads.lock_remembered(tx, next_ones | {_lead(one) for one in called})
        report(tx, batch, token, called)
    return claim(tx, batch, token, guard, size=size, first=first)


def report(tx: Transaction, batch: str, token: str, called: Sequence[Called]) -> None:
    """Writes what became of calls, where this attempt still owns them; wakes the enrollments.

    The batch is closed, when it is done, by whoever claims next.
    """
    called = _as_they_are(tx, called)
    leads.lock(tx, sorted({_lead(one) for one in called}))
    rows = {one.letter.job: _verdict(one, batch, tx.now) for one in called}
    for row in rows.values():
        row["reason"] = _clean(row["reason"])[:300]
    mine = set(jobs.report(tx, token, [{"id": job} | row for job, row in rows.items()]))
    ours = [one for one in called if one.letter.job in mine]
    untried = [one.letter for one in ours if isinstance(one.verdict, NotTried)]
    jobs.write(tx, [{"id": one.job, "attempt": one.attempt - 1} for one in untried], ("attempt",))
    for one in ours:
        if rows[one.letter.job]["reason"].startswith(_IN_INBOX):
            text = f"{one.text}\n\n{rows[one.letter.job]['reason']}"
            notices.into_inbox(tx, one.letter, one.title, text)
    enrollments.keep_answers(tx, [kept for one in ours if (kept := _kept(one)) is not None])
    ended = [one.letter for one in ours if rows[one.letter.job]["state"] in jobs.ENDED]
    enrollments.wake_at_seq(tx, [(one.enrollment, one.seq) for one in ended])


_IN_INBOX = "put into the inbox"


def _verdict(one: Called, batch: str, now: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {
        "state": "rejected", "reason": "", "not_before": None, "accepted_at": None,
        "ended_at": now, "batch": batch, "subject": one.title, "links": [],
    }  # fmt: skip
    match one.verdict:
        case Taken(answer):
            fault = _unusable(one, answer)
            if fault:
                return values | {"reason": fault}
            why = f"answered {answer.status}"
            return values | {"state": "accepted", "reason": why, "accepted_at": now}
        case NotTried(why, after):
            return values | _deferred(why, now + after)
        case Again(why, after):
            return _again(one, values, why, after, now)
        case Refused(why):
            return values | _refused(one, why, now)
        case _:
            assert_never(one.verdict)


def _again(
    one: Called, values: Mapping[str, Any], why: str, after: timedelta, now: datetime
) -> dict[str, Any]:
    letter = one.letter
    most, age = _GIVE_UP[letter.op.action]
    if letter.attempt >= most and now - letter.created_at > age:
        why = f"given up after {letter.attempt} attempts: {why}"
        return dict(values) | _refused(one, why, now)
    steps = _WEBHOOK if letter.op.action == "webhook" else _NOTICE
    wait = max(after, steps[min(letter.attempt, len(steps)) - 1])
    return dict(values) | _deferred(why, now + wait)


def _deferred(why: str, until: datetime) -> dict[str, Any]:
    return {
        "state": "deferred", "reason": why[:300], "not_before": until, "ended_at": None,
        "batch": "",
    }  # fmt: skip


def _refused(one: Called, why: str, now: datetime) -> dict[str, Any]:
    """The end of a webhook; of a notice not, which a person finds in the inbox instead."""
    if one.letter.op.action == "notify":
        reason = f"{_IN_INBOX}: {why}"[:300]
        return {"state": "accepted", "reason": reason, "accepted_at": now}
    return {"state": "rejected", "reason": why[:300]}


def _unusable(one: Called, answer: Answer) -> str:
    """Why an answer that is to be kept cannot be; empty: it can, or nobody wants it."""
    if not one.letter.op.params.get("save"):
        return ""
    try:
        _answer_of(answer)
    except ValueError as error:
        return f"answered {answer.status}, but not with JSON that can be kept: {error}"[:300]
    return ""


def _kept(one: Called) -> tuple[str, int, JsonValue] | None:
    if not isinstance(one.verdict, Taken) or not one.letter.op.params.get("save"):
        return None
    if _unusable(one, one.verdict.answer):
        return None
    return one.letter.enrollment, one.letter.seq, _answer_of(one.verdict.answer)


def _answer_of(answer: Answer) -> JsonValue:
    found: JsonValue = answer.json() if answer.body.strip() else None
    size = len(json.dumps(found, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    if size > MOST_KEPT:
        raise ValueError(f"it has {size:,} bytes, more than {MOST_KEPT:,}")
    return _storable(found)


def _storable(value: JsonValue) -> JsonValue:
    """JSON without what a database refuses: NUL, half characters, numbers without end."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {str(_storable(name)): _storable(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_storable(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _clean(text: str) -> str:
    """Text without signs that no table or terminal should get: whoever is called chose it."""
    kept = "".join(sign for sign in text if sign >= " " or sign in "\n\t")
    return kept.encode("utf-8", "replace").decode()


def _as_they_are(tx: Transaction, called: Sequence[Called]) -> Sequence[Called]:
    """Calls whose lead was merged away while they were under way are the survivor's."""
    now = gone.now_as(tx, {_lead(one) for one in called})
    return [_with_lead(one, now[_lead(one)]) if _lead(one) in now else one for one in called]


def _with_lead(one: Called, lead: str) -> Called:
    return replace(one, letter=replace(one.letter, lead={**one.letter.lead, "id": lead}))


def _lead(one: Called) -> str:
    return str(one.letter.lead.get("id") or "")
