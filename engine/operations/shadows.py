"""Shadows: versions that are compared with the live ones, and what there is to compare them by.

A shadow has no enrollments. It is a stored plan and a moment; what would have come of it is played
from what the store recorded since (`rehearsal.shadow`), in a store that is thrown away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.errors import InputError, NotFoundError
from engine.operations import published
from engine.operations.editions import Edition
from engine.operations.planning import Planned, planned
from engine.operations.publish import keep
from engine.operations.scopes import load_facts
from engine.playbook.plan import Plan
from engine.playbook.spelling import did_you_mean
from engine.playbook.values import Value
from engine.store import enrollments, events, jobs, lead_writing, scores, suppressions
from engine.store.database import Store, Transaction
from engine.store.inserting import upsert
from engine.store.version_tables import Shadow

table: sa.Table = Shadow.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Cast:
    """A shadow: of which playbook, which version, since when, cast by whom."""

    playbook: str
    digest: str
    since: datetime
    actor: str

    def as_json(self) -> dict[str, object]:
        """What `--json` shows."""
        return {"playbook": self.playbook, "digest": self.digest, "since": self.since,
                "actor": self.actor}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Story:
    """What is on record about one live enrollment, and about its lead since it began.

    Attributes:
        lead: the lead's facts as they were at the entry.
        past: events before the entry that conditions may count.
        changes: (when, field → value) that the live version did not make itself.
        points: (when, score, points) that it did not give itself.
        happened: events after the entry, oldest first.
        blocks: suppressions of the address, with their times.
        lines: the live step log.
        mailed: steps whose mail has gone → when it was queued.
    """

    run: Mapping[str, Any]
    lead: Mapping[str, Value]
    past: Sequence[Mapping[str, Any]] = ()
    changes: Sequence[tuple[datetime, Mapping[str, Value]]] = ()
    points: Sequence[tuple[datetime, str, float]] = ()
    happened: Sequence[Mapping[str, Any]] = ()
    blocks: Sequence[Mapping[str, Any]] = ()
    lines: Sequence[Mapping[str, Any]] = ()
    mailed: Mapping[str, datetime] = field(default_factory=dict)


def cast(store: Store, edition: Edition, *, actor: str = "") -> Planned:
    """Lets every playbook that differs from its live version run as a shadow, from now on.

    Raises:
        InputError: none differs from a live one, or one is for deals.
    """

    def work(tx: Transaction) -> Planned:
        found = planned(tx, edition)
        changed = [one for one in found.changes if one.change == "changed"]
        if not changed:
            raise InputError(
                "no playbook differs from its live version",
                help="change one that is published, then: longplay apply --shadow",
            )
        plans = [edition.plans[one.playbook] for one in changed]
        _must_be_for_leads(plans, published.current(tx).plans)
        keep(tx, edition, plans)
        rows = [
            {"playbook": one.playbook, "digest": one.after, "since": tx.now, "actor": actor}
            for one in changed
        ]
        upsert(tx, table, rows, keys=["playbook"], update=["digest", "since", "actor"])
        return Planned(tuple(changed))

    return store.write(work)


def _must_be_for_leads(plans: Sequence[Plan], live: Mapping[str, Plan]) -> None:
    """Refuses deals: what is on record of one does not tell how it was when its run began.

    Raises:
        InputError: a version is for deals, the live one or the shadow.
    """
    for plan in plans:
        if "escalation" in (plan.kind, live[plan.playbook].kind):
            raise InputError(
                f"'{plan.playbook}' is an escalation: what it would do depends on people",
                help="rehearse it with `longplay test` and `longplay simulate`, or look at what "
                "apply would change with: longplay plan",
            )
        if "deal" in (plan.record, live[plan.playbook].record):
            raise InputError(
                f"'{plan.playbook}' is for deals, and shadows are for leads only",
                help="rehearse it with `longplay test` and `longplay simulate`, or look at what "
                "apply would change with: longplay plan",
            )


def cast_now(store: Store) -> list[Cast]:
    """The shadows there are."""
    rows = store.read(lambda tx: tx.conn.execute(sa.select(table).order_by(table.c.playbook)).all())
    return [Cast(row.playbook, row.digest, row.since, row.actor) for row in rows]


def shadow_of(store: Store, playbook: str) -> Cast:
    """The shadow of a playbook.

    Raises:
        NotFoundError: it has none.
    """
    known = {one.playbook: one for one in cast_now(store)}
    if playbook not in known:
        raise NotFoundError(
            f"'{playbook[:80]}' has no shadow",
            help=did_you_mean(playbook, known) if known else "cast one: longplay apply --shadow",
        )
    return known[playbook]


def end(store: Store, playbook: str) -> None:
    """Ends the shadow of a playbook; nothing of it remains but its plan.

    Raises:
        NotFoundError: it has none.
    """
    shadow_of(store, playbook)
    store.write(lambda tx: tx.conn.execute(sa.delete(table).where(table.c.playbook == playbook)))


def stories(tx: Transaction, one: Cast, *, before: str = "", limit: int = 100) -> list[Story]:
    """What is on record of the live enrollments since the shadow was cast, newest first."""
    run = enrollments.table
    query = (
        sa.select(run)
        .where(
            run.c.playbook == one.playbook,
            run.c.entered_at >= one.since,
            run.c.record == run.c.lead,  # since the shadow was cast it may have become for deals
        )
        .order_by(run.c.id.desc())
        .limit(limit)
    )
    if before:
        query = query.where(run.c.id < before)
    rows = tx.conn.execute(query).mappings().all()
    return _told(tx, rows)


def _told(tx: Transaction, runs: Sequence[sa.RowMapping]) -> list[Story]:
    ids = [run["id"] for run in runs]
    leads = sorted({run["record"] for run in runs})
    facts = load_facts(tx, published.current(tx), leads)
    change, event = lead_writing.change_table, events.table
    by_lead = {
        "changes": _grouped(tx, sa.select(change).where(change.c.lead.in_(leads)), "lead"),
        "events": _grouped(tx, sa.select(event).where(event.c.lead.in_(leads)), "lead"),
        "points": _grouped(
            tx, sa.select(scores.table).where(scores.table.c.lead.in_(leads)), "lead"
        ),
    }
    log, job = enrollments.log_table, jobs.table
    lines = _grouped(tx, sa.select(log).where(log.c.enrollment.in_(ids)), "enrollment")
    sent = _grouped(
        tx,
        sa.select(job).where(job.c.enrollment.in_(ids), job.c.state.in_(("accepted", "in_doubt"))),
        "enrollment",
    )
    return [
        _story(
            tx, run, facts[run["record"]],
            {name: found.get(run["record"], []) for name, found in by_lead.items()},
            lines.get(run["id"], []), sent.get(run["id"], []),
        )
        for run in runs
        if run["record"] in facts
    ]  # fmt: skip


_Rows = list[Mapping[str, Any]]


def _grouped(tx: Transaction, query: sa.Select[Any], by: str) -> dict[str, _Rows]:
    found: dict[str, _Rows] = {}
    for row in tx.conn.execute(query).mappings():
        found.setdefault(row[by], []).append({str(name): value for name, value in row.items()})
    return found


def _story(
    tx: Transaction,
    run: sa.RowMapping,
    lead: Mapping[str, Value],
    known: Mapping[str, _Rows],
    lines: _Rows,
    sent: _Rows,
) -> Story:
    began, mine = run["entered_at"], f"{run['playbook']}/"
    later = sorted(
        (one for one in known["changes"] if one["at"] > began),
        key=lambda one: (one["at"], one["id"]),
    )
    then = dict(lead)
    for one in reversed(later):
        if one["field"] in then:
            then[one["field"]] = one["before"]
    points = sorted((one for one in known["points"] if one["at"] > began), key=_by_time)
    for one in points:
        score = then.get("score")
        if one["name"] in ("", "score") and isinstance(score, int | float):
            then["score"] = score - one["points"]
    for name, value in then.items():
        if name.startswith("last_") and isinstance(value, datetime) and value > began:
            then[name] = None
    happened = sorted(known["events"], key=lambda one: (one["accepted_at"], one["id"]))
    email = lead.get("email")
    return Story(
        run=dict(run), lead=then,
        past=[one for one in happened if one["accepted_at"] <= began and one["id"] != run["event"]],
        changes=[
            (one["at"], {one["field"]: one["after"]})
            for one in later
            if mine not in one["reason"] and one["field"] != "created"
        ],
        points=[
            (one["at"], one["name"] or "score", one["points"])
            for one in points
            if not one["reason"].startswith(mine)
        ],
        happened=[one for one in happened if one["accepted_at"] > began],
        blocks=suppressions.of_address(tx, email) if isinstance(email, str) else [],
        lines=sorted(lines, key=lambda one: one["seq"]),
        mailed={one["step"]: one["created_at"] for one in sent},
    )  # fmt: skip


def _by_time(one: Mapping[str, Any]) -> tuple[datetime, str]:
    return one["at"], str(one["id"])
