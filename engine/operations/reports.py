"""Recording what became of messages: the second half of a window of the send ledger."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from engine.ids import derived_id
from engine.mail.transports.port import (
    Accepted,
    Deferred,
    InDoubt,
    NotSent,
    Outcome,
    Rejected,
    RejectionClass,
)
from engine.operations import coming, mail_routes, notices, our_faults, published, throttles
from engine.operations.occurrences import Occurrence
from engine.operations.pacer import Pacer
from engine.operations.reactions import Reactor
from engine.operations.scopes import load_facts
from engine.runtime.matching import Happened
from engine.store import enrollments, events, gone, jobs, leads, suppressions
from engine.store.database import Transaction

GIVE_UP = timedelta(days=5)
"""RFC 5321, 4.5.4.1: a message that no server takes is given up after four to five days."""

TRIED = 24
"""Attempts before that: a message that a brake held for a week has not been refused for a week."""

_BACK_OFF = tuple(timedelta(minutes=n) for n in (1, 5, 15, 30, 60))
_OUR_FAULT_AGAIN = timedelta(minutes=15)


@dataclass(slots=True)
class Sent:
    """What an attempt found out about one message."""

    job: str
    enrollment: str
    seq: int
    lead: str
    step: str
    playbook: str
    address: str
    subject: str
    template: str
    links: tuple[str, ...]
    attempt: int
    created_at: datetime
    marketing: bool
    resend: bool
    outcome: Outcome | str
    """A text: it could not even be written, and why."""
    via: str = ""
    """The mail account that it went by, where the workspace names any."""
    gathered: bool = False
    """Whether it carries notices whose runs have gone on."""


def report(
    tx: Transaction, batch: str, token: str, sent: Sequence[Sent], *, settle: bool = True
) -> None:
    """Writes outcomes where this attempt still owns the job; wakes the enrollments.

    Args:
        tx: a write transaction.
        batch: the batch's id.
        token: the attempt's own.
        sent: what it found out.
        settle: whether to close the batch when it is done; whoever claims from it next does that.
    """
    sent = _as_they_are(tx, sent)
    leads.lock(tx, sorted({one.lead for one in sent}))
    mailed = [one for one in sent if one.template]
    current = published.current(tx)
    down = mail_routes.learn(tx, current, [(one.via, one.outcome) for one in sent])
    throttled = throttles.learn(
        tx, [(one.address, one.outcome) for one in mailed if not _at_our_door(one)]
    )
    pacer = Pacer(tx, {}, current, throttled)
    rows = [{"id": one.job} | _verdict(one, batch, tx.now, pacer, down) for one in sent]
    pacer.flush()
    mine = set(jobs.report(tx, token, rows))
    ours = [one for one in sent if one.job in mine]
    states = {row["id"]: row["state"] for row in rows}
    replies = {row["id"]: row["reason"] for row in rows}
    accepted = [one for one in ours if states[one.job] == "accepted"]
    leads.touch(tx, sorted({one.lead for one in accepted}), "last_sent_at")
    coming.touched(tx, published.current(tx), {one.lead for one in accepted}, "last_sent_at")
    _tell(tx, ours, states, replies)
    our_faults.look(tx, ours)
    for one in ours:
        if one.gathered and states[one.job] in ("rejected", "bounced"):
            notices.spread(tx, [one.job], f"put into the inbox: {replies[one.job]}"[:300])
    if settle:
        jobs.settle_batch(tx, batch)
    ended = [one for one in ours if states[one.job] in jobs.ENDED]
    enrollments.wake_at_seq(tx, [(one.enrollment, one.seq) for one in ended])


def _as_they_are(tx: Transaction, sent: Sequence[Sent]) -> Sequence[Sent]:
    """Letters whose lead was merged away while they were in flight are the survivor's."""
    now = gone.now_as(tx, {one.lead for one in sent})
    return [replace(one, lead=now.get(one.lead, one.lead)) for one in sent] if now else sent


