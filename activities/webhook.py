"""`webhook` calls an address, signed, and may keep the JSON that it answers."""

from pydantic import JsonValue

from activities._action import Outgoing, Params
from activities._desk import Desk
from engine.operations.calls import QUEUE
from engine.runtime.position import Member


def describe(params: Params, member: Member, desk: Desk) -> dict[str, JsonValue]:
    """Everything is the plan's; secrets are read when the call is made."""
    return {}


def is_marketing(params: Params) -> bool:
    """Never: nobody is mailed."""
    return False


ACTION = Outgoing(
    "webhook", QUEUE, describe, is_marketing,
    idempotency="its id is made from (enrollment, seq) and is the same at every attempt",
)  # fmt: skip
