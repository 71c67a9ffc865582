"""`leave` ends the same record's enrollment in another playbook."""

from activities._action import Inline, Params
from activities._desk import Desk
from activities._reading import key_of, text
from engine.runtime.interpreter import Acted
from engine.runtime.position import Member


def run(params: Params, member: Member, desk: Desk) -> Acted:
    """Asks for it; it happens in the same transaction. A run without a key ends every one."""
    playbook = text(params["playbook"])
    desk.leave(member, playbook, key_of(params, member), f"left by {member.plan.playbook}")
    return Acted("left", playbook)


ACTION = Inline("leave", run)
