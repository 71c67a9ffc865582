"""Reading parameters and facts with the types that actions expect."""

from collections.abc import Mapping
from typing import cast

from pydantic import JsonValue

from engine.playbook.conditions import condition
from engine.playbook.values import Value
from engine.runtime.position import Member


def texts(value: JsonValue) -> list[str]:
    """A text or a list of texts, as a list."""
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def text(value: JsonValue) -> str:
    """A text; nothing is the empty text."""
    return "" if value is None else str(value)


def fact(member: Member, name: str) -> Value:
    """A fact of the member's record: the lead, or the deal."""
    record = member.scope[member.plan.record]
    return record.get(name) if isinstance(record, dict) else None


def tags_of(member: Member) -> list[str]:
    """The record's tags."""
    tags = fact(member, "tags")
    return [str(tag) for tag in tags] if isinstance(tags, list | tuple) else []


def key_of(params: Mapping[str, JsonValue], member: Member) -> str:
    """The key that an `enroll` or `leave` means: its own expression's value, else the run's key."""
    written = text(params.get("key"))
    if written:
        return text(cast(JsonValue, condition(written).value(member.scope)))
    run = member.scope.get("run")
    return text(run.get("key")) if isinstance(run, dict) else ""
