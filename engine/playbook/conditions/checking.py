"""The types of a condition: every node gets one, and what does not go together is a finding.

Names are looked up in a `Vocabulary`. What is not known beforehand (another event's properties, an
answer that was saved) is compatible with everything; at run time a mismatch is simply not true.
"""

from dataclasses import dataclass, replace

from engine.playbook.conditions import kinds
from engine.playbook.conditions.filters import FILTERS, TESTS
from engine.playbook.conditions.flaws import Findings
from engine.playbook.conditions.literals import article, mismatch_help, typed
from engine.playbook.conditions.patterns import PatternError, matcher
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
from engine.playbook.conditions.vocabulary import (
    BOOLEAN,
    DATETIME,
    LIST,
    UNKNOWN,
    Kind,
    ValueType,
    Vocabulary,
)
from engine.playbook.durations import DurationError, parse_duration, parse_offset
from engine.playbook.spelling import closest, did_you_mean

ROOTS = ("lead", "deal", "owner", "now", "event", "run", "segment")
_HARMLESS = frozenset({"type-mismatch", "none-compared", "unknown-value"})
_COMPARABLE = "compare numbers with numbers, text with text, times with times"
_ELSEWHERE = {
    "null": "none, or 'is not defined'",
    "nil": "none, or 'is not defined'",
    "undefined": "'is not defined'",
    "today": "now",
    "contact": "lead",
    "user": "lead",
}


