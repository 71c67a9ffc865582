"""`stage` moves the lead along the lifecycle; backward only with `force: true`."""

from activities._action import Inline, Params
from activities._desk import Desk
from activities._reading import fact, text
from engine.runtime.interpreter import Acted
from engine.runtime.position import Member


def run(params: Params, member: Member, desk: Desk) -> Acted:
    """Moves the lead; a move that is not allowed is left out, and the reason recorded."""
    wanted = text(params["stage"])
    lifecycle = list(desk.current.workspace.lifecycle)
    now_in = text(fact(member, "stage"))  # type: ignore[arg-type]
    if now_in == wanted:
        return Acted("stayed", f"is in {wanted} already")
    backward = now_in in lifecycle and lifecycle.index(wanted) < lifecycle.index(now_in)
    if backward and not params.get("force"):
        return Acted("left out", f"from {now_in} to {wanted} is backward; force is not set")
    desk.change(member, {"stage": wanted, "stage_entered_at": desk.now})
    return Acted("moved", f"from {now_in} to {wanted}")


ACTION = Inline("stage", run)
