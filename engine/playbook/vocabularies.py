"""What a workspace's own fields and events may be declared as."""

from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from engine.playbook.conditions.vocabulary import FIELD_KINDS
from engine.playbook.spelling import did_you_mean
from engine.playbook.written import flaw, text


def field_kind(value: object) -> str | dict[str, tuple[str, ...]]:
    """`integer`, or `{enum: [free, pro]}`."""
    if isinstance(value, dict):
        values = value.get("enum")
        if set(value) != {"enum"} or not isinstance(values, list | tuple) or not values:
            raise flaw("unknown-type", "no such type of field", "write `{enum: [one, two]}`")
        return {"enum": tuple(text(item) for item in values)}
    found = text(value)
    if found not in FIELD_KINDS:
        hint = did_you_mean(found, (*FIELD_KINDS, "enum"))
        raise flaw("unknown-type", f"no type of field '{found}'", hint)
    return found


FieldKind = Annotated[
    str | dict[str, tuple[str, ...]],
    BeforeValidator(field_kind),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": list(FIELD_KINDS)},
                {
                    "type": "object",
                    "properties": {"enum": {"type": "array", "items": {"type": "string"}}},
                    "required": ["enum"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
