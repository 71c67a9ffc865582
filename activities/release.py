"""`release` takes the owner away and puts the record into a pool, from which people claim it."""

from activities._action import Inline, Params
from activities._desk import Desk
from activities._reading import fact, text
from engine.runtime import civil
from engine.runtime.interpreter import Acted
from engine.runtime.position import Member
from engine.runtime.waiting import duration


def run(params: Params, member: Member, desk: Desk) -> Acted:
    """Puts the lead, or the deal, into the pool; its former owner may not claim it before the
    cool-down ends."""
    pool, cooldown = text(params["pool"]), text(params.get("cooldown"))
    former = text(fact(member, "owner"))  # type: ignore[arg-type]
    until = civil.add(desk.now, duration(cooldown), member.zone) if cooldown and former else None
    deal = member.record if member.plan.record == "deal" else None
    desk.owners.release(member.lead, pool, former=former or None, until=until, deal=deal)
    desk.change(member, {"owner": None})
    whose = f"{former} had it" if former else "nobody had it"
    return Acted("released", f"to {pool}, {whose}")


ACTION = Inline("release", run)
