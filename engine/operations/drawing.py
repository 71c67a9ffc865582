"""Drawing the arms of splits within one transaction, and counting what came of them.

A split with a winner is locked when the first enrollment of the transaction comes to it, and
nobody else draws there until the commit: so its sample is never passed. Whoever is drawn in the
same transaction is counted at once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from engine.operations.published import Current
from engine.playbook.plan import Plan, Split, Winner
from engine.runtime import civil
from engine.runtime.matching import Happened
from engine.runtime.position import Member
from engine.runtime.splitting import Drawn, Later, Standing, draw
from engine.runtime.waiting import duration
from engine.store import splits
from engine.store.database import Transaction

_NOBODY = Standing(0, None, {})
_A_MOMENT = timedelta(microseconds=1)


@dataclass(slots=True)
class _Locked:
    """A split whose row is locked: how far it has come, and until when its evidence counts."""

    standing: Standing
    counted_until: datetime


@dataclass(slots=True)
class DrawDesk:
    """Draws arms within one transaction; leads and enrollments are locked already."""

    tx: Transaction
    current: Current
    _locked: dict[tuple[str, str, str], _Locked] = field(default_factory=dict)
    _draws: list[dict[str, Any]] = field(default_factory=list)
    _drawn_anew: list[dict[str, Any]] = field(default_factory=list)

    def draw(self, member: Member, op: Split) -> Drawn | Later:
        """An arm for the member, counted; or when one can be drawn."""
        run = member.scope.get("run")
        key = str(run.get("key") or "") if isinstance(run, Mapping) else ""
        identity = (member.record, member.plan.playbook, op.name, key)
        locked = self._lock(member.plan, op.name, op.winner.by) if op.winner is not None else None
        standing = locked.standing if locked is not None else _NOBODY
        hurried = op.name in _names(member.memory.get("hurried"))
        drawn = draw(
            op, identity, (member.id, member.seq), standing, self.tx.now, waits=not hurried
        )
        if isinstance(drawn, Later):
            return drawn
        due_at = None
        if op.winner is not None and locked is not None:
            due_at = self._due_at(member, op, op.winner, locked)
            if drawn.by_weight:
                latest = max(filter(None, (standing.decide_at, due_at)))
                locked.standing = replace(standing, sampled=standing.sampled + 1, decide_at=latest)
        self._record(member, op, drawn, due_at)
        return drawn

    def flush(self) -> None:
        """Writes the draws, and how far the splits have come."""
        splits.insert(self.tx, self._draws)
        splits.replace_draws(self.tx, self._drawn_anew)
        for key, locked in self._locked.items():
            splits.save_standing(self.tx, key, locked.standing, locked.counted_until)

    def _lock(self, plan: Plan, split: str, event: str) -> _Locked:
        """The split's row; all those of the plan at once, so that nobody waits in a circle."""
        if (plan.playbook, split, event) not in self._locked:
            known = {
                (op.name, op.winner.by) for op in plan.ops if isinstance(op, Split) and op.winner
            }
            for key in sorted(known):
                standing, until = splits.lock_standing(self.tx, plan.playbook, *key)
                self._locked[plan.playbook, *key] = _Locked(standing, until)
        return self._locked[plan.playbook, split, event]

    def _due_at(self, member: Member, op: Split, winner: Winner, locked: _Locked) -> datetime:
        calendar = self.current.calendar(op.calendar or member.plan.calendar, member.scope)
        due_at = civil.add(self.tx.now, duration(winner.within), member.zone, calendar)
        # Evidence is counted along this column, so nothing may come in before its end.
        return max(due_at, locked.counted_until + _A_MOMENT)

    def _record(self, member: Member, op: Split, drawn: Drawn, due_at: datetime | None) -> None:
        arms = member.memory.get("arms")
        again = isinstance(arms, Mapping) and op.name in arms
        into = self._drawn_anew if again else self._draws
        into.append(
            {
                "enrollment": member.id, "split": op.name, "playbook": member.plan.playbook,
                "lead": member.lead, "arm": drawn.arm, "by_weight": drawn.by_weight,
                "event": op.winner.by if op.winner is not None else "", "at": self.tx.now,
                "due_at": due_at, "converted_at": None,
            }
        )  # fmt: skip


def _names(value: object) -> Iterable[object]:
    return value if isinstance(value, list) else ()


def convert(tx: Transaction, current: Current, happened: Iterable[tuple[str, Happened]]) -> None:
    """Counts events, of (lead, event), for the arms that the leads are in and that look for them.

    An event on a mail counts for the run that sent it; whether that run has ended means nothing.
    """
    by_lead: dict[str, list[Happened]] = {}
    for lead, one in happened:
        if one.name in current.measured:
            by_lead.setdefault(lead, []).append(one)
    if not by_lead:
        return
    converted = [
        (row["enrollment"], row["split"])
        for row in splits.out(tx, sorted(by_lead))
        if row["due_at"] >= tx.now
        and any(
            one.name == row["event"] and one.enrollment in ("", row["enrollment"])
            for one in by_lead[row["lead"]]
        )
    ]
    splits.convert(tx, converted)
