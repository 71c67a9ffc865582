"""Scores: the ledger of points, why a score is what it is; and the standings that leads have.

The caller has locked the leads. What a standing means is `engine.runtime.scoring`'s to say.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.runtime.scoring import Standing, moment
from engine.store import quick
from engine.store.database import Transaction
from engine.store.inserting import insert_many
from engine.store.lead_facts import table as lead_table
from engine.store.score_tables import ScoreEntry

table: sa.Table = ScoreEntry.__table__  # type: ignore[attr-defined]

_columns = (
    "score", "grade", "scores", "score_fit", "score_behavior", "score_at", "score_half_life",
    "score_low", "score_high", "score_look_at",
)  # fmt: skip
_keep = (
    sa.update(lead_table)
    .where(lead_table.c.id == sa.bindparam("the_id"))
    .values(
        {name: sa.bindparam(f"new_{name}", type_=lead_table.c[name].type) for name in _columns}
        | {"version": lead_table.c.version + 1}
    )
)
_passing = ("score", "grade", "scores", "score_look_at")
_settle = (
    sa.update(lead_table)
    .where(lead_table.c.id == sa.bindparam("the_id"))
    .values(
        {name: sa.bindparam(f"new_{name}", type_=lead_table.c[name].type) for name in _passing}
        | {"version": lead_table.c.version + 1}
    )
)
_given = sa.select(table.c.lead, table.c.rule, table.c.at, table.c.points).where(
    table.c.lead.in_(sa.bindparam("leads", expanding=True)),
    table.c.name == sa.bindparam("score"),
    table.c.at > sa.bindparam("since", type_=table.c.at.type),
    table.c.most.is_not(None),
)
_behavior = (
    sa.select(
        table.c.id, table.c.lead, table.c.rule, table.c.at, table.c.worth, table.c.most,
        table.c.per, table.c.points,
    )
    .where(
        table.c.lead.in_(sa.bindparam("leads", expanding=True)),
        table.c.name == sa.bindparam("score"),
        table.c.part == "behavior",
    )
)  # fmt: skip
_mend = (
    sa.update(table)
    .where(table.c.id == sa.bindparam("the_id"))
    .values(points=sa.bindparam("new_points"))
)


def add(tx: Transaction, entries: Sequence[Mapping[str, Any]]) -> None:
    """Appends entries, whole rows of the ledger; one that is there already raises."""
    insert_many(tx, table, entries)


def mend(tx: Transaction, points: Mapping[str, float]) -> None:
    """Sets what these entries gave, after something late came before them."""
    quick.run(
        tx, _mend, [{"the_id": id, "new_points": given} for id, given in sorted(points.items())]
    )


def of_lead(tx: Transaction, lead: str, name: str = "") -> Sequence[sa.RowMapping]:
    """A lead's entries, oldest first; of one score, or of all."""
    query = sa.select(table).where(table.c.lead == lead).order_by(table.c.at, table.c.id)
    if name:
        query = query.where(table.c.name == name)
    return tx.conn.execute(query).mappings().all()


def given(
    tx: Transaction, leads: Iterable[str], score: str, since: datetime
) -> list[dict[str, Any]]:
    """What rules with a limit gave these leads after a moment: lead, rule, at, points."""
    return quick.fetch(tx, _given, leads=list(leads), score=score, since=since)


def behavior(tx: Transaction, leads: Iterable[str], score: str) -> list[dict[str, Any]]:
    """The whole ledger of behavior of these leads, in no order."""
    return quick.fetch(tx, _behavior, leads=list(leads), score=score)


def keep(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes what leads' scores are: `id` and the columns that `columns` answers."""
    quick.run_locked(
        tx,
        _keep,
        [{"the_id": row["id"], **{f"new_{n}": row[n] for n in _columns}} for row in rows],
    )


def settle(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes what time has made of leads' scores, of which nothing else is different."""
    quick.run(
        tx,
        _settle,
        [{"the_id": row["id"], **{f"new_{n}": row[n] for n in _passing}} for row in rows],
    )


def columns(
    kept: Mapping[str, Any], main: Standing | None, total: float, grade: str | None,
    look_at: int | None,
) -> dict[str, Any]:  # fmt: skip
    """A lead's columns about scores.

    Args:
        kept: score → its standing, as JSON.
        main: the standing of `lead.score`, if a playbook keeps it.
        total: what is read of it now.
        grade: its grade.
        look_at: when one of the scores crosses a level by itself, in microseconds.
    """
    fades = main is not None and bool(main.half_life)
    return {
        "score": total, "grade": grade, "scores": dict(kept),
        "score_fit": main.fit if main and fades else None,
        "score_behavior": main.behavior if main and fades else None,
        "score_at": main.at if main and fades else None,
        "score_half_life": main.half_life if main and fades else None,
        "score_low": main.low if main and fades else None,
        "score_high": main.high if main and fades else None,
        "score_look_at": moment(look_at) if look_at is not None else None,
    }  # fmt: skip
