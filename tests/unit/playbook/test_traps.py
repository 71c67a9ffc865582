"""YAML that bites: each trap at its place, and the mended line that the help shows is good."""

import re

import pytest

from engine.playbook.diagnostics import Diagnostic
from engine.playbook.workspace import load_workspace
from tests.cases.casework import HEAD, compiled

STEPS = HEAD + "steps:\n"
WHEN = "playbook: case\nenroll:\n  again: always\n  when:\n"
MENDED = re.compile(r"write `(?P<line>.*)`(?:, with (?P<depth>\d+) spaces before it)?\Z")

TRAPS = [
    # the text, the rule, its line and column
    (STEPS + "  - email: welcome\n    subject: 第1期 #3 新品\n", "silent-comment", 5, 18),
    (STEPS + "  - email: welcome\n    subject: #3 新品\n", "silent-comment", 5, 14),
    (STEPS + "  - {email: welcome, subject: 第1期 #3 新品}\n", "silent-comment", 4, 35),
    (WHEN + "    - score: >= 40\nsteps: []\n", "comparison-unquoted", 5, 14),
    (WHEN + "    - score: >= 40   # hot\nsteps: []\n", "comparison-unquoted", 5, 14),
    ("playbook: case\nenroll: {when: [{score: >= 40}]}\nsteps: []\n", "comparison-unquoted", 2, 25),
    (WHEN + "    - cron: */5 * * * *\nsteps: []\n", "star-unquoted", 5, 13),
    (WHEN + "    - cron: */5 9-18 * * MON-FRI  # busy\nsteps: []\n", "star-unquoted", 5, 13),
    (STEPS + "  - task: Call\n    to: @li.wei\n", "at-sign", 5, 9),
    (STEPS + "  - assign: {to: @li.wei}\n", "at-sign", 4, 18),
    (STEPS + "  - notify: [@li.wei, owner]\n    message: Hi\n", "at-sign", 4, 14),
    (STEPS + "  - if: 'CN' == lead.country\n    then: [{tag: a}]\n", "quote-ends-early", 4, 9),
    (STEPS + '  - if: "CN" == lead.country  # x\n    then: [{tag: a}]\n', "quote-ends-early", 4, 9),
    (STEPS + "  - email: welcome\n    subject: 双11: 五折\n", "colon-in-text", 5, 14),
    (STEPS + "  - {email: welcome, subject: 双11: 五折}\n", "colon-in-text", 4, 31),
    (STEPS + "  - set: {employees: 10,000}\n", "comma-in-number", 4, 22),
    (STEPS + "  - set: {employees: 1,000,000, segment: x}\n", "comma-in-number", 4, 22),
    (STEPS + "  - email：welcome\n", "full-width-colon", 4, 10),
    (STEPS + "  - email: welcome\n    subject：你好\n", "full-width-colon", 5, 12),
    (STEPS + "  - {email：welcome}\n", "full-width-colon", 4, 11),
    ("playbook：case\nenroll: {when: [manual]}\nsteps: []\n", "full-width-colon", 1, 9),
    (STEPS + "  - email: welcome\n    subject: “你好”\n", "full-width-quotes", 5, 14),
    (STEPS + "  - email: welcome\n    subject: ”你好”\n", "full-width-quotes", 5, 14),
    (STEPS + "  - tag: [“a”, “b”]\n", "full-width-quotes", 4, 11),
    (STEPS + "  － email: welcome\n", "full-width-dash", 4, 3),
    (STEPS + "  - email:\u00a0welcome\n", "odd-space", 4, 11),
    (STEPS + "\u00a0\u00a0- email: welcome\n", "odd-space", 4, 1),
    (STEPS + "\u3000\u3000- email: welcome\n", "odd-space", 4, 1),
    (STEPS + "  -\u00a0email: welcome\n", "odd-space", 4, 4),
    (STEPS + "  - email: welcome\u00a0\n", "odd-space", 4, 19),
    (STEPS + "\t- email: welcome\n", "tab", 4, 1),
    (STEPS + "  - email: welcome\n\t  subject: Hi\n", "tab", 5, 1),
    (STEPS + "  -\temail: welcome\n", "tab", 4, 4),
    (STEPS + "  -email: welcome\n", "no-space-after-dash", 4, 3),
    (STEPS + "  - email:welcome\n", "no-space-after-colon", 4, 10),
    (STEPS + "  - task: {{ lead.email }}\n", "braces-unquoted", 4, 11),
    (STEPS + "  - task: {{ lead.email }} anrufen\n", "braces-unquoted", 4, 11),
    (STEPS + "  - {task: {{ lead.email }}, due: 2 days}\n", "braces-unquoted", 4, 12),
    (STEPS + "  - tag: %vip\n", "reserved-character", 4, 10),
    (STEPS + "  - tag: !vip\n", "yaml-tag", 4, 10),
    (STEPS + "  - if: !lead.score\n    then: [{tag: a}]\n", "yaml-tag", 4, 9),
    (STEPS + "  - tag: &t vip\n", "yaml-anchor", 4, 10),
    (STEPS + "  - email: welcome\n      subject: Hi\n", "indentation", 5, 7),
    (STEPS + "  - email: welcome\n  subject: Hi\n", "indentation", 5, 3),
    (STEPS + "  - if: lead.score > 1\n  then:\n    - tag: a\n", "indentation", 5, 3),
]  # fmt: skip


