"""`update` writes the values of expressions into the record's fields."""

from activities._action import Inline, Params
from activities._desk import Desk
from engine.playbook.conditions import condition
from engine.runtime.interpreter import Acted
from engine.runtime.position import Member


def run(params: Params, member: Member, desk: Desk) -> Acted:
    """Evaluates each expression, all on the record as it was, and writes what differs."""
    values = {name: condition(str(text)).value(member.scope) for name, text in params.items()}
    return Acted("updated", ", ".join(desk.change(member, values)) or "nothing differed")


ACTION = Inline("update", run)
