"""Tidying the files of a workspace: what would change, and changing it, whole files at a time."""

import difflib
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import EnvironmentFault, InputError
from engine.playbook.diagnostics import Diagnostic
from engine.playbook.formatting import Untidy, formatted
from engine.playbook.validate import is_playbook
from engine.playbook.workspace import FILE


@dataclass(frozen=True, slots=True)
class Tidied:
    """One file, and what tidying makes of it.

    Attributes:
        name: its path below the workspace.
        before: its bytes; after: the bytes it should have, the same for a bad file.
        faults: why it is left as it is.
    """

    name: str
    path: Path
    before: bytes
    after: bytes
    faults: tuple[Diagnostic, ...] = ()
    is_bad: bool = False

    @property
    def changes(self) -> bool:
        """Whether the file is not tidy yet."""
        return self.before != self.after

    def diff(self) -> str:
        """The change as a unified diff."""
        before = self.before.decode("utf-8", "replace").splitlines(True)
        after = self.after.decode("utf-8", "replace").splitlines(True)
        return "".join(difflib.unified_diff(before, after, self.name, f"{self.name} (tidy)"))


def tidied(root: Path, paths: Sequence[Path] = ()) -> Iterator[Tidied]:
    """What tidying makes of files; nothing is written.

    Args:
        root: the workspace's folder.
        paths: files and folders; none: every playbook and longplay.yaml.

    Raises:
        InputError: there is no such file.
        EnvironmentFault: one cannot be read.
    """
    for path in _files(root, paths):
        name = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
        try:
            before = path.read_bytes()
        except OSError as error:
            raise EnvironmentFault(f"'{name}' cannot be read: {error.strerror}") from error
        try:
            yield Tidied(name, path, before, formatted(before, name).encode())
        except Untidy as fault:
            yield Tidied(name, path, before, before, fault.diagnostics, is_bad=True)


def _files(root: Path, paths: Sequence[Path]) -> Iterator[Path]:
    """The files that are meant, each once; of a folder those that are part of the workspace."""
    if not paths:
        paths = [each for each in (root / FILE, root / "playbooks") if each.exists()]
    seen: set[Path] = set()
    for path in paths:
        found = path if path.exists() else root / path
        if not found.exists():
            raise InputError(f"there is no file '{path}'", help="name playbooks, or their folder")
        inside = sorted(found.rglob("*.y*ml")) if found.is_dir() else [found]
        for each in (one.resolve() for one in inside):
            if each not in seen and (not found.is_dir() or _belongs(each, root.resolve())):
                seen.add(each)
                yield each


def _belongs(path: Path, root: Path) -> bool:
    if not path.is_relative_to(root):
        return False
    below = path.relative_to(root).as_posix()
    return below == FILE or is_playbook(below)


def write(one: Tidied) -> None:
    """Writes the tidied text in the file's place, in one move.

    Raises:
        EnvironmentFault: it cannot be written; the file is as it was.
    """
    try:
        if one.path.read_bytes() != one.before:
            raise InputError(f"'{one.name}' was changed meanwhile", help="run it again")
        handle, name = tempfile.mkstemp(dir=one.path.parent, prefix=f".{one.path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(one.after)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(one.path.stat().st_mode & 0o7777)
            Path(name).replace(one.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise EnvironmentFault(f"'{one.name}' cannot be written: {error.strerror}") from error
