"""`set` writes texts into the record's fields; a lone `{{ x }}` keeps its type."""

from activities._action import Inline, Params
from activities._desk import Desk
from engine.runtime.interpreter import Acted
from engine.runtime.position import Member


def run(params: Params, member: Member, desk: Desk) -> Acted:
    """Renders each text and writes what differs."""
    values = {name: desk.value(str(text), member) for name, text in params.items()}
    return Acted("set", ", ".join(desk.change(member, values)) or "nothing differed")


ACTION = Inline("set", run)
