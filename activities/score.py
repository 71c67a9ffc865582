"""`score` adds behavior points to a score, and keeps the reason in its ledger."""

from activities._action import Inline, Params
from activities._desk import Desk
from activities._reading import text
from engine.runtime.interpreter import Acted
from engine.runtime.position import Member


def run(params: Params, member: Member, desk: Desk) -> Acted:
    """Adds the points."""
    points = params["points"]
    number = points if isinstance(points, int | float) else float(text(points))
    step = member.plan.ops[member.pc].step
    name = text(params.get("name")) or "score"
    desk.points(member, name, number, f"{member.plan.playbook}/{step}")
    return Acted("scored", f"{number:+g} on {name}")


ACTION = Inline("score", run)
