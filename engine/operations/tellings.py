"""What the notices of a window say, and which entries of the inbox they can be answered to.

Loaded for a window of jobs at once. A question that was answered in the meantime is not told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.operations.saying import OFFERED, Said
from engine.store import notices, tasks
from engine.store.database import Transaction

_FIRST = ("escalation", "approval", "task", "notice")
"""What a notice is about, if its run has several entries in the inbox."""


@dataclass(frozen=True, slots=True)
class Tellings:
    """The notices behind a window of jobs.

    Attributes:
        carried: by job, what was gathered for it.
        waiting: by enrollment, its open entries in the inbox, the newest first.
    """

    carried: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    waiting: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    @classmethod
    def load(cls, tx: Transaction, rows: Sequence[Mapping[Any, Any]]) -> "Tellings":
        """Two queries; none where no notice is among the jobs."""
        told = [row for row in rows if is_notice(row)]
        if not told:
            return cls()
        gathered = [row["id"] for row in told if row["params"].get(notices.GATHERED)]
        carried = notices.of_digests(tx, gathered)
        runs = {row["enrollment"] for row in told}
        runs |= {one["enrollment"] for each in carried.values() for one in each}
        return cls(carried, tasks.waiting_of(tx, runs, tuple(OFFERED)))

    def of(self, row: Mapping[Any, Any]) -> tuple[Said, ...]:
        """What the notice of this job says; the text of a step's own is left to its writer."""
        if not is_notice(row):
            return ()
        owner = str(row["params"].get("owner") or "")
        if not row["params"].get(notices.GATHERED):
            entry = self._entry(row["enrollment"], owner)
            return (_said("", row["created_at"], entry),)
        found = []
        for one in self.carried.get(row["id"], ()):
            if not one["text"]:
                continue  # the lead was erased in the meantime
            entry = self._named(one) if one["task"] else self._entry(one["enrollment"], owner)
            if entry is not None or not one["task"]:
                found.append(_said(one["text"], one["created_at"], entry))
        return tuple(found)

    def told_at(self, row: Mapping[Any, Any]) -> datetime | None:
        """When a notice that was gathered was to be told; None: it was not."""
        return max((one["due_at"] for one in self.carried.get(row["id"], ())), default=None)

    def playbooks(self, row: Mapping[Any, Any]) -> tuple[str, ...]:
        """The playbooks whose notices were gathered for this job; none: it is a step's own."""
        return tuple({one["playbook"] for one in self.carried.get(row["id"], ())})

    def _named(self, one: Mapping[str, Any]) -> Mapping[str, Any] | None:
        open_ = self.waiting.get(one["enrollment"], ())
        return next((task for task in open_ if task["id"] == one["task"]), None)

    def _entry(self, enrollment: str, owner: str) -> Mapping[str, Any] | None:
        """What the recipient can answer: an escalation, or an entry that is his or nobody's."""
        mine = [
            task
            for task in self.waiting.get(enrollment, ())
            if task["kind"] == "escalation" or not owner or task["owner"] in (None, owner)
        ]
        return min(mine, key=lambda task: _FIRST.index(task["kind"]), default=None)


def is_notice(row: Mapping[Any, Any]) -> bool:
    """Whether a job tells our own people something: it alone says whom, or where."""
    return "owner" in row["params"] or "channel" in row["params"]


def _said(text: str, at: Any, entry: Mapping[str, Any] | None) -> Said:
    if entry is None:
        return Said(text, at)
    return Said(text, at, entry["id"], entry["kind"])
