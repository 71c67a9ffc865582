"""What is different between two versions, said the way a marketer would say it."""

import pytest

from engine.operations.editions import Edition
from engine.playbook.difference import StepChange, difference
from engine.playbook.outline import Outline
from engine.playbook.pairing import pair
from engine.playbook.workspace import Workspace, load_workspace
from engine.playbook.workspace_difference import workspace_difference
from tests.runtime.stage import WORKSPACE, _edition

FORM = "enroll: {when: [{event: form.submitted}]}\n"


def edition(text: str) -> Edition:
    return _edition(WORKSPACE, (("slow", f"playbook: slow\n{text}"),))


def changes(before: str, after: str) -> tuple[StepChange, ...]:
    one, other = edition(before), edition(after)
    old, new = Outline(one.plans["slow"]), Outline(other.plans["slow"])
    return difference(
        old, new, pair(old, new), lambda it: one.templates[it][1], lambda it: other.templates[it][1]
    )


def told(found: tuple[StepChange, ...]) -> list[str]:
    """Each change in one line, each detail in one."""
    lines = []
    for one in found:
        name = f"{one.was} > {one.step}" if one.was else one.step
        lines.append(" ".join(filter(None, [one.kind, name])))
        lines += [f"  {each.what}: {each.before} > {each.after}" for each in one.details]
    return lines


def steps(*written: str) -> str:
    return FORM + "steps:\n" + "".join(f"  - {line}\n" for line in written)


