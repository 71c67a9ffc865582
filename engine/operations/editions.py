"""From a folder to an edition: reading a workspace's files, checking them, gathering templates.

It knows no database, so that `validate` need not load one.
"""

import hashlib
import json
import os
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import InputError
from engine.mail.facts import NameUse, inspect_email
from engine.mail.facts import TemplateFacts as FileFacts
from engine.mail.pictures import is_filled_in, picture_names, resolved
from engine.mail.sources import PAGES
from engine.playbook.mail_checks import megabytes
from engine.playbook.plan import Plan
from engine.playbook.spelling import did_you_mean
from engine.playbook.templates import (
    MOST_FILE,
    FileFact,
    TemplateFacts,
    TemplateFault,
    TemplateName,
    is_template,
)
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
        beside: pictures and whatever else lies there for mails to carry.
        heavy: those of them that are too large, with their bytes; they are not read.
    """

    files: Mapping[str, bytes]
    templates: Mapping[str, str]
    beside: Mapping[str, bytes] = field(default_factory=dict)
    heavy: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Edition:
    """Everything that one apply publishes.

    Attributes:
        source: the text of longplay.yaml.
        plans: playbook name → plan.
        templates: digest → (file name, text) of every template file that a plan pins.
        carried: digest → content of every file that goes with a mail.
    """

    source: str
    plans: Mapping[str, Plan]
    templates: Mapping[str, tuple[str, str]]
    carried: Mapping[str, bytes] = field(default_factory=dict)

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
    paths = (path for path in sorted(base.rglob("*")) if path.is_file())
    found = {_named(path.relative_to(base)): path for path in paths}
    templates = {name: _text(path) for name, path in found.items() if is_template(name)}
    others = {name: path for name, path in found.items() if _may_be_carried(name)}
    heavy = {name: size for name, path in others.items() if (size := _size(path)) > MOST_FILE}
    beside = {name: _bytes(path, MOST_FILE) for name, path in others.items() if name not in heavy}
    return Folder(files, templates, beside, heavy)


def check(folder: Folder, environment: Collection[str] | None = None) -> Checked:
    """Everything that can be said about a workspace before it runs."""
    facts = template_facts(folder.templates, folder.beside, folder.heavy)
    return validate_workspace(folder.files, facts, environment)


def edition_of(folder: Folder, checked: Checked) -> Edition:
    """What an apply publishes.

    Raises:
        InputError: the check found errors.
    """
    if not checked.ok:
        raise InputError("the workspace has errors", help="see them with: longplay validate")
    return edition_with(folder, checked.plans)


def edition_with(folder: Folder, plans: Mapping[str, Plan]) -> Edition:
    """An edition of these plans, with the files of the folder that they pin."""
    pinned = {digest: name for plan in plans.values() for name, digest in plan.templates.items()}
    texts = {
        digest: (name, folder.templates[name])
        for digest, name in pinned.items()
        if is_template(name)
    }
    carried = {
        digest: folder.beside[name] for digest, name in pinned.items() if not is_template(name)
    }
    return Edition(folder.files[FILE].decode(), dict(plans), texts, carried)


def template_facts(
    templates: Mapping[str, str],
    beside: Mapping[str, bytes] | None = None,
    heavy: Mapping[str, int] | None = None,
) -> dict[str, TemplateFacts]:
    """What the compiler must know of each mail, by the name that playbooks call it."""
    carried = {name: FileFact(digest_of(one), len(one)) for name, one in (beside or {}).items()}
    carried |= {name: FileFact("", size) for name, size in (heavy or {}).items()}
    return {name: _facts(templates, name, carried) for name in sorted(_names(templates))}


def digest_of(content: str | bytes) -> str:
    """The digest that a plan pins a file by."""
    raw = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(raw).hexdigest()


def _names(templates: Mapping[str, str]) -> set[str]:
    """NAME of every NAME.html, and of NAME.zh-CN.html; layouts begin with an underscore."""
    names = set()
    for path in templates:
        folder, _, file = path.rpartition("/")
        if not file.startswith("_") and file.endswith(PAGES):
            stem = file.split(".", 1)[0]
            names.add(f"{folder}/{stem}" if folder else stem)
    return names


def _facts(
    templates: Mapping[str, str], name: str, beside: Mapping[str, FileFact]
) -> TemplateFacts:
    every = inspect_email(templates, name)
    pages = [one for one in every if one.file.endswith(PAGES)]
    files = sorted({file for one in every for file in one.files if file in templates})
    pictures, faults = _pictures(templates, files, beside)
    return TemplateFacts(
        file=pages[0].file if len(pages) == 1 else f"{name}.html",
        digests={file: digest_of(templates[file]) for file in files}
        | {picture: beside[picture].digest for picture in pictures},
        pictures=pictures,
        beside=beside,
        has_subject=all(one.has_subject for one in pages),
        has_unsubscribe_link=all(one.has_unsubscribe for one in pages),
        names=tuple(_name(use) for one in every for use in one.names),
        faults=(*(fault for one in every for fault in _faults(one)), *faults),
    )


def _pictures(
    templates: Mapping[str, str], files: Sequence[str], beside: Mapping[str, FileFact]
) -> tuple[tuple[str, ...], list[TemplateFault]]:
    """The files that a mail shows, and what is wrong with the names that it shows them by."""
    shown: dict[str, None] = {}
    faults = []
    for file in files:
        for written, line in picture_names(templates[file]):
            name = resolved(written, file, beside)
            if name is None or beside[name].size > MOST_FILE:
                faults.append(_no_picture(written, name, line, file, beside))
            else:
                shown[name] = None
    return tuple(sorted(shown)), faults


def _no_picture(
    written: str, name: str | None, line: int, file: str, beside: Mapping[str, FileFact]
) -> TemplateFault:
    if name is not None:
        message = f"'{written}' has {megabytes(beside[name].size)}"
        hint = f"a picture may have {megabytes(MOST_FILE)}, and should have far less"
        return TemplateFault(message, line, file, hint, "mail-too-heavy")
    message = f"there is no picture '{written[:80]}' in {TEMPLATES.as_posix()}"
    hint = did_you_mean(written, beside) or "put it there, or write its whole address: https://…"
    if is_filled_in(written):
        hint = 'write the name out, or make the whole address a value: src="{{ data.picture }}"'
    return TemplateFault(message, line, file, hint, "unknown-file")


def _name(use: NameUse) -> TemplateName:
    return TemplateName(use.name, use.line, use.file, printed=use.printed, guarded=use.guarded)


def _faults(one: FileFacts) -> list[TemplateFault]:
    return [
        TemplateFault(problem.message, problem.line, problem.file, problem.help)
        for problem in one.problems
    ]


def _named(path: Path) -> str:
    """A file's name as people type it, wherever it was made.

    Archives from Chinese Windows leave names in GBK; macOS takes accents apart.
    """
    name = path.as_posix()
    if any("\udc80" <= character <= "\udcff" for character in name):
        name = os.fsencode(name).decode("gb18030", "replace")
    return unicodedata.normalize("NFC", name)


def _may_be_carried(name: str) -> bool:
    """Not what editors and file managers leave behind."""
    hidden = any(part.startswith((".", "~$")) for part in name.split("/"))
    return not (hidden or is_template(name) or name.endswith(("~", ".db")))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise InputError(f"'{path}' cannot be read: {error.strerror}") from error


def _bytes(path: Path, most: int = _MOST_BYTES) -> bytes:
    try:
        if path.stat().st_size > most:
            raise InputError(f"'{path.name}' is larger than {most:,} bytes")
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
