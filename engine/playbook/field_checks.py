"""Fields that a step sets: they exist, may be set, and take what they are given."""

from collections.abc import Mapping

from engine.playbook.conditions.tree import Literal
from engine.playbook.conditions.vocabulary import Kind, ValueType
from engine.playbook.expressions import Expressions
from engine.playbook.fields import FIELD_PATTERNS
from engine.playbook.nodes import MapNode, Node, ScalarNode
from engine.playbook.spelling import did_you_mean

_TIMES = (Kind.DATE, Kind.DATETIME)
_NUMBERS = (Kind.INTEGER, Kind.NUMBER)
_AUTOMATIC = "Longplay keeps it itself"
_LEDGER = "consents are recorded by `longplay consent record`, the API, an import or the lead"
_KEPT: Mapping[str, str] = {
    "stage": "use the step `stage: NAME`",
    "score": "use the step `score: +N`",
    "tags": "use the steps `tag:` and `untag:`",
    "owner": "use the step `assign:`",
    "consent": _LEDGER,
    "open_consent": _LEDGER,
    **dict.fromkeys(
        (
            "id", "grade", "scores", "full_name", "created_at", "stage_entered_at", "last_seen_at",
            "last_activity_at", "last_contacted_at", "last_sent_at", "last_opened_at",
            "last_clicked_at", "orders", "revenue",
        ),
        _AUTOMATIC,
    ),
}  # fmt: skip


_OF_DEALS: Mapping[str, str] = {
    "id": _AUTOMATIC,
    "lead": "the primary contact is changed over the API, or by an import",
    "pipeline": "use the step `stage: PIPELINE.STAGE`, with `force: true`",
}


def check_fields(node: Node, expressions: Expressions, event: str | None, *, texts: bool) -> None:
    """Reports fields that cannot be set, and values that do not fit.

    Args:
        texts: the values are texts (`set`), not expressions (`update`).
    """
    if not isinstance(node, MapNode):
        return
    for key, at in node.keys.items():
        kind = _settable(key, at, expressions)
        value = node.values[key]
        if texts and kind is not None and isinstance(value, ScalarNode):
            check_text(key, kind, value, expressions)
        elif not texts:
            compiled = expressions.check(value, event=event)
            if compiled is None or kind is None:
                continue
            if not _fits(compiled.type, kind):
                _report(expressions, f"'{key}' is {kind}, this is {compiled.type}", value)
            elif kind.values and isinstance(compiled.tree, Literal):
                written = str(compiled.tree.value)
                if written not in kind.values:
                    message, hint = (
                        f"'{key}' cannot be '{written}'",
                        did_you_mean(written, kind.values),
                    )
                    expressions.reader.report("unknown-value", message, hint, value.span)


def _settable(key: str, at: ScalarNode, expressions: Expressions) -> ValueType | None:
    """The type of the field, or None after a finding."""
    record, _, name = key.rpartition(".")
    record = record or expressions.record
    roots = expressions.names().roots
    reader = expressions.reader
    if record not in ("lead", "deal") or record not in roots:
        message = f"no field '{key}' here"
        hint = "write `for: deal`, or open one before with a `deal:` step"
        hint = hint if record == "deal" else "write a field of the lead"
        reader.report("unknown-field", message, hint, at.span)
        return None
    if name in _KEPT:
        reader.report("field-not-settable", f"'{name}' cannot be set", _KEPT[name], at.span)
        return None
    if record == "deal" and name in _OF_DEALS:
        reader.report("field-not-settable", f"'{name}' cannot be set", _OF_DEALS[name], at.span)
        return None
    fields = roots[record].fields or {}
    if name not in fields:
        hint = did_you_mean(name, fields.keys() - _KEPT.keys())
        reader.report("unknown-field", f"no field named '{name}'", hint, at.span)
        return None
    return fields[name]


def check_text(key: str, kind: ValueType, value: ScalarNode, expressions: Expressions) -> None:
    """A text without `{{ }}` is known now: it must be one that the field takes."""
    text = value.text.strip()
    if "{{" in text:
        return
    if kind.values and text not in kind.values:
        message, hint = f"'{key}' cannot be '{text}'", did_you_mean(text, kind.values)
        expressions.reader.report("unknown-value", message, hint, value.span)
        return
    pattern = FIELD_PATTERNS.get(kind.kind.value)
    if pattern is not None and not pattern.fullmatch(text):
        _report(expressions, f"'{key}' is {kind}, not '{text}'", value)


def _report(expressions: Expressions, message: str, value: Node) -> None:
    expressions.reader.report("type-mismatch", message, "write a value of that kind", value.span)


def _fits(given: ValueType, field: ValueType) -> bool:
    if Kind.UNKNOWN in (given.kind, field.kind) or given.kind == field.kind:
        return True
    pairs = (_TIMES, _NUMBERS)
    return any(given.kind in pair and field.kind in pair for pair in pairs)
