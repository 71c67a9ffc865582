"""`stage` moves the record: a lead along the lifecycle, a deal along its pipeline.

A move that is not allowed is left out, and the reason recorded; backward only with `force: true`.
"""

from collections.abc import Mapping

from activities._action import Inline, Params
from activities._desk import Desk
from activities._reading import text
from engine.runtime.deal_moves import Moves, Stays
from engine.runtime.interpreter import Acted
from engine.runtime.position import Member


def run(params: Params, member: Member, desk: Desk) -> Acted:
    """Moves the lead, or the deal, whichever the stage belongs to."""
    wanted, pipeline = text(params["stage"]), text(params.get("pipeline"))
    force = bool(params.get("force"))
    of_lead = wanted.removeprefix("lead.")
    if not pipeline and (member.plan.record == "lead" or of_lead != wanted):
        return _move_lead(member, desk, of_lead, force=force)
    if member.deal is None:
        return Acted("left out", f"no deal is known, to be moved to {pipeline}.{wanted}")
    decision = desk.move_deal(member, wanted, pipeline=pipeline, force=force)
    if isinstance(decision, Moves):
        return Acted("moved", f"the deal, to {decision.to}")
    return Acted("stayed" if isinstance(decision, Stays) else "left out", decision.why)


def _move_lead(member: Member, desk: Desk, wanted: str, *, force: bool) -> Acted:
    lifecycle = list(desk.current.workspace.lifecycle)
    if wanted not in lifecycle:
        return Acted("left out", f"the lifecycle has no stage '{wanted}'")
    lead = member.scope["lead"]
    now_in = str(lead.get("stage") or "") if isinstance(lead, Mapping) else ""
    if now_in == wanted:
        return Acted("stayed", f"is in {wanted} already")
    backward = now_in in lifecycle and lifecycle.index(wanted) < lifecycle.index(now_in)
    if backward and not force:
        return Acted("left out", f"from {now_in} to {wanted} is backward; force is not set")
    desk.change_lead(member, {"stage": wanted, "stage_entered_at": desk.now})
    return Acted("moved", f"from {now_in} to {wanted}")


ACTION = Inline("stage", run)