@dataclass
class Checker:
    """The checks of one condition, against one vocabulary."""

    vocabulary: Vocabulary
    findings: Findings

    def literal(self, node: Literal) -> Literal:
        """A literal: its type, and what else its text may stand for."""
        return typed(node)

    def name(self, node: Name) -> Node:
        """A dotted name: it must be known, and nothing in it private."""
        private = next((part for part in node.path if part.startswith("_")), None)
        if private is not None:
            return self._flaw(
                "private-name", f"'{private}' begins with an underscore", node, "no name does"
            )
        root = node.path[0]
        if root == "now":
            if len(node.path) > 1:
                return self._flaw("unknown-name", f"'now' has no '{node.path[1]}'", node)
            return replace(node, type=DATETIME)
        if root not in ROOTS:
            return self._unknown_root(node)
        if self.vocabulary.is_open:
            return node
        if root not in self.vocabulary.roots:
            help = self.vocabulary.absent.get(root, "")
            return self._flaw("unknown-name", f"'{root}' is not known here", node, help)
        return self._field(node, self.vocabulary.roots[root])

    def _unknown_root(self, node: Name) -> Node:
        root = node.path[0]
        known = [each for each in self.vocabulary.names() if "." in each]
        same = [each for each in known if each.partition(".")[2] == root]
        if root in _ELSEWHERE:
            help = f"did you mean {_ELSEWHERE[root]}?"
        elif same:
            help = f"did you mean '{same[0]}'? text stands in quotes"
        elif len(node.path) == 1 and not closest(root, ROOTS):
            help = f'text stands in quotes: "{root}"'
        else:
            help = did_you_mean(root, ROOTS)
        return self._flaw("unknown-name", f"no name '{node.dotted}'", node, help)

    def _field(self, node: Name, kind: ValueType) -> Node:
        for at, part in enumerate(node.path[1:], start=1):
            if kind.kind is Kind.UNKNOWN or (kind.kind is Kind.RECORD and kind.fields is None):
                return replace(node, type=UNKNOWN)
            owner = ".".join(node.path[:at])
            if kind.fields is None:
                help = "the owner's fields are owner.name and the like" if part == "name" else ""
                return self._flaw(
                    "unknown-name", f"'{owner}' is {article(kind)} and has no '{part}'", node, help
                )
            if part not in kind.fields:
                return self._unknown_field(node, owner, part, kind)
            kind = kind.fields[part]
        return replace(node, type=kind)

    def _unknown_field(self, node: Name, owner: str, part: str, kind: ValueType) -> Node:
        known = kind.fields or {}
        near = closest(part, known)
        if near is not None:
            help = f"did you mean '{owner}.{near}'?"
        else:
            help = did_you_mean(part, known)
        return self._flaw("unknown-name", f"no name '{owner}.{part}'", node, help)

    def items(self, node: Items) -> Node:
        """A list: nothing in it may be none."""
        for item in node.items:
            if self._is_none(item):
                self._flaw("none-compared", "none in a list is never found", item, "leave it out")
        return replace(node, type=LIST)

    def logic(self, node: Logic) -> Node:
        """`and`, `or`: the type of either term."""
        kind = node.terms[0].type
        for term in node.terms[1:]:
            kind = kinds.either(kind, term.type)
        return replace(node, type=kind)

    def not_(self, node: Not) -> Node:
        """`not`: a boolean."""
        return replace(node, type=BOOLEAN)

    def choice(self, node: Choice) -> Node:
        """`a if c else b`: the type of either."""
        return replace(node, type=kinds.either(node.then.type, node.otherwise.type))

    def negative(self, node: Negative) -> Node:
        """`-x`: a number or a length."""
        kind = kinds.negative(node.operand.type)
        if kind is None:
            text = f"'-' before {article(node.operand.type)}"
            return self._flaw("type-mismatch", f"{text} has no meaning", node, "leave it out")
        return replace(node, type=kind)

    def arithmetic(self, node: Arithmetic) -> Node:
        """`+ - * / %` between what can be added, and so on."""
        kind = kinds.arithmetic(node.operator, node.left.type, node.right.type)
        if kind is None:
            left, right = article(node.left.type), article(node.right.type)
            times = {node.left.type.kind, node.right.type.kind} & kinds.TIMES
            help = 'write lead.created_at | plus("14 days")' if times else "count with numbers only"
            return self._flaw(
                "type-mismatch", f"'{node.operator}' between {left} and {right}", node, help
            )
        return replace(node, type=kind)

    def comparison(self, node: Comparison) -> Node:
        """A chain of comparisons: every pair must go together."""
        left = node.first
        for operator, right in node.rest:
            self._pair(operator, left, right)
            left = right
        return replace(node, type=BOOLEAN)

    def _pair(self, operator: str, left: Node, right: Node) -> None:
        for side, other in ((left, right), (right, left)):
            if self._is_none(side):
                self._none_compared(operator, side, other)
                return
        if operator in ("in", "not in"):
            self._membership(operator, left, right)
        else:
            self._equal(operator, left, right)

    def _is_none(self, node: Node) -> bool:
        """It is a `none` that was written, not one that stands for something blamed before."""
        is_none = isinstance(node, Literal) and node.value is None
        return is_none and self.findings.at(node.span).lower() == "none"

    def _none_compared(self, operator: str, none: Node, other: Node) -> None:
        state = "is defined" if operator in ("!=", "not in") else "is not defined"
        self._flaw(
            "none-compared",
            f"a comparison with none is never true: '{operator} none'",
            none,
            f"write '{self.findings.at(other.span)} {state}'",
        )

    def _equal(self, operator: str, left: Node, right: Node) -> None:
        if self._is_fine(left, right):
            self._check_values(left, right)
            self._check_values(right, left)
            if operator in ("==", "!=") or (
                kinds.ordered(left.type.kind) and kinds.ordered(right.type.kind)
            ):
                return
            text = f"{article(left.type)} has no order, so '{operator}' has no meaning"
            self._flaw("type-mismatch", text, right, "write '==' or 'in'")
            return
        text = f"{article(left.type)} is compared with {article(right.type)}"
        span = (left.span[0], right.span[1])
        help = mismatch_help(left, right) or mismatch_help(right, left) or _COMPARABLE
        self._find("type-mismatch", text, span, help)

    def _is_fine(self, left: Node, right: Node) -> bool:
        """The two can be equal; a text literal beside a time or a length must read as one."""
        for side, other in ((left, right), (right, left)):
            if isinstance(side, Literal) and isinstance(side.value, str):
                if other.type.kind in kinds.TIMES:
                    return side.moment is not None
                if other.type.kind is Kind.DURATION:
                    return side.length is not None
        return kinds.comparable(left.type.kind, right.type.kind)

    def _check_values(self, left: Node, right: Node) -> None:
        """A literal beside something that may only be one of a few values must be one of them."""
        values = left.type.values
        written = right.value if isinstance(right, Literal) else None
        if values and isinstance(written, str) and written not in values:
            self._flaw(
                "unknown-value",
                f"'{self.findings.at(left.span)}' is never '{written}'",
                right,
                did_you_mean(written, values),
            )

    def _membership(self, operator: str, left: Node, right: Node) -> None:
        if isinstance(right, Items):
            for item in right.items:
                self._equal("==", left, item)
            return
        if isinstance(right, Literal) and not isinstance(left, Literal):
            self._flaw(
                "type-mismatch",
                f"'{operator}' asks for a list",
                right,
                f"write '{operator} [{self.findings.at(right.span)}]'",
            )
            return
        container = right.type.kind
        fits = container in (Kind.LIST, Kind.UNKNOWN) or (
            container is Kind.TEXT and left.type.kind in (Kind.TEXT, Kind.UNKNOWN)
        )
        if not fits:
            text = f"{article(left.type)} cannot be '{operator}' {article(right.type)}"
            self._flaw("type-mismatch", text, right, "lists stand in brackets: [1, 2]")

    def filter(self, node: Filter, span: Span) -> Node:
        """A filter: known, for such a subject, with such arguments."""
        rule = FILTERS.get(node.name)
        if rule is None:
            near = closest(node.name, TESTS)
            help = f"write 'is {near}'" if near else did_you_mean(node.name, FILTERS)
            self.findings.add("unknown-filter", f"no filter '{node.name}'", span=span, help=help)
            return Literal(None, span=node.span)
        self._subject(f"| {node.name}", node.subject, rule.subjects, rule.usage, span)
        if rule.reads_history and not _is_lead(node.subject):
            self._add("type-mismatch", f"'{node.name}' is asked of a lead", span, rule.usage)
        least = len(rule.arguments) - rule.optional
        if not least <= len(node.arguments) <= len(rule.arguments):
            self._add("wrong-arguments", f"'{node.name}' takes other arguments", span, rule.usage)
            return Literal(None, span=node.span)
        for role, argument in zip(rule.arguments, node.arguments, strict=False):
            self._argument(role, argument, node)
        return replace(node, type=self._filtered(node, rule.result))

    def _filtered(self, node: Filter, result: ValueType) -> ValueType:
        if node.name == "default":
            return _or_instead(node.subject.type, node.arguments[0])
        return node.subject.type if result.kind is Kind.UNKNOWN else result

    def _argument(self, role: str, node: Node, of: Filter) -> None:
        if role == "value":  # what stands in for nothing may be any word: 'none yet', 'unknown'
            return
        if not isinstance(node, Literal) or not isinstance(node.value, str):
            self._add(
                "wrong-arguments",
                f"'{of.name}' asks for text in quotes here",
                node.span,
                FILTERS[of.name].usage,
            )
        elif role in ("duration", "within"):
            self._length(node.value, node, allow_months=role == "duration")
        elif role == "event":
            self._event(node.value, node)
        elif role == "property":
            self._property(node.value, node, of.arguments[0])

    def _length(self, text: str, node: Node, *, allow_months: bool) -> None:
        try:
            duration = parse_offset(text) if allow_months else parse_duration(text)
        except DurationError as wrong:
            self._flaw("wrong-duration", wrong.message, node, wrong.help)
            return
        if duration.is_business:
            self._flaw(
                "wrong-duration",
                f"'{text}' is business time, which a condition has no calendar for",
                node,
                "write days or hours",
            )

    def _event(self, name: str, node: Node) -> None:
        if not self.vocabulary.is_open and name not in self.vocabulary.events:
            help = did_you_mean(name, self.vocabulary.events)
            self._flaw("unknown-event", f"no event '{name}'", node, help)

    def _property(self, name: str, node: Node, event: Node) -> None:
        known = self.vocabulary.events.get(str(getattr(event, "value", "")))
        if known is None or known.fields is None:
            return
        if name not in known.fields:
            help = did_you_mean(name, known.fields)
            self._flaw("unknown-name", f"the event has no property '{name}'", node, help)
        elif known.fields[name].kind not in kinds.NUMBERS:
            self._flaw("type-mismatch", f"'{name}' is no number", node,
                       "name a property that is one, or ask for 'count'")  # fmt: skip

    def test(self, node: Test, span: Span) -> Node:
        """A test: known, for such a subject, with its argument."""
        rule = TESTS.get(node.name)
        if rule is None:
            help = did_you_mean(node.name, TESTS)
            self.findings.add("unknown-test", f"no test '{node.name}'", span=span, help=help)
            return Literal(None, span=node.span)
        self._subject(f"is {node.name}", node.subject, rule.subjects, rule.usage, span)
        if len(node.arguments) != rule.arguments:
            self._add("wrong-arguments", f"'{node.name}' takes other arguments", span, rule.usage)
        elif node.name == "matching":
            self._pattern(node.arguments[0])
        elif node.name == "containing":
            self._contained(node.subject, node.arguments[0])
        return replace(node, type=BOOLEAN)

    def _contained(self, subject: Node, item: Node) -> None:
        is_text = subject.type.kind is Kind.TEXT
        if is_text and not kinds.comparable(item.type.kind, Kind.TEXT):
            self._flaw("type-mismatch", "text contains text only", item, "put it in quotes")

    def _pattern(self, node: Node) -> None:
        if not isinstance(node, Literal) or not isinstance(node.value, str):
            self._flaw("wrong-arguments", "'matching' asks for a pattern in quotes", node,
                       "write it like: is matching(\"cto|vp\")")  # fmt: skip
            return
        try:
            matcher(node.value)
        except PatternError as wrong:
            self._flaw("wrong-pattern", wrong.message, node, wrong.help)

    def _subject(
        self, what: str, subject: Node, allowed: frozenset[Kind], usage: str, span: Span
    ) -> None:
        kind = subject.type.kind
        if allowed and kind not in allowed and kind is not Kind.UNKNOWN:
            text = f"'{what}' has no meaning for {article(subject.type)}"
            self._add("type-mismatch", text, span, usage)

    def _add(self, rule: str, message: str, span: Span, usage: str) -> None:
        self._find(rule, message, span, f"write it like: {usage}")

    def _flaw(self, rule: str, message: str, node: Node, help: str = "") -> Node:
        found = self._find(rule, message, node.span, help)
        return Literal(None, span=node.span) if found else node

    def _find(self, rule: str, message: str, span: Span, help: str) -> bool:
        """Note a finding, unless it is one that only means "never true" in a checked plan."""
        if self.vocabulary.is_open and rule in _HARMLESS:
            return False
        self.findings.add(rule, message, span=span, help=help)
        return True


def _or_instead(subject: ValueType, other: Node) -> ValueType:
    """The type of a value or of what stands in for it: of few values only if that is one too."""
    if subject.values and isinstance(other, Literal) and other.value in subject.values:
        return subject
    return kinds.either(subject, other.type)


def _is_lead(node: Node) -> bool:
    return isinstance(node, Name) and node.path == ("lead",)
