"""What is different between two versions of a playbook, said the way it was written.

Pure: two plans and the texts of their templates in, changes out. Who is touched by a change is
counted elsewhere, by the same pairing of steps.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Literal

from pydantic import JsonValue

from engine.playbook.outline import Outline, OutlineStep, said
from engine.playbook.pairing import Pairing
from engine.playbook.plan import Exit, Plan, Trigger
from engine.playbook.scoring_difference import said_of
from engine.playbook.templates import is_template

Texts = Callable[[str], str]
"""The text of a template file by its digest."""

Kind = Literal["added", "removed", "changed", "moved", "renamed", "head"]
_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL | re.IGNORECASE)
_HEAD = ("title", "cost", "calendar", "exit_on_unsubscribe", "record", "kind")
_MAILS = ("email", "notify")


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing that is different: what, and what it was and is; empty: it was or is not there."""

    what: str
    before: str = ""
    after: str = ""

    def as_json(self) -> dict[str, str | None]:
        """What `--json` shows."""
        return {"what": self.what, "from": self.before or None, "to": self.after or None}


@dataclass(frozen=True, slots=True)
class StepChange:
    """A step that is different, or (kind `head`) what stands above the steps.

    Attributes:
        step: its id; of a removed step, the id that it had. Of the head: empty.
        was: the id that it had, where that was another one.
        verb: what it does.
        about: what it says, in a few words, where it is added or removed.
    """

    kind: Kind
    step: str
    was: str = ""
    verb: str = ""
    about: str = ""
    details: tuple[Detail, ...] = ()


def difference(
    old: Outline, new: Outline, pairing: Pairing, before: Texts, after: Texts
) -> tuple[StepChange, ...]:
    """The changes from `old` to `new`: first the head, then the steps in the new order.

    A removed step stands where it stood. What is the same change in every mail is told once.
    """
    found = [
        _step(old, new, pairing, step, before, after)
        if step.id in pairing.back
        else StepChange("added", step.id, "", step.verb, _about(step), (_place(new, step),))
        for step in new.steps
    ]
    changes = [one for one in found if one is not None]
    everywhere = _in_every_mail(changes, new, pairing)
    changes = [one for each in changes if (one := _without(each, everywhere)) is not None]
    changes = _with_removed(changes, old, new, pairing)
    head = [*_head(old.plan, new.plan), *(replace(one, what=f"every mail: {one.what}")
            for one in everywhere), *_shared(old.plan, new.plan, before, after)]  # fmt: skip
    return (*((StepChange("head", "", details=tuple(head)),) if head else ()), *changes)


def _step(
    old: Outline, new: Outline, pairing: Pairing, step: OutlineStep, before: Texts, after: Texts
) -> StepChange | None:
    was = old.by_id[pairing.back[step.id]]
    details = [] if was.verb == step.verb else [Detail("step", was.verb, step.verb)]
    details += facts(was, step, pairing)
    if step.verb in _MAILS:
        details += _texts(was, step, old.plan, new.plan, before, after)
    kind: Kind = "changed" if details else "moved"
    there, here = _place(old, was), _place(new, step)
    within = pairing.to.get(was.within[0], was.within[0]), was.within[1]
    if step.id in pairing.moved or within != step.within:
        details.append(Detail("place", there.after, here.after))
    elif was.id != step.id and not details:
        kind = "renamed"
    if not details and was.id == step.id:
        return None
    return StepChange(kind, step.id, was.id if was.id != step.id else "", step.verb, "",
                      tuple(details))  # fmt: skip


def facts(was: OutlineStep, step: OutlineStep, pairing: Pairing) -> Iterator[Detail]:
    """What two versions of a step say differently; names of steps are not what it says."""
    for name in [*was.facts, *(name for name in step.facts if name not in was.facts)]:
        one, other = was.facts.get(name), step.facts.get(name)
        if name in ("from", "to"):
            one = _renamed(one, pairing)
        if one != other:
            yield Detail(name, _said(one), _said(other))


