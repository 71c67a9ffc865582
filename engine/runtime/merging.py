"""Two leads become one: which value of each field stays, and which of two runs goes on. Pure.

The survivor's values stay; what it lacks comes from the other. Some fields follow from both: tags
are joined, orders and revenue added, `created_at` is the earlier, what happened last the later. The
stage is the further one, because nothing moves backward silently. A consent that either took back
is taken back.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from engine.errors import InputError
from engine.playbook.spelling import did_you_mean
from engine.playbook.values import Record, Value
from engine.runtime.scoring import standing_of

NEVER_TAKEN = frozenset({"id", "score", "scores", "grade", "version", "created_at"})
"""What follows from other things: nobody takes it from one of the two."""

_CONSENTS = ("consent", "open_consent")
_ADDED = ("orders", "revenue")
_FOLLOW_STAGE = "stage_entered_at"


@dataclass(frozen=True, slots=True)
class Run:
    """An enrollment, as far as two of them may be one too many.

    Attributes:
        lead: whose it was before the two became one.
        again: what the playbook says of coming again: `never`, `always`, or a length.
    """

    id: str
    lead: str
    playbook: str
    record: str
    key: str
    entered_at: datetime
    is_open: bool
    again: str = "always"


def merged_fields(
    survivor: Record, other: Record, *, lifecycle: Sequence[str], take: Collection[str] = ()
) -> dict[str, Value]:
    """What is written to the survivor: the fields whose values change.

    Args:
        survivor: the lead that stays.
        other: the lead that is merged into it.
        lifecycle: the stages, in order.
        take: fields whose value comes from the other lead, if it has one.

    Raises:
        InputError: a field of `take` does not exist, or follows from other things.
    """
    _check(take, survivor)
    values: dict[str, Value] = {}
    for name in survivor:
        if name in NEVER_TAKEN or name == _FOLLOW_STAGE:
            continue
        value = _merged(name, survivor[name], other.get(name), lifecycle, name in take)
        if value != survivor[name]:
            values[name] = value
    if "stage" in values:
        values[_FOLLOW_STAGE] = other[_FOLLOW_STAGE]
    earlier = _earlier(survivor.get("created_at"), other.get("created_at"))
    if earlier != survivor.get("created_at"):
        values["created_at"] = earlier
    if values.keys() & {"first_name", "last_name"} and "full_name" not in take:
        values.pop("full_name", None)  # it is worked out from them
    return values


def added_scores(
    survivor: Mapping[str, Any], other: Mapping[str, Any]
) -> dict[str, Mapping[str, Any]]:
    """The standings of one person, by the scores' names: the ledgers are joined, so points add up.

    Fit is the survivor's until it is worked out anew.
    """
    added = {**other, **survivor}
    for name in survivor.keys() & other.keys():
        mine, more = standing_of(survivor[name]), standing_of(other[name])
        at = max(mine.at, more.at)
        behavior = mine.behavior_at(at) + more.behavior_at(at)
        told = tuple(dict.fromkeys((*mine.told, *more.told)))
        active_at = max(mine.active_at, more.active_at)
        both = replace(mine, behavior=behavior, at=at, active_at=active_at, told=told)
        added[name] = both.as_json()
    return added


def superfluous(runs: Iterable[Run]) -> dict[str, str]:
    """Which of the open runs of one person end, and why: nobody is mailed twice.

    Of two under way in one playbook with the same key the older goes on. One under way in a
    playbook that a lead goes through once (`again: never`) ends, if the other lead went through it.
    """
    groups: dict[tuple[str, str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.playbook, run.record, run.key), []).append(run)
    ends: dict[str, str] = {}
    for group in groups.values():
        going = []
        for run in sorted(group, key=lambda run: (run.entered_at, run.id)):
            if not run.is_open:
                continue
            if run.again == "never" and any(_been_through(one, run) for one in group):
                ends[run.id] = "the other lead has been through this playbook"
            else:
                going.append(run)
        ends |= {run.id: "of two runs of one person the older goes on" for run in going[1:]}
    return ends


def _been_through(one: Run, run: Run) -> bool:
    return not one.is_open and one.lead != run.lead


def _check(take: Collection[str], survivor: Record) -> None:
    for name in take:
        if name not in survivor:
            raise InputError(
                f"a lead has no field '{name[:60]}'", help=did_you_mean(name, survivor)
            )
        if name in NEVER_TAKEN or name == _FOLLOW_STAGE:
            raise InputError(f"'{name}' cannot be taken: it follows from what happened to both")


def _merged(name: str, mine: Value, other: Value, lifecycle: Sequence[str], taken: bool) -> Value:
    if taken and other not in (None, "", []):
        return other
    if name == "stage":
        return other if _further(str(other), str(mine), lifecycle) else mine
    if name in _CONSENTS:
        return "withdrawn" if "withdrawn" in (mine, other) else mine or other
    if name == "tags":
        return _joined(mine, other)
    if name in _ADDED:
        return sum(one for one in (mine, other) if isinstance(one, int | float))
    if name.startswith("last_") and name.endswith("_at"):
        return _later(mine, other)
    return other if mine in (None, "", []) and other is not None else mine


def _further(other: str, mine: str, lifecycle: Sequence[str]) -> bool:
    place = {stage: number for number, stage in enumerate(lifecycle)}
    return other in place and place[other] > place.get(mine, -1)


def _joined(mine: Value, other: Value) -> Value:
    known = list(mine) if isinstance(mine, list | tuple) else []
    more = other if isinstance(other, list | tuple) else ()
    return [*known, *(each for each in more if each not in known)]


def _later(mine: Value, other: Value) -> Value:
    times = [one for one in (mine, other) if isinstance(one, datetime)]
    return max(times, default=None)


def _earlier(mine: Value, other: Value) -> Value:
    times = [one for one in (mine, other) if isinstance(one, datetime)]
    return min(times, default=None)
