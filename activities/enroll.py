"""`enroll` starts the same record in another playbook, when that one's rules let it in."""

from datetime import datetime, timedelta

from activities._action import Inline, Params
from activities._desk import Desk
from activities._reading import key_of, text
from engine.operations.reactions import Wish
from engine.runtime.interpreter import Acted
from engine.runtime.position import Member

MOST_IN_A_ROW = 20
"""How many playbooks may start each other without a rest; validate warns of such circles."""

_REST = timedelta(minutes=1)


def run(params: Params, member: Member, desk: Desk) -> Acted:
    """Asks for the enrollment; the other playbook's `enroll` decides, at the end of the slice."""
    playbook = text(params["playbook"])
    if playbook not in desk.current.plans:
        return Acted("left out", f"'{playbook}' is not published")
    chain = _chain(member, desk)
    if chain > MOST_IN_A_ROW:
        why = f"{MOST_IN_A_ROW} playbooks have started each other in a row, without a rest"
        return Acted("left out", why)
    event = member.memory.get("event")
    desk.wish(
        Wish(
            member.lead,
            playbook,
            cause=f"enroll:{member.id}:{member.seq}",
            why=f"enrolled by {member.plan.playbook}",
            event=event if isinstance(event, dict) else None,
            # A run without a key leaves it to the other playbook's own expression.
            key=key_of(params, member) or None,
            deal=member.deal or "",
            chain=chain,
            trace=str(member.memory.get("trace") or ""),
        )
    )
    return Acted("enrolled", playbook)


def _chain(member: Member, desk: Desk) -> int:
    """The how manyth this would be of playbooks that start each other at once."""
    run = member.scope.get("run")
    entered_at = run.get("entered_at") if isinstance(run, dict) else None
    if not isinstance(entered_at, datetime) or desk.now - entered_at > _REST:
        return 1
    chain = member.memory.get("chain")
    return (chain if isinstance(chain, int) else 0) + 1


ACTION = Inline("enroll", run)
