"""From Python's syntax tree to the checked tree: grammar, names and places; it runs nothing.

Only what is listed in `tree` comes through. Where Python would group a filter or a test otherwise
than Jinja2 does, parentheses are asked for, with the mended text; types are `checking`'s.
"""

import ast
from dataclasses import dataclass

from engine.playbook.conditions.checking import Checker
from engine.playbook.conditions.filters import FILTERS, TESTS
from engine.playbook.conditions.flaws import Findings
from engine.playbook.conditions.scanning import Scan, scan
from engine.playbook.conditions.tree import (
    Arithmetic,
    Choice,
    Comparison,
    Filter,
    Items,
    Literal,
    Logic,
    Name,
    Negative,
    Node,
    Not,
    Span,
    Test,
)
from engine.playbook.conditions.vocabulary import Vocabulary
from engine.playbook.spelling import closest

DEEPEST = 40
_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Mod: "%",
}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}
_CONSTANTS = {"true": True, "false": False, "none": None}
_CALLED = {"len": "length", "lower": "lower", "upper": "upper", "strip": "trim"}


def read(text: str, vocabulary: Vocabulary) -> Node:
    """The checked tree of a condition.

    Raises:
        ConditionError: something is wrong with it; it carries everything found.
    """
    findings = Findings(text)
    scanned = scan(text, findings)
    findings.raise_any()
    parsed = _parse(scanned, findings)
    findings.raise_any()
    assert parsed is not None
    tree = _Reader(scanned, findings, Checker(vocabulary, findings)).read(parsed)
    findings.raise_any()
    return tree


def _parse(scanned: Scan, findings: Findings) -> ast.expr | None:
    """Python's own tree of the masked text, or a finding."""
    try:
        # In parentheses, so that blanks and line breaks mean nothing; columns are off by one.
        parsed = ast.parse(f"({scanned.masked})".replace("\n", " "), mode="eval").body
    except SyntaxError as wrong:
        _blame(wrong, scanned, findings)
        return None
    except (MemoryError, RecursionError, ValueError):
        findings.add(
            "too-deep",
            "the condition is nested too deeply",
            span=(0, len(findings.text)),
            help="make a segment of a part of it",
        )
        return None
    if _depth(parsed) > DEEPEST:
        findings.add(
            "too-deep",
            "the condition is nested too deeply",
            span=(0, len(findings.text)),
            help="make a segment of a part of it",
        )
        return None
    return parsed


def _blame(wrong: SyntaxError, scanned: Scan, findings: Findings) -> None:
    place = (wrong.offset or 2) - 2
    token = next((each for each in scanned.tokens if each.end > place), None)
    if "'else'" in wrong.msg:
        findings.add(
            "if-without-else",
            "'if' without 'else'",
            span=(0, len(findings.text)),
            help="write 'a if c else b', or 'c and a'",
        )
    elif token is None:
        end = len(findings.text)
        last = scanned.tokens[-1].text if scanned.tokens else findings.text
        help = f"write a value behind '{last}'" if last != "%" else "write numbers without '%'"
        message = "the condition ends too early"
        findings.add("incomplete", message, span=(end - 1, end), help=help)
    else:
        findings.add(
            "unexpected",
            f"'{token.text}' is not expected here",
            span=(token.start, token.end),
            help="values are joined by operators: == != < > in, and, or, not, + - * / %",
        )


def _depth(parsed: ast.expr) -> int:
    depth, level = 0, [parsed]
    while level:
        depth += 1
        level = [
            below
            for each in level
            for below in ast.iter_child_nodes(each)
            if isinstance(below, ast.expr)
        ]
    return depth


