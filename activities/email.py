"""`email` sends one message; the step ends when it is accepted or skipped."""

from pydantic import JsonValue

from activities._action import Outgoing, Params
from activities._desk import Desk
from activities._reading import text
from engine.playbook.moments import parse_moment
from engine.runtime import civil
from engine.runtime.interpreter import duration
from engine.runtime.position import Member


def describe(params: Params, member: Member, desk: Desk) -> dict[str, JsonValue]:
    """Fixes when the message expires; everything else is the plan's."""
    expires = text(params.get("expires"))
    if not expires:
        return {}
    if expires[:1].isdigit() and not expires[:4].isdigit():
        calendar = desk.current.calendar(member.plan.calendar, member.scope)
        at = civil.add(desk.now, duration(expires), member.zone, calendar)
        return {"expires_at": at.isoformat()}
    moment = parse_moment(expires)
    found = civil.next_moment(moment, desk.now, member.zone, lambda _name: None, None)
    return {"expires_at": found.isoformat()} if found else {}


def is_marketing(params: Params) -> bool:
    """Whether consent, topic, caps and window apply."""
    return params.get("as", "marketing") == "marketing"


ACTION = Outgoing("email", "longplay-email", describe, is_marketing)
