"""Who gets a lead: one decision by a rule of the workspace, with a sentence that says why. Pure.

Turns are kept as positions in virtual time: an owner's next turn begins one over his weight after
his last one and is due one over his weight later. Of the turns that have begun by the weighted mean
of all who are free, the one due first is given (Tijdeman's rule of the chairman's post). So at any
time everybody is within one lead of his exact share; with equal weights the turn is always that of
whoever has waited longest; and who was away has one turn waiting, not a backlog, because no turn
is due before the one given last.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from engine.playbook.workspace import AssignmentRule, Owner

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_DIGITS = 6
_ROUNDING = 1e-6
"""Positions are sums of fractions: so close, two are the same."""


@dataclass(frozen=True, slots=True)
class Turn:
    """When an owner last got a lead under a rule, and the rule's position then."""

    at: datetime
    position: float


@dataclass(frozen=True, slots=True)
class OwnerState:
    """An owner as the decision sees him.

    Attributes:
        name: the name in the workspace.
        owner: what the workspace says of him.
        zone: whose dates his days off are.
        load: open leads and deals he owns.
        turn: his last turn under the rule; None before the first.
    """

    name: str
    owner: Owner
    zone: tzinfo = UTC
    load: int = 0
    turn: Turn | None = None


@dataclass(frozen=True, slots=True)
class Assigned:
    """The owner who gets the lead."""

    owner: str
    why: str
    is_fallback: bool = False


@dataclass(frozen=True, slots=True)
class Unassigned:
    """Nobody gets the lead."""

    why: str


Decision = Assigned | Unassigned
Owners = Mapping[str, OwnerState]
IsOpen = Callable[[str, datetime], bool]


def decide(
    rule: Sequence[AssignmentRule],
    owners: Owners,
    *,
    holds: Callable[[str], bool],
    is_open: IsOpen,
    now: datetime,
    excluded: Mapping[str, str] | None = None,
) -> Decision:
    """Who gets the lead: the first line of the rule whose condition holds decides.

    Args:
        rule: the lines, in order.
        owners: everybody in the workspace, in its order, with turns under this rule.
        holds: whether a line's condition holds of the lead.
        is_open: whether the calendar of a name is open at a time.
        now: the moment.
        excluded: owners who may not get it, each with the reason ("owns it now").
    """
    for line in rule:
        if not line.cond or holds(line.cond):
            return _among(line, owners, is_open, now, excluded or {})
    return Unassigned("no line of the rule has a condition that holds")


def after(owners: Owners, owner: str, now: datetime, *, former: str | None = None) -> Owners:
    """The owners once `owner` has got a lead: his load and his turn, and the load of `former`."""
    changed = dict(owners)
    if former in changed and former != owner:
        changed[former] = replace(changed[former], load=max(0, changed[former].load - 1))
    state = changed.get(owner)
    if state is not None:
        load = state.load if former == owner else state.load + 1
        changed[owner] = replace(state, load=load, turn=_next_turn(owners, state, now))
    return changed


def members(among: Sequence[str], owners: Owners) -> list[str]:
    """The owners that names and `team:NAME` stand for, in the order they are given."""
    found: dict[str, None] = {}
    for entry in among:
        team = entry.removeprefix("team:") if entry.startswith("team:") else None
        for name, state in owners.items():
            if name == entry or (team is not None and team in state.owner.teams):
                found[name] = None
    return list(found)


def _among(
    line: AssignmentRule,
    owners: Owners,
    is_open: IsOpen,
    now: datetime,
    excluded: Mapping[str, str],
) -> Decision:
    passed_over: dict[str, str] = {}
    free: list[OwnerState] = []
    for name in members(line.among, owners):
        reason = excluded.get(name) or _unfit(line, owners[name], is_open, now)
        if reason:
            passed_over[name] = reason
        else:
            free.append(owners[name])
    circle = f"among {', '.join(line.among)}"
    others = "; ".join(f"{name} {reason}" for name, reason in passed_over.items())
    if free:
        chosen, how = _pick(line, free, owners)
        why = f"{chosen.name}, {circle}: {how}"
        return Assigned(chosen.name, f"{why}; passed over: {others}" if others else why)
    nobody = f"nobody {circle} is free" + (f": {others}" if others else "")
    if line.fallback in owners:
        return Assigned(line.fallback, f"{line.fallback}, the fallback: {nobody}", is_fallback=True)
    return Unassigned(nobody)


