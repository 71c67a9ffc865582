"""`notify` tells an owner, a manager or a channel; nobody there: the fallback, then the inbox."""

from pydantic import JsonValue

from activities._action import Outgoing, Params
from activities._desk import Desk
from activities._reading import texts
from engine.runtime.position import Member


def describe(params: Params, member: Member, desk: Desk) -> dict[str, JsonValue]:
    """Fixes who is told: the first of the list that exists; empty means the inbox."""
    for who in texts(params["who"]):
        channel = desk.current.workspace.channels.get(who)
        if channel is not None:
            return {"channel": who}
        person = desk.owners.person(who, member.scope)
        if person is not None:
            return {"owner": person}
    return {"owner": None}


def is_marketing(params: Params) -> bool:
    """Never: a notice goes to our own people."""
    return False


ACTION = Outgoing("notify", "longplay-notify", describe, is_marketing)
