"""How a consent stands, and whether marketing or a look at openings may rest on it. Pure."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from engine.playbook.consents import ConsentRules
from engine.playbook.jurisdictions import is_known, jurisdiction_of
from engine.playbook.values import Value

Purpose: TypeAlias = Literal["marketing", "open_tracking"]
State: TypeAlias = Literal["asked", "given", "confirmed", "withdrawn"]

FIELDS: Mapping[str, str] = {"marketing": "consent", "open_tracking": "open_consent"}
"""The field of the lead that says how the consent to a purpose stands."""

STATES: tuple[State, ...] = ("asked", "given", "confirmed", "withdrawn")
AGREED = ("given", "confirmed")


def state_after(present: object, said: str) -> str:
    """How a consent stands once `said` has been said about it, at a later time than all else.

    Being asked takes nothing away and brings nothing back; what was confirmed stays confirmed.
    """
    if said == "asked":
        return str(present) if present in STATES else said
    return "confirmed" if said == "given" and present == "confirmed" else said


def withheld(rules: ConsentRules, lead: Mapping[str, Value]) -> str:
    """Why no marketing may go to a lead for want of a consent; empty when it may.

    A lead whose country is not known is treated by the strictest law.
    """
    if rules.needed == "assumed":
        return ""
    state = lead.get("consent")
    if state == "confirmed" or (state == "given" and rules.proof == "given"):
        return ""
    country = str(lead.get("country") or "")
    law = jurisdiction_of(country)
    if rules.needed == "by-law":
        if law.consent == "opt-out" and state != "withdrawn":
            return ""
        orders = lead.get("orders")
        if law.customers and isinstance(orders, int) and orders > 0 and state != "withdrawn":
            return ""
    which = "no confirmed consent" if state == "given" else "no consent"
    why = f" ({_who_asks(country)})" if rules.needed == "by-law" else ""
    return f"{which} to marketing is on record{why}"


def _who_asks(country: str) -> str:
    if not country:
        return "the lead's country is not known"
    code = country.upper()
    if is_known(country):
        return f"the law of {code} asks for it"
    return f"no rules are known for {code}: the strictest hold"


def may_see_opens(track: object, lead: Mapping[str, Value]) -> bool:
    """Whether we may look who opened a mail.

    Args:
        track: what the step asks for: True, False or `consent`.
        lead: the lead as it is now; an erased one is looked at no more.
    """
    state = lead.get("open_consent")
    if not track or not lead or state == "withdrawn":
        return False
    if state in AGREED:
        return True
    country = str(lead.get("country") or "")
    # `true` is the author's word for leads whose country is not known.
    return track is True and not (country and jurisdiction_of(country).opens)
