"""`stage` moves the record: a lead along the lifecycle, a deal along its pipeline.

A move that is not allowed is left out, and the reason recorded; backward only where the stage says
`back_to`, or with `force: true`.
"""

from activities._action import Inline, Params
from activities._desk import Desk
from activities._reading import text
from engine.operations.lead_stages import judge
from engine.runtime.deal_moves import Moves, Stays
from engine.runtime.interpreter import Acted
from engine.runtime.lifecycle import Advances, Denied, Recycles, Remains
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
    lead = desk.facts[member.lead]
    decision = judge(desk.tx, desk.current, lead, {"stage": wanted}, force=force)
    now_in = lead.get("stage")
    match decision:
        case Remains(why):
            return Acted("stayed", why)
        case Denied(why, _):
            return Acted("left out", why)
        case Advances() | Recycles():
            desk.change_lead(member, {"stage": wanted, "stage_entered_at": desk.now})
            back = "back " if isinstance(decision, Recycles) else ""
            return Acted("moved", f"{back}from {now_in} to {wanted}")


ACTION = Inline("stage", run)
