"""Moments that follow a field: the field must exist, and hold a date or a time."""

from engine.errors import InputError
from engine.playbook.conditions.vocabulary import Kind
from engine.playbook.expressions import Expressions
from engine.playbook.moments import FieldMoment, parse_moment
from engine.playbook.nodes import Node
from engine.playbook.spelling import did_you_mean

_TIMES = (Kind.DATE, Kind.DATETIME, Kind.UNKNOWN)


def check_moment(
    text: str,
    at: Node,
    expressions: Expressions,
    *,
    follows: bool = False,
    yearly: bool = False,
) -> None:
    """Reports a field that does not exist or holds no time.

    Args:
        follows: only a field will do, because each record has its own moment.
        yearly: it comes back every year.
    """
    try:
        moment = parse_moment(text)
    except InputError:
        return
    reader = expressions.reader
    if not isinstance(moment, FieldMoment):
        if follows:
            message = f"'{text}' is the same for every record"
            reader.report("bad-time", message, "use `at:` for one moment", at.span)
        return
    record, _, name = moment.field.rpartition(".")
    record = record or expressions.record
    roots = expressions.names().roots
    kind = roots.get(record)
    if record not in ("lead", "deal") or kind is None:
        message = f"no field '{moment.field}'"
        reader.report("unknown-field", message, "write it like `lead.trial_ends_at`", at.span)
        return
    fields = kind.fields or {}
    if name not in fields:
        times = [key for key, each in fields.items() if each.kind in _TIMES]
        message = f"no field '{moment.field}'"
        reader.report("unknown-field", message, did_you_mean(name, times), at.span)
    elif fields[name].kind not in _TIMES:
        message = f"'{moment.field}' is {fields[name]}, not a date or a time"
        reader.report("bad-time", message, "name a field of type `date` or `datetime`", at.span)
    elif (record, name) == ("lead", "birthday") and not yearly:
        message = "the day of birth has passed; what comes is its anniversary"
        hint = "enroll by it: `- {date: lead.birthday, every: year}`"
        reader.report("birthday-has-passed", message, hint, at.span, severity="warning")
