"""A deal as somebody writes it: values typed, what is left out filled in, criteria obeyed.

Everybody who makes or changes deals passes here: people, the API, imports and playbooks. It writes
nothing.
"""

from collections.abc import Mapping
from datetime import datetime

from engine.errors import InputError
from engine.ids import new_id
from engine.operations.published import Current
from engine.operations.scopes import scope_of
from engine.playbook.spelling import did_you_mean
from engine.playbook.values import Value
from engine.runtime.deal_fields import DEAL_BUILT_IN, WORKED_OUT, read_deal
from engine.runtime.deal_moves import (
    MoveDecision,
    Moves,
    Place,
    Refused,
    decide_move,
    may_enter,
    place_named,
)
from engine.store.deals import Facts

_HIDDEN = frozenset({"closed", "closed_at", "entry_ref", "version"})
_LONGEST_NAME = 300


def typed(current: Current, values: Mapping[str, object]) -> dict[str, Value]:
    """Values of the right types, owners spelled as the workspace does.

    The stage, the pipeline and the lead stay as they are written.

    Raises:
        InputError: a name is unknown or follows from other things, or a value does not fit.
    """
    return {name: _typed(current, name, given) for name, given in values.items()}


def _typed(current: Current, name: str, given: object) -> Value:
    if name in WORKED_OUT:
        raise InputError(f"'{name}' cannot be written: {WORKED_OUT[name]}")
    if name in _HIDDEN:
        raise InputError(f"a deal has no field '{name}'", help="move the deal to a stage instead")
    value = read_deal(name, given, current.deal_fields, current.zone)
    if name == "name" and isinstance(value, str) and len(value) > _LONGEST_NAME:
        raise InputError(f"the name is longer than {_LONGEST_NAME} characters")
    if name == "owner" and isinstance(value, str):
        return owner_named(current, value)
    return value


def owner_named(current: Current, text: str) -> str:
    """The owner that a text means: the name in the workspace, or the one people write.

    Raises:
        InputError: nobody is called so.
    """
    people = current.workspace.owners
    shown = {one.name: name for name, one in people.items() if one.name}
    found = text if text in people else shown.get(text)
    if found is None:
        raise InputError(f"no owner is called '{text[:60]}'", help=did_you_mean(text, people))
    return found


def drafted(
    current: Current,
    lead: Mapping[str, Value],
    values: Mapping[str, Value],
    *,
    id: str,
    now: datetime,
) -> Facts:
    """A whole new deal of `lead`, with every name that conditions know.

    Left out: the name is the lead's company, the pipeline the only one, the stage its first, the
    currency the workspace's, the owner the lead's.

    Raises:
        InputError: there is no such stage, or it may not be entered so.
    """
    given = {name: value for name, value in values.items() if value not in (None, "")}
    pipeline = str(given.get("pipeline") or "")
    place = place_named(current.workspace.pipelines, str(given.get("stage") or ""), pipeline)
    owner = lead.get("owner")
    deal: Facts = dict.fromkeys([*DEAL_BUILT_IN, *current.deal_fields])
    deal |= {
        "name": name_of(lead), "currency": current.workspace.currency, "tags": [], "version": 0,
        "owner": owner if owner in current.workspace.owners else None,
    }  # fmt: skip
    deal |= given
    deal |= {"id": id, "lead": lead["id"], "created_at": now, **stay(place, now)}
    refused = may_enter(current.workspace.pipelines, place, _scope(current, lead, deal, now))
    if refused is not None:
        raise InputError(refused.why, help=refused.help)
    return deal


def name_of(lead: Mapping[str, Value]) -> str:
    """What a deal of this lead is called when nobody says it."""
    for name in ("company", "full_name", "email", "id"):
        if lead.get(name):
            return str(lead[name])[:_LONGEST_NAME]
    return "deal"


def decide(
    current: Current,
    lead: Mapping[str, Value],
    deal: Mapping[str, Value],
    wanted: str,
    *,
    force: bool,
    now: datetime,
    pipeline: str = "",
) -> MoveDecision:
    """Whether the deal moves to the stage that a text names.

    Args:
        current: what is published.
        lead: its primary contact.
        deal: the deal as it will be, but for its stage.
        wanted: `proposal`, or `b2b.proposal`; empty with a pipeline: that one's first stage.
        force: backward too.
        now: the moment.
        pipeline: the pipeline, where it is named apart.
    """
    pipelines = current.workspace.pipelines
    try:
        place = place_named(pipelines, wanted, pipeline or str(deal.get("pipeline") or ""))
    except InputError as error:
        return Refused(error.message, error.help)
    return decide_move(pipelines, place, _scope(current, lead, deal, now), force=force)


def moved_values(decision: Moves, now: datetime) -> dict[str, Value]:
    """What a move writes."""
    return stay(decision.to, now)


def stay(place: Place, now: datetime) -> dict[str, Value]:
    """A new stay in a stage."""
    return {
        "pipeline": place.pipeline, "stage": place.stage, "stage_entered_at": now,
        "entry_ref": new_id(), "closed": place.closes, "closed_at": now if place.closes else None,
    }  # fmt: skip


def _scope(
    current: Current, lead: Mapping[str, Value], deal: Mapping[str, Value], now: datetime
) -> dict[str, object]:
    return scope_of(current, lead, now=now, deal=deal, record="deal")
