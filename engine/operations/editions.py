"""From a folder to an edition: reading a workspace's files, checking them, gathering templates.

It knows no database, so that `validate` need not load one.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.errors import InputError
from engine.mail.facts import NameUse, inspect_email
from engine.mail.facts import TemplateFacts as FileFacts
from engine.playbook.plan import Plan
from engine.playbook.templates import TemplateFacts, TemplateFault, TemplateName
from engine.playbook.validate import Checked, validate_workspace
from engine.playbook.workspace import FILE

TEMPLATES = Path("templates") / "email"
_MOST_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Folder:
    """A workspace's files as they lie there.

    Attributes:
        files: longplay.yaml and the playbooks, by path below the folder, with `/`.
        templates: the mail templates' texts, by path below templates/email.
    """

    files: Mapping[str, bytes]
    templates: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Edition:
    """Everything that one apply publishes.

    Attributes:
        source: the text of longplay.yaml.
        plans: playbook name → plan.
        templates: digest → (file name, text) of every template file that a plan pins.
    """

    source: str
    plans: Mapping[str, Plan]
    templates: Mapping[str, tuple[str, str]]

    @property
    def digest(self) -> str:
        """Of the workspace's text and of which plans are current."""
        return digest_over(self.source, {name: one.digest for name, one in self.plans.items()})


def digest_over(source: str, digests: Mapping[str, str]) -> str:
    """The digest of a workspace's text together with its playbooks' current versions."""
    parts = [source, *(f"{name}:{digest}" for name, digest in sorted(digests.items()))]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def read_folder(root: Path) -> Folder:
    """Reads a workspace.

    Raises:
        InputError: there is none, or a file cannot be read as text.
    """
    if not (root / FILE).is_file():
        raise InputError(
            f"there is no '{FILE}' in '{root}'", help="write a starter with: longplay init"
        )
    files = {FILE: _bytes(root / FILE)}
    for path in sorted((root / "playbooks").rglob("*.y*ml")):
        if not path.is_dir():
            files[path.relative_to(root).as_posix()] = _bytes(path)
    base = root / TEMPLATES
    templates = {
        path.relative_to(base).as_posix(): _text(path)
        for path in sorted(base.rglob("*"))
        if path.suffix in {".html", ".txt"} and path.is_file()
    }
    return Folder(files, templates)


def check(folder: Folder, environment: Collection[str] | None = None) -> Checked:
    """Everything that can be said about a workspace before it runs."""
    return validate_workspace(folder.files, template_facts(folder.templates), environment)


def edition_of(folder: Folder, checked: Checked) -> Edition:
    """What an apply publishes.

    Raises:
        InputError: the check found errors.
    """
    if not checked.ok:
        raise InputError("the workspace has errors", help="see them with: longplay validate")
    pinned = {
        digest: (name, folder.templates[name])
        for plan in checked.plans.values()
        for name, digest in plan.templates.items()
    }
    return Edition(folder.files[FILE].decode(), dict(checked.plans), pinned)


def template_facts(templates: Mapping[str, str]) -> dict[str, TemplateFacts]:
    """What the compiler must know of each mail, by the name that playbooks call it."""
    return {name: _facts(templates, name) for name in sorted(_names(templates))}


def digest_of(text: str) -> str:
    """The digest that a plan pins a template file by."""
    return hashlib.sha256(text.encode()).hexdigest()


def _names(templates: Mapping[str, str]) -> set[str]:
    """NAME of every NAME.html, and of NAME.zh-CN.html; layouts begin with an underscore."""
    names = set()
    for path in templates:
        folder, _, file = path.rpartition("/")
        if not file.startswith("_") and file.endswith(".html"):
            stem = file.split(".", 1)[0]
            names.add(f"{folder}/{stem}" if folder else stem)
    return names


def _facts(templates: Mapping[str, str], name: str) -> TemplateFacts:
    every = inspect_email(templates, name)
    pages = [one for one in every if one.file.endswith(".html")]
    files = sorted({file for one in every for file in one.files if file in templates})
    return TemplateFacts(
        file=f"{name}.html",
        digests={file: digest_of(templates[file]) for file in files},
        has_subject=all(one.has_subject for one in pages),
        has_unsubscribe_link=all(one.has_unsubscribe for one in pages),
        names=tuple(_name(use) for one in every for use in one.names),
        faults=tuple(fault for one in every for fault in _faults(one)),
    )


def _name(use: NameUse) -> TemplateName:
    return TemplateName(use.name, use.line, use.file, printed=use.printed, guarded=use.guarded)


def _faults(one: FileFacts) -> list[TemplateFault]:
    return [
        TemplateFault(problem.message, problem.line, problem.file, problem.help)
        for problem in one.problems
    ]


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"'{path.name}' is larger than {_MOST_BYTES:,} bytes")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"'{path}' cannot be read: {error.strerror}") from error


def _text(path: Path) -> str:
    try:
        return _bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"'{path.name}' is not UTF-8 (byte {error.start + 1})", help="save it as UTF-8"
        ) from error
