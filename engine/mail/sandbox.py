"""The templates' language: Jinja2 with everything taken out that is not text, names and choices.

Allowed: text, `{{ }}`, `if`, `for`, `set`, `with`, `include`, `extends`, `block`, comments. The
expressions are the condition language's, a missing value behaves as it does there, and prints
nothing. There are no calls into Python, no attributes of Python objects, no macros and no
buffers: so the number of pieces written bounds the time, and their length bounds the memory.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from jinja2 import BaseLoader, Undefined, nodes, pass_context
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer
from markupsafe import escape

from engine.mail.errors import TemplateError
from engine.mail.filters import Filter, compare, containing, matching

MAX_PIECES = 20_000
MAX_SIZE = 200_000
MAX_ITEMS = 1_000
MAX_SOURCE = 200_000
MAX_TEXT = 10_000
MAX_NUMBER = 10**18

_COMPARE = " compare"  # with a space: names that no template can spell
_ITEMS = " items"
RESULT = "_result"
"""The name that holds the value of a lone `{{ x }}`."""
_ESCAPES = ("escape", "e")
_TESTS = ("defined", "matching", "containing")

_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Tuple,
    nodes.List, nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Getattr, nodes.Getitem,
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Not,
    nodes.And, nodes.Or, nodes.Compare, nodes.Operand, nodes.If, nodes.For, nodes.Assign,
    nodes.With, nodes.Include, nodes.Extends, nodes.Block,
)  # fmt: skip

_INSTEAD: Mapping[type[nodes.Node], str] = {
    nodes.Macro: "use {% include %}, which sees the names set before it",
    nodes.CallBlock: "use {% include %}, which sees the names set before it",
    nodes.Import: "use {% include %}, which sees the names set before it",
    nodes.FromImport: "use {% include %}, which sees the names set before it",
    nodes.Concat: "write {{ a }}{{ b }}",
    nodes.Call: "use a filter: {{ x | upper }}",
    nodes.AssignBlock: "use {% set name = … %}",
    nodes.FilterBlock: "use a filter in each {{ }}",
}


class Missing(Undefined):
    """A value that is not there: prints nothing, is false, and spreads through arithmetic."""

    __slots__ = ()

    def _nothing(self, *_: object) -> "Missing":
        return self

    def __getattr__(self, name: str) -> "Missing":
        if name[:2] == "__":
            raise AttributeError(name)
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _nothing  # type: ignore[assignment]
    __truediv__ = __rtruediv__ = __mod__ = __rmod__ = __neg__ = __pos__ = _nothing  # type: ignore[assignment]
    __getitem__ = _nothing  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return False

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = Undefined.__hash__


MISSING = Missing()


def value_of(value: object) -> object:
    """A value as filters know it: what is missing is None."""
    return None if isinstance(value, Undefined) else value


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Jinja2 as templates see it; made once per set of templates."""

    intercepted_binops = frozenset(["+", "-", "*", "/", "%"])
    intercepted_unops = frozenset(["-", "+"])

    def __init__(
        self, *, loader: BaseLoader | None, filters: Mapping[str, Filter], html: bool
    ) -> None:
        super().__init__(
            loader=loader,
            undefined=Missing,
            autoescape=_is_html if html else False,
            finalize=printed,
            cache_size=-1,
            auto_reload=False,
            keep_trailing_newline=True,
        )
        self.globals.clear()
        self.tests.clear()
        self.filters.clear()
        self.filters.update({name: _adapted(each) for name, each in filters.items()})
        self.filters.update({"escape": escape, "e": escape})
        self.filters.update({_COMPARE: _compared, _ITEMS: _items})
        self.tests.update(
            defined=lambda value: value_of(value) is not None,
            matching=lambda value, pattern: matching(value_of(value), pattern),
            containing=lambda value, part: containing(value_of(value), part),
        )

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A field of a record, or a fact about the loop; never an attribute of an object."""
        if isinstance(obj, Mapping):
            value = obj.get(attribute)
            return MISSING if value is None else value
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        return MISSING

    def getitem(self, obj: Any, argument: Any) -> Any:
        """A field of a record, or an item of a list by its number."""
        value: Any = None
        if isinstance(obj, Mapping):
            value = obj.get(argument) if isinstance(argument, str | int) else None
        elif isinstance(obj, Sequence) and isinstance(argument, int):
            value = obj[argument] if -len(obj) <= argument < len(obj) else None
        return MISSING if value is None else value

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic on small numbers, times, and short texts; everything else is refused."""
        return calculated(operator, left, right)

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:
        """A signed number."""
        if isinstance(arg, int | float):
            return -arg if operator == "-" else arg
        return MISSING

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
        check_nodes(source, name or "", self)
        source = _Bounded().visit(source)
        source.set_environment(self)
        return super()._generate(source, name, filename, defer_init)


_LOOP = frozenset({"index", "index0", "first", "last", "length", "revindex", "revindex0"})


def check_nodes(tree: nodes.Template, file: str, env: TemplateEnvironment) -> None:
    """Refuse what the language does not have, at its line."""
    for node in (tree, *tree.find_all(nodes.Node)):
        fault, instead = _fault(node, env, file)
        if fault:
            raise TemplateError(file, getattr(node, "lineno", 0) or 0, fault, help=instead)


