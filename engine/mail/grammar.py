"""Which of Jinja2's syntax templates have, and what is made of it before it is compiled.

It looks at trees only; what a template's parts do when they run is `engine.mail.sandbox`'s.
"""

from collections.abc import Mapping

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from engine.mail.errors import TemplateError
from engine.mail.filters import FILTERS, arity_fault, length, roles, written
from engine.playbook.conditions.comparing import Written
from engine.playbook.conditions.patterns import PatternError, matcher
from engine.playbook.durations import DurationError

COMPARE = " compare"  # with a space: names that no template can spell
ITEMS = " items"
WRITTEN = " written"
FLAT = " flat"
RESULT = "_result"
"""The name that holds the value of a lone `{{ x }}`."""
ESCAPES = ("escape", "e")
TESTS = {"defined": "nothing", "matching": "a pattern", "containing": "one value"}

_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Tuple,
    nodes.List, nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Getattr, nodes.Getitem,
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Not,
    nodes.And, nodes.Or, nodes.Compare, nodes.Operand, nodes.If, nodes.For, nodes.Assign,
    nodes.With, nodes.Include, nodes.Extends, nodes.Block,
)  # fmt: skip

_INCLUDE = "use {% include %}, which sees the names set before it"
_REFUSED: Mapping[type[nodes.Node], tuple[str, str]] = {
    nodes.Macro: ("a macro", _INCLUDE),
    nodes.CallBlock: ("a call block", _INCLUDE),
    nodes.Import: ("an import", _INCLUDE),
    nodes.FromImport: ("an import", _INCLUDE),
    nodes.Concat: ("'~'", "write {{ a }}{{ b }}"),
    nodes.Call: ("a call with '(…)'", "use a filter: {{ x | upper }}"),
    nodes.AssignBlock: ("a set block", "use {% set name = … %}"),
    nodes.FilterBlock: ("a filter block", "use a filter in each {{ }}"),
    nodes.Pow: ("'**'", ""),
    nodes.FloorDiv: ("'//'", ""),
    nodes.Dict: ("a mapping", "hand it in with 'data:' and name its fields"),
    nodes.Slice: ("a slice", ""),
}


def check_nodes(tree: nodes.Template, file: str) -> None:
    """Refuse what the language does not have, at its line."""
    for node in (tree, *tree.find_all(nodes.Node)):
        fault, instead = _fault(node, file)
        if fault:
            raise TemplateError(file, getattr(node, "lineno", 0) or 0, fault, help=instead)


def _fault(node: nodes.Node, file: str) -> tuple[str, str]:
    if isinstance(node, nodes.Filter | nodes.Test):
        return _named_fault(node)
    if isinstance(node, nodes.Mul | nodes.Mod):
        return _sum_fault(node)
    if isinstance(node, nodes.For) and node.recursive:
        return "a recursive loop is not part of templates", ""
    if isinstance(node, nodes.Include) and node.ignore_missing:
        return "a file that may be missing cannot be included", "leave 'ignore missing' out"
    if isinstance(node, nodes.Include | nodes.Extends):
        if not isinstance(node.template, nodes.Const) or not isinstance(node.template.value, str):
            return "the file to include must be written out in quotes", ""
        if not file.endswith(".txt") and node.template.value.endswith(".txt"):
            return f"an HTML file cannot include '{node.template.value}', which is not HTML", ""
        return "", ""
    if isinstance(node, nodes.Name) and node.name.startswith("_") and node.name != RESULT:
        return f"'{node.name}' begins with an underscore", ""
    if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        return f"'{node.attr}' begins with an underscore", ""
    if isinstance(node, _ALLOWED):
        return "", ""
    what, instead = _REFUSED.get(type(node), (f"'{type(node).__name__.lower()}'", ""))
    return f"{what} is not part of templates", instead


