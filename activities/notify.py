"""`notify` tells an owner, a manager or a channel; nobody there: the fallback, then the inbox."""

from collections.abc import Mapping

from pydantic import JsonValue

from activities._action import Outgoing, Params
from activities._desk import Desk
from activities._reading import text, texts
from engine.operations.calls import QUEUE
from engine.playbook.workspace import Channel
from engine.runtime.position import Member

_BY_MAIL = "longplay-notify"


def describe(params: Params, member: Member, desk: Desk) -> dict[str, JsonValue]:
    """Fixes who is told, and where: the first of the list that exists; empty means the inbox."""
    channels = desk.current.workspace.channels
    for who in texts(params["who"]):
        if who in channels:
            return _placed({"channel": who}, channels)
        person = desk.owners.person(who, member.scope)
        if person is not None:
            return _placed({"owner": person, "channel": _via(params, channels)}, channels)
    return {"owner": None}


def _via(params: Params, channels: Mapping[str, Channel]) -> str:
    """The channel in which a person is told: by name, or the first one of that kind."""
    via = text(params.get("via"))
    if via in channels:
        return via
    return next((name for name, one in channels.items() if one.type == via != "email"), "")


def _placed(told: dict[str, JsonValue], channels: Mapping[str, Channel]) -> dict[str, JsonValue]:
    """With the queue: rooms are called over HTTP, everybody else gets a mail."""
    channel = channels.get(str(told["channel"]))
    if channel is not None and channel.type != "email":
        return {**told, "queue": QUEUE}
    return told


def is_marketing(params: Params) -> bool:
    """Never: a notice goes to our own people."""
    return False


ACTION = Outgoing("notify", _BY_MAIL, describe, is_marketing)
