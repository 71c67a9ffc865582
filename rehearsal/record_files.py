"""Files that a rehearsal is given: a record, its events, assumptions, a crowd of leads."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, Field

from engine.errors import InputError
from engine.playbook.diagnostics import Findings, human
from engine.playbook.fields import Frozen, Name, Tree
from engine.playbook.nodes import ListNode, MapNode, Node, ScalarNode, Span
from engine.playbook.reading import Reader
from engine.playbook.scenarios import Civil, ScenarioEvent
from engine.playbook.source import Document, parse

Model = TypeVar("Model", bound=BaseModel)
_MOST_BYTES = 1_000_000
_NOWHERE = Span(1, 1, 1, 1)


class RecordFile(Frozen):
    """A record and what happens to it."""

    lead: dict[str, Tree] = Field(default_factory=dict, description="the lead's fields")
    deal: dict[str, Tree] = Field(default_factory=dict, description="the deal's fields")
    owner: Name = Field("", description="the record's owner")
    at: Civil = Field("", description="when it starts, in the workspace's zone")
    saved: dict[str, Tree] = Field(default_factory=dict, description="answers of webhooks, by name")
    events: tuple[ScenarioEvent, ...] = Field((), strict=False, description="what happens")


class EventsFile(Frozen):
    """What happens to a record."""

    events: tuple[ScenarioEvent, ...] = Field((), strict=False, description="what happens")


def read_record(path: Path) -> RecordFile:
    """A record: its fields, or a mapping with `lead:` and, if wanted, `events:` and `at:`.

    Raises:
        InputError: the file cannot be read, or says something that a record does not have.
    """
    document = _document(path)
    root = document.root
    if isinstance(root, MapNode) and "lead" not in root.values:
        root = MapNode(root.span, {"lead": ScalarNode(_NOWHERE, "lead")}, {"lead": root})
    return _read(document, root, RecordFile, "a record")


def read_events(path: Path) -> Sequence[ScenarioEvent]:
    """A list of events, or one a line (JSON Lines); `name` may stand for `event`.

    Raises:
        InputError: the file cannot be read, or says something that an event does not have.
    """
    document = _document(path)
    root = document.root
    if not isinstance(root, ListNode):
        root = ListNode(root.span, (root,))
    items = tuple(_renamed(item) for item in root.items)
    key = ScalarNode(_NOWHERE, "events")
    whole = MapNode(root.span, {"events": key}, {"events": ListNode(root.span, items)})
    return _read(document, whole, EventsFile, "an event").events


def read_mapping(path: Path, model: type[Model], what: str) -> Model:
    """A file that is one mapping.

    Raises:
        InputError: the file cannot be read, or does not fit.
    """
    document = _document(path)
    return _read(document, document.root, model, what)


def _renamed(item: Node) -> Node:
    if not isinstance(item, MapNode) or "name" not in item.values or "event" in item.values:
        return item
    keys = {"event" if key == "name" else key: node for key, node in item.keys.items()}
    values = {"event" if key == "name" else key: node for key, node in item.values.items()}
    return MapNode(item.span, keys, values)


def _read(document: Document, root: Node, model: type[Model], what: str) -> Model:
    findings = Findings()
    found = Reader(document, findings).read(model, root, what)
    _refuse(document.file, document.text, findings)
    if found is None:
        raise InputError(f"'{document.file}' is not {what}")
    return found


def _refuse(file: str, text: str, findings: Findings) -> None:
    errors = [human(one, text) for one in findings if one.is_error]
    if errors:
        raise InputError(f"'{file}' cannot be used:\n" + "\n".join(errors[:5]))


def _document(path: Path) -> Document:
    """The file's tree: YAML, JSON or JSON Lines."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"'{path.name}' is larger than {_MOST_BYTES:,} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"'{path}' cannot be read: {error.strerror}") from error
    text = _text(content)
    if text is not None:
        for read in (json.loads, _lines):
            try:
                return Document(path.name, "", _node(read(text)))
            except (ValueError, RecursionError):
                continue
    findings = Findings()
    document = parse(content, path.name, findings)
    _refuse(path.name, text or "", findings)
    if document is None:
        raise InputError(f"there is nothing in '{path.name}'")
    return document


def _text(content: bytes) -> str | None:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _lines(text: str) -> object:
    found = [json.loads(line) for line in text.splitlines() if line.strip()]
    if not found:
        raise ValueError("there is nothing in it")
    return found


def _node(value: object) -> Node:
    """JSON as the tree that the reader knows."""
    match value:
        case Mapping():
            keys = {str(key): ScalarNode(_NOWHERE, str(key), plain=False) for key in value}
            return MapNode(_NOWHERE, keys, {str(key): _node(one) for key, one in value.items()})
        case list():
            return ListNode(_NOWHERE, tuple(_node(one) for one in value))
        case str():
            return ScalarNode(_NOWHERE, value, plain=False)
        case None:
            return ScalarNode(_NOWHERE, "null")
        case bool():
            return ScalarNode(_NOWHERE, "true" if value else "false")
        case _:
            return ScalarNode(_NOWHERE, str(value))
