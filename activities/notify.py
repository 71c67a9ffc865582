"""`notify` tells an owner, a manager or a channel; nobody there: the fallback, then the inbox.

With `every`, or in the quiet hours of whoever is told, it is kept and told later, and the run goes
on at once.
"""

from collections.abc import Mapping

from pydantic import JsonValue

from activities._action import Outgoing, Params
from activities._desk import Desk
from activities._noticing import BY_MAIL
from activities._reading import text, texts
from engine.ids import job_id
from engine.operations import gathering
from engine.operations.calls import QUEUE
from engine.operations.gathering import Kept
from engine.playbook.workspace import Channel
from engine.runtime.gathering import told_at
from engine.runtime.interpreter import Acted
from engine.runtime.position import Member


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


def later(
    params: Params, told: Mapping[str, JsonValue], member: Member, desk: Desk
) -> Acted | None:
    """Keeps what is not told now; None: it goes at once, as a job."""
    owner, channel = text(told.get("owner")) or None, text(told.get("channel"))
    manner = gathering.manner_of(desk.current, owner)
    at = desk.now
    if owner or channel:
        at = told_at(desk.now, text(params.get("every")), manner)
    if at <= desk.now:
        desk.notices.at_once(member, owner, channel)
        return None
    written = text(params.get("message"))
    said = desk.text(written, member) if written else ""
    if params.get("template"):
        said = desk.notices.page(text(params["template"]), member)
    facts = desk.facts.get(member.lead, {})
    desk.notices.keep(
        member,
        Kept(
            id=job_id(member.id, member.seq), owner=owner, channel=channel,
            queue=text(told.get("queue")) or BY_MAIL, due_at=at,
            text=said.strip() or str(facts.get("full_name") or facts.get("email") or member.lead),
            lead=member.lead, deal=member.deal, enrollment=member.id,
            playbook=member.plan.playbook, step=member.plan.ops[member.pc].step,
        ),
    )  # fmt: skip
    return Acted("gathered", f"{owner or channel}, at {at.astimezone(manner.zone):%Y-%m-%d %H:%M}")


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


ACTION = Outgoing("notify", BY_MAIL, describe, is_marketing, later)