def _renamed(value: JsonValue, pairing: Pairing) -> JsonValue:
    if isinstance(value, list):
        return [_renamed(one, pairing) for one in value]
    return pairing.to.get(value, value) if isinstance(value, str) else value


def _said(value: JsonValue) -> str:
    return "" if value in (None, "", [], {}) else said(value)


def _about(step: OutlineStep) -> str:
    """The first thing that a step says."""
    return said(next(iter(step.facts.values()), ""))[:80] if step.facts else ""


def _place(outline: Outline, step: OutlineStep) -> Detail:
    """Where a step stands: behind which one, or first in which branch."""
    within, way = step.within
    earlier = [
        one for one in outline.steps if one.within == step.within and one.ops[0] < step.ops[0]
    ]
    where = f"in {within} / {way}" if within else ""
    if earlier:
        return Detail("place", "", f"after {earlier[-1].id}" + (f", {where}" if where else ""))
    return Detail("place", "", f"first {where}" if where else "first")


def _with_removed(
    changes: list[StepChange], old: Outline, new: Outline, pairing: Pairing
) -> list[StepChange]:
    """The removed steps among the others, each before the step that it stood before."""
    order = {step.id: at for at, step in enumerate(new.steps)}
    placed = [(float(order[one.step]), one) for one in changes]
    at, rank = -1.0, 0
    for step in old.steps:
        if step.id in pairing.to:
            if pairing.to[step.id] not in pairing.moved:
                at, rank = float(order[pairing.to[step.id]]), 0
            continue
        rank += 1
        gone = StepChange("removed", step.id, "", step.verb, _about(step))
        placed.append((at + rank / (len(old.steps) + 1), gone))
    return [one for _, one in sorted(placed, key=lambda each: each[0])]


def _in_every_mail(
    changes: Sequence[StepChange], new: Outline, pairing: Pairing
) -> tuple[Detail, ...]:
    """Details that all mails share: a default under `send:` has changed."""
    mails = [step.id for step in new.steps if step.verb == "email" and step.id in pairing.back]
    mine = {one.step: set(one.details) for one in changes if one.verb == "email"}
    if len(mails) < 2 or not all(name in mine for name in mails):
        return ()
    shared = set.intersection(*(mine[name] for name in mails))
    first = next(one for one in changes if one.step == mails[0])
    return tuple(one for one in first.details if one in shared and one.what != "place")


def _without(change: StepChange, told: Sequence[Detail]) -> StepChange | None:
    """A mail's change without what is told of every mail; none when nothing is left to tell."""
    if change.verb != "email" or change.kind != "changed" or not told:
        return change
    left = tuple(one for one in change.details if one not in told)
    return replace(change, details=left) if left or change.was else None


def _head(old: Plan, new: Plan) -> Iterator[Detail]:
    for name in _HEAD:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield Detail(name, _said(before) or "nothing", _said(after) or "nothing")
    yield from _listed(
        "trigger", [_trigger(one) for one in old.enroll.triggers],
        [_trigger(one) for one in new.enroll.triggers],
    )  # fmt: skip
    for name, before, after in (
        ("enroll if", old.enroll.cond, new.enroll.cond),
        ("key", old.enroll.key, new.enroll.key),
        ("again", old.enroll.again, new.enroll.again),
    ):
        if before != after:
            yield Detail(name, before, after)
    yield from _listed("exit", [_exit(one) for one in old.exits], [_exit(one) for one in new.exits])
    was, now = said_of(old.scoring), said_of(new.scoring)
    for name in dict.fromkeys((*was, *now)):
        yield from _listed(name, was.get(name, []), now.get(name, []))
    known = {
        "scoring",
        "enroll",
        "exits",
        "ops",
        "templates",
        "history",
        "format",
        "playbook",
        *_HEAD,
    }
    for name in type(new).model_fields:
        if name not in known and getattr(old, name) != getattr(new, name):
            yield from _other(name, old, new)


