"""The starter workspace: written into a folder by `longplay init`. It never overwrites by itself.

Its files are those beside the code: at the top of a checkout, in `engine/starter/` of a wheel. The
starters of a trade, each a workspace of its own, are in `starters/`, or in the wheel's
`engine/starters/`.
Editors are told where the JSON Schemas of the files are, which are written along with them.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from engine.errors import EnvironmentFault, InputError
from engine.playbook.spelling import did_you_mean
from engine.playbook.workspace import FILE

_CODE = Path(__file__).resolve().parents[1]
_SHELVES = (_CODE / "starters", _CODE.parent / "starters")
_SCHEMAS = ".schema"
_WORKSPACE_SCHEMA = "longplay.schema.json"
_PLAYBOOK_SCHEMA = "playbook.schema.json"
_MODELINE = "# yaml-language-server: $schema="
_SETTINGS = ".vscode/settings.json"
_IGNORE = "# data, logs and the secret key\n.longplay/\n# settings of this machine\n.env\n"


def trades() -> list[str]:
    """The names of the starters for a trade, in order of their letters."""
    return sorted(path.parent.name for folder in _SHELVES for path in folder.glob(f"*/{FILE}"))


def source(trade: str | None = None) -> Path:
    """The folder that a starter's files are in.

    Args:
        trade: one of `trades`; None: the one for everybody.

    Raises:
        InputError: there is no starter for that trade.
        EnvironmentFault: this installation came without starters.
    """
    if trade is not None:
        if trade not in trades():
            raise InputError(f"there is no starter '{trade}'", help=did_you_mean(trade, trades()))
        return next(shelf / trade for shelf in _SHELVES if (shelf / trade / FILE).is_file())
    for folder in (_CODE / "starter", _CODE.parent):
        if (folder / FILE).is_file() and (folder / "playbooks").is_dir():
            return folder
    raise EnvironmentFault("the starter workspace is missing", help="install longplay again")


def write(
    target: Path,
    schemas: Mapping[str, object],
    *,
    trade: str | None = None,
    force: bool = False,
) -> list[str]:
    """Writes the starter into `target`; answers the files written, by their path below it.

    Args:
        target: the folder, made when it is not there.
        schemas: the JSON Schemas of `playbook` and `workspace`.
        trade: whose starter, one of `trades`; None: the one for everybody.
        force: write over files that are there and differ.

    Raises:
        InputError: files are there already, and differ, or no starter is for that trade; nothing
            was written.
        EnvironmentFault: the folder cannot be written to.
    """
    files = dict(_files(source(trade), schemas))
    try:
        differing = [name for name, text in files.items() if _differs(target / name, text)]
        there = [name for name in differing if (target / name).exists()]
        if there and not force:
            raise InputError(
                f"'{target / there[0]}' is there already"
                + (f", and {len(there) - 1} more" if len(there) > 1 else ""),
                help="choose another folder, or write over them with --force",
            )
        for name in differing:
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files[name])
    except OSError as error:
        raise EnvironmentFault(
            f"'{error.filename or target}' cannot be written: {error.strerror}",
            help="choose another folder",
        ) from error
    return differing


def write_schemas(workspace: Path, schemas: Mapping[str, object]) -> list[str]:
    """Writes the schemas into a workspace that is there; settings of an editor are left alone.

    Args:
        workspace: the folder.
        schemas: the JSON Schemas of `playbook` and `workspace`.

    Raises:
        EnvironmentFault: the folder cannot be written to.
    """
    files = dict(_schema_files(schemas))
    settings = workspace / _SETTINGS
    if not settings.exists():
        files[_SETTINGS] = _json(_editor_settings())
    differing = [name for name, text in files.items() if _differs(workspace / name, text)]
    try:
        for name in differing:
            (workspace / name).parent.mkdir(parents=True, exist_ok=True)
            (workspace / name).write_bytes(files[name])
    except OSError as error:
        raise EnvironmentFault(
            f"'{error.filename}' cannot be written: {error.strerror}", help="check its rights"
        ) from error
    return differing


def _schema_files(schemas: Mapping[str, object]) -> Iterator[tuple[str, bytes]]:
    yield f"{_SCHEMAS}/{_WORKSPACE_SCHEMA}", _json(schemas["workspace"])
    yield f"{_SCHEMAS}/{_PLAYBOOK_SCHEMA}", _json(schemas["playbook"])


def _files(root: Path, schemas: Mapping[str, object]) -> Iterator[tuple[str, bytes]]:
    yield FILE, _with_schema(root / FILE, f"{_SCHEMAS}/{_WORKSPACE_SCHEMA}")
    for path in sorted((root / "playbooks").rglob("*.yaml")):
        name = path.relative_to(root)
        up = "../" * (len(name.parts) - 1)
        yield name.as_posix(), _with_schema(path, f"{up}{_SCHEMAS}/{_PLAYBOOK_SCHEMA}")
    for path in sorted((root / "templates").rglob("*")):
        if path.suffix in {".html", ".txt"}:
            yield path.relative_to(root).as_posix(), path.read_bytes()
    yield from _schema_files(schemas)
    yield _SETTINGS, _json(_editor_settings())
    yield ".gitignore", _IGNORE.encode()


def _with_schema(path: Path, schema: str) -> bytes:
    text = path.read_bytes()
    return text if _MODELINE.encode() in text else f"{_MODELINE}{schema}\n".encode() + text


def _editor_settings() -> dict[str, object]:
    return {
        "yaml.schemas": {
            f"./{_SCHEMAS}/{_WORKSPACE_SCHEMA}": [FILE],
            f"./{_SCHEMAS}/{_PLAYBOOK_SCHEMA}": ["playbooks/**/*.yaml", "playbooks/**/*.yml"],
        },
        "files.associations": {"templates/email/**/*.html": "jinja-html"},
        "files.encoding": "utf8",
    }


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


def _differs(path: Path, content: bytes) -> bool:
    return not path.is_file() or path.read_bytes() != content
