"""`deal` opens a deal for the lead; the steps after it know it as `deal.`.

In a playbook for deals it opens another one for the same primary contact, and `deal.` stays the
record. A stage that may not be entered so is left out, with the whole step, and explained.
"""

from activities._action import Inline, Params
from activities._desk import Desk
from engine.errors import InputError
from engine.runtime.interpreter import Acted
from engine.runtime.position import Member


def run(params: Params, member: Member, desk: Desk) -> Acted:
    """Renders each text, and opens the deal; its id is made from (enrollment, seq)."""
    values = {name: desk.value(str(text), member) for name, text in params.items()}
    try:
        deal = desk.deal_desk.open(member, values)
    except InputError as error:
        return Acted("left out", error.message)
    return Acted("opened", f"{deal['name']}, in {deal['pipeline']}.{deal['stage']}")


ACTION = Inline("deal", run)