MAIL = "{email: note, id: hello}"
CASES = {
    "a wait is shorter": (
        steps(MAIL, "wait: 3 days"),
        steps(MAIL, "wait: 2 days"),
        ["changed wait-3-days > wait-2-days", "  for: 3 days > 2 days"],
    ),
    "a step is added": (
        steps(MAIL, "wait: 3 days"),
        steps(MAIL, "tag: 新客", "wait: 3 days"),
        ["added tag-新客", "  place:  > after hello"],
    ),
    "a step is removed": (
        steps(MAIL, "tag: vip", "wait: 3 days"),
        steps(MAIL, "wait: 3 days"),
        ["removed tag-vip"],
    ),
    "a step has another name": (
        steps(MAIL, "wait: 3 days"),
        steps("{email: note, id: hi}", "wait: 3 days"),
        ["renamed hello > hi"],
    ),
    "a step stands elsewhere": (
        steps(MAIL, "tag: a", "task: Call", "wait: 3 days"),
        steps("tag: a", "task: Call", MAIL, "wait: 3 days"),
        ["moved hello", "  place: first > after task-call"],
    ),
    "a subject is written": (
        steps(MAIL),
        steps("{email: note, id: hello, subject: 新品 第1期}"),
        ["changed hello", "  subject:  > 新品 第1期"],
    ),
    "a condition is another": (
        steps("if: lead.score > 5\n    then: [{tag: hot}]"),
        steps("if: lead.score > 7\n    then: [{tag: hot}]"),
        ["changed if-lead-score-5 > if-lead-score-7", "  if: lead.score > 5 > lead.score > 7"],
    ),
    "a step goes into a branch": (
        steps("tag: hot", "if: lead.score > 5\n    then: [{tag: cold}]"),
        steps("if: lead.score > 5\n    then: [{tag: hot}, {tag: cold}]"),
        ["moved tag-hot", "  place: first > first in if-lead-score-5 / then"],
    ),
    "a guard": (
        steps(MAIL),
        steps("{email: note, id: hello, if: lead.score > 5}"),
        ["changed hello", "  only if:  > lead.score > 5"],
    ),
    "another option": (
        steps("task: Call\n    due: 1 day"),
        steps("task: Call\n    due: 2 days\n    priority: high"),
        ["changed task-call", "  due: 1 day > 2 days", "  priority: normal > high"],
    ),
    "a further wait before others of the same length": (
        steps("wait: 1 day", "tag: a", "wait: 1 day", "tag: b"),
        steps("wait: 1 day", "tag: zero", "wait: 1 day", "tag: a", "wait: 1 day", "tag: b"),
        [
            "added tag-zero", "  place:  > after wait-1-day", "added wait-1-day-2",
            "  place:  > after tag-zero", "renamed wait-1-day-2 > wait-1-day-3",
        ],
    ),
    "a default of all mails": (
        steps(MAIL, "email: other"),
        FORM + "send: {topic: product-tips}\n" + steps(MAIL, "email: other").removeprefix(FORM),
        ["head", "  every mail: topic:  > product-tips"],
    ),
    "triggers and exits": (
        steps(MAIL),
        "enroll: {when: [{event: page.viewed}], again: always, if: lead.score > 1}\n"
        "exit: [{event: order.placed, goal: bought}]\ntitle: 新\n"
        + steps(MAIL).removeprefix(FORM),
        [
            "head", "  title: nothing > 新", "  trigger: event form.submitted > event page.viewed",
            "  enroll if:  > lead.score > 1", "  again: never > always",
            "  exit:  > order.placed goal bought",
        ],
    ),
    "a goto leads elsewhere": (
        steps("{tag: a, id: top}", "{wait: 1 day, id: rest}",
              "if: lead.score > 5\n    then: [{goto: top}]"),
        steps("{tag: a, id: top}", "{wait: 1 day, id: rest}",
              "if: lead.score > 5\n    then: [{goto: rest}]"),
        ["changed goto-top > goto-rest", "  to: top > rest"],
    ),
    "nothing": (steps(MAIL, "wait: 3 days"), steps(MAIL, "wait: 3 days"), []),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after", "expected"), CASES.values(), ids=list(CASES))
def test_changes_are_told_as_they_were_written(
    before: str, after: str, expected: list[str]
) -> None:
    """One line a change, and what it was and is."""
    assert told(changes(before, after)) == expected


def test_the_text_of_a_template_is_a_change_of_the_steps_that_use_it() -> None:
    """The subject before and after; of the rest, how much of it."""
    one = edition(steps(MAIL, "email: other"))
    plan = one.plans["slow"]
    pinned = dict(plan.templates) | {"note.html": "new"}
    changed = plan.model_copy(update={"templates": pinned})
    old, new = Outline(plan), Outline(changed)
    texts = {digest: text for digest, (_, text) in one.templates.items()}
    texts["new"] = (
        texts[plan.templates["note.html"]]
        .replace("Hello", "欢迎")
        .replace("</p>", "</p>\n<p>more</p>", 1)
    )
    found = difference(old, new, pair(old, new), texts.__getitem__, texts.__getitem__)
    assert told(found) == [
        "changed hello",
        "  subject in note.html: Hello > 欢迎",
        "  text of note.html:  > 1 line added, 0 taken out",
    ]


def workspace(text: str) -> Workspace:
    found = load_workspace(text).workspace
    assert found is not None
    return found


WORKSPACES = {
    "a field": (
        "fields: {lead: {segment: text}}", "fields: {lead: {segment: text, seats: integer}}",
        ["added fields.lead.seats:  > integer"],
    ),
    "an owner is away": (
        "team: {owners: {li.wei: {name: 李伟, email: a@acme.example}}}",
        "team: {owners: {li.wei: {name: 李伟, email: a@acme.example, away: 2026-12-24}}}",
        ["added team.owners.li.wei.away:  > 2026-12-24"],
    ),
    "an owner leaves": (
        "team: {owners: {li.wei: {name: 李伟, email: a@acme.example}}}", "workspace: longplay",
        ["removed team.owners.li.wei: name: 李伟, email: a@acme.example, weight: 1 > "],
    ),
    "a cap": (
        "caps: {marketing: [1 per day]}", "caps: {marketing: [2 per day]}",
        ["changed caps.marketing: 1 per 1 day > 2 per 1 day"],
    ),
    "a rate": (
        "sender: {from: a@acme.example, rate: 100 per minute}",
        "sender: {from: a@acme.example, rate: 50 per minute}",
        ["changed sender.rate: 100 per 1 minute > 50 per 1 minute"],
    ),
    "stages": (
        "lifecycle: [a, b, c]", "lifecycle: [a, c, b]",
        ["changed order of lifecycle: a, b, c > a, c, b"],
    ),
    "a calendar": (
        "calendars: {cn: {country: CN}}", "calendars: {cn: {country: CN, closed: 2026-12-24}}",
        ["added calendars.cn.closed:  > 2026-12-24"],
    ),
    "nothing": ("timezone: UTC", "workspace: longplay", []),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after", "expected"), WORKSPACES.values(), ids=list(WORKSPACES))
def test_workspaces_are_compared_entry_by_entry(
    before: str, after: str, expected: list[str]
) -> None:
    """A path, what it was, what it is; a default that is written out is no change."""
    found = workspace_difference(workspace(before), workspace(after))
    assert [f"{one.change} {one.what}: {one.before} > {one.after}" for one in found] == expected
