"""What can be known about a template without rendering it: for `validate`.

It knows no vocabulary: whether `lead.scor` exists is for the caller to say, who gets every name
with its file and line.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from jinja2 import TemplateSyntaxError, nodes
from jinja2.meta import find_undeclared_variables

from engine.mail.errors import TemplateError
from engine.mail.grammar import check_nodes
from engine.mail.page_bounds import source_fault
from engine.mail.render import Templates, syntax_fault
from engine.mail.sandbox import TemplateEnvironment
from engine.mail.sources import FALLBACKS, Sources, file_name

_UNSUBSCRIBE = frozenset({"unsubscribe_url", "preferences_url"})


@dataclass(frozen=True, slots=True)
class NameUse:
    """One place where a template names something."""

    name: str
    """As it is written: `lead.first_name`."""
    file: str
    line: int
    printed: bool
    """Whether its value goes into the message (else it is only asked about)."""
    guarded: bool
    """Whether the author thought of its absence: `default`, or an `if` about it."""


@dataclass(frozen=True, slots=True)
class TemplateProblem:
    """What is wrong with a template, and where."""

    file: str
    line: int
    message: str
    help: str = ""


@dataclass(frozen=True, slots=True)
class TemplateFacts:
    """One template file, with all that it includes or extends."""

    file: str
    names: tuple[NameUse, ...] = ()
    files: tuple[str, ...] = ()
    """Every file it is made of, itself first: what a plan pins the digests of."""
    has_subject: bool = False
    has_unsubscribe: bool = False
    """Whether it prints `unsubscribe_url` or `preferences_url`, itself or in its layout."""
    has_postal_address: bool = False
    problems: tuple[TemplateProblem, ...] = ()


def inspect_email(files: Mapping[str, str], name: str) -> tuple[TemplateFacts, ...]:
    """The facts of every language and text part of the template that a playbook calls `name`."""
    sources = Sources(files)
    return tuple(_made(sources, _inspect(sources, file)) for file in sources.variants(name))


def _made(sources: Sources, facts: TemplateFacts) -> TemplateFacts:
    """The facts of a page in MJML together with what its making says, nothing being known."""
    parts = file_name(facts.file)
    if parts is None or parts.extension != "mjml" or facts.problems:
        return facts
    try:
        Templates(sources.files).render(parts.stem, {}, languages=[parts.language], subject="-")
    except TemplateError as error:
        fault = TemplateProblem(error.file or facts.file, error.line, error.fault, error.help)
        return replace(facts, problems=(fault,))
    return facts


def inspect_template(files: Mapping[str, str], file: str) -> TemplateFacts:
    """The facts of one file, such as `welcome.zh-CN.html`."""
    return _inspect(Sources(files), file)


def inspect_text(source: str, *, file: str = "", line: int = 1) -> TemplateFacts:
    """The facts of a text with `{{ }}` that stands in `file`, from `line` on."""
    env = TemplateEnvironment(loader=None, html=False)
    try:
        tree = _parsed(env, source, file)
    except TemplateError as error:
        place = error.line + line - 1
        return TemplateFacts(
            file, problems=(TemplateProblem(file, place, error.fault, error.help),)
        )
    uses = [replace(use, line=use.line + line - 1) for use in _uses(tree, file)]
    return TemplateFacts(file, tuple(uses))


def _inspect(sources: Sources, file: str) -> TemplateFacts:
    walk = _Walk(sources, TemplateEnvironment(loader=None, html=True))
    walk.visit(file, (), 0)
    printed = {use.name for use in walk.names if use.printed}
    subject = sources.subject_of(file)
    return TemplateFacts(
        file,
        tuple(walk.names),
        tuple(name for name in walk.files if name not in FALLBACKS),
        has_subject=bool(subject),
        has_unsubscribe=bool(printed & _UNSUBSCRIBE),
        has_postal_address="sender.postal_address" in printed,
        problems=tuple(walk.problems),
    )


class _Walk:
    """A file and all it draws in, each looked at once."""

    def __init__(self, sources: Sources, env: TemplateEnvironment) -> None:
        self.sources = sources
        self.env = env
        self.files: list[str] = []
        self.names: list[NameUse] = []
        self.problems: list[TemplateProblem] = []

    def visit(self, file: str, above: tuple[str, ...], line: int) -> None:
        """Look at `file`, which the last of `above` draws in at `line`."""
        if file in above:
            self._blame(above[-1], line, f"'{file}' includes itself, by way of '{above[-1]}'")
            return
        if file in self.files:
            return
        source = self.sources.text(file)
        if source is None:
            self._blame(above[-1] if above else file, line, f"there is no template file '{file}'")
            return
        self.files.append(file)
        try:
            tree = _parsed(self.env, source, file)
        except TemplateError as error:
            self._blame(error.file or file, error.line, error.fault, error.help)
            return
        self.names += _uses(tree, file)
        self._layout(tree, file)
        for parent in tree.find_all(nodes.Extends):
            self._draw_in(parent.template, (*above, file))
        for part in tree.find_all(nodes.Include):
            self._draw_in(part.template, (*above, file))

    def _draw_in(self, target: nodes.Expr, above: tuple[str, ...]) -> None:
        if isinstance(target, nodes.Const):
            self.visit(str(target.value), above, target.lineno)

    def _layout(self, tree: nodes.Template, file: str) -> None:
        """A layout that is put around files must have a place for them."""
        layouts = {self.sources.layout_for(name) for name in self.files}
        if file not in layouts or tree.find(nodes.Extends):
            return
        if "content" not in {block.name for block in tree.find_all(nodes.Block)}:
            wanted = "put {% block content %}{% endblock %} where the mail goes"
            self._blame(file, 1, "the layout has no place for the mail itself", wanted)

    def _blame(self, file: str, line: int, message: str, help: str = "") -> None:
        self.problems.append(TemplateProblem(file, line, message, help))


def _parsed(env: TemplateEnvironment, source: str, file: str) -> nodes.Template:
    """The tree of a source that compiles, or a `TemplateError`."""
    if fault := source_fault(source):
        raise TemplateError(file, 0, fault)
    try:
        tree = env.parse(source, file)
        check_nodes(tree, file)
        env.compile(source, file, file)
    except TemplateSyntaxError as error:
        raise syntax_fault(error, file) from error
    except (ValueError, RecursionError, SyntaxError) as error:
        raise TemplateError(file, 1, str(error)) from error
    return tree


def _uses(tree: nodes.Template, file: str) -> list[NameUse]:
    roots = find_undeclared_variables(tree)
    return list(dict.fromkeys(_walked(tree, file, roots, False, frozenset())))


def _walked(
    node: nodes.Node, file: str, roots: set[str], printed: bool, guarded: frozenset[str]
) -> Iterator[NameUse]:
    name = _dotted(node)
    if name is not None:
        if name.partition(".")[0] in roots:
            yield NameUse(name, file, node.lineno, printed, name in guarded)
        return
    if isinstance(node, nodes.If | nodes.CondExpr):
        yield from _choice(node, file, roots, printed, guarded)
        return
    if isinstance(node, nodes.Output):
        printed = True
    elif isinstance(node, nodes.Compare | nodes.Test | nodes.Getitem):
        printed = False
    if isinstance(node, nodes.Filter | nodes.Test) and node.name in ("default", "defined"):
        guarded = guarded | _asked(node)
    for child in node.iter_child_nodes():
        yield from _walked(child, file, roots, printed, guarded)


def _choice(
    node: nodes.If | nodes.CondExpr,
    file: str,
    roots: set[str],
    printed: bool,
    guarded: frozenset[str],
) -> Iterator[NameUse]:
    """In an `if`, what the condition asks about is thought of, there and in its branches."""
    guarded = guarded | _asked(node.test)
    yield from _walked(node.test, file, roots, False, guarded)
    for child in node.iter_child_nodes(exclude=("test",)):
        yield from _walked(child, file, roots, printed, guarded)


def _asked(node: nodes.Node) -> frozenset[str]:
    found = (_dotted(each) for each in (node, *node.find_all((nodes.Name, nodes.Getattr))))
    return frozenset(name for name in found if name)


def _dotted(node: nodes.Node) -> str | None:
    """`lead.first_name` for the nodes that spell it, or None."""
    if isinstance(node, nodes.Name):
        return node.name if node.ctx == "load" else None
    if isinstance(node, nodes.Getattr):
        above = _dotted(node.node)
        return f"{above}.{node.attr}" if above else None
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        above = _dotted(node.node)
        return f"{above}.{node.arg.value}" if above and isinstance(node.arg.value, str) else None
    return None