@dataclass
class _Reader:
    """One condition's reading; what it cannot read it blames, and goes on with an unknown."""

    scanned: Scan
    findings: Findings
    check: Checker

    def read(self, node: ast.expr) -> Node:
        """The checked node for a Python node."""
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name() | ast.Attribute():
                return self._name(node)
            case ast.BoolOp():
                operator = "and" if isinstance(node.op, ast.And) else "or"
                terms = tuple(self.read(each) for each in node.values)
                return self.check.logic(Logic(operator, terms, span=self._span(node)))
            case ast.UnaryOp():
                return self._unary(node)
            case ast.BinOp(op=ast.BitOr()):
                return self._filters(node)
            case ast.BinOp():
                return self._arithmetic(node)
            case ast.Compare():
                return self._compare(node)
            case ast.IfExp():
                condition, then, otherwise = map(self.read, (node.test, node.body, node.orelse))
                return self.check.choice(Choice(condition, then, otherwise, span=self._span(node)))
            case ast.List():
                items = tuple(self.read(each) for each in node.elts)
                return self.check.items(Items(items, span=self._span(node)))
            case _:
                return self._foreign(node)

    def _span(self, node: ast.expr) -> Span:
        end = node.end_col_offset or node.col_offset + 1
        # A bare tuple takes in the parentheses that `_parse` put around the text.
        return (max(node.col_offset - 1, 0), min(end - 1, len(self.findings.text)))

    def _text(self, node: ast.expr) -> str:
        return self.findings.at(self._span(node))

    def _is_grouped(self, node: ast.expr) -> bool:
        return self._span(node) in self.scanned.grouped

    def _unknown(self, node: ast.expr) -> Literal:
        return Literal(None, span=self._span(node))

    def _flaw(self, rule: str, message: str, node: ast.expr, help: str = "") -> Literal:
        self.findings.add(rule, message, span=self._span(node), help=help)
        return self._unknown(node)

    def _constant(self, node: ast.Constant) -> Node:
        value = node.value
        if isinstance(value, str):
            value = self.scanned.strings[node.col_offset - 1]
        if not isinstance(value, str | bool | int | float) and value is not None:
            return self._foreign(node)
        return self.check.literal(Literal(value, span=self._span(node)))

    def _name(self, node: ast.Name | ast.Attribute) -> Node:
        below: ast.expr = node
        while isinstance(below, ast.Attribute):
            below = below.value
        is_part = below is not node
        if not isinstance(below, ast.Name) or (is_part and self._is_grouped(below)):
            return self._flaw(
                "unknown-syntax",
                f"'{self._text(node)}' asks a name of something that is no record",
                node,
                "names are written like 'lead.score'",
            )
        path = tuple("".join(self._text(node).split()).split("."))
        if len(path) == 1 and path[0] in _CONSTANTS:
            return self.check.literal(Literal(_CONSTANTS[path[0]], span=self._span(node)))
        return self.check.name(Name(path, span=self._span(node)))

    def _unary(self, node: ast.UnaryOp) -> Node:
        if isinstance(node.op, ast.Not):
            return self.check.not_(Not(self.read(node.operand), span=self._span(node)))
        self._require_grouped_filter(node.operand)
        operand = self.read(node.operand)
        if isinstance(node.op, ast.UAdd):
            return operand
        return self.check.negative(Negative(operand, span=self._span(node)))

    def _arithmetic(self, node: ast.BinOp) -> Node:
        operator = _ARITHMETIC.get(type(node.op))
        if operator is None:
            return self._foreign(node)
        for operand in (node.left, node.right):
            self._require_grouped_filter(operand)
        left, right = self.read(node.left), self.read(node.right)
        return self.check.arithmetic(Arithmetic(operator, left, right, span=self._span(node)))

    def _require_grouped_filter(self, operand: ast.expr) -> None:
        if not isinstance(operand, ast.BinOp) or not _is_filter(operand):
            return
        base: ast.expr = operand
        while isinstance(base, ast.BinOp) and _is_filter(base):
            base = base.left
        right = operand.right
        swallows = isinstance(right, ast.BinOp) and not self._is_grouped(right)
        if self._is_grouped(operand) or self._binds_otherwise(base) or swallows:
            return  # fine, or blamed where it binds
        self._ask_parentheses(self._span(operand), "a filter beside an operator")

    def _ask_parentheses(self, span: Span, what: str) -> None:
        mended = self.findings.mended(span, f"({self.findings.at(span)})")
        self.findings.add(
            "needs-parentheses",
            f"{what} needs parentheses: '{self.findings.at(span)}'",
            span=span,
            help=f"write '{mended}'",
        )

    def _filters(self, node: ast.BinOp) -> Node:
        """A chain `subject | filter | filter`."""
        chain: list[ast.BinOp] = []
        below: ast.expr = node
        while (
            _is_filter(below)
            and isinstance(below, ast.BinOp)
            and (below is node or not self._is_grouped(below))
        ):
            chain.append(below)
            below = below.left
        if self._binds_otherwise(below):
            start = self._span(_edge(below, "right", self))[0]
            self._ask_parentheses((start, self._span(node)[1]), "a filter beside an operator")
            return self._unknown(node)
        result = self.read(below)
        for each in reversed(chain):
            result = self._filter(result, each)
        return result

    def _binds_otherwise(self, operand: ast.expr) -> bool:
        """Jinja2 would bind a filter or a test to a part of `operand` only."""
        if self._is_grouped(operand):
            return False
        is_sum = isinstance(operand, ast.BinOp) and not _is_filter(operand)
        return is_sum or isinstance(operand, ast.UnaryOp | ast.Compare | ast.BoolOp | ast.IfExp)

    def _filter(self, subject: Node, node: ast.BinOp) -> Node:
        right = node.right
        if isinstance(right, ast.BinOp) and not self._is_grouped(right):
            span = (self._span(node)[0], self._span(_edge(right, "left", self))[1])
            self._ask_parentheses(span, "a filter beside an operator")
            return self._unknown(node)
        called = self._called(right)
        if called is None:
            return self._flaw(
                "unknown-filter",
                f"'{self._text(right)}' is no filter",
                right,
                f"after '|' there is one of: {', '.join(FILTERS)}; write 'or' for either",
            )
        name, arguments = called
        return self.check.filter(
            Filter(name, subject, arguments, span=self._span(node)), self._span(right)
        )

    def _called(self, node: ast.expr) -> tuple[str, tuple[Node, ...]] | None:
        """The name and the arguments of a filter or a test."""
        if isinstance(node, ast.Name):
            return node.id, ()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            for each in node.keywords:
                self._flaw("unknown-syntax", "arguments have no names here", each.value,
                           "leave the name and '=' out")  # fmt: skip
            return node.func.id, tuple(self.read(each) for each in node.args)
        return None

    def _compare(self, node: ast.Compare) -> Node:
        operands = [node.left, *node.comparators]
        for at, operator in enumerate(node.ops):
            if isinstance(operator, ast.Is | ast.IsNot):
                return self._test(node, operands, at)
        for operand in operands:
            self._require_grouped_filter(operand)
        rest = tuple(
            (_COMPARISONS[type(operator)], self.read(operand))
            for operator, operand in zip(node.ops, node.comparators, strict=True)
        )
        return self.check.comparison(Comparison(self.read(node.left), rest, span=self._span(node)))

    def _test(self, node: ast.Compare, operands: list[ast.expr], at: int) -> Node:
        subject, test = operands[at], operands[at + 1]
        if len(node.ops) > 1 or self._binds_otherwise(subject):
            start = self._span(_edge(subject, "right", self))[0]
            self._ask_parentheses((start, self._span(test)[1]), "a test beside an operator")
            return self._unknown(node)
        negated = isinstance(node.ops[at], ast.IsNot)
        called = None if isinstance(test, ast.Constant) else self._called(test)
        if called is None or called[0] in _CONSTANTS:
            return self._no_test(node, test, negated)
        name, arguments = called
        read = Test(name, self.read(subject), arguments, negated, span=self._span(node))
        return self.check.test(read, self._span(test))

    def _no_test(self, node: ast.Compare, test: ast.expr, negated: bool) -> Node:
        """`x is none`, `x is 5`: what Python has and the language has not."""
        word = self._text(test)
        subject = self._text(node.left)
        if word.lower() == "none":
            help = f"write '{subject} is {'' if negated else 'not '}defined'"
        elif isinstance(test, ast.Constant | ast.Name | ast.Attribute):
            help = f"write '{subject} {'!=' if negated else '=='} {word}'"
        else:
            help = f"after 'is' there is one of: {', '.join(TESTS)}"
        return self._flaw("unknown-test", f"'is {word}' is no test", node, help)

    def _foreign(self, node: ast.expr) -> Node:
        """Python that is not the language's: named, with what to write instead."""
        text = self._text(node)
        match node:
            case ast.Call(func=ast.Name(id=name), args=[argument, *_]) if name in FILTERS or (
                name in _CALLED
            ):
                meant = f"{self._text(argument)} | {_CALLED.get(name, name)}"
                if name in FILTERS and FILTERS[name].reads_history:
                    meant = FILTERS[name].usage
                return self._flaw(
                    "call", f"nothing can be called: '{text}'", node, f"write '{meant}'"
                )
            case ast.Call(func=func):
                help = self._instead_of_call(func)
                return self._flaw("call", f"nothing can be called: '{text}'", node, help)
            case ast.Tuple() | ast.Set():
                help = f"write a list as '[{text.strip('(){}')}]', and numbers without commas"
                return self._flaw("unknown-syntax", f"'{text}' is no single value", node, help)
            case ast.Subscript():
                help = "write the name after a dot, such as run.saved.answer"
                return self._flaw("unknown-syntax", f"'{text}' picks with brackets", node, help)
            case _:
                help = "see what conditions have: longplay schema, or the language's reference"
                message = f"'{text}' is not part of the language"
                return self._flaw("unknown-syntax", message, node, help)

    def _instead_of_call(self, func: ast.expr) -> str:
        """What to write instead of `now()` and `lead.email.lower()`."""
        if self._text(func) == "now":
            return "write 'now'"
        if isinstance(func, ast.Attribute):
            name = _CALLED.get(func.attr, func.attr)
            near = name if name in FILTERS else closest(name, FILTERS)
            if near is not None:
                return f"write '({self._text(func.value)} | {near})'"
            if func.attr in ("startswith", "endswith", "find", "index", "match", "search"):
                return f"write '{self._text(func.value)} is matching(\"…\")'"
        return f"there are filters: {', '.join(FILTERS)}"


def _is_filter(node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr)


def _edge(node: ast.expr, side: str, reader: _Reader) -> ast.expr:
    """The outermost operand on one side: what Jinja2 binds a filter or a test to."""
    while not reader._is_grouped(node):
        match node:
            case ast.BinOp(op=ast.BitOr()) if side == "right":
                return node
            case ast.BinOp(left=left, right=right):
                node = right if side == "right" else left
            case ast.UnaryOp(operand=operand) if side == "right":
                node = operand
            case ast.Compare(left=left, comparators=[*_, last]):
                node = last if side == "right" else left
            case _:
                return node
    return node