def mended(text: str, found: Diagnostic) -> str:
    """The text with the line that the help shows."""
    shown = MENDED.search(found.help.partition(", and the value")[0])
    assert shown is not None, found.help
    lines = text.split("\n")
    was = lines[found.line - 1]
    depth = int(shown["depth"]) if shown["depth"] else len(was) - len(was.lstrip())
    lines[found.line - 1] = " " * depth + shown["line"]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "rule", "line", "column"),
    TRAPS,
    ids=[f"{r}-{n}" for n, (_, r, *_) in enumerate(TRAPS)],
)
def test_the_mended_line_is_good(text: str, rule: str, line: int, column: int) -> None:
    """The trap is found at its place, nothing besides, and the shown line leaves no finding."""
    found = compiled(text).diagnostics
    assert {(each.rule, each.line) for each in found} == {(rule, line)}
    assert found[0].column == column
    assert [str(each) for each in compiled(mended(text, found[0])).diagnostics] == []


@pytest.mark.parametrize(
    ("text", "rule", "line", "column"),
    [
        (STEPS + "  - tag: a\n  - set: {<<: {a: b}}\n", "yaml-anchor", 5, 11),
        (STEPS + "  - email: welcome\n    <<: *defaults\n", "yaml-anchor", 5, 5),
        (STEPS + "  - tag: a\n  - untag: *a\n", "yaml-anchor", 5, 12),
        (STEPS + "  - email: welcome\n    id: a\n    id: b\n", "duplicate-key", 6, 5),
        (STEPS + "  - tag: a\n---\nplaybook: y\n", "several-documents", 5, 1),
        (STEPS + "  - tag: a\n...\nplaybook: y\n", "several-documents", 6, 1),
        (STEPS + "  - score: +1,000\n", "bad-number", 4, 12),
        (STEPS + "  - score: ＋10\n", "bad-number", 4, 12),
        (STEPS + "  - wait: 1 m\n", "bad-duration", 4, 11),
        (STEPS + "  - if: lead.score > 10,000\n    then: []\n", "thousands-comma", 4, 25),
        (STEPS + "  - if: lead.city == “杭州”\n    then: []\n", "full-width", 4, 22),
    ],
)  # fmt: skip
def test_what_no_single_line_mends(text: str, rule: str, line: int, column: int) -> None:
    """What must be thought about is found at its place, with a next move."""
    found = compiled(text).diagnostics[0]
    assert (found.rule, found.line, found.column, found.help != "") == (rule, line, column, True)


@pytest.mark.parametrize(
    ("text", "rule", "line"),
    [
        ("sender:\n  from：Acme <hello@acme.example>\n", "full-width-colon", 2),
        ("sender:\n  from: Acme: Sales <a@acme.example>\n", "colon-in-text", 2),
        ("channels:\n  a: {type: email, to: ${X}}\n", "reserved-character", 2),
    ],
)
def test_traps_of_a_workspace(text: str, rule: str, line: int) -> None:
    """The same traps are mended in longplay.yaml."""
    found = load_workspace(text).diagnostics
    assert {(each.rule, each.line) for each in found} == {(rule, line)}
    assert load_workspace(mended(text, found[0])).diagnostics == ()


def test_options_of_a_stage_are_indented() -> None:
    """`- demo:` with its options beside it is found, and the shown form loads."""
    text = "pipelines:\n  b2b:\n    stages:\n      - demo:\n        probability: 30\n"
    found = load_workspace(text).diagnostics
    assert [(each.rule, each.line, each.column) for each in found] == [
        ("options-not-indented", 5, 9)
    ]


@pytest.mark.parametrize(
    "text",
    [
        STEPS + '  - tag: "第1期"  # 说明\n',
        STEPS + "  - tag: 第1期  # 说明\n",
        STEPS + "  - email: welcome\n    subject: 双11：五折\n",
        STEPS + "  - email: welcome\n    subject: “你好”说“再见”\n",
        STEPS + "  - email: welcome\n    subject: 10,000 块\n",
        STEPS + "  - tag: [a, b]  # one, two\n",
        STEPS + "  - task: See https://acme.example/a#b\n",
        STEPS + "  - if: lead.city == '杭州'\n    then: [{tag: 本地}]\n",
    ],
)
def test_no_false_alarms(text: str) -> None:
    """What YAML reads as it was meant stays without a finding."""
    assert [str(each) for each in compiled(text).diagnostics] == []
