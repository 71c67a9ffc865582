"""What a deal's fields may hold: the built-in ones with their types, and a workspace's own."""

from collections.abc import Mapping
from datetime import UTC, tzinfo

from engine.errors import InputError
from engine.playbook.catalog import DEAL_FIELDS
from engine.playbook.spelling import did_you_mean
from engine.playbook.values import Value
from engine.runtime.fields import FieldTypes, read

DEAL_BUILT_IN: FieldTypes = {field.name: field.type for field in DEAL_FIELDS}
"""A deal's built-in fields: name to type."""

WORKED_OUT: Mapping[str, str] = {
    "id": "the id of a deal never changes",
    "created_at": "it is when the deal was opened",
    "stage_entered_at": "it follows from the moves of the deal",
    "last_activity_at": "it follows from what happens: record an event such as deal.activity",
}
"""Fields that nobody writes by hand, each with what they follow from."""


def read_deal(name: str, given: object, custom: FieldTypes, zone: tzinfo = UTC) -> Value:
    """The value that `given` means for a field of a deal.

    Raises:
        InputError: a deal has no such field, or it cannot hold this.
    """
    kind = DEAL_BUILT_IN.get(name) or custom.get(name)
    if kind is None:
        raise InputError(
            f"a deal has no field '{name[:60]}'", help=did_you_mean(name, [*DEAL_BUILT_IN, *custom])
        )
    return read(name, given, kind, zone)
