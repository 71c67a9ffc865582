"""Which current plans heed an event, or a change of a record: worked out once a publication.

A batch looks plans up by what happened, so that those with nothing to say cost it nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from engine.operations.published import Current
from engine.playbook.plan import Plan

_BY_CHANGE = frozenset({"stage", "score", "segment"})


@dataclass(frozen=True, slots=True)
class Heeded:
    """What the current plans heed.

    Attributes:
        events: the plans that an event may start, by its name, in the order of the playbooks.
        changes: the plans that a change may start, by the kind of record that changed.
        counted: the events that conditions of some plan count.
        counted_by_segments: those that segment triggers may count.
    """

    events: Mapping[str, tuple[Plan, ...]]
    changes: Mapping[str, tuple[Plan, ...]]
    counted: tuple[str, ...]
    counted_by_segments: frozenset[str]


@lru_cache(maxsize=8)
def heeded(current: Current) -> Heeded:
    """What the current plans heed."""
    plans = tuple(current.plans.values())
    names = sorted(frozenset().union(*(plan.enroll.events for plan in plans)))
    return Heeded(
        events={
            name: tuple(plan for plan in plans if name in plan.enroll.events) for name in names
        },
        changes={
            record: tuple(
                plan
                for plan in plans
                if plan.record == record and (plan.escalation or _kinds(plan) & _BY_CHANGE)
            )
            for record in ("lead", "deal")
        },
        counted=tuple(sorted({name for plan in plans for name in plan.history})),
        counted_by_segments=frozenset(
            name for plan in plans if "segment" in _kinds(plan) for name in plan.history
        ),
    )


def _kinds(plan: Plan) -> frozenset[str]:
    return frozenset(trigger.kind for trigger in plan.enroll.triggers)