def _verdict(
    one: Sent, batch: str, now: datetime, pacer: Pacer, down: Collection[str]
) -> dict[str, Any]:
    values: dict[str, Any] = {
        "state": "rejected", "reason": "", "not_before": None, "accepted_at": None,
        "ended_at": now, "batch": batch, "subject": one.subject[:500], "links": list(one.links),
    }  # fmt: skip
    soon = mail_routes.detour(pacer.current, one.via, one.outcome, down)
    if soon is not None:
        why = mail_routes.told(one.outcome)
        return _again(one, values, f"by '{one.via}': {why}", soon, now, backs_off=False)
    match one.outcome:
        case str(reason):
            return values | {"reason": reason}
        case Accepted(reply):
            return values | {"state": "accepted", "reason": str(reply)[:300], "accepted_at": now}
        case Deferred(reply, cause, retry_after):
            rest = pacer.rest(one.address) if one.template else None
            if rest is not None and cause in throttles.ASKS:
                return _again(one, values, rest.why, rest.until - now, now, backs_off=False)
            return _again(one, values, f"{cause}: {reply}", retry_after, now)
        case NotSent(put_back=True):
            # The batch holds it still, and whoever claims the next window may take it at once.
            return values | {"state": "queued", "ended_at": None}
        case NotSent(detail, retry_after):
            return _again(one, values, detail, retry_after, now)
        case Rejected(reply, cause, _):
            if cause in our_faults.CAUSES:
                return _again(one, values, f"{cause}: {reply}", _OUR_FAULT_AGAIN, now)
            state = "bounced" if cause == RejectionClass.HARD_BOUNCE else "rejected"
            return values | {"state": state, "reason": f"{cause}: {reply}"[:300]}
        case InDoubt(detail):
            if one.resend:
                return _again(one, values, f"in doubt: {detail}", _BACK_OFF[0], now)
            return values | {"state": "in_doubt", "reason": detail[:300]}
        case _:
            assert_never(one.outcome)


def _at_our_door(one: Sent) -> bool:
    """Whether an account of ours was not let in: that says nothing of where the mail goes."""
    return bool(one.via) and mail_routes.was_refused_entry(one.outcome)


def _again(
    one: Sent,
    values: Mapping[str, Any],
    why: str,
    after: timedelta,
    now: datetime,
    *,
    backs_off: bool = True,
) -> dict[str, Any]:
    """The mail waits; `backs_off`: for longer each time, where its destination does not say."""
    if now - one.created_at > GIVE_UP and one.attempt >= TRIED:
        return dict(values) | {"reason": f"given up after {one.attempt} attempts: {why}"[:300]}
    wait = max(after, _BACK_OFF[min(one.attempt, len(_BACK_OFF)) - 1]) if backs_off else after
    return dict(values) | {
        "state": "deferred", "reason": why[:300], "not_before": now + wait, "ended_at": None,
        "batch": "",
    }  # fmt: skip


def _tell(
    tx: Transaction,
    sent: Sequence[Sent],
    states: Mapping[str, str],
    replies: Mapping[str, str],
) -> None:
    """Turns outcomes into events of the lead: `email.sent` where heard, bounces always."""
    current = published.current(tx)
    rows, occurrences = [], []
    for one in sent:
        name = {"accepted": "email.sent", "bounced": "email.bounced"}.get(states[one.job])
        if name is None or not one.template:
            continue
        if name == "email.bounced":
            suppressions.add(tx, one.address, reason="bounced", source=one.job)
        elif name not in current.heard:
            continue
        properties = {"step": one.step, "template": one.template, "playbook": one.playbook}
        if name == "email.bounced":
            properties |= {"kind": "hard", "reply": replies[one.job]}
        event = derived_id(name, one.job, one.attempt)
        rows.append(
            {
                "id": event, "name": name, "lead": one.lead, "at": tx.now, "accepted_at": tx.now,
                "properties": properties,
            }
        )  # fmt: skip
        happened = Happened(event, name, properties, one.enrollment, one.step)
        occurrences.append(Occurrence(one.lead, happened, tx.now))
    if not rows:
        return
    events.insert_new(tx, rows)
    facts = load_facts(tx, current, {one.lead for one in occurrences})
    Reactor(tx, current, facts).react(occurrences, {})
