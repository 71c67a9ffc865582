"""A lead and a deal to look at mails with, while there is none: every field of them has a value."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from engine.operations.published import Current
from engine.playbook.catalog import DEAL_FIELDS, LEAD_FIELDS
from engine.playbook.conditions.vocabulary import Kind, ValueType
from engine.playbook.values import Value

_ENGLISH: Mapping[str, Value] = {
    "email": "ann@example.com", "first_name": "Ann", "last_name": "Lee", "full_name": "Ann Lee",
    "company": "Example Ltd", "title": "Head of Sales", "country": "GB", "city": "London",
    "timezone": "Europe/London", "phone": "+44 20 7946 0000",
}  # fmt: skip
_CHINESE: Mapping[str, Value] = {
    "email": "li.wei@example.cn", "first_name": "伟", "last_name": "李", "full_name": "李伟",
    "company": "示例科技", "title": "销售总监", "country": "CN", "city": "杭州",
    "timezone": "Asia/Shanghai", "phone": "+86 571 5555 0000",
}  # fmt: skip


def sample_lead(current: Current, language: str, now: datetime) -> dict[str, Value]:
    """A lead that reads this language, or the workspace's."""
    spoken = language or current.workspace.language
    types = {one.name: one.type for one in LEAD_FIELDS} | dict(current.custom)
    filled = {name: _value(name, kind, now) for name, kind in types.items()}
    people = _CHINESE if spoken.lower().startswith("zh") else _ENGLISH
    owner = next(iter(current.workspace.owners), "")
    own: dict[str, Value] = {
        "language": spoken, "stage": current.workspace.lifecycle[0], "owner": owner, "tags": [],
        "scores": {}, "grade": "A", "source": "website",
    }  # fmt: skip
    return {**filled, **people, **own}


def sample_deal(current: Current, now: datetime) -> dict[str, Value]:
    """A deal of that lead."""
    types = {one.name: one.type for one in DEAL_FIELDS} | dict(current.deal_fields)
    filled = {name: _value(name, kind, now) for name, kind in types.items()}
    pipeline, pipelines = "", current.workspace.pipelines
    stage = ""
    if pipelines:
        pipeline = next(iter(pipelines))
        stage = pipelines[pipeline].stages[0].name
    own: dict[str, Value] = {
        "name": "Example Ltd", "amount": 12_000, "currency": current.workspace.currency,
        "pipeline": pipeline, "stage": stage, "tags": [],
        "owner": next(iter(current.workspace.owners), ""),
    }  # fmt: skip
    return {**filled, **own}


def _value(name: str, kind: ValueType, now: datetime) -> Value:
    if kind.values:
        return kind.values[0]
    match kind.kind:
        case Kind.INTEGER | Kind.NUMBER:
            return 42
        case Kind.BOOLEAN:
            return True
        case Kind.DATE:
            return date(now.year, 6, 1)
        case Kind.DATETIME:
            return now + timedelta(days=7)
        case Kind.LIST:
            return []
        case Kind.RECORD:
            return {}
        case _:
            return name.replace("_", " ")
