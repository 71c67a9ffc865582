"""How `longplay.yaml` says what becomes of mail that comes back: where to, and what is enough."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from engine.playbook.fields import Frozen, Integer, Number, at_least
from engine.playbook.written import flaw, text

MOST_LOCAL = 64
TOKEN_ROOM = 32
"""Characters that a return path needs before its `@` to name a message."""

_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*/=?^_`{|}~.+-]+@(?:[a-z0-9-]{1,63}\.)+[a-z0-9-]{2,63}", re.I
)


def return_path(value: object) -> str:
    """`bounces@acme.example`, or with a `*` where the token of a message goes."""
    found = text(value).strip()
    local, _, domain = found.rpartition("@")
    hint = "write it like `bounces@acme.example`, or `*@bounces.acme.example`"
    if not found:
        return found
    if not _ADDRESS.fullmatch(found) or domain.count("*") or local.count("*") > 1:
        raise flaw("bad-return-path", f"'{found}' is no address that bounces can go to", hint)
    longest = MOST_LOCAL - TOKEN_ROOM
    if len(local) > longest:
        raise flaw(
            "bad-return-path",
            f"'{local}' has {len(local)} characters, and at most {longest} leave room "
            "for what names a message",
            hint,
        )
    return found


ReturnPath = Annotated[
    str,
    BeforeValidator(return_path),
    WithJsonSchema({"type": "string", "examples": ["bounces@acme.example"]}),
]


class Complaints(Frozen):
    """When a playbook is paused because too many report its mail as spam."""

    pause_at: Annotated[Number, at_least(0, 100)] = Field(
        0.3, description="percent of a playbook's mails of the last 7 days; 0: never"
    )
    mails: Annotated[Integer, at_least(1)] = Field(
        300, description="so many mails must have gone, or the percentage says nothing"
    )
