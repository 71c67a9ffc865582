"""How many leads would cross which threshold or grade if the rules of a score changed so.

Every lead is looked at once, in pages, each in a read of its own: counting a million takes about a
minute, and holds up nobody. Nothing is written.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import sqlalchemy as sa

from engine.operations import published
from engine.operations.editions import Edition
from engine.operations.published import Current
from engine.operations.scopes import load_facts, load_histories, scope_of
from engine.playbook.plan import Plan
from engine.playbook.scoring_plan import Scoring
from engine.playbook.values import Value
from engine.playbook.workspace import load_workspace
from engine.runtime.rulebook import Rulebook
from engine.runtime.scoring import Entry, Standing, fold, micros, standing_of
from engine.store import leads, scores
from engine.store.database import Store, Transaction
from engine.store.lead_facts import STANDINGS

PAGE = 2_000
Progress = Callable[[int], None]


@dataclass(slots=True)
class Crossing:
    """A threshold, and how many leads would come to be above or below it.

    Attributes:
        up: leads that would reach it, and meet its condition now.
        down: leads that would fall below.
        was: its level before; None: it is new.
    """

    playbook: str
    score: str
    threshold: str
    at: float | None
    was: float | None
    up: int = 0
    down: int = 0
    above: int = 0

    def as_json(self) -> dict[str, Any]:
        """What `--json` shows."""
        return {
            "playbook": self.playbook, "score": self.score, "threshold": self.threshold,
            "at": self.at, "was": self.was, "up": self.up, "down": self.down, "above": self.above,
        }  # fmt: skip


@dataclass(slots=True)
class Counting:
    """What a change of one score's rules would do to all leads."""

    crossings: list[Crossing] = field(default_factory=list)
    grades: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Grade → how many leads have it now, and would."""

    looked: int = 0
    changed: int = 0

    def as_json(self) -> dict[str, Any]:
        """What `--json` shows."""
        return {
            "leads": self.looked, "changed": self.changed,
            "crossings": [one.as_json() for one in self.crossings],
            "grades": {
                name: {"now": now, "then": then} for name, (now, then) in self.grades.items()
            },
        }  # fmt: skip


def count_crossings(
    store: Store, edition: Edition, progress: Progress = lambda looked: None
) -> dict[str, Counting]:
    """Playbook → what publishing this edition would do to the totals of its score.

    Only of scoring playbooks whose rules or levels are others than those published.
    """
    found: dict[str, Counting] = {}
    for name, plan in sorted(edition.plans.items()):
        old = store.read(lambda tx, name=name: _published(tx, name))  # type: ignore[misc]
        if plan.scoring is None or (old is not None and old.scoring == plan.scoring):
            continue
        found[name] = _Count(plan, old, edition).run(store, progress)
    return found


def _published(tx: Transaction, name: str) -> Plan | None:
    if not published.is_published(tx):
        return None
    return published.current(tx).plans.get(name)


class _Count:
    def __init__(self, plan: Plan, old: Plan | None, edition: Edition) -> None:
        assert plan.scoring is not None
        self.new = Rulebook(plan.playbook, plan.scoring)
        self.old = Rulebook(plan.playbook, old.scoring) if old and old.scoring else None
        self.plan, self.edition = plan, edition
        was = {one.name: one.at for one in self.old.scoring.thresholds} if self.old else {}
        levels = {one.name: one.at for one in plan.scoring.thresholds}
        self.counting = Counting(
            [
                Crossing(
                    plan.playbook, plan.scoring.score, name, levels.get(name), was.get(name)
                )
                for name in dict.fromkeys((*levels, *was))
            ]
        )  # fmt: skip
        before = self.old.scoring if self.old else Scoring()
        self.same_fit = self.old is not None and before.fit == plan.scoring.fit
        self.same_decay = self.old is not None and before.decay == plan.scoring.decay
        names = [grade.name for grade in (*plan.scoring.grades, *before.grades)]
        self.counting.grades = dict.fromkeys(dict.fromkeys(names), (0, 0))

    def run(self, store: Store, progress: Progress) -> Counting:
        cursor: str | None = ""
        while cursor is not None:
            cursor = store.read(lambda tx, after=cursor: self._page(tx, after))  # type: ignore[misc]
            progress(self.counting.looked)
        return self.counting

    def _page(self, tx: Transaction, after: str) -> str | None:
        id = leads.table.c.id
        query = sa.select(id).where(id > after).order_by(id).limit(PAGE)
        ids = list(tx.conn.execute(query).scalars())
        if not ids or not published.is_published(tx):
            return None
        current = self._current(tx)
        facts = load_facts(tx, current, ids)
        histories = load_histories(tx, ids, self.plan.history) if self.plan.history else {}
        ledgers = {} if self.same_decay else self._ledgers(tx, ids)
        now = micros(tx.now)
        for lead, each in facts.items():
            scope = scope_of(current, each, now=tx.now, history=histories.get(lead))
            self._lead(each, scope, ledgers.get(lead, ()), now)
        self.counting.looked += len(ids)
        return ids[-1] if len(ids) == PAGE else None

    def _current(self, tx: Transaction) -> Current:
        """What is published, with the workspace of the edition: fit may ask for a new field."""
        current = published.current(tx)
        workspace = load_workspace(self.edition.source).workspace
        return current if workspace is None else replace(current, workspace=workspace)

    def _ledgers(self, tx: Transaction, ids: Sequence[str]) -> dict[str, list[Entry]]:
        found: dict[str, list[Entry]] = {}
        for row in scores.behavior(tx, ids, self.new.name):
            entry = Entry(
                row["id"], row["rule"], micros(row["at"]), row["worth"], row["most"], row["per"],
                row["points"],
            )  # fmt: skip
            found.setdefault(row["lead"], []).append(entry)
        return found

    def _lead(
        self, facts: Mapping[str, Value], scope: Any, ledger: Sequence[Entry], now: int
    ) -> None:
        kept = cast("Mapping[str, Any]", facts.get(STANDINGS) or {}).get(self.new.name)
        standing = standing_of(kept) if kept is not None else Standing()
        was = standing.total(now) if self.old is not None and kept is not None else 0
        total = self._then(standing, scope, ledger, now).total(now)
        self.counting.changed += was != total
        before = {one.name: one.at for one in self.old.scoring.thresholds} if self.old else {}
        after = {one.name: (one, holds) for one, holds in self.new.thresholds}
        for crossing in self.counting.crossings:
            level = before.get(crossing.threshold)
            is_above = level is not None and was >= level
            new = after.get(crossing.threshold)
            gets_above = new is not None and total >= new[0].at
            crossing.above += gets_above
            if gets_above and not is_above:
                holds = new[1] if new is not None else None
                crossing.up += holds is None or bool(holds(scope))
            crossing.down += is_above and not gets_above
        grade = self.old.grade(was) if self.old is not None and kept is not None else None
        for name, is_then in ((grade, False), (self.new.grade(total), True)):
            if name is not None:
                now_, then = self.counting.grades[name]
                self.counting.grades[name] = (now_ + (not is_then), then + is_then)

    def _then(self, standing: Standing, scope: Any, ledger: Sequence[Entry], now: int) -> Standing:
        """The standing that the new rules come to."""
        fit = standing.fit if self.same_fit else self.new.fit(scope)[0]
        blank = replace(self.new.blank(), fit=fit)
        if not self.same_decay:
            return fold(sorted(ledger, key=lambda one: (one.at, one.id)), blank)
        left = standing.since(now)
        return replace(blank, behavior=left.behavior, at=left.at, active_at=left.active_at)
