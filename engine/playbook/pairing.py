"""Which step of one version is which step of another.

The same id is the same step. Ids that were not written are made of the verb and its argument, so
`wait: 3 days` that becomes `wait: 2 days` changes its id, and a further `wait: 1 day` before two
others renumbers them: between the steps that are certain, what stands in the same place and has
the same verb is the same step.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from engine.playbook.outline import Outline, OutlineStep

_NUMBER = re.compile(r"-\d+\Z")
_WAITS = frozenset({"wait", "wait_for"})


@dataclass(frozen=True, slots=True)
class Pairing:
    """The steps of two versions side by side.

    Attributes:
        to: old id → new id, for every step that is still there.
        back: new id → old id.
        moved: new ids of steps that stand elsewhere among the others than they did.
    """

    to: Mapping[str, str]
    back: Mapping[str, str]
    moved: frozenset[str]


def pair(old: Outline, new: Outline) -> Pairing:
    """Pairs the steps of two versions of a playbook."""
    certain = _certain(old, new)
    found = dict(certain)
    order = {step.id: at for at, step in enumerate(new.steps)}
    anchors = ascending([(name, order[certain[name]]) for name in _ids(old) if name in certain])
    for before, after in _gaps(old, new, certain, [name for name, _ in anchors]):
        found.update(_aligned(before, after))
    found.update(_leftovers(old, new, found))
    places = [(name, order[found[name]]) for name in _ids(old) if name in found]
    at_home = {name for name in found if _stays_within(old, new, found, name)}
    still = {name for name, _ in ascending(places, at_home)}
    moved = frozenset(found[name] for name, _ in places if name not in still)
    return Pairing(found, {after: before for before, after in found.items()}, moved)


def ascending(
    places: Sequence[tuple[str, int]], favored: Collection[str] = ()
) -> list[tuple[str, int]]:
    """The longest part of `places` whose numbers ascend; between two, the one more favored."""
    best: list[tuple[float, list[tuple[str, int]]]] = []
    for place in places:
        weight = 1.0 + (place[0] in favored) / (len(places) + 1)
        before = max(
            (one for one in best if one[1][-1][1] < place[1]),
            key=lambda one: one[0],
            default=(0.0, []),
        )
        best.append((before[0] + weight, [*before[1], place]))
    return max(best, key=lambda one: one[0], default=(0.0, []))[1]


def _stays_within(old: Outline, new: Outline, found: Mapping[str, str], name: str) -> bool:
    """Whether a step is in the same branch as before."""
    around, way = old.by_id[name].within
    return (found.get(around, around), way) == new.by_id[found[name]].within


def _ids(outline: Outline) -> list[str]:
    return [step.id for step in outline.steps]


def _certain(old: Outline, new: Outline) -> dict[str, str]:
    """Steps whose id cannot have come about by counting."""
    counted = _numbered(old) | _numbered(new)
    return {
        name: name
        for name, step in old.by_id.items()
        if name in new.by_id and not ({name, _stem(step)} & counted)
    }


def _numbered(outline: Outline) -> set[str]:
    """Ids and stems of steps that are told apart by a number only: `tag-vip`, `tag-vip-2`."""
    stems = Counter(_stem(step) for step in outline.steps)
    return {
        name
        for step in outline.steps
        for name in (step.id, _stem(step))
        if stems[_stem(step)] > 1 and _stem(step) in outline.by_id
    }


def _stem(step: OutlineStep) -> str:
    return _NUMBER.sub("", step.id)


def _gaps(
    old: Outline, new: Outline, certain: Mapping[str, str], anchors: Sequence[str]
) -> list[tuple[list[OutlineStep], list[OutlineStep]]]:
    """The uncertain steps between two neighbors that are certain."""
    olds = _cut(old, set(anchors), set(certain))
    news = _cut(new, {certain[name] for name in anchors}, set(certain.values()))
    return list(zip(olds, news, strict=True))


def _cut(outline: Outline, anchors: set[str], certain: set[str]) -> list[list[OutlineStep]]:
    parts: list[list[OutlineStep]] = [[]]
    for step in outline.steps:
        if step.id in anchors:
            parts.append([])
        elif step.id not in certain:
            parts[-1].append(step)
    return parts


def _aligned(before: Sequence[OutlineStep], after: Sequence[OutlineStep]) -> dict[str, str]:
    """The best pairs of two lists that cross nowhere."""

    @cache
    def best(i: int, j: int) -> float:
        if i == len(before) or j == len(after):
            return 0.0
        return max(
            best(i + 1, j), best(i, j + 1), likeness(before[i], after[j]) + best(i + 1, j + 1)
        )

    for i in range(len(before), -1, -64):  # from the far end, so that it never recurses deeply
        for j in range(len(after), -1, -64):
            best(max(i, 0), max(j, 0))
    found: dict[str, str] = {}
    i = j = 0
    while i < len(before) and j < len(after):
        here = likeness(before[i], after[j])
        if here > 0 and best(i, j) == here + best(i + 1, j + 1):
            found[before[i].id] = after[j].id
            i, j = i + 1, j + 1
        elif best(i, j) == best(i + 1, j):
            i += 1
        else:
            j += 1
    return found


def likeness(before: OutlineStep, after: OutlineStep) -> float:
    """How alike two steps are; below zero: they are never the same."""
    if before.verb != after.verb:
        return 0.5 if {before.verb, after.verb} <= _WAITS else -1.0
    if before.facts == after.facts:
        return 4.0 + (before.id == after.id) * 0.5
    names = {*before.facts, *after.facts}
    same = sum(before.facts.get(name) == after.facts.get(name) for name in names)
    return 1.0 + same / len(names) + (before.id == after.id) * 2.0


def _leftovers(old: Outline, new: Outline, found: Mapping[str, str]) -> dict[str, str]:
    """What stands elsewhere: the same id still, or the only step that says just this."""
    taken = set(found.values())
    gone = [step for step in old.steps if step.id not in found]
    fresh = [step for step in new.steps if step.id not in taken]
    names = {step.id for step in fresh}
    pairs = {step.id: step.id for step in gone if step.id in names}
    gone = [step for step in gone if step.id not in pairs]
    fresh = [step for step in fresh if step.id not in set(pairs.values())]
    for step in gone:
        same = [one for one in fresh if (one.verb, one.facts) == (step.verb, step.facts)]
        alike = [one for one in gone if (one.verb, one.facts) == (step.verb, step.facts)]
        if len(same) == len(alike) == 1 and step.facts:
            pairs[step.id] = same[0].id
    return pairs | _by_children(old, new, {**found, **pairs})


def _by_children(old: Outline, new: Outline, found: Mapping[str, str]) -> dict[str, str]:
    """A branch whose condition was changed, and whose steps all stand in one new branch."""
    taken, pairs = set(found.values()), dict[str, str]()
    for step in old.steps:
        if step.id in found:
            continue
        kept = [found[one.id] for one in old.steps if one.within[0] == step.id and one.id in found]
        around = {new.by_id[name].within[0] for name in kept} - taken - set(pairs.values())
        if kept and len(around) == 1:
            (other,) = around
            if other and new.by_id[other].verb == step.verb:
                pairs[step.id] = other
    return pairs
