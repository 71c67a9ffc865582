"""Everything that can be said about a workspace before it runs: the pure entry of `validate`.

Files, facts about templates and the names of environment variables are given; nothing is read.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from engine.playbook.compile import Compiled, compile_playbook, kind_of
from engine.playbook.diagnostics import Diagnostic, Findings
from engine.playbook.lexicon import Lexicon
from engine.playbook.mail_checks import template_faults
from engine.playbook.model import Playbook
from engine.playbook.nodes import MapNode, Node, ScalarNode
from engine.playbook.plan import Plan
from engine.playbook.rivals import check_rivals
from engine.playbook.scoring_model import ScoringPlaybook
from engine.playbook.scoring_plan import PRIMARY
from engine.playbook.source import Document, parse
from engine.playbook.templates import TemplateFacts
from engine.playbook.workspace import FILE, Workspace, load_workspace

PLAYBOOKS = "playbooks"
_SECRET = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SUFFIXES = (".yaml", ".yml")
_OWN = (
    "unknown-key",
    "unknown-option",
    "unknown-step",
    "unknown-value",
    "unknown-goto",
    "unknown-operator",
)
"""Rules named unknown-… that do not look into the workspace."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What checking a workspace gave.

    `plans` and `playbooks` hold what could be compiled, by name, also the thresholds of scoring
    playbooks; `scorings` holds these playbooks themselves; `documents` what could be read, by file.
    """

    workspace: Workspace | None
    plans: Mapping[str, Plan] = field(default_factory=dict)
    playbooks: Mapping[str, Playbook] = field(default_factory=dict)
    scorings: Mapping[str, ScoringPlaybook] = field(default_factory=dict)
    documents: Mapping[str, Document] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is an error."""
        return not any(found.is_error for found in self.diagnostics)


def validate_workspace(
    files: Mapping[str, bytes],
    templates: Mapping[str, TemplateFacts],
    environment: Collection[str] | None = None,
) -> Checked:
    """Checks `longplay.yaml` and every playbook.

    Args:
        files: their contents, by path below the workspace, with `/`; others are passed over.
        templates: the mail templates there are, by name.
        environment: the names of the variables that are set; None leaves `${NAME}` unchecked.
    """
    findings = Findings()
    loaded = load_workspace(files.get(FILE, b""))
    findings.extend(loaded.diagnostics)
    documents = _documents(files, findings)
    if environment is not None:
        read = [*documents.values(), *([loaded.document] if loaded.document else [])]
        for document in read:
            findings.extend(_missing_variables(document, environment))
    for facts in templates.values():
        findings.extend(template_faults(facts))
    names = {PurePosixPath(file).stem for file in files if is_playbook(file)}
    plans: dict[str, Plan] = {}
    playbooks: dict[str, Playbook] = {}
    scorings: dict[str, ScoringPlaybook] = {}
    scores, twice = scores_of(documents)
    findings.extend(twice)
    lexicon = Lexicon(loaded.workspace or Workspace(), scores)
    for document in documents.values():
        result = compile_playbook(document, lexicon, templates, names, scores=scores)
        findings.extend(_believable(result, loaded.workspace is not None))
        if result.playbook is not None:
            playbooks[result.playbook.playbook] = result.playbook
        if result.scoring is not None:
            scorings[result.scoring.playbook] = result.scoring
            playbooks.update(result.parts)
        if result.plan is not None and loaded.workspace is not None:
            plans |= {one.playbook: one for one in (result.plan, *result.more)}
    findings.extend(check_rivals(plans, playbooks, documents))
    every = {FILE: loaded.document} if loaded.document else {}
    every |= documents
    return Checked(loaded.workspace, plans, playbooks, scorings, every, findings.sorted())


def scores_of(documents: Mapping[str, Document]) -> tuple[tuple[str, ...], list[Diagnostic]]:
    """The scores that scoring playbooks keep, and what is said of those that two would keep."""
    kept: dict[str, str] = {}
    twice = []
    for file, document in documents.items():
        root = document.root
        if kind_of(document) != "scoring" or not isinstance(root, MapNode):
            continue
        node = root.values.get("score")
        name = node.text if isinstance(node, ScalarNode) else PRIMARY
        other = kept.setdefault(name, file)
        if other != file:
            at = (node or root).span
            message = f"the score '{name}' is kept by {other} already"
            hint = "give this one another name: `score: intent`"
            twice.append(Diagnostic("duplicate-score", message, hint, file, at.line, at.column))
    return tuple(dict.fromkeys((PRIMARY, *kept))), twice


def is_playbook(path: str) -> bool:
    """Whether a path below the workspace is a playbook's."""
    found = PurePosixPath(path)
    hidden = any(part.startswith((".", "_")) for part in found.parts)
    return found.parts[:1] == (PLAYBOOKS,) and found.suffix in _SUFFIXES and not hidden


def _documents(files: Mapping[str, bytes], findings: Findings) -> dict[str, Document]:
    """Every playbook that is good YAML; of two with one stem the first."""
    documents: dict[str, Document] = {}
    stems: dict[str, str] = {}
    for file in sorted(filter(is_playbook, files)):
        stem = PurePosixPath(file).stem
        if stem in stems:
            message = f"two playbooks named '{stem}': the other is {stems[stem]}"
            findings.add(Diagnostic("duplicate-playbook", message, "rename one of the files", file))
            continue
        stems[stem] = file
        document = parse(files[file], file, findings)
        if document is not None:
            documents[file] = document
    return documents


def _missing_variables(document: Document, environment: Collection[str]) -> list[Diagnostic]:
    found = []
    for name, node in secrets_in(document):
        if name not in environment:
            line, column = document.inside(node, node.text.index("${" + name) + 1)
            message = f"the environment variable '{name}' is not set"
            found.append(
                Diagnostic(
                    "missing-variable", message, f"set {name} before this is used", document.file,
                    line, column, column + len(name) + 3, "warning",
                )
            )  # fmt: skip
    return found


def _believable(result: Compiled, has_workspace: bool) -> list[Diagnostic]:
    """While the workspace is broken, a name that is not found says nothing."""
    return [
        found
        for found in result.diagnostics
        if has_workspace or not found.rule.startswith("unknown-") or found.rule in _OWN
    ]


def secrets_in(document: Document) -> Iterator[tuple[str, ScalarNode]]:
    """Every `${NAME}` of a document, with the text it stands in."""
    waiting: list[Node] = [document.root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ScalarNode):
            for found in _SECRET.finditer(node.text):
                yield found[1], node
        elif isinstance(node, MapNode):
            waiting.extend(node.values.values())
        else:
            waiting.extend(node.items)
