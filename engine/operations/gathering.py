"""Notices that wait for others, or for the end of quiet hours, and the jobs that carry them.

A notice that waits holds up no run: its step is over once it is kept. All that one person, or one
room, is to be told at one moment goes by one job, whose id says who and when: so it is made once,
however many make it, and told under the same id at every attempt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from engine.ids import derived_id, lane_of, message_id, queue_in_lane
from engine.operations.published import Current
from engine.playbook.plan import Send
from engine.playbook.workspace import Owner
from engine.runtime.calendar import NeverOpenError
from engine.runtime.gathering import Manner, minutes_of
from engine.store import enrollments, notices
from engine.store.database import Transaction

COHORT = "notices/live/0"
"""Whose driver carries gathered notices: no playbook's, for they come from all of them."""

OFF_HOURS = "off-hours"
CARRIES = Send(step="notices", action="notify")
"""What such a job does; its texts are kept beside it."""

_REASON = "gathers notices until then"


@dataclass(frozen=True, slots=True)
class Kept:
    """A notice that is told later.

    Attributes:
        id: of (enrollment, seq).
        owner: who is told, or nobody.
        channel: the room in which it is said; empty: by mail.
        queue: of the job that carries it.
        due_at: when it is told.
        text: what it says.
        task: what in the inbox it is about, where it tells of that alone.
    """

    id: str
    owner: str | None
    channel: str
    queue: str
    due_at: datetime
    text: str
    lead: str
    enrollment: str
    playbook: str
    step: str
    deal: str | None = None
    task: str | None = None


def manner_of(current: Current, owner: str | None) -> Manner:
    """How a person may be told; nobody, or a room: at any time, by the workspace's clock."""
    return _manner(current, owner or "")


@lru_cache(maxsize=1024)
def _manner(current: Current, name: str) -> Manner:
    workspace = current.workspace
    owner = workspace.owners.get(name, Owner())
    calendar = owner.calendar or workspace.calendar
    declared = workspace.calendars.get(calendar)
    zone = current.zone_or(declared.timezone if declared else "")
    quiet = None
    if owner.quiet and owner.quiet != OFF_HOURS:
        begins, ends = (part.strip() for part in owner.quiet.replace("–", "-").split("-"))
        quiet = (minutes_of(begins), minutes_of(ends))
    hours = current.calendar(calendar, {})

    def opens(at: datetime) -> datetime:
        try:
            return hours.next_opening(at)
        except NeverOpenError:
            return at

    known = declared is not None or owner.quiet == OFF_HOURS
    return Manner(zone, quiet, opens if known else None, off_hours=owner.quiet == OFF_HOURS)


def keep(tx: Transaction, current: Current, kept: Sequence[Kept]) -> None:
    """Keeps notices until they are told, and sees to it that they are."""
    if not kept:
        return
    digests = {one.id: _digest_id(one) for one in kept}
    closed = notices.open_digests(tx, _jobs(tx, current, kept, digests))
    if closed:
        # The moment has come in between: these are told by another job, at once.
        late = [one for one in kept if digests[one.id] in closed]
        digests |= {one.id: derived_id("digest", digests[one.id], tx.now) for one in late}
        notices.open_digests(tx, _jobs(tx, current, late, digests))
    notices.insert(tx, [_row(one, digests[one.id], tx.now) for one in kept])
    enrollments.ensure_cohort(
        tx, {"id": COHORT, "playbook": "", "digest": "", "lane": lane_of(COHORT), "shard": 0}
    )
    tx.nudges.add(COHORT)


def _digest_id(one: Kept) -> str:
    return derived_id("digest", one.owner or "", one.channel, one.due_at.isoformat())


def _jobs(
    tx: Transaction, current: Current, kept: Sequence[Kept], digests: dict[str, str]
) -> list[dict[str, Any]]:
    """A job for each moment at which somebody is told something."""
    firsts = {digests[one.id]: one for one in reversed(kept)}
    return [
        {
            "id": id, "enrollment": id, "seq": 0, "cohort": COHORT, "batch": "",
            "queue": queue_in_lane(one.queue, lane_of(COHORT)), "kind": "notify", "playbook": "",
            "step": CARRIES.step, "lead": "", "state": "deferred", "marketing": False, "attempt": 0,
            "token": "", "message_id": message_id(id, current.domain), "address": "",
            "subject": "", "links": [], "reason": _REASON,
            "params": {
                notices.GATHERED: True, "owner": one.owner, "channel": one.channel,
                **({"queue": one.queue} if one.channel and not _is_mail(current, one) else {}),
            },
            "lease_until": None, "not_before": max(one.due_at, tx.now), "accepted_at": None,
            "ended_at": None, "created_at": tx.now,
        }
        for id, one in firsts.items()
    ]  # fmt: skip


def _is_mail(current: Current, one: Kept) -> bool:
    channel = current.workspace.channels.get(one.channel)
    return channel is not None and channel.type == "email"


def _row(one: Kept, digest: str, now: datetime) -> dict[str, Any]:
    return {
        "id": one.id, "digest": digest, "owner": one.owner, "channel": one.channel,
        "lead": one.lead, "deal": one.deal, "enrollment": one.enrollment,
        "playbook": one.playbook, "step": one.step, "task": one.task, "text": one.text,
        "created_at": now, "due_at": max(one.due_at, now),
    }  # fmt: skip
