"""The kinds of text a field may ask for, for the models of the language.

How each is read is in `written`; names are not looked up here: that needs the workspace.
"""

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    JsonValue,
    WithJsonSchema,
)
from pydantic.fields import FieldInfo

from engine.playbook import standards, written
from engine.playbook.moments import parse_moment
from engine.playbook.nodes import resolve

FIELD_PATTERNS = {
    "integer": re.compile(r"[-+]?\d+"),
    "number": re.compile(r"[-+]?\d+(\.\d+)?"),
    "boolean": re.compile(r"true|false"),
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "datetime": re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d)?)?([+-]\d\d:\d\d|Z)?"),
}
"""What a text must look like to be put into a field of a type."""
Writing = Literal["expression", "template"]


@dataclass(frozen=True, slots=True)
class Written:
    """Marks a field whose text is an expression, or a template with `{{ }}`."""

    writing: Writing


def writing_of(field: FieldInfo) -> Writing | None:
    """Whether a field's text is an expression or a template, and must be checked as such."""
    nested = (mark for part in get_args(field.annotation) for mark in get_args(part))
    marks = (*field.metadata, *nested)
    return next((mark.writing for mark in marks if isinstance(mark, Written)), None)


@cache
def writings_of(model: type[BaseModel]) -> tuple[tuple[str, str, Writing], ...]:
    """The fields of a model that are checked as expressions or templates: as named in the model,
    as written in a file, and which of the two it is."""
    return tuple(
        (name, field.alias or name, writing)
        for name, field in model.model_fields.items()
        if (writing := writing_of(field))
    )


