"""Why a lead did or did not get something: every decision about it that is on record, in order.

It reads; what it tells was written by the transaction that decided: of refusals the latest of each
kind. For playbooks that a lead was never in it says how the rules stand now, besides.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.errors import NotFoundError
from engine.operations import brakes, coming, published
from engine.operations.lead_changes import found_lead
from engine.operations.published import Current
from engine.operations.scopes import load_facts, load_histories, scope_of
from engine.playbook.plan import Plan, Trigger
from engine.playbook.spelling import did_you_mean
from engine.runtime.enrolling import Decline, decide_entry
from engine.runtime.escalating import unwatched
from engine.store import (
    consents,
    deals,
    enrollments,
    events,
    jobs,
    lead_writing,
    owners,
    refusals,
    scores,
    suppressions,
)
from engine.store.database import Store, Transaction


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision: when, what, and why."""

    at: datetime
    what: str
    why: str

    def as_json(self) -> dict[str, object]:
        """What `--json` shows."""
        return {"at": self.at, "what": self.what, "why": self.why}


def explain(store: Store, lead: str, *, playbook: str = "") -> list[Decided]:
    """Every decision about a lead, oldest first.

    Args:
        store: the workspace's store.
        lead: its address or id.
        playbook: only what this playbook decided.

    Raises:
        NotFoundError: there is no such lead, or no such playbook.
    """
    return store.read(lambda tx: _explain(tx, lead, playbook))


def _explain(tx: Transaction, name: str, playbook: str) -> list[Decided]:
    current = published.current(tx)
    lead = str(found_lead(tx, name))
    table = enrollments.table
    mine = table.c.lead == lead
    if playbook:
        mine = sa.and_(mine, table.c.playbook == playbook)
    rows = tx.conn.execute(sa.select(table).where(mine).order_by(table.c.id)).mappings().all()
    if playbook and not rows and playbook not in current.plans:
        raise NotFoundError(
            f"no playbook '{playbook[:60]}' is published",
            help=did_you_mean(playbook, current.plans),
        )
    by_id = {row["id"]: row for row in rows}
    told = [] if playbook else [*_changes(tx, lead), *_owners(tx, lead), *_points(tx, lead)]
    told += [*_entries(tx, by_id), *_steps(tx, by_id), *_mails(tx, by_id), *_standing(tx, by_id)]
    records = [lead, *deals.of_lead(tx, lead)]
    told += [*_refusals(tx, records, playbook), *_coming(tx, current, records, playbook)]
    told += _blocks(tx, current, lead)
    told += [] if playbook else _consents(tx, lead)
    seen = {row["playbook"] for row in rows}
    wanted = [playbook] if playbook else sorted(current.plans)
    told += _outside(tx, current, lead, [one for one in wanted if one not in seen])
    return sorted(told, key=lambda one: one.at)


_Rows = Mapping[str, sa.RowMapping]


def _entries(tx: Transaction, rows: _Rows) -> Iterator[Decided]:
    causes = [row["event"] for row in rows.values() if row["event"]]
    event = events.table
    query = sa.select(event.c.id, event.c.name).where(event.c.id.in_(causes))
    names = {row[0]: row[1] for row in tx.conn.execute(query)} if causes else {}
    for row in rows.values():
        kind, _, rest = row["cause"].partition(":")
        why = {
            "event": f"trigger: event {names.get(row['event'], rest)}",
            "manual": "by hand",
            "bulk": "by hand, in bulk",
            "playbook": f"by another playbook: {rest}",
        }.get(kind, f"trigger: {kind}")
        key = f", key '{row['key']}'" if row["key"] else ""
        yield Decided(row["entered_at"], f"enrolled in {row['playbook']}{key}", why)


