"""Expressions and texts with `{{ }}` in a document: each compiled once, its flaws given a place.

It knows what a workspace adds to the language's names, and asks `conditions` for the rest.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.playbook.catalog import EVENT_NAMES
from engine.playbook.conditions import CompiledCondition, ConditionError, condition
from engine.playbook.conditions.tree import Node as Tree
from engine.playbook.conditions.vocabulary import Vocabulary
from engine.playbook.diagnostics import Diagnostic
from engine.playbook.lexicon import Lexicon, Place
from engine.playbook.nodes import ListNode, MapNode, Node, ScalarNode
from engine.playbook.reading import Reader
from engine.playbook.workspace import Workspace

_PART = re.compile(r"\{\{(?P<inner>.*?)\}\}", re.DOTALL)
_ONE_BRACE = re.compile(
    r"(?<!\{)\{\s*(?P<name>(lead|deal|owner|event|run)\.[a-z][a-z0-9_.]*)\s*\}(?!\})"
)
_LOOKS_LIKE_A_NAME = re.compile(r"(lead|deal|owner|event|run)\.[a-z][a-z0-9_.]*\Z")
_THOUGHT_OF = re.compile(r"\|\s*default\b|\bis\s+(not\s+)?defined\b|\bif\b")
ALWAYS = frozenset(
    (
        "lead.id", "lead.stage", "lead.score", "lead.tags", "lead.created_at", "lead.email",
        "lead.stage_entered_at", "lead.orders", "lead.revenue", "deal.id", "deal.stage",
        "deal.pipeline", "deal.created_at", "deal.name", "deal.currency", "deal.lead",
        "deal.stage_entered_at", "deal.tags", "owner.id", "owner.name", "owner.email",
    )
)  # fmt: skip
"""Names that are hardly ever missing where they are printed."""


@dataclass
class Expressions:
    """Checks the expressions of one document.

    Args:
        lexicon: what the workspace adds to the built-in names.
        reader: the document, and where findings go.
        record: what the playbook is for.
        has_deal: a deal is known although the playbook is for leads: behind a `deal:` step.
    """

    lexicon: Lexicon
    reader: Reader
    record: Literal["lead", "deal"] = "lead"
    counted: set[str] = field(default_factory=set)
    given: frozenset[str] = frozenset()
    """Names that have a value at the step in hand."""
    has_deal: bool = False

    @property
    def workspace(self) -> Workspace:
        """Whose names they are."""
        return self.lexicon.workspace

    @property
    def knows_deal(self) -> bool:
        """Whether `deal.` names something here."""
        return self.record == "deal" or self.has_deal

    def events(self) -> frozenset[str]:
        """Every event there is."""
        return EVENT_NAMES | frozenset(self.workspace.events)

    def fields_of(self, record: Literal["lead", "deal"]) -> frozenset[str]:
        """The names of a record's fields."""
        kind = self.names(record=record).roots[record]
        return frozenset(kind.fields or ())

    def names(
        self,
        *,
        record: Literal["lead", "deal"] | None = None,
        event: str | None = None,
        has_event: bool = True,
    ) -> Vocabulary:
        """What an expression may name."""
        return self.lexicon.names((record or self.record, event, has_event, self.has_deal))

    def tree(self, text: str, event: str | None = None) -> Tree | None:
        """A condition's tree; None for none, and for one that was blamed before."""
        if not text:
            return None
        try:
            return self.lexicon.compiled(text, (self.record, event, True, self.has_deal)).tree
        except ConditionError:
            return None

    def check(
        self,
        node: Node,
        *,
        record: Literal["lead", "deal"] | None = None,
        event: str | None = None,
        has_event: bool = True,
    ) -> CompiledCondition | None:
        """Compiles the expression that a node holds; None after findings."""
        if not isinstance(node, ScalarNode):
            return None
        place = (record or self.record, event, has_event, self.has_deal)
        return self._compiled(node.text, 0, node, place)

    def check_text(
        self, node: Node, *, event: str | None = None, extra: frozenset[str] = frozenset()
    ) -> None:
        """Checks every `{{ }}` of every text below a node."""
        for scalar in _scalars(node):
            self._check_parts(scalar, (self.record, event, True, self.has_deal))

    def _check_parts(self, node: ScalarNode, place: Place) -> None:
        text = node.text
        if "{" not in text:
            if _LOOKS_LIKE_A_NAME.match(text):
                self._report(
                    "name-as-text",
                    f"this is the text '{text}', not what stands in that field",
                    f'write "{{{{ {text} }}}}"',
                    node,
                    0,
                    len(text),
                    severity="warning",
                )
            return
        for part in _PART.finditer(text):
            inner = part["inner"]
            lead = len(inner) - len(inner.lstrip())
            start = part.start("inner") + lead
            compiled = self._compiled(inner.strip(), start, node, place)
            if compiled is not None and not _THOUGHT_OF.search(inner):
                self._may_be_missing(compiled, node, start, inner.strip())
        rest = _PART.sub(lambda part: " " * len(part.group()), text)
        single = _ONE_BRACE.search(rest)
        if single is not None:
            self._report(
                "template-syntax",
                f"'{single[0]}' is printed as it stands: one brace means nothing",
                f"write {{{{ {single['name']} }}}}",
                node, single.start(), single.end(), severity="warning",
            )  # fmt: skip
        for sign, message in _LEFT_OVER.items():
            at = rest.find(sign)
            if at >= 0:
                hint = "write {{ name }}, with two braces on either side"
                self._report("template-syntax", message, hint, node, at, at + 2)
                return

    def _may_be_missing(
        self, compiled: CompiledCondition, node: ScalarNode, start: int, inner: str
    ) -> None:
        for name in sorted(compiled.names):
            root = name.partition(".")[0]
            if root in ("lead", "deal", "owner") and name not in ALWAYS | self.given:
                self._report(
                    "may-be-missing",
                    f"'{name}' prints nothing for a record without it",
                    f"write {{{{ {name} | default('…') }}}}",
                    node,
                    start,
                    start + len(inner),
                    severity="warning",
                )

    def _compiled(
        self, text: str, start: int, node: ScalarNode, place: Place
    ) -> CompiledCondition | None:
        try:
            compiled = self.lexicon.compiled(text, place)
        except ConditionError as error:
            for flaw in error.flaws:
                self._report(
                    flaw.rule,
                    flaw.message,
                    flaw.help,
                    node,
                    start + flaw.column,
                    start + flaw.end_column,
                )
            return None
        for doubt in self.lexicon.doubts(text, place):
            begin, end = (start + at for at in doubt.span)
            self._report(
                "never-true", doubt.message, doubt.help, node, begin, end, severity="warning"
            )
        self.counted |= compiled.events | self._counted_by_segments(compiled, frozenset())
        return compiled

    def _counted_by_segments(
        self, compiled: CompiledCondition, above: frozenset[str]
    ) -> frozenset[str]:
        """The events whose history is asked for by the segments that an expression names."""
        found: frozenset[str] = frozenset()
        for name in self.segments_in(compiled) - above:
            inner = condition(self.workspace.segments[name])
            found |= inner.events | self._counted_by_segments(inner, above | {name})
        return found

    def segments_in(self, compiled: CompiledCondition) -> frozenset[str]:
        """The segments of the workspace that an expression names."""
        names = {name.removeprefix("segment.") for name in compiled.names}
        return frozenset(names & set(self.workspace.segments))

    def _report(
        self,
        rule: str,
        message: str,
        help: str,
        node: ScalarNode,
        start: int,
        end: int,
        *,
        severity: Literal["error", "warning"] = "error",
    ) -> None:
        document = self.reader.document
        line, column = document.inside(node, start + 1)
        width = max(end - start, 1) if (line, column) != (node.span.line, node.span.column) else 0
        self.reader.findings.add(
            Diagnostic(
                rule, message, help, document.file, line, column, column + width if width else 0,
                severity,
            )
        )  # fmt: skip


_LEFT_OVER: Mapping[str, str] = {
    "{{": "this '{{' is not closed",
    "}}": "this '}}' was not opened",
    "{%": "a playbook's text has no '{%': put it into a template",
    "{#": "a playbook's text has no '{#'",
}


def _scalars(node: Node) -> Iterator[ScalarNode]:
    if isinstance(node, ScalarNode):
        yield node
    elif isinstance(node, MapNode):
        for value in node.values.values():
            yield from _scalars(value)
    elif isinstance(node, ListNode):
        for item in node.items:
            yield from _scalars(item)
