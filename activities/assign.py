"""`assign` gives the record, a lead or a deal, an owner: by a rule of the workspace, or by name."""

from datetime import datetime

from activities._action import Inline, Params
from activities._desk import Desk
from activities._reading import fact, text
from engine.runtime import civil
from engine.runtime.assignment import Assigned, Decision
from engine.runtime.escalating import clock_of
from engine.runtime.interpreter import Acted
from engine.runtime.position import Member
from engine.runtime.waiting import duration


def run(params: Params, member: Member, desk: Desk) -> Acted:
    """Decides by the rule, records who and why; an owned lead keeps its owner unless told."""
    owner = text(fact(member, "owner"))  # type: ignore[arg-type]
    if owner and params.get("unless_owned", True) and not params.get("exclude_current"):
        return Acted("kept", f"{owner} owns it already")
    last = _of_last_round(params, member, desk)
    if owner and owner in (last, text(params.get("to"))):
        return Acted("kept", f"{owner} owns it already")
    excluded = {owner: "owns it now"} if owner and params.get("exclude_current") else {}
    former = text(params.get("exclude_former"))
    if former:
        since = civil.add(desk.now, duration(former), member.zone) - desk.now
        for name in _lost_it(member, desk, desk.now - since):
            excluded[name] = f"lost it within {former}"
    account = None
    if params.get("keep_account_owner"):
        account = desk.owners.account_owner(member.lead, excluded)
    decision: Decision | None = account
    if last:
        decision = Assigned(last, f"{last}, the fallback: it is the last round", is_fallback=True)
    decision = decision or desk.owners.choose(
        rule=text(params.get("rule")), to=text(params.get("to")), scope=member.scope,
        excluded=excluded,
    )  # fmt: skip
    if not isinstance(decision, Assigned):
        return Acted("unassigned", decision.why)
    desk.owners.give(
        member.lead, decision, rule=text(params.get("rule")), former=owner or None,
        deal=member.record if member.plan.record == "deal" else None,
    )  # fmt: skip
    desk.change(member, {"owner": decision.owner})
    return Acted("assigned", decision.why)


def _of_last_round(params: Params, member: Member, desk: Desk) -> str:
    """The rule's fallback, in the last round of an escalation: there it stays.

    Else empty.
    """
    clock, escalation = clock_of(member.memory), member.plan.escalation
    if clock is None or escalation is None or not 0 < escalation.rounds <= clock.round:
        return ""
    lines = desk.current.workspace.assignment.get(text(params.get("rule")), ())
    named = [line.fallback for line in lines if line.fallback in desk.current.workspace.owners]
    return named[-1] if named else ""


def _lost_it(member: Member, desk: Desk, since: datetime) -> frozenset[str]:
    """Who lost the record to somebody else since then."""
    if member.plan.record == "deal":
        return desk.owners.recently_lost_deal(member.record, since)
    return desk.owners.recently_lost([member.lead], since).get(member.lead, frozenset())


ACTION = Inline("assign", run)