class Frozen(BaseModel):
    """What every model of the language is: closed, strict and unchangeable."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


_TEXT_JSON: dict[str, Any] = {"type": ["string", "number", "boolean"]}
_NAME_JSON: dict[str, Any] = {"type": "string"}
_NAMES_JSON: dict[str, Any] = {
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]
}
_EXPRESSION = Written("expression")
_TEMPLATE = Written("template")


def _json(schema: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema(schema)


def at_least(least: float, most: float | None = None) -> AfterValidator:
    """A bound of a number."""
    return AfterValidator(written.within(least, most))


Text: TypeAlias = Annotated[str, BeforeValidator(written.filled), _json(_TEXT_JSON)]
Template: TypeAlias = Annotated[str, BeforeValidator(written.filled), _json(_TEXT_JSON), _TEMPLATE]
Expression: TypeAlias = Annotated[
    str, BeforeValidator(written.filled), _json(_TEXT_JSON), _EXPRESSION
]
Name: TypeAlias = Annotated[str, BeforeValidator(written.name), _json(_NAME_JSON)]
FieldName: TypeAlias = Annotated[str, BeforeValidator(written.field_name), _json(_NAME_JSON)]
Names: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(written.names), _json(_NAMES_JSON)]
Texts: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(written.texts), _json(_NAMES_JSON)]
Integer: TypeAlias = Annotated[int, BeforeValidator(written.integer), _json({"type": "integer"})]
Number: TypeAlias = Annotated[
    int | float, BeforeValidator(written.number), _json({"type": "number"})
]
Flag: TypeAlias = Annotated[bool, BeforeValidator(written.flag), _json({"type": "boolean"})]
Tracking: TypeAlias = Annotated[
    bool | Literal["consent"],
    BeforeValidator(written.tracking),
    _json({"enum": [True, False, "consent"]}),
]
Points: TypeAlias = Annotated[
    int,
    BeforeValidator(written.points),
    _json({"anyOf": [{"type": "integer"}, {"type": "string"}]}),
]
Length: TypeAlias = Annotated[
    str,
    BeforeValidator(written.parsed(written.length, "bad-duration")),
    _json({"type": "string", "examples": ["2 days", "4 hours", "3 business days"]}),
]
Gathering: TypeAlias = Annotated[
    str,
    BeforeValidator(written.gathering),
    _json({"type": "string", "examples": ["1 hour", "morning", "08:30"]}),
]
QuietHours: TypeAlias = Annotated[
    str,
    BeforeValidator(written.quiet_hours),
    _json({"type": "string", "examples": ["20:00-08:00", "off-hours"]}),
]
LengthOrForever: TypeAlias = Annotated[
    str,
    BeforeValidator(written.length_or_forever),
    _json({"type": "string", "examples": ["3 days", "forever"]}),
]
Moment: TypeAlias = Annotated[
    str,
    BeforeValidator(written.parsed(parse_moment, "bad-time")),
    _json({"type": "string", "examples": ["next monday 09:00", "lead.trial_ends_at"]}),
]
LengthOrMoment: TypeAlias = Annotated[
    str,
    BeforeValidator(written.length_or_moment),
    _json({"type": "string", "examples": ["7 days", "2026-12-01 09:00"]}),
]
Again: TypeAlias = Annotated[
    str,
    BeforeValidator(written.again),
    _json({"type": "string", "examples": ["never", "always", "after 90 days"]}),
]
Timezone: TypeAlias = Annotated[str, BeforeValidator(standards.timezone), _json(_NAME_JSON)]
Address: TypeAlias = Annotated[str, BeforeValidator(standards.address), _json(_TEXT_JSON)]
Sender: TypeAlias = Annotated[str, BeforeValidator(standards.sender), _json(_TEXT_JSON), _TEMPLATE]
Country: TypeAlias = Annotated[
    str,
    BeforeValidator(standards.country),
    _json({"type": "string", "pattern": "^[A-Z]{2}$", "examples": ["CN", "US"]}),
]
Currency: TypeAlias = Annotated[
    str,
    BeforeValidator(standards.currency),
    _json({"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["CNY", "USD"]}),
]
Language: TypeAlias = Annotated[str, BeforeValidator(standards.language), _json(_NAME_JSON)]
Day: TypeAlias = Annotated[
    date, BeforeValidator(written.day), _json({"type": "string", "format": "date"})
]
Days: TypeAlias = Annotated[
    str, BeforeValidator(written.days), _json(_NAMES_JSON | {"examples": ["mon-fri"]})
]
Hours: TypeAlias = Annotated[
    str, BeforeValidator(written.hours), _json(_NAMES_JSON | {"examples": ["09:00-18:00"]})
]
CronText: TypeAlias = Annotated[
    str, BeforeValidator(written.cron), _json({"type": "string", "examples": ["0 9 * * MON"]})
]
ByLanguage: TypeAlias = Annotated[
    str | dict[str, str],
    BeforeValidator(standards.by_language),
    _json(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "object", "additionalProperties": {"type": "string"}},
            ]
        }
    ),
    _TEMPLATE,
]
Templates: TypeAlias = Annotated[
    dict[str, str],
    BeforeValidator(written.fields_and_values),
    _json({"type": "object", "additionalProperties": _TEXT_JSON, "minProperties": 1}),
    _TEMPLATE,
]
Expressions: TypeAlias = Annotated[
    dict[str, str],
    BeforeValidator(written.fields_and_values),
    _json({"type": "object", "additionalProperties": _TEXT_JSON, "minProperties": 1}),
    _EXPRESSION,
]
Url: TypeAlias = Annotated[
    str,
    BeforeValidator(written.url),
    _json({"type": "string", "examples": ["https://crm.example.com/leads/{{ lead.id }}"]}),
    _TEMPLATE,
]
Headers: TypeAlias = Annotated[
    dict[str, str],
    BeforeValidator(written.headers),
    _json({"type": "object", "additionalProperties": _TEXT_JSON, "minProperties": 1}),
    _TEMPLATE,
]
Tree: TypeAlias = Annotated[JsonValue, BeforeValidator(resolve), _json({}), _TEMPLATE]
