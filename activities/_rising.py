"""Levels of escalations that fire in a slice: what the inbox shows of them, and what is kept."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.ids import derived_id
from engine.runtime.position import Member, Rise
from engine.store import escalations


@dataclass(slots=True)
class Rises:
    """Collects what fires: lines of the inbox, one a watch, and lines of the record."""

    _lines: dict[str, dict[str, Any]] = field(default_factory=dict)
    acts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What the inbox shows."""
        return list(self._lines.values())

    def add(self, member: Member, rise: Rise, now: datetime) -> None:
        """A level that fires now, and those that it passes over."""
        id = escalations.task_id(member.id, rise.round)
        owner = _mapping(member.scope.get("owner")).get("id")
        self._lines[member.id] = {
            "id": id, "kind": escalations.KIND, "owner": owner, "lead": member.lead,
            "deal": member.deal, "enrollment": member.id, "subject": _subject(member),
            "text": f"level {rise.level} of {len(rise.op.levels)}: {rise.why}",
            "level": rise.level, "priority": "", "state": "open", "due_at": rise.next_at,
            "snoozed_until": None, "result": "", "ended_by": "", "created_at": now,
            "ended_at": None,
        }  # fmt: skip
        for level in (*rise.passed, rise.level):
            fired = level == rise.level
            self.acts.append(
                {
                    "id": derived_id("rise", member.id, member.seq, level), "at": now,
                    "enrollment": member.id, "playbook": member.plan.playbook,
                    "lead": member.lead, "deal": member.deal, "round": rise.round,
                    "act": "fired" if fired else "passed", "level": level, "by": "",
                    "until": None, "reason": f"due {rise.due_at.isoformat()}" if fired else "",
                    "position": time.time_ns(),
                }
            )  # fmt: skip


def _subject(member: Member) -> str:
    record = _mapping(member.scope.get(member.plan.record))
    name = record.get("name") or record.get("full_name") or record.get("email") or member.record
    return f"{member.plan.title or member.plan.playbook}: {name}"[:300]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
