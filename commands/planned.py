"""How a plan is told to people: change by change, and whom each one touches."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from commands import rendering

if TYPE_CHECKING:
    from engine.operations.clock_changes import ClockChange
    from engine.operations.crossings import Counting
    from engine.operations.planning import CountedChange, Planned, PlaybookChange
    from engine.playbook.difference import Detail
    from engine.playbook.workspace_difference import WorkspaceChange

_MARKS = {
    "added": ("+", "green"), "removed": ("-", "red"), "retired": ("-", "red"),
    "changed": ("~", "yellow"), "moved": ("~", "yellow"), "renamed": ("~", "yellow"),
    "head": ("~", "yellow"),
}  # fmt: skip

Line = tuple[str, str]
"""A line and its style."""


def tell(found: "Planned", *, moves: bool) -> None:
    """Says what is different; with `moves` also where `apply --move` would put whom."""
    lines = list(_lines(found, moves=moves))
    for text, style in lines:
        rendering.say(text, style=style)


def _lines(found: "Planned", *, moves: bool) -> Iterator[Line]:
    changed = [one for one in found.changes if one.change != "unchanged"]
    if found.is_nothing:
        count = len(found.changes)
        none = f"none of {count} playbooks has changed, nor has the workspace"
        yield ("the one playbook and the workspace are as published" if count == 1 else none), "dim"
    if found.workspace:
        yield "workspace", "bold"
        for line in found.workspace:
            yield _of_workspace(line)
    for one in changed:
        yield from _of_playbook(one)
        counted = found.scores.get(one.playbook)
        if counted is not None:
            yield from _of_scores(counted)
    for one in found.changes:
        clocks = found.clocks.get(one.playbook)
        if clocks is not None:
            yield from _of_clocks(one.playbook, clocks)
    for one in found.changes:
        if moves and (one.going or one.staying):
            yield from _of_move(one)


def _of_workspace(one: "WorkspaceChange") -> Line:
    mark, style = _MARKS[one.change]
    match one.change:
        case "added":
            return f"  {mark} {one.what}: {one.after}", style
        case "removed":
            return f"  {mark} {one.what}: {one.before}", style
        case _:
            return f"  {mark} {one.what}: {one.before} → {one.after}", style


def _of_playbook(one: "PlaybookChange") -> Iterator[Line]:
    versions = " → ".join(digest[:8] for digest in (one.before, one.after) if digest)
    running = f", {_enrollments(one.active)} running" if one.active else ""
    yield f"{one.playbook}: {one.change} ({versions}{running})", "bold"
    for each in one.steps:
        yield from _of_step(each, running=bool(one.active))


def _of_scores(counted: "Counting") -> Iterator[Line]:
    """Whom new rules of a score touch."""
    if not counted.looked:
        return
    yield f"  the score changes for {counted.changed:,} of {counted.looked:,} leads", ""
    for one in counted.crossings:
        level = "gone" if one.at is None else f"at {one.at:g}"
        was = f", was at {one.was:g}" if one.was is not None and one.was != one.at else ""
        style = "yellow" if one.up or one.down else "dim"
        told = f"{one.up:,} would cross it upward, {one.down:,} downward; {one.above:,} above then"
        yield f"  threshold {one.threshold} ({level}{was}): {told}", style
    moved = {name: pair for name, pair in counted.grades.items() if pair[0] != pair[1]}
    if moved:
        said = ", ".join(f"{name} {was:,} → {then:,}" for name, (was, then) in moved.items())
        yield f"  grades: {said}", ""
    if any(one.up for one in counted.crossings):
        yield "  their steps run only with: longplay apply --trigger", "dim"


def _of_clocks(playbook: str, clocks: "ClockChange") -> Iterator[Line]:
    """What happens to the clocks of an escalation."""
    if clocks.begins:
        yield f"{playbook}: {clocks.begins:,} records are watched from then on", "yellow"
    if clocks.running:
        told = f"{clocks.sooner:,} sooner, {clocks.later:,} later, {clocks.same:,} as before"
        yield f"{playbook}: the next level of {clocks.running:,} running clocks is due {told}", ""
    if clocks.at_once:
        yield f"  {clocks.at_once:,} of them at once", "yellow"


def _of_step(counted: "CountedChange", *, running: bool) -> Iterator[Line]:
    one = counted.change
    mark, style = _MARKS[one.kind]
    if one.kind == "head":
        yield from ((f"  {mark} {_detail(each)}", style) for each in one.details)
        return
    name = f"{one.was} → {one.step}" if one.was else one.step
    word = "" if one.kind == "changed" else f" {one.kind}"
    about = f": {one.verb} {one.about}" if one.about else ""
    yield f"  {mark} {name}{word}{about}{_short(counted)}", style
    yield from ((f"      {_detail(each)}", "") for each in one.details if not _is_short(each))
    if running:
        touched = [(counted.before, "before it"), (counted.here, "at it"), (counted.past, "past")]
        told = " · ".join(f"{count:,} {where}" for count, where in touched if count)
        yield f"      running: {told}", "dim"


def _short(counted: "CountedChange") -> str:
    """The place of an added step stands behind its name."""
    places = [one.after for one in counted.change.details if _is_short(one)]
    return f", {places[0]}" if places else ""


def _is_short(one: "Detail") -> bool:
    return one.what == "place" and not one.before


def _detail(one: "Detail") -> str:
    if one.before and one.after:
        return f"{one.what}: {one.before} → {one.after}"
    if one.before:
        return f"{one.what}: no longer {one.before}"
    return f"{one.what}: {one.after}"


def _of_move(one: "PlaybookChange") -> Iterator[Line]:
    stay = sum(each.count for each in one.staying)
    yield f"{one.playbook}: apply --move would move {one.moves:,}, and leave {stay:,}", "bold"
    for going in one.going:
        how = "wait on as they do" if going.waits_on else "go on"
        where = f"at {going.step}" if going.step == going.to else f"from {going.step} at {going.to}"
        yield f"  {going.count:,} {how} {where}", ""
    for staying in one.staying:
        yield f"  {staying.count:,} stay at {staying.step}: {staying.why}", "yellow"


def _enrollments(count: int) -> str:
    return f"{count:,} enrollment{'' if count == 1 else 's'}"
