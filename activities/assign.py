"""`assign` gives the lead an owner: by a rule of the workspace, or by name."""

from activities._action import Inline, Params
from activities._desk import Desk
from activities._reading import fact, text
from engine.runtime import civil
from engine.runtime.assignment import Assigned
from engine.runtime.interpreter import Acted, duration
from engine.runtime.position import Member


def run(params: Params, member: Member, desk: Desk) -> Acted:
    """Decides by the rule, records who and why; an owned lead keeps its owner unless told."""
    owner = text(fact(member, "owner"))  # type: ignore[arg-type]
    if owner and params.get("unless_owned", True) and not params.get("exclude_current"):
        return Acted("kept", f"{owner} owns it already")
    excluded = {owner: "owns it now"} if owner and params.get("exclude_current") else {}
    former = text(params.get("exclude_former"))
    if former:
        since = civil.add(desk.now, duration(former), member.zone) - desk.now
        for name in desk.owners.recently_lost([member.record], desk.now - since).get(
            member.record, ()
        ):
            excluded[name] = f"lost it within {former}"
    decision = desk.owners.choose(
        rule=text(params.get("rule")), to=text(params.get("to")), scope=member.scope,
        excluded=excluded,
    )  # fmt: skip
    if not isinstance(decision, Assigned):
        return Acted("unassigned", decision.why)
    desk.owners.give(member.record, decision, rule=text(params.get("rule")), former=owner or None)
    desk.change(member, {"owner": decision.owner})
    return Acted("assigned", decision.why)


ACTION = Inline("assign", run)