def _steps(tx: Transaction, rows: _Rows) -> Iterator[Decided]:
    log = enrollments.log_table
    query = sa.select(log).where(log.c.enrollment.in_(list(rows)))
    by = _accounts(tx, rows)
    for line in tx.conn.execute(query.order_by(log.c.at, log.c.enrollment, log.c.seq)).mappings():
        where = f"{rows[line['enrollment']]['playbook']}"
        step = f" / {line['step']}" if line["step"] else ""
        account = by.get((line["enrollment"], line["seq"]))
        why = f"{line['why']} (by '{account}')".strip() if account else line["why"]
        yield Decided(line["at"], f"{where}{step}: {line['outcome']}", why)


def _accounts(tx: Transaction, rows: _Rows) -> dict[tuple[str, int], str]:
    """By which mail account each step's mail went, where the workspace names any."""
    job = jobs.table.c
    query = sa.select(job.enrollment, job.seq, job.via).where(
        job.enrollment.in_(list(rows)), job.via != ""
    )
    return {(one[0], one[1]): one[2] for one in tx.conn.execute(query)}


def _mails(tx: Transaction, rows: _Rows) -> Iterator[Decided]:
    """Messages that are not through; how the others ended is in the step log."""
    job = jobs.table
    query = sa.select(job).where(
        job.c.enrollment.in_(list(rows)),
        job.c.state.in_(("queued", "in_flight", "deferred", "in_doubt")),
    )
    braked = brakes.on(tx)
    for row in tx.conn.execute(query).mappings():
        kind = "notice" if row["kind"] == "notify" else row["kind"]
        what = f"{row['playbook']} / {row['step']}: {kind} {row['state'].replace('_', ' ')}"
        if row["state"] == "deferred" and row["not_before"]:
            what += f" until {row['not_before'].isoformat(timespec='seconds')}"
        why = row["reason"]
        if not why and braked & {row["playbook"], brakes.EVERYTHING}:
            why = "the brake is on: no mail leaves"
        if row["via"] and row["state"] in ("in_flight", "in_doubt", "deferred"):
            what += f" by '{row['via']}'"
        if row["state"] == "deferred" and row["attempt"] > 1:
            why += f" (tried {row['attempt']} times)"
        yield Decided(row["ended_at"] or row["created_at"], what, why)


def _standing(tx: Transaction, rows: _Rows) -> Iterator[Decided]:
    """Where open enrollments stand now."""
    for row in rows.values():
        if row["ended_at"] is not None:
            continue
        step = published.plan(tx, row["digest"]).ops[row["pc"]].step
        what = f"{row['playbook']} / {step}: {row['state']}"
        if row["state"] == "waiting" and row["until_at"]:
            what += f" until {row['until_at'].isoformat(timespec='seconds')}"
        why = row["reason"] if row["state"] == "stopped" else _waits_for(row["blocked_on"])
        yield Decided(tx.now, what, why)


def _waits_for(blocked_on: str) -> str:
    return {
        "wait": "a time",
        "await": "an event or a condition",
        "job": "a message",
        "split": "the sample of the split, which has not had its time",
        "answer": "a person's answer",
    }.get(blocked_on, "")


def _changes(tx: Transaction, lead: str) -> Iterator[Decided]:
    """Changes that no step made; those of playbooks are in the step log."""
    change = lead_writing.change_table
    query = sa.select(change).where(change.c.lead == lead, change.c.actor != "playbook")
    for row in tx.conn.execute(query.order_by(change.c.at, change.c.id)).mappings():
        what = f"{row['field']}: {_text(row['before'])} → {_text(row['after'])}"
        if row["field"] == "created":
            what = "became known"
        yield Decided(row["at"], what, ": ".join(filter(None, (row["actor"], row["reason"]))))


def _owners(tx: Transaction, lead: str) -> Iterator[Decided]:
    for row in owners.assignments_of(tx, lead):
        former = f", before: {row['former']}" if row["former"] else ""
        rule = f"rule {row['rule']}: " if row["rule"] else ""
        what = f"assigned to {row['owner']}" if row["owner"] else "taken from its owner"
        yield Decided(row["at"], f"{what}{former}", f"{rule}{row['why']}")


