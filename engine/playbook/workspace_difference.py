"""What is different between two workspaces: one line for each thing that people can name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.playbook.outline import said
from engine.playbook.workspace import Workspace


@dataclass(frozen=True, slots=True)
class WorkspaceChange:
    """One entry of `longplay.yaml` that was added, removed or changed; `what` is its path."""

    change: Literal["added", "removed", "changed"]
    what: str
    before: str = ""
    after: str = ""

    def as_json(self) -> dict[str, str | None]:
        """What `--json` shows."""
        return {
            "change": self.change, "what": self.what, "from": self.before or None,
            "to": self.after or None,
        }  # fmt: skip


def workspace_difference(old: Workspace, new: Workspace) -> tuple[WorkspaceChange, ...]:
    """The changes, in the order of the sections."""
    before, after = (one.model_dump(mode="json", by_alias=True) for one in (old, new))
    return tuple(_walk("", before, after))


def _walk(path: str, before: Any, after: Any) -> Iterator[WorkspaceChange]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _mappings(path, before, after)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _lists(path, before, after)
    else:
        yield WorkspaceChange("changed", path, said(before), said(after))


def _mappings(path: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Any:
    if _is_one_value(before):
        yield WorkspaceChange("changed", path, _short(before), _short(after))
        return
    for name in [*before, *(name for name in after if name not in before)]:
        where = f"{path}.{name}" if path else name
        if name not in after:
            yield WorkspaceChange("removed", where, _short(before[name]))
        elif name not in before:
            yield WorkspaceChange("added", where, "", _short(after[name]))
        else:
            yield from _walk(where, before[name], after[name])


def _is_one_value(value: Mapping[str, Any]) -> bool:
    """Whether a mapping is what people write as one text: a rate, a period."""
    return set(value) in ({"count", "per"}, {"first", "last"})


def _lists(path: str, before: list[Any], after: list[Any]) -> Iterator[WorkspaceChange]:
    named = [_by_name(one) for one in (before, after)]
    if named[0] is not None and named[1] is not None:
        yield from _mappings(path, named[0], named[1])
        if list(named[0]) != list(named[1]) and set(named[0]) == set(named[1]):
            yield WorkspaceChange(
                "changed", f"order of {path}", ", ".join(named[0]), ", ".join(named[1])
            )
        return
    gone = [one for one in before if one not in after]
    come = [one for one in after if one not in before]
    if len(gone) == len(come) == 1 and before.index(gone[0]) == after.index(come[0]):
        if isinstance(gone[0], Mapping) and not _is_one_value(gone[0]):
            yield from _mappings(f"{path}[{before.index(gone[0]) + 1}]", gone[0], come[0])
        else:
            yield WorkspaceChange("changed", path, _short(gone[0]), _short(come[0]))
        return
    yield from (WorkspaceChange("removed", path, _short(one)) for one in gone)
    yield from (WorkspaceChange("added", path, "", _short(one)) for one in come)
    if not gone and not come:
        told = (", ".join(map(_short, one)) for one in (before, after))
        yield WorkspaceChange("changed", f"order of {path}", *told)


def _by_name(items: list[Any]) -> dict[str, Any] | None:
    """Entries by their names, where each has one."""
    if not items or not all(isinstance(one, Mapping) and "name" in one for one in items):
        return None
    return {
        str(one["name"]): {key: value for key, value in one.items() if key != "name"}
        for one in items
    }


def _short(value: Any) -> str:
    """An entry in one line; a rate and a period as they are written."""
    if isinstance(value, Mapping) and set(value) == {"count", "per"}:
        return f"{value['count']} per {value['per']}"
    if isinstance(value, Mapping) and set(value) == {"first", "last"}:
        first, last = value["first"], value["last"]
        return str(first) if first == last else f"{first}..{last}"
    if isinstance(value, list):
        return ", ".join(map(_short, value)) or "nothing"
    if isinstance(value, Mapping):
        told = {name: one for name, one in value.items() if one not in (None, "", [], {}, False, 0)}
        return ", ".join(f"{name}: {_short(one)}" for name, one in told.items()) or "nothing more"
    return said(value)
