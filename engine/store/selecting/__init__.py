"""Conditions as WHERE: which records a condition holds of, asked of the database.

`split` turns what SQL can express exactly into clauses and names the rest, which callers ask page
by page through the condition's own closures. Both ways give the same answer, missing values,
zones, letters of any case and 64-bit numbers included; what could differ is left to the closures.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from engine.playbook.conditions import running
from engine.playbook.conditions.compiled import CompiledCondition, condition
from engine.playbook.conditions.tree import Logic, Name, Node
from engine.playbook.values import Scope
from engine.store.selecting.asking import Asking, RecordKind
from engine.store.selecting.deal_record import deals_of, with_contacts
from engine.store.selecting.lead_record import leads_of
from engine.store.selecting.truths import Truths
from engine.store.selecting.values import NotInSql

__all__ = [
    "Asking", "NotInSql", "RecordKind", "Split", "deals_of", "leads_of", "split", "with_contacts",
]  # fmt: skip

DEEPEST = 20
"""Parentheses within parentheses that SQLite surely takes, whatever stands between them."""

_SQLITE = sqlite.dialect()
_NESTING = re.compile(r"[()]|\bCASE\b|\bEND\b")


@dataclass(frozen=True)
class Split:
    """A condition in two parts; it holds where both do.

    Attributes:
        where: clauses for the database.
        rest: what runs in Python.
        reasons: why it does, one for each.
    """

    where: tuple[sa.ColumnElement[Any], ...]
    rest: tuple[Node, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """The database answers all of it."""
        return not self.rest

    @cached_property
    def _closures(self) -> list[Any]:
        return [running.truth_of(node) for node in self.rest]

    def holds(self, scope: Scope) -> bool:
        """Whether the rest holds of a record for which the clauses do."""
        return all(closure(scope) for closure in self._closures)


def split(asked: CompiledCondition, asking: Asking) -> Split:
    """The condition, as far as SQL can express it, and the rest."""
    where, rest, reasons = [], [], []
    for term in _terms(asked.tree, asking, frozenset()):
        try:
            clause = Truths(asking).of(term).sql
            if not asking.is_postgres:
                refuse_deep(clause)
            where.append(clause)
        except NotInSql as why:
            rest.append(term)
            reasons.append(str(why))
    return Split(tuple(where), tuple(rest), tuple(reasons))


def refuse_deep(clause: sa.ColumnElement[Any]) -> None:
    """SQLite's parser has a stack of a hundred symbols.

    Raises:
        NotInSql: the clause would not fit in it.
    """
    depth = 0
    for sign in _NESTING.findall(str(clause.compile(dialect=_SQLITE))):
        depth += 1 if sign in ("(", "CASE") else -1
        if depth > DEEPEST:
            raise NotInSql("a condition that is nested too deeply for SQLite")


def _terms(node: Node, asking: Asking, above: frozenset[str]) -> Iterator[Node]:
    """What must hold together; a segment that is named stands for what it says."""
    match node:
        case Logic(operator="and", terms=terms):
            for term in terms:
                yield from _terms(term, asking, above)
        case Name(path=("segment", name)) if name in asking.segments and name not in above:
            yield from _terms(condition(asking.segments[name]).tree, asking, above | {name})
        case _:
            yield node
