"""`unsubscribe` stops marketing to the lead, about everything or one topic: a sunset."""

from activities._action import Inline, Params
from activities._desk import Desk
from activities._reading import text
from engine.runtime.interpreter import Acted
from engine.runtime.position import Member

ALL = "all"


def run(params: Params, member: Member, desk: Desk) -> Acted:
    """Suppresses the lead's address, with this step as the reason; this run itself goes on.

    Other runs end as they do when a lead unsubscribes. A lead without an address is left out.
    """
    address = desk.facts[member.lead].get("email")
    if not isinstance(address, str) or not address:
        return Acted("left out", "the lead has no address")
    topic = text(params["topic"])
    desk.unsubscribe(member, address, "" if topic == ALL else topic)
    return Acted("unsubscribed", f"from {topic}")


ACTION = Inline("unsubscribe", run, "an address that is suppressed already makes no event")
