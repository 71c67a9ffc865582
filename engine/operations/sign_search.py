"""Which signs there are in leads' pasts: events, what they say, and what leads are.

How often a sign is shown decides, never whether it went with an outcome: were signs chosen by that,
their weights would look surer than they are. What we or our salespeople do is no sign of a lead's.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from engine.errors import InputError
from engine.operations.published import Current
from engine.operations.selecting import checked
from engine.playbook.catalog import event_types
from engine.playbook.conditions.vocabulary import Kind, ValueType, value_type
from engine.playbook.values import Value
from engine.runtime.signs import PERIOD, TIMES, Sign
from engine.store import events
from engine.store.database import Transaction

NOT_OF_THE_LEAD = (
    "lead.", "deal.", "task.", "consent.asked", "email.sent", "email.delivered", "email.bounced",
    "email.machine_",
)  # fmt: skip
PRIVATE = '(lead.email | domain) in ["gmail.com", "outlook.com", "qq.com", "163.com", "126.com"]'
DECIDES = 'lead.title is matching("cto|ceo|vp|founder|head of|director|总监|总经理|负责人|创始人")'
_ALWAYS = (PRIVATE, DECIDES, "lead.phone is defined", "lead.company is defined")
_FIELDS = ("country", "language", "source")
_MOST_KEYS, _MOST_VALUES, _LONGEST = 20_000, 20_000, 60
_QUARTERS = (0.5, 0.75, 0.9)

Did = Sequence[tuple[str, Mapping[str, Value]]]
"""Events that a lead did: the name of each, and its properties."""


def event_names(tx: Transaction, without: Sequence[str] = ()) -> list[str]:
    """The names of the events that leads did."""
    names = tx.conn.execute(sa.select(events.table.c.name).distinct()).scalars()
    return sorted(
        name for name in names if not name.startswith(NOT_OF_THE_LEAD) and name not in without
    )


@dataclass
class Search:
    """Looks at leads as they were when they are judged, and names what many of them show."""

    current: Current
    looked: int = 0
    _seen: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _numbers: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._types = event_types(self.current.workspace.events)
        declared = self.current.workspace.fields.lead
        self._custom = {name: value_type(kind) for name, kind in declared.items()}

    def lead(
        self, lead: Mapping[str, Value], did: Sequence[tuple[str, Mapping[str, Value]]]
    ) -> None:
        """Looks at one lead, and at the events that it had done."""
        self.looked += 1
        found = set(self._of_events(did)) | set(self._of_fields(lead))
        if len(self._seen) < _MOST_KEYS:
            self._seen.update(found)
        else:
            self._seen.update(found & self._seen.keys())

    def _of_events(self, did: Did) -> Iterator[tuple[str, str, str]]:
        for name, said in did:
            yield name, "", ""
            for key, value in said.items():
                if isinstance(value, str) and _is_plain(value) and self._is_text(name, key):
                    yield name, key, value

    def _is_text(self, event: str, key: str) -> bool:
        """Whether it is a declared text; addresses of pages are paths with more behind them."""
        kind = self._types.get(event)
        declared = (kind.fields or {}).get(key) if kind is not None else None
        if event == "form.submitted":
            return key == "form"
        return declared is not None and declared.kind is Kind.TEXT and key != "url"

    def _of_fields(self, lead: Mapping[str, Value]) -> Iterator[tuple[str, str, str]]:
        for name in (*_FIELDS, *self._custom):
            value, kind = lead.get(name), self._custom.get(name)
            if isinstance(value, bool):
                if value:
                    yield "", name, "true"
            elif isinstance(value, int | float) and _is_number(kind):
                kept = self._numbers.setdefault(name, [])
                if len(kept) < _MOST_VALUES:
                    kept.append(value)
            elif isinstance(value, str) and _is_plain(value):
                yield "", name, value

    def signs(self, known: Sequence[Sign], least: int) -> list[Sign]:
        """The signs that `least` leads show, the most frequent first, besides those known."""
        there = {one.name for one in known}
        made = [self._sign(*key) for key, many in self._seen.most_common() if many >= least]
        made += [*self._steps(least), *(Sign(text) for text in _ALWAYS)]
        return [one for one in made if one.name not in there and self._is_right(one)]

    def _sign(self, event: str, key: str, value: str) -> Sign:
        if event:
            cond = f"event.{key} == {json.dumps(value, ensure_ascii=False)}" if key else ""
            return Sign(cond, event, TIMES, PERIOD)
        if value == "true" and self._is_boolean(key):
            return Sign(f"lead.{key}")
        return Sign(f"lead.{key} == {json.dumps(value, ensure_ascii=False)}")

    def _is_boolean(self, name: str) -> bool:
        kind = self._custom.get(name)
        return kind is not None and kind.kind is Kind.BOOLEAN

    def _steps(self, least: int) -> Iterator[Sign]:
        """Numbers by what half, a quarter and a tenth of the leads reach."""
        for name, values in sorted(self._numbers.items()):
            if len(values) < 2 * least:
                continue
            ordered = sorted(values)
            places = [ordered[int(part * (len(ordered) - 1))] for part in _QUARTERS]
            for value in dict.fromkeys(places):
                if value > ordered[0]:
                    yield Sign(f"lead.{name} >= {value:g}")

    def _is_right(self, sign: Sign) -> bool:
        """Whether the language takes it: what leads hold may be spelt beyond it."""
        if sign.event:
            return sign.event in self._types
        try:
            checked(self.current, sign.cond)
        except InputError:
            return False
        return True


def _is_number(kind: ValueType | None) -> bool:
    return kind is not None and kind.kind in (Kind.INTEGER, Kind.NUMBER)


def _is_plain(value: str) -> bool:
    """Whether a text can stand in a condition, in YAML and in a comment as it is."""
    return 0 < len(value) <= _LONGEST and value.isprintable() and not set('"\\{}#') & set(value)
