"""Moving running enrollments to the version that is published now: `longplay apply --move`.

A page of enrollments is one transaction, so a move that is broken off is a move that goes on when
it is called again. Nobody moves while a message of his is being sent (runtime.md, I17); a message
that only waits is taken back, and queued anew by the new version.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.operations import published
from engine.operations.enrollment_rows import cohort_of
from engine.operations.planning import known_steps
from engine.playbook.plan import Plan
from engine.runtime.moving import Goes, Route, Standing, Stays
from engine.runtime.position import ON_JOB, ON_WAIT, QUEUED_AFTER, Logged
from engine.store import enrollments, leads, standings
from engine.store.database import Store, Transaction

PAGE = 200
STATES = ("waiting", "active", "pending", "held", "stopped")


@dataclass(slots=True)
class Moved:
    """What a move did to one playbook.

    Attributes:
        moved: how many went over.
        stayed: reason → how many stayed with their versions.
        soon: how many of those need only be asked again in a moment.
    """

    playbook: str
    moved: int = 0
    stayed: dict[str, int] = field(default_factory=dict)
    soon: int = 0

    def as_json(self) -> dict[str, object]:
        """What `--json` shows."""
        return {
            "playbook": self.playbook, "moved": self.moved, "stayed": self.stayed,
            "soon": self.soon,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Turn:
    """What one page of a move works with."""

    tx: Transaction
    new: Plan
    routes: dict[str, Route]
    known: frozenset[str]


def move(
    store: Store,
    playbooks: Sequence[str] | None = None,
    *,
    progress: Callable[[int], None] = lambda done: None,
) -> list[Moved]:
    """Moves every running enrollment that can be moved to its playbook's current version.

    Args:
        store: the workspace's store.
        playbooks: only these; None: all that are published.
        progress: told after every page how many have been looked at.
    """
    plans = store.read(published.current).plans
    names = sorted(plans) if playbooks is None else [one for one in playbooks if one in plans]
    looked = 0
    answer = []
    for name in names:
        one = Moved(name)
        routes: dict[str, Route] = {}
        for state in STATES:
            after: str | None = ""
            while after is not None:
                page = _Page(name, state, after, routes)
                after, seen = store.write(page.move)
                page.add_to(one)
                looked += seen
                progress(looked)
        answer.append(one)
    return answer


@dataclass(slots=True)
class _Page:
    """One page of one playbook's enrollments in one state."""

    playbook: str
    state: str
    after: str
    routes: dict[str, Route]
    moved: int = 0
    stays: list[Stays] = field(default_factory=list)

    def move(self, tx: Transaction) -> tuple[str | None, int]:
        """Moves the page; answers where the next begins, and how many it looked at."""
        self.moved, self.stays = 0, []  # a transaction may be repeated
        new = published.current(tx).plans.get(self.playbook)
        if new is None:
            return None, 0
        if any(one.new.plan.digest != new.digest for one in self.routes.values()):
            self.routes.clear()  # somebody has published another version in the meantime
        ids = standings.page(tx, self.playbook, self.state, new.digest, self.after, PAGE)
        if not ids:
            return None, 0
        leads.lock(tx, enrollments.leads_of(tx, ids))
        rows = [row for row in standings.locked(tx, ids) if row["digest"] != new.digest]
        turn = _Turn(tx, new, self.routes, known_steps(tx, self.playbook, new.digest))
        self._move(turn, rows)
        return (ids[-1] if len(ids) == PAGE else None), len(ids)

    def add_to(self, whole: Moved) -> None:
        """Counts what became of the page, after its commit."""
        whole.moved += self.moved
        for one in self.stays:
            whole.stayed[one.why] = whole.stayed.get(one.why, 0) + 1
            whole.soon += one.soon

    def _move(self, turn: _Turn, rows: Sequence[sa.RowMapping]) -> None:
        for digest in {row["digest"] for row in rows} - set(turn.routes):
            turn.routes[digest] = Route.between(published.plan(turn.tx, digest), turn.new)
        keys = {row["id"]: row["seq"] for row in rows if row["blocked_on"] == ON_JOB}
        messages = standings.messages(turn.tx, keys) if keys else {}
        had = _had(turn, rows)
        going: list[tuple[sa.RowMapping, Goes]] = []
        for row in rows:
            message = messages.get(row["id"])
            standing = Standing(
                row["pc"], row["state"], row["blocked_on"], message["state"] if message else "",
                had=row["id"] in had,
            )  # fmt: skip
            found = turn.routes[row["digest"]].landing(standing)
            if isinstance(found, Goes):
                going.append((row, found))
            else:
                self.stays.append(found)
        _write(turn, going, messages)
        queued = [messages[row["id"]] for row, _ in going if row["id"] in messages]
        standings.take_back(turn.tx, queued, "its enrollment was moved to another version")
        self.moved = len(going)


