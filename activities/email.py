"""`email` sends one message; the step ends when it is accepted or skipped."""

from datetime import timedelta
from functools import partial

from pydantic import JsonValue

from activities._action import Outgoing, Params
from activities._desk import Desk
from activities._reading import text
from engine.runtime import civil
from engine.runtime.position import QUEUED_AFTER, Member
from engine.runtime.waiting import field_of


def describe(params: Params, member: Member, desk: Desk) -> dict[str, JsonValue]:
    """Fixes when the message expires; everything else is the plan's."""
    taken_back = member.memory.pop(QUEUED_AFTER, None)
    expires = text(params.get("expires"))
    if not expires:
        return {}
    began = desk.now
    if isinstance(taken_back, int | float):  # a move does not give it its time once more
        began = min(began, member.anchor_at + timedelta(seconds=taken_back))
    calendar = desk.current.calendar(member.plan.calendar, member.scope)
    fields = partial(field_of, member.scope)
    found = civil.time_limit(expires, began, member.zone, fields, calendar)
    if found is None:
        return {}
    return {"expires_at": found.isoformat(), "queued_at": began.isoformat()}


def is_marketing(params: Params) -> bool:
    """Whether consent, topic, caps and window apply."""
    return params.get("as", "marketing") == "marketing"


ACTION = Outgoing("email", "longplay-email", describe, is_marketing)