def _other(name: str, old: Plan, new: Plan) -> Iterator[Detail]:
    """A part of a plan that has no words of its own here: each of its keys that differs."""
    one, other = (plan.model_dump(mode="json")[name] for plan in (old, new))
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        yield Detail(name.replace("_", " "), _said(one), _said(other))
        return
    for key in [*one, *(key for key in other if key not in one)]:
        if one.get(key) != other.get(key):
            label = f"{name} {key}".replace("_", " ")
            yield Detail(label, _said(one.get(key)), _said(other.get(key)))


def _listed(what: str, before: list[str], after: list[str]) -> Iterator[Detail]:
    """Two lists of lines: what went, what came; one of each is a change."""
    gone = [one for one in before if one not in after]
    come = [one for one in after if one not in before]
    if len(gone) == len(come) == 1:
        yield Detail(what, gone[0], come[0])
        return
    yield from (Detail(what, one, "") for one in gone)
    yield from (Detail(what, "", one) for one in come)
    if not gone and not come and before != after:
        yield Detail(f"order of {what}s", "; ".join(before), "; ".join(after))


def _trigger(one: Trigger) -> str:
    level = f"{one.score} >= {one.level:g}" if one.score else ""
    main = one.event or one.stage or level or one.cron or one.moment
    if one.kind == "segment":
        return f"segment {one.cond}"
    more = [f"if {one.cond}"] if one.cond else []
    more += [f"timezone {one.timezone}"] if one.timezone else []
    more += [f"every {one.every}"] if one.every else []
    return " ".join([one.kind, *([main] if main else []), *more])


def _exit(one: Exit) -> str:
    parts = [
        one.event,
        f"if {one.cond}" if one.cond else "",
        f"goal {one.goal}" if one.goal else "",
    ]
    return " ".join(filter(None, [*parts, f"value {one.value}" if one.value else ""]))


def _texts(
    was: OutlineStep, step: OutlineStep, old: Plan, new: Plan, before: Texts, after: Texts
) -> Iterator[Detail]:
    """The files of the step's own template, where it names the same one as before."""
    template = step.facts.get("template")
    if template and template == was.facts.get("template"):
        mine = [file for file in {*old.templates, *new.templates} if _template(file) == template]
        yield from _files(sorted(mine), old, new, before, after)


def _shared(old: Plan, new: Plan, before: Texts, after: Texts) -> Iterator[Detail]:
    """Layouts, pictures, attachments: files that no step is named after."""
    files = {*old.templates, *new.templates}
    shared = (
        one for one in files if PurePosixPath(one).name.startswith("_") or not is_template(one)
    )
    yield from _files(sorted(shared), old, new, before, after)


def _template(file: str) -> str:
    """The name that steps call a template file by."""
    folder, _, name = file.rpartition("/")
    stem = name.split(".", 1)[0]
    return f"{folder}/{stem}" if folder else stem


def _files(
    files: Sequence[str], old: Plan, new: Plan, before: Texts, after: Texts
) -> Iterator[Detail]:
    for file in files:
        one, other = old.templates.get(file), new.templates.get(file)
        if one == other:
            continue
        if one is None or other is None:
            yield Detail(file, "" if one is None else "there", "" if other is None else "there")
            continue
        if not is_template(file):
            yield Detail(file, one[:8], other[:8])
            continue
        texts = before(one), after(other)
        subjects = [found[1].strip() if (found := _TITLE.search(text)) else "" for text in texts]
        if subjects[0] != subjects[1]:
            yield Detail(f"subject in {file}", *subjects)
        plus, minus = _lines(*(_TITLE.sub("", text) for text in texts))
        if plus or minus or subjects[0] == subjects[1]:
            lines = f"{plus} line{'' if plus == 1 else 's'} added, {minus} taken out"
            yield Detail(f"text of {file}", "", lines)


def _lines(before: str, after: str) -> tuple[int, int]:
    plus = minus = 0
    for line in difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""):
        if line.startswith("+") and not line.startswith("+++"):
            plus += 1
        elif line.startswith("-") and not line.startswith("---"):
            minus += 1
    return plus, minus
