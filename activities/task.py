"""`task` puts a task into somebody's inbox: the owner's, unless `to` names another."""

from functools import partial

from activities._action import Inline, Params
from activities._desk import Desk
from activities._reading import text
from engine.runtime import civil
from engine.runtime.interpreter import Acted
from engine.runtime.position import Member
from engine.runtime.waiting import field_of


def run(params: Params, member: Member, desk: Desk) -> Acted:
    """Adds the task; without an owner it stays in the common inbox."""
    owner = desk.owners.person(text(params.get("to")) or "owner", member.scope)
    due = text(params.get("due"))
    due_at = None
    if due:
        calendar = desk.current.calendar(member.plan.calendar, member.scope)
        fields = partial(field_of, member.scope)
        due_at = civil.time_limit(due, desk.now, member.zone, fields, calendar)
    desk.task(
        member,
        subject=desk.text(text(params["text"]), member),
        owner=owner,
        due_at=due_at,
        priority=text(params.get("priority")),
    )
    return Acted("task", f"for {owner or 'the common inbox'}")


ACTION = Inline("task", run)
