"""What settings share: how values are read, the page of each in the reference, faults of values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from engine.addresses import HIGHEST_PORT
from engine.errors import EnvironmentFault

PREFIX = "LONGPLAY_"

Port = Annotated[int, Field(ge=1, le=HIGHEST_PORT)]


@dataclass(frozen=True, slots=True)
class SettingPage:
    """What the reference says of one setting."""

    variable: str
    description: str
    default: str
    example: str
    secret: bool


def split_keys(value: object) -> object:
    """A text with commas in it as a tuple of what stands between them; anything else as it is."""
    if isinstance(value, str):
        return tuple(key.strip() for key in value.split(",") if key.strip())
    return value


def variable(field_name: str) -> str:
    """The environment variable that sets a field."""
    return PREFIX + field_name.upper()


def _example(field: FieldInfo) -> str:
    return str(field.examples[0]) if field.examples else ""


def _is_secret(field: FieldInfo) -> bool:
    return "SecretStr" in str(field.annotation)


def secret_variables(fields: Mapping[str, FieldInfo]) -> tuple[str, ...]:
    """The variables of secrets, which may be given as files, too."""
    return tuple(variable(name) for name, field in fields.items() if _is_secret(field))


def pages(fields: Mapping[str, FieldInfo]) -> tuple[SettingPage, ...]:
    """The pages of all settings, in the order in which they are declared."""
    return tuple(
        SettingPage(
            variable=variable(name),
            description=field.description or "",
            default="" if field.default in (None, ()) else str(field.default),
            example=_example(field),
            secret=_is_secret(field),
        )
        for name, field in fields.items()
    )


def fault(error: ValidationError, fields: Mapping[str, FieldInfo]) -> EnvironmentFault:
    """What is wrong with the values given: every one is named, none that is secret is shown."""
    findings, helps = [], []
    for detail in error.errors(include_url=False):
        name = str(detail["loc"][0]) if detail["loc"] else ""
        reason = _reason(detail)
        if not name:
            findings.append(reason)
            continue
        field = fields[name]
        shown = "cannot be used" if _is_secret(field) else f"is '{detail['input']}'"
        findings.append(f"{variable(name)} {shown}: {reason}")
        helps.append(f"{variable(name)}={_example(field)}")
    return EnvironmentFault(
        "\n".join(findings),
        help=f"write it like {' or '.join(helps)}" if helps else "change or unset one of them",
    )


def _reason(detail: ErrorDetails) -> str:
    match detail["type"]:
        case "value_error":
            return str(detail["ctx"]["error"])
        case "int_parsing" | "greater_than_equal" | "less_than_equal":
            if not str(detail["loc"][0]).endswith("port"):
                return detail["msg"][:1].lower() + detail["msg"][1:]
            return f"a port is a number from 1 to {HIGHEST_PORT}"
        case "literal_error":
            return f"expected {detail['ctx']['expected']}"
        case "string_too_short":
            return "it is empty"
        case "string_pattern_mismatch":
            return "a name has letters, digits, '.', '_' and '-' only, 60 at most"
        case _:
            message = detail["msg"]
            return message[:1].lower() + message[1:]
