"""A condition ready to be asked, and the ways to get one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from engine.playbook.conditions import running
from engine.playbook.conditions.explaining import explainer
from engine.playbook.conditions.filters import FILTERS, READS_TIME
from engine.playbook.conditions.reading import read
from engine.playbook.conditions.tree import Filter, Literal, Name, Node, walk
from engine.playbook.conditions.vocabulary import OPEN, ValueType, Vocabulary
from engine.playbook.values import Scope, Value


@dataclass(frozen=True)
class CompiledCondition:
    """A condition that was read, checked and compiled; asking it has no effect and never fails.

    Args:
        text: as the author wrote it.
        tree: the checked tree, for other compilers.
        type: the static type of its value.
        names: the dotted names it reads, such as `lead.score`.
        events: the events whose history it looks at (`count`, `last`, `sum`).
        reads_time: the passing of time alone can change its answer.
        truth: whether it holds in a scope.
        value: its value in a scope; None is missing.
    """

    text: str
    tree: Node = field(repr=False)
    type: ValueType = field(repr=False)
    names: frozenset[str]
    events: frozenset[str]
    reads_time: bool
    truth: Callable[[Scope], bool] = field(repr=False, compare=False)
    value: Callable[[Scope], Value] = field(repr=False, compare=False)

    def explain(self, scope: Scope) -> str:
        """The condition with what it saw: `lead.score >= 40 (lead.score is 45)`."""
        return self._explain(scope)

    @cached_property
    def _explain(self) -> Callable[[Scope], str]:
        return explainer(self.text, self.tree)


def compile_condition(text: str, vocabulary: Vocabulary) -> CompiledCondition:
    """The condition that `text` says, checked against the names that are known where it stands.

    Raises:
        ConditionError: something is wrong with it; it carries everything found.
    """
    tree = read(text, vocabulary)
    nodes = walk(tree)
    names = frozenset(node.dotted for node in nodes if isinstance(node, Name) and node.path[1:])
    filters = [node for node in nodes if isinstance(node, Filter)]
    return CompiledCondition(
        text=text,
        tree=tree,
        type=tree.type,
        names=names,
        events=frozenset(
            str(node.arguments[0].value)
            for node in filters
            if FILTERS[node.name].reads_history and isinstance(node.arguments[0], Literal)
        ),
        reads_time=any(_reads_time(node) for node in nodes),
        truth=running.truth_of(tree),
        value=_value_of(tree, nodes),
    )


@lru_cache(maxsize=8192)
def condition(text: str) -> CompiledCondition:
    """The condition of a plan, which was checked when the plan was made: every name is accepted.

    Raises:
        ConditionError: it is not even a condition.
    """
    return compile_condition(text, OPEN)


def _value_of(tree: Node, nodes: list[Node]) -> Callable[[Scope], Value]:
    value = running.value_of(tree)
    if any(isinstance(node, Literal) and (node.moment or node.length) for node in nodes):
        return lambda scope: running.plain(value(scope))
    return value


def _reads_time(node: Node) -> bool:
    match node:
        case Name(path=("now",)):
            return True
        case Filter(name="count", arguments=(_, _)) | Filter(name="sum", arguments=(_, _, _)):
            return True
        case Filter(name=name):
            return name in READS_TIME
        case _:
            return False