def _fault(node: nodes.Node, env: TemplateEnvironment, file: str) -> tuple[str, str]:
    if isinstance(node, nodes.Filter | nodes.Test):
        return _named_fault(node, env)
    if isinstance(node, nodes.For) and node.recursive:
        return "a recursive loop is not part of templates", ""
    if isinstance(node, nodes.Include) and node.ignore_missing:
        return "a file that may be missing cannot be included", "leave 'ignore missing' out"
    if isinstance(node, nodes.Include | nodes.Extends):
        if not isinstance(node.template, nodes.Const) or not isinstance(node.template.value, str):
            return "the file to include must be written out in quotes", ""
        if file.endswith(".html") and not node.template.value.endswith(".html"):
            return f"an HTML file cannot include '{node.template.value}', which is not HTML", ""
        return "", ""
    if isinstance(node, nodes.Name) and node.name.startswith("_") and node.name != RESULT:
        return f"'{node.name}' begins with an underscore", ""
    if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        return f"'{node.attr}' begins with an underscore", ""
    if isinstance(node, _ALLOWED):
        return "", ""
    word = type(node).__name__.lower()
    return f"'{word}' is not part of templates", _INSTEAD.get(type(node), "")


def _named_fault(node: nodes.Filter | nodes.Test, env: TemplateEnvironment) -> tuple[str, str]:
    is_filter = isinstance(node, nodes.Filter)
    kind = "filter" if is_filter else "test"
    known = [name for name in (env.filters if is_filter else env.tests) if " " not in name]
    if node.name not in known:
        shown = ", ".join(sorted(set(known) - {"e"}))
        return f"no {kind} is named '{node.name}'", f"the {kind}s are: {shown}"
    if node.kwargs or node.dyn_args or node.dyn_kwargs or (is_filter and node.node is None):
        return f"the {kind} '{node.name}' takes plain arguments only", ""
    return "", ""


class _Bounded(NodeTransformer):
    """Puts a piece into every round of a loop, and our own meaning into comparisons."""

    def visit_Template(self, node: nodes.Template) -> nodes.Template:
        self.generic_visit(node)
        at = next((i for i, n in enumerate(node.body) if isinstance(n, nodes.Extends)), -1) + 1
        node.body.insert(at, _tick(node.lineno))
        return node

    def visit_For(self, node: nodes.For) -> nodes.For:
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, _ITEMS, [], [], None, None, lineno=node.lineno)
        node.body.insert(0, _tick(node.lineno))
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        self.generic_visit(node)
        args: list[nodes.Expr] = []
        for operand in node.ops:
            args += [nodes.Const(operand.op, lineno=node.lineno), operand.expr]
        return nodes.Filter(node.expr, _COMPARE, args, [], None, None, lineno=node.lineno)


def _tick(line: int) -> nodes.Output:
    return nodes.Output([nodes.TemplateData("", lineno=line)], lineno=line)


def _compared(left: object, *pairs: object) -> bool:
    left = value_of(left)
    for at in range(0, len(pairs), 2):
        right = value_of(pairs[at + 1])
        if not compare(str(pairs[at]), left, right):
            return False
        left = right
    return True


def _items(value: object) -> Sequence[object]:
    value = value_of(value)
    if value is None:
        return ()
    if isinstance(value, Mapping):
        value = tuple(value)
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError(f"a loop goes over a list, not over {_kind(value)}")
    if len(value) > MAX_ITEMS:
        raise ValueError(f"a loop over {len(value):,} items is longer than {MAX_ITEMS:,}")
    return value


def calculated(operator: str, left: object, right: object) -> object:
    """`left operator right` within bounds; with a missing side, missing."""
    left, right = value_of(left), value_of(right)
    if left is None or right is None:
        return MISSING
    if isinstance(left, int | float) and isinstance(right, int | float):
        return _number(operator, left, right)
    if operator == "+" and isinstance(left, str) and isinstance(right, str):
        if len(left) + len(right) > MAX_TEXT:
            raise ValueError("a text grows too long")
        return left + right
    if operator in "+-" and isinstance(left, date) and not isinstance(right, str):
        try:
            return left + right if operator == "+" else left - right  # type: ignore[operator]
        except (TypeError, OverflowError):
            pass
    raise ValueError(f"cannot calculate {_kind(left)} {operator} {_kind(right)}")


def _number(operator: str, left: float, right: float) -> object:
    if operator in "/%" and right == 0:
        return MISSING
    result: float
    match operator:
        case "+":
            result = left + right
        case "-":
            result = left - right
        case "*":
            result = left * right
        case "/":
            result = left / right
        case _:
            result = left % right
    if not -MAX_NUMBER <= result <= MAX_NUMBER:
        raise ValueError("a number grows too large")
    return result


def _adapted(filter: Filter) -> Callable[..., object]:
    @pass_context
    def call(context: Context, value: object, *arguments: object) -> object:
        result = filter(context.parent, value_of(value), *map(value_of, arguments))
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


def pieces_within(pieces: Iterator[str]) -> str:
    """The whole text, unless it is too long or takes too many steps."""
    written: list[str] = []
    size = 0
    for piece in pieces:
        written.append(piece)
        size += len(piece)
        if size > MAX_SIZE:
            raise ValueError(f"the text grows longer than {MAX_SIZE:,} characters")
        if len(written) > MAX_PIECES:
            raise ValueError(f"it takes more than {MAX_PIECES:,} steps")
    return "".join(written)


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
    return name is None or name.endswith(".html")
