"""The splits' repository: draws, what came of them, and how far each split has come.

Counting never looks at a draw twice: the evidence of a split is brought up to date from the draws
whose time has ended since the last look, along an index that holds all it needs.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.runtime.splitting import Evidence, Standing
from engine.store import enrollments, quick
from engine.store.columns import EPOCH
from engine.store.database import Transaction
from engine.store.inserting import insert_many, insert_new, upsert
from engine.store.split_tables import SplitDraw, SplitStanding

table: sa.Table = SplitDraw.__table__  # type: ignore[attr-defined]
standing_table: sa.Table = SplitStanding.__table__  # type: ignore[attr-defined]

_standing = (
    sa.select(standing_table)
    .where(
        standing_table.c.playbook == sa.bindparam("the_playbook"),
        standing_table.c.split == sa.bindparam("the_split"),
        standing_table.c.event == sa.bindparam("the_event"),
    )
    .with_for_update()
)
_since = (
    sa.select(
        table.c.arm,
        sa.func.count().label("trials"),
        sa.func.count(table.c.converted_at).label("wins"),
    )
    .where(
        table.c.playbook == sa.bindparam("the_playbook"),
        table.c.split == sa.bindparam("the_split"),
        table.c.event == sa.bindparam("the_event"),
        table.c.due_at > sa.bindparam("since"),
        table.c.due_at <= sa.bindparam("until"),
    )
    .group_by(table.c.arm)
)
_out = sa.select(
    table.c.enrollment, table.c.split, table.c.lead, table.c.event, table.c.due_at
).where(
    table.c.lead.in_(sa.bindparam("leads", expanding=True)),
    table.c.event != "",
    table.c.converted_at.is_(None),
)
_convert = (
    sa.update(table)
    .where(
        table.c.enrollment == sa.bindparam("b_enrollment"),
        table.c.split == sa.bindparam("b_split"),
        table.c.converted_at.is_(None),
    )
    .values(converted_at=sa.bindparam("b_at"))
)
_advance = (
    sa.update(standing_table)
    .where(
        standing_table.c.playbook == sa.bindparam("b_playbook"),
        standing_table.c.split == sa.bindparam("b_split"),
        standing_table.c.event == sa.bindparam("b_event"),
    )
    .values(
        {
            name: sa.bindparam(f"b_{name}_")
            for name in ("sampled", "decide_at", "counted_until", "evidence")
        }
    )
)


def lock_standing(
    tx: Transaction, playbook: str, split: str, event: str
) -> tuple[Standing, datetime]:
    """How far a split that looks for `event` has come, locked.

    Its evidence is of every draw whose time has ended. Whoever draws at several splits locks them
    in the order of their names.

    Returns:
        The standing, and until when its evidence counts.
    """
    key = {"the_playbook": playbook, "the_split": split, "the_event": event}
    found = quick.fetch(tx, _standing, **key)
    if not found:
        fresh = {
            "playbook": playbook, "split": split, "event": event, "sampled": 0, "decide_at": None,
            "counted_until": EPOCH, "evidence": {},
        }  # fmt: skip
        insert_new(tx, standing_table, [fresh], key="split")
        found = quick.fetch(tx, _standing, **key)
    row = found[0]
    return _brought_up(tx, row)


def _brought_up(tx: Transaction, row: Mapping[Any, Any]) -> tuple[Standing, datetime]:
    """A split's standing with what has come since its row was written, and until when it counts."""
    evidence = {arm: Evidence(*counts) for arm, counts in row["evidence"].items()}
    until = max(tx.now, row["counted_until"])
    key = {
        "the_playbook": row["playbook"], "the_split": row["split"], "the_event": row["event"],
    }  # fmt: skip
    for one in quick.fetch(tx, _since, **key, since=row["counted_until"], until=until):
        known = evidence.get(one["arm"], Evidence())
        evidence[one["arm"]] = Evidence(known.trials + one["trials"], known.wins + one["wins"])
    return Standing(row["sampled"], row["decide_at"], evidence), until


def save_standing(
    tx: Transaction, key: tuple[str, str, str], standing: Standing, counted_until: datetime
) -> None:
    """Writes how far a split, (playbook, split, event), has come; its row is locked."""
    playbook, split, event = key
    quick.run(
        tx,
        _advance,
        [
            {
                "b_playbook": playbook, "b_split": split, "b_event": event,
                "b_sampled_": standing.sampled, "b_decide_at_": standing.decide_at,
                "b_counted_until_": counted_until,
                "b_evidence_": {
                    arm: [known.trials, known.wins] for arm, known in standing.evidence.items()
                },
            }
        ],
    )  # fmt: skip


def insert(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """New draws. The same (enrollment, split) twice raises."""
    insert_many(tx, table, rows)


def out(tx: Transaction, leads: Sequence[str]) -> Sequence[quick.Row]:
    """The draws of these leads that an event may still convert, whatever their time."""
    return quick.fetch(tx, _out, leads=leads)


def convert(tx: Transaction, draws: Sequence[tuple[str, str]]) -> None:
    """Marks draws, (enrollment, split), as converted now; the first conversion stands."""
    rows = [{"b_enrollment": one, "b_split": split, "b_at": tx.now} for one, split in draws]
    quick.run(tx, _convert, rows)


def replace_draws(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Draws of enrollments whose former arm their plan has no more; what came of that is gone."""
    update = ("arm", "by_weight", "event", "at", "due_at", "converted_at")
    upsert(tx, table, rows, keys=("enrollment", "split"), update=update)


def entered(tx: Transaction, playbook: str) -> dict[tuple[str, str], int]:
    """Who drew each arm of a playbook's splits, by (split, arm), from the index alone."""
    query = (
        sa.select(table.c.split, table.c.arm, sa.func.count())
        .where(table.c.playbook == playbook)
        .group_by(table.c.split, table.c.arm)
    )
    return {(split, arm): count for split, arm, count in tx.conn.execute(query)}


def standings(tx: Transaction, playbook: str) -> dict[tuple[str, str], Standing]:
    """How far the splits of a playbook have come, by (split, event), for whoever only looks."""
    query = sa.select(standing_table).where(standing_table.c.playbook == playbook)
    rows = tx.conn.execute(query).mappings().all()
    return {(row["split"], row["event"]): _brought_up(tx, dict(row))[0] for row in rows}


def goals(tx: Transaction, playbook: str, split: str) -> dict[str, Evidence]:
    """Of each arm of a split: the runs that have ended, and those of them that reached a goal."""
    run = enrollments.table
    reached = sa.func.count(sa.case((run.c.goal, 1)))
    query = (
        sa.select(table.c.arm, sa.func.count(), reached)
        .join(run, run.c.id == table.c.enrollment)
        .where(table.c.playbook == playbook, table.c.split == split, run.c.ended_at.is_not(None))
        .group_by(table.c.arm)
    )
    return {arm: Evidence(ended, won) for arm, ended, won in tx.conn.execute(query)}
