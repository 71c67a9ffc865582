"""The templates' language: Jinja2 with everything taken out that is not text, names and choices.

Allowed: text, `{{ }}`, `if`, `for`, `set`, `with`, `include`, `extends`, `block`, comments. The
expressions are the condition language's, a missing value behaves as it does there, and prints
nothing. There are no calls into Python, no attributes of Python objects, no macros and no
buffers: so the number of pieces written bounds the time, and their length bounds the memory.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from itertools import islice
from typing import Any

from jinja2 import BaseLoader, Undefined, nodes, pass_context
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import escape

from engine.mail.filters import (
    FILTERS,
    Filter,
    calculated,
    compared,
    containing,
    matching,
    negative,
    written,
)
from engine.mail.grammar import COMPARE, FLAT, ITEMS, WRITTEN, bounded, check_nodes
from engine.playbook.values import Scope

MAX_PIECES = 20_000
MAX_SIZE = 200_000
MAX_ITEMS = 1_000

_ROUNDS = " rounds"
_AT_A_TIME = 32
"""Pieces between two looks at how much has been written."""

MISSING = Undefined()
"""A value that is not there: prints nothing, is false, and spreads through arithmetic."""


def value_of(value: object) -> object:
    """A value as filters know it: what is missing is None."""
    return None if isinstance(value, Undefined) else value


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Jinja2 as templates see it; made once per set of templates."""

    intercepted_binops = frozenset(["+", "-", "*", "/", "%"])
    intercepted_unops = frozenset(["-", "+"])

    def __init__(self, *, loader: BaseLoader | None, html: bool) -> None:
        super().__init__(
            loader=loader,
            autoescape=_is_html if html else False,
            finalize=printed,
            cache_size=-1,
            auto_reload=False,
            keep_trailing_newline=True,
        )
        self.globals.clear()
        self.tests.clear()
        self.filters.clear()
        self.filters.update({name: _adapted(each) for name, each in FILTERS.items()})
        self.filters.update({"escape": escape, "e": escape})
        self.filters.update({COMPARE: _compared, ITEMS: _items, FLAT: _flat})
        self.filters[WRITTEN] = written
        self.tests.update(
            defined=lambda value: value_of(value) is not None,
            matching=lambda value, pattern: matching(value_of(value), pattern),
            containing=_contains,
        )

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A field of a record, or a fact about the loop; never an attribute of an object."""
        if type(obj) is dict or isinstance(obj, Mapping):
            value = obj.get(attribute)
            return MISSING if value is None else value
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        return MISSING

    def getitem(self, obj: Any, argument: Any) -> Any:
        """A field of a record, or an item of a list by its number."""
        value: Any = None
        if isinstance(obj, Mapping):
            hidden = isinstance(argument, str) and argument.startswith("_")
            value = obj.get(argument) if isinstance(argument, str | int) and not hidden else None
        elif isinstance(obj, Sequence) and isinstance(argument, int):
            value = obj[argument] if -len(obj) <= argument < len(obj) else None
        return MISSING if value is None else value

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic as in conditions, within bounds."""
        result = calculated(operator, value_of(left), value_of(right), context.parent)
        return MISSING if result is None else result

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:
        """A signed number."""
        value = value_of(arg)
        result = negative(value) if operator == "-" or negative(value) is None else value
        return MISSING if result is None else result

    def is_safe_callable(self, obj: Any) -> bool:
        """Nothing that a template can reach may be called."""
        return False

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Nothing; fields are looked up by `getattr` above."""
        return False

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None,
        defer_init: bool = False,
    ) -> str:  # fmt: skip
        check_nodes(source, name or "")
        bounded(source).set_environment(self)
        return super()._generate(source, name, filename, defer_init)


_LOOP = frozenset({"index", "index0", "first", "last", "length", "revindex", "revindex0"})


@pass_context
def _compared(context: Context, left: object, *pairs: object) -> bool:
    left = value_of(left)
    for at in range(0, len(pairs), 2):
        right = value_of(pairs[at + 1])
        if not compared(str(pairs[at]), left, right, context.parent):
            return False
        left = right
    return True


@pass_context
def _contains(context: Context, value: object, part: object) -> bool:
    return containing(value_of(value), value_of(part), context.parent)


@pass_context
def _items(context: Context, value: object) -> Sequence[object]:
    value = value_of(value)
    if value is None:
        return ()
    if isinstance(value, Mapping):
        value = tuple(value)
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError(f"a loop goes over a list, not over {_kind(value)}")
    if len(value) > MAX_ITEMS:
        raise ValueError(f"a loop over {len(value):,} items is longer than {MAX_ITEMS:,}")
    rounds = context.parent[_ROUNDS]
    rounds[0] += len(value)  # here, because `for … if` may look at many and write nothing
    if rounds[0] > MAX_PIECES:
        raise ValueError(f"its loops take more than {MAX_PIECES:,} rounds")
    return value


def _flat(value: Sequence[object]) -> Sequence[object]:
    """A list that a template writes: lists in it would double with every line."""
    if any(isinstance(each, Sequence) and not isinstance(each, str) for each in value):
        raise ValueError("a list in a list is not part of templates")
    return value


def _adapted(filter: Filter) -> Callable[..., object]:
    @pass_context
    def call(context: Context, value: object, *arguments: object) -> object:
        given = [None if isinstance(each, Undefined) else each for each in arguments]
        result = filter(context.parent, value_of(value), *given)
        return MISSING if result is None else result

    return call


@pass_context
def printed(context: Context, value: object) -> object:
    """A value as people read it: no `None`, no `True`, no `5.0`, times in the reader's zone."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, Undefined):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, datetime):
        zone = context.parent.get("zone")
        if isinstance(zone, tzinfo) and value.tzinfo:
            value = value.astimezone(zone)
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, Mapping):
        raise ValueError("a record cannot be printed whole; name one of its fields")
    if isinstance(value, Sequence):
        return ", ".join(str(printed(context, each)) for each in value[:MAX_ITEMS])
    if isinstance(value, int | Decimal | date | time | timedelta):
        return str(value)
    raise ValueError("that cannot be printed")


def scope_of(scope: Scope) -> dict[str, Any]:
    """The names of one rendering, with the count of its rounds beside them."""
    return {**scope, _ROUNDS: [0]}


def pieces_within(pieces: Iterator[str]) -> list[str]:
    """The pieces of a text, unless it is too long or takes too many steps."""
    written: list[str] = []
    size = 0
    while some := list(islice(pieces, _AT_A_TIME)):
        written += some
        size += sum(map(len, some))
        if size > MAX_SIZE:
            raise ValueError(f"the text grows longer than {MAX_SIZE:,} characters")
        if len(written) > MAX_PIECES:
            raise ValueError(f"it takes more than {MAX_PIECES:,} steps")
    return written


def _kind(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case str():
            return "text"
        case int() | float():
            return "a number"
        case date():
            return "a time"
        case Mapping():
            return "a record"
        case Sequence():
            return "a list"
        case _:
            return "that"


def _is_html(name: str | None) -> bool:
    return name is None or not name.endswith(".txt")