def _named_fault(node: nodes.Filter | nodes.Test) -> tuple[str, str]:
    is_filter = isinstance(node, nodes.Filter)
    kind = "filter" if is_filter else "test"
    known = (*FILTERS, *ESCAPES) if is_filter else TESTS
    if node.name not in known:
        shown = ", ".join(sorted(set(known) - {"e"}))
        return f"no {kind} is named '{node.name}'", f"the {kind}s are: {shown}"
    if node.kwargs or node.dyn_args or node.dyn_kwargs or (is_filter and node.node is None):
        return f"the {kind} '{node.name}' takes plain arguments only", ""
    if is_filter:
        return ("", "") if node.name in ESCAPES else _filter_fault(node)
    return _test_fault(node)


def _filter_fault(node: nodes.Filter | nodes.Test) -> tuple[str, str]:
    fault = arity_fault(node.name, len(node.args))
    if fault:
        return fault, ""
    for role, argument in zip(roles(node.name), node.args, strict=False):
        if role in ("duration", "within") and isinstance(argument, nodes.Const):
            try:
                length(str(argument.value))
            except DurationError as error:
                return error.message, error.help
    return "", ""


def _test_fault(node: nodes.Filter | nodes.Test) -> tuple[str, str]:
    if len(node.args) != (0 if node.name == "defined" else 1):
        return f"the test '{node.name}' takes {TESTS[node.name]}", ""
    if node.name == "matching" and isinstance(node.args[0], nodes.Const):
        try:
            matcher(str(node.args[0].value))
        except PatternError as error:
            return error.message, error.help
    return "", ""


def _sum_fault(node: nodes.Mul | nodes.Mod) -> tuple[str, str]:
    for side in (node.left, node.right):
        is_text = isinstance(side, nodes.Const) and isinstance(side.value, str)
        if is_text or isinstance(side, nodes.List | nodes.Tuple):
            what = "text" if is_text else "a list"
            return f"{what} cannot be calculated with '{node.operator}'", ""
    return "", ""


def bounded(tree: nodes.Template) -> nodes.Template:
    """The tree with a piece in every round of a loop, and comparisons that mean ours."""
    changed = _Bounded().visit(tree)
    assert isinstance(changed, nodes.Template)
    return changed


class _Bounded(NodeTransformer):
    def visit_Template(self, node: nodes.Template) -> nodes.Template:
        self.generic_visit(node)
        at = next((i for i, n in enumerate(node.body) if isinstance(n, nodes.Extends)), -1) + 1
        node.body.insert(at, _tick(node.lineno))
        return node

    def visit_For(self, node: nodes.For) -> nodes.For:
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, ITEMS, [], [], None, None, lineno=node.lineno)
        node.body.insert(0, _tick(node.lineno))
        return node

    def visit_List(self, node: nodes.List) -> nodes.Node:
        self.generic_visit(node)
        return nodes.Filter(node, FLAT, [], [], None, None, lineno=node.lineno)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:
        self.generic_visit(node)
        if node.ctx != "load":
            return node
        return nodes.Filter(node, FLAT, [], [], None, None, lineno=node.lineno)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        self.generic_visit(node)
        args: list[nodes.Expr] = []
        for operand in node.ops:
            args += [nodes.Const(operand.op, lineno=node.lineno), _literal(operand.expr)]
        return nodes.Filter(_literal(node.expr), COMPARE, args, [], None, None, lineno=node.lineno)


def _literal(node: nodes.Expr) -> nodes.Expr:
    """A text that was written down may stand for a date, in comparisons only."""
    if isinstance(node, nodes.Filter) and node.name == FLAT and node.node is not None:
        node.node = _literal(node.node)
    elif isinstance(node, nodes.List | nodes.Tuple):
        node.items = [_literal(item) for item in node.items]
    elif isinstance(node, nodes.Const) and isinstance(written(node.value), Written):
        return nodes.Filter(node, WRITTEN, [], [], None, None, lineno=node.lineno)
    return node


def _tick(line: int) -> nodes.Output:
    return nodes.Output([nodes.TemplateData("", lineno=line)], lineno=line)