def _unfit(line: AssignmentRule, state: OwnerState, is_open: IsOpen, now: datetime) -> str:
    """Why the owner is passed over; empty when he is not."""
    owner = state.owner
    if line.by in {"round-robin", "weighted"} and owner.weight <= 0:
        return "has weight 0"
    if "away" in line.skip:
        today = now.astimezone(state.zone).date()
        until = [period.last for period in owner.away if period.first <= today <= period.last]
        if until:
            return f"is away until {max(until)}"
    if "off-hours" in line.skip and owner.calendar and not is_open(owner.calendar, now):
        return f"is off duty by calendar {owner.calendar}"
    if "full" in line.skip and 0 < owner.capacity <= state.load:
        return f"is full ({state.load} of {owner.capacity})"
    return ""


def _pick(
    line: AssignmentRule, free: Sequence[OwnerState], owners: Owners
) -> tuple[OwnerState, str]:
    match line.by:
        case "first":
            return free[0], "first in the list who is free"
        case "least-loaded":
            # A share of capacity compares only with other shares.
            shares = all(state.owner.capacity > 0 for state in free)
            chosen = min(free, key=lambda each: (_load(each, shares), _waiting_since(each)))
            limit = f" of {chosen.owner.capacity}" if chosen.owner.capacity else ""
            return chosen, f"least loaded ({chosen.load}{limit})"
        case "round-robin" | "weighted":
            chosen = _next_in_turn(free, owners)
            since = chosen.turn
            if since is None:
                return chosen, "next in turn, had none yet"
            return chosen, f"next in turn, the last was at {since.at:%Y-%m-%d %H:%M} UTC"


def _next_in_turn(free: Sequence[OwnerState], owners: Owners) -> OwnerState:
    """Of the turns that have begun, the one due first; of equal ones, who has waited longest."""
    clock = _clock(owners)
    starts = {each.name: _start(each, clock) for each in free}
    weights = sum(each.owner.weight for each in free)
    mean = sum(each.owner.weight * starts[each.name] for each in free) / weights
    begun = [each for each in free if starts[each.name] <= mean + _ROUNDING]
    return min(
        begun,
        key=lambda each: (
            round(starts[each.name] + 1 / each.owner.weight, _DIGITS),
            _waiting_since(each),
        ),
    )


def _load(state: OwnerState, shares: bool) -> float:
    return state.load / state.owner.capacity if shares else state.load


def _waiting_since(state: OwnerState) -> datetime:
    return state.turn.at if state.turn else _LONG_AGO


def _clock(owners: Owners) -> tuple[float, float]:
    """The position of the turn that was given last, and the earliest that another can be due."""
    had = [state for state in owners.values() if state.turn]
    if not had:
        return 0.0, 0.0
    last = max(had, key=_waiting_since).turn
    position = last.position if last else 0.0
    highest = max(state.owner.weight for state in had)
    return position, position + (1 / highest if highest > 0 else 0.0)


def _start(state: OwnerState, clock: tuple[float, float]) -> float:
    """The position of the owner's next turn."""
    position, earliest_due = clock
    if state.owner.weight <= 0:
        return position
    length = 1 / state.owner.weight
    own = state.turn.position + length if state.turn else 0.0
    return max(own, earliest_due - length)


def _next_turn(owners: Owners, state: OwnerState, now: datetime) -> Turn:
    last = max((each.turn.at for each in owners.values() if each.turn), default=_LONG_AGO)
    # Turns given in one transaction have one `now`; their order is kept a microsecond apart.
    at = now if now > last else last + timedelta(microseconds=1)
    return Turn(at, _start(state, _clock(owners)))