def _points(tx: Transaction, lead: str) -> Iterator[Decided]:
    for row in scores.of_lead(tx, lead):
        yield Decided(row["at"], f"{row['points']:+g} {row['name'] or 'score'}", row["reason"])


def _refusals(tx: Transaction, records: Sequence[str], playbook: str) -> Iterator[Decided]:
    """The latest refusal of each kind by each playbook."""
    for row in refusals.of(tx, records, playbook):
        of = f" with deal {row['record']}" if row["record"] != records[0] else ""
        yield Decided(row["at"], f"not let into {row['playbook']}{of}", row["why"])


def _coming(
    tx: Transaction, current: Current, records: Sequence[str], playbook: str
) -> Iterator[Decided]:
    """When `date` triggers will look at it, as its dates are now."""
    moment = coming.table
    query = sa.select(moment).where(
        moment.c.playbook.in_([playbook] if playbook else sorted(current.plans)),
        moment.c.record.in_(records),
    )
    for row in tx.conn.execute(query.order_by(moment.c.at)).mappings():
        at = row["at"].isoformat(timespec="seconds")
        of = f" with deal {row['record']}" if row["record"] != records[0] else ""
        what = f"{row['playbook']}: will be looked at on {at}{of}"
        yield Decided(max(row["at"], tx.now), what, f"trigger: {row['trigger']}")


def _blocks(tx: Transaction, current: Current, lead: str) -> Iterator[Decided]:
    email = load_facts(tx, current, [lead])[lead].get("email")
    for row in suppressions.of_address(tx, email) if isinstance(email, str) else []:
        what = f"suppressed: {row['reason']}" + (f" from {row['topic']}" if row["topic"] else "")
        at = row["at"]
        if isinstance(at, datetime):
            yield Decided(at, what, str(row["source"]))


def _consents(tx: Transaction, lead: str) -> Iterator[Decided]:
    for line in consents.of_lead(tx, lead):
        topic = f" about {line['topic']}" if line["topic"] else ""
        what = f"consent to {line['purpose'].replace('_', ' ')}{topic}: {line['state']}"
        yield Decided(line["at"], what, line["source"])


def _outside(
    tx: Transaction, current: Current, lead: str, playbooks: list[str]
) -> Iterator[Decided]:
    """How the rules of entry stand for playbooks that the lead was never in."""
    plans = [one for name in playbooks if (one := current.plans[name]).record == "lead"]
    history = sorted({name for plan in plans for name in plan.history})
    facts = load_facts(tx, current, [lead])[lead]
    past = load_histories(tx, [lead], history).get(lead) if history else None
    scope = scope_of(current, facts, now=tx.now, history=past)
    blocked = bool(suppressions.blocked(tx, {lead: facts.get("email")}))
    for plan in plans:
        entry = decide_entry(
            plan, scope, "explain", [], suppressed=blocked, now=tx.now,
            zone=current.zone_of(facts), key="",
        )  # fmt: skip
        why = f"none of its triggers has let the lead in ({_triggers(plan)})"
        if plan.escalation is not None:
            why = unwatched(plan, scope) or "nobody has looked at it yet"
            yield Decided(tx.now, f"not watched by {plan.playbook}", why)
            continue
        if isinstance(entry, Decline):
            why += f"; now it would not be let in: {entry.why}"
        yield Decided(tx.now, f"not enrolled in {plan.playbook}", why)


def _triggers(plan: Plan) -> str:
    return ", ".join(map(_trigger, plan.enroll.triggers)) or "it has none"


def _trigger(one: Trigger) -> str:
    level = f"{one.score} >= {one.level:g}" if one.score else ""
    said = one.event or one.stage or one.cron or one.moment or level
    if not said or said.startswith(f"{one.kind} "):
        return said or one.kind
    return f"{one.kind} {said}"


def _text(value: Any) -> str:
    if value in (None, "", []):
        return "nothing"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
