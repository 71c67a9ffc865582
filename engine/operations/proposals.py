"""A playbook's file that is not in the workspace yet, checked as if it were.

A proposal takes the place of the playbook that has its name; nothing is written.
"""

from dataclasses import replace
from pathlib import Path, PurePosixPath

from engine.errors import InputError
from engine.operations.editions import Edition, Folder, check, edition_of
from engine.playbook.diagnostics import Findings
from engine.playbook.nodes import MapNode, ScalarNode
from engine.playbook.source import parse
from engine.playbook.validate import is_playbook

_MOST = 4_000_000


def edition_with_file(folder: Folder, path: Path) -> Edition:
    """The workspace as it would be with this file.

    Raises:
        InputError: the file cannot be read, or something is wrong with it or with the workspace.
    """
    try:
        if path.stat().st_size > _MOST:
            raise InputError(f"'{path}' is larger than {_MOST:,} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"'{path}' cannot be read: {error.strerror}") from error
    return edition_with_text(folder, content, str(path))


def edition_with_text(folder: Folder, content: bytes, name: str) -> Edition:
    """The same with the text of a file that is called `name` when something is wrong."""
    playbook = playbook_name(content, name)
    files = {
        file: text
        for file, text in folder.files.items()
        if not (is_playbook(file) and PurePosixPath(file).stem == playbook)
    }
    file = f"playbooks/{playbook}.yaml"
    proposed = replace(folder, files={**files, file: content})
    checked = check(proposed)
    wrong = [one for one in checked.diagnostics if one.is_error]
    if wrong:
        # Of two faults the proposal's own is the one that its author is after.
        first = next((one for one in wrong if one.file == file), wrong[0])
        where = f"{name if first.file == file else first.file}:{first.line}"
        raise InputError(f"{where}: {first.message}", help=first.help)
    return edition_of(proposed, checked)


def playbook_name(content: bytes, name: str) -> str:
    """The playbook that a file is.

    Raises:
        InputError: it is none.
    """
    findings = Findings()
    document = parse(content, name, findings)
    root = document.root if document is not None else None
    node = root.values.get("playbook") if isinstance(root, MapNode) else None
    if not isinstance(node, ScalarNode) or not node.text.strip() or findings.failed:
        first = next(iter(findings.sorted()), None)
        message = f"'{name}' is no playbook"
        said = f": {first.message} (line {first.line})" if first is not None else ""
        raise InputError(message + said, help="name a file that begins with `playbook: NAME`")
    return node.text.strip()