def _had(turn: _Turn, rows: Sequence[sa.RowMapping]) -> set[str]:
    """Who has done a step that the move would bring about again."""
    asked: dict[frozenset[str], list[str]] = {}
    for row in rows:
        again = turn.routes[row["digest"]].again(row["pc"]) & turn.known
        if again:
            asked.setdefault(again, []).append(row["id"])
    found: set[str] = set()
    for steps, ids in asked.items():
        found |= standings.that_did(turn.tx, ids, steps)
    return found


def _write(
    turn: _Turn,
    going: Sequence[tuple[sa.RowMapping, Goes]],
    messages: Mapping[str, sa.RowMapping],
) -> None:
    tx = turn.tx
    lanes = _lanes(tx, {row["cohort"] for row, _ in going})
    values = [_values(turn, row, to, lanes[row["cohort"]]) for row, to in going]
    for one, (row, _) in zip(values, going, strict=True):
        if row["id"] in messages:
            one["memory"] |= {QUEUED_AFTER: _queued_after(row, messages[row["id"]])}
    standings.write_moved(tx, values)
    enrollments.log(tx, [(row["id"], _line(turn, row, to)) for row, to in going])
    by_version: dict[str, list[str]] = {}
    for row, _ in going:
        by_version.setdefault(row["digest"], []).append(row["id"])
    for digest, ids in by_version.items():
        for old, new in turn.routes[digest].renamed_senders.items():
            standings.rename_steps(tx, ids, old, new)
    tx.nudges.update(row["cohort"] for row, _ in going)


def _lanes(tx: Transaction, cohorts: set[str]) -> dict[str, str]:
    table = enrollments.cohort_table
    query = sa.select(table.c.id, table.c.lane).where(table.c.id.in_(sorted(cohorts)))
    return {row[0]: row[1] for row in tx.conn.execute(query)}


def _values(turn: _Turn, row: sa.RowMapping, to: Goes, lane: str) -> dict[str, Any]:
    tx, new = turn.tx, turn.new
    route = turn.routes[row["digest"]]
    values: dict[str, Any] = {
        "id": row["id"], "was": row["seq"], "digest": new.digest,
        "cohort": cohort_of(tx, new.playbook, new.digest, lane, row["lead"]),
        "seq": row["seq"] + 1, "pc": to.pc, "memory": route.memory(row["memory"], to.pc),
        "state": row["state"], "blocked_on": row["blocked_on"], "wake_at": row["wake_at"],
        "until_at": row["until_at"],
    }  # fmt: skip
    if to.keeps:
        return values
    rests = row["state"] in {"held", "stopped"}  # a person decides when these go on
    # The end of the step before stands as it was: a wait of another length counts from there.
    return values | {
        "state": row["state"] if rests else "active", "until_at": None,
        "blocked_on": ON_WAIT if to.since else "", "wake_at": None if rests else tx.now,
    }  # fmt: skip


def _queued_after(row: sa.RowMapping, message: sa.RowMapping) -> float:
    """How long after the step before a message was queued first: from then on it can expire."""
    first = message["params"].get("queued_at")
    at: datetime = datetime.fromisoformat(first) if first else message["created_at"]
    anchor: datetime = row["anchor_at"]
    return max(0.0, (at - anchor).total_seconds())


def _line(turn: _Turn, row: sa.RowMapping, to: Goes) -> Logged:
    step = turn.routes[row["digest"]].step_at(row["pc"])
    why = f"from version {row['digest'][:8]} to {turn.new.digest[:8]}, on at {to.step}"
    return Logged(row["seq"], "move", step, "moved", why)
