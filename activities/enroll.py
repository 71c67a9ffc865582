"""`enroll` starts the same record in another playbook, when that one's rules let it in."""

from activities._action import Inline, Params
from activities._desk import Desk
from activities._reading import text
from engine.operations.reactions import Wish
from engine.runtime.interpreter import Acted
from engine.runtime.position import Member


def run(params: Params, member: Member, desk: Desk) -> Acted:
    """Asks for the enrollment; the other playbook's `enroll` decides, at the end of the slice."""
    playbook = text(params["playbook"])
    if playbook not in desk.current.plans:
        return Acted("left out", f"'{playbook}' is not published")
    key = text(params.get("key"))
    event = member.memory.get("event")
    desk.wish(
        Wish(
            member.lead,
            playbook,
            cause=f"enroll:{member.id}:{member.seq}",
            why=f"enrolled by {member.plan.playbook}",
            event=event if isinstance(event, dict) else None,
            key=desk.text(key, member) if key else None,
            deal=member.deal or "",
        )
    )
    return Acted("enrolled", playbook)


ACTION = Inline("enroll", run)
