"""Tidying: the look alone changes; comments, meaning and everything the author wrote stay."""

import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.playbook.diagnostics import Findings
from engine.playbook.formatting import Untidy, formatted
from engine.playbook.remarks import remarks_of
from engine.playbook.source import parse
from tests.cases.casefiles import cases
from tests.cases.casework import compiled, with_steps

ROOT = Path(__file__).parents[3]
STARTERS = sorted((ROOT / "playbooks").glob("*.yaml"))


def _text(says: dict[str, str]) -> str:
    return with_steps(says["steps"]) if "steps" in says else says.get("playbook", "")


def _named(text: str) -> str:
    return re.sub(r"^playbook: .*$", "playbook: case", text, flags=re.MULTILINE)


GOOD = [
    text
    for text in (
        *(path.read_text(encoding="utf-8") for path in STARTERS),
        *(_text(case.says) for case in cases()),
    )
    if compiled(_named(text)).plan is not None
]


def comments(text: str) -> list[str]:
    document = parse(text, "f.yaml", Findings())
    assert document is not None
    return remarks_of(document).all()


def digest(text: str) -> str:
    plan = compiled(_named(text)).plan
    assert plan is not None
    return plan.digest


@pytest.mark.parametrize("path", [*STARTERS, ROOT / "longplay.yaml"], ids=lambda path: path.stem)
def test_the_starter_is_tidy(path: Path) -> None:
    """The playbooks that are shown as examples are written as they would be tidied."""
    text = path.read_text(encoding="utf-8")
    assert formatted(text, path.name) == text


UNTIDY = """\
# the file


# about the steps
steps:
- wait:   2 days
  id:  later # soon
    # deeper than what follows
- if:  'lead.plan == "free"'
  else:
  - tag: [ 'a' ,  "b c" ]   # two
  # the end of else
  then:
      - email: "welcome"
        subject: {'zh-CN': "双11: 五折", en: 'Sale'}
        id: hello


      # above the tag
      - tag: x
- task: >-
      call
      the lead
  due: 1 day
# the last word
enroll: {again: 'always', when: [manual]}
playbook: case
"""
TIDY = """\
# the file

playbook: case
# the last word
enroll: {when: [manual], again: always}
# about the steps
steps:
  - wait: 2 days
    id: later  # soon
    # deeper than what follows
  - if: 'lead.plan == "free"'
    # the end of else
    then:
      - email: welcome
        id: hello
        subject: {zh-CN: "双11: 五折", en: Sale}

      # above the tag
      - tag: x
    else:
      - tag: [a, "b c"]     # two
  - task: >-
      call
      the lead
    due: 1 day
"""


def test_an_untidy_file() -> None:
    """Indentation, order, spaces and quotes are mended; every comment stays where it belongs."""
    assert formatted(UNTIDY, "case.yaml") == TIDY


@pytest.mark.parametrize("text", GOOD, ids=range(len(GOOD)))
def test_meaning_stays(text: str) -> None:
    """The plan is the same, to the digest; so are the comments; doing it twice changes nothing."""
    tidy = formatted(text, "case.yaml")
    assert formatted(tidy, "case.yaml") == tidy
    assert comments(tidy) == comments(text)
    assert digest(tidy) == digest(text)


def mangled(text: str, dice: random.Random) -> str:
    """Comments, blank lines and spaces strewn over a good file, wherever YAML allows them."""
    lines = []
    for line in text.split("\n"):
        if dice.random() < 0.2:
            lines.append(" " * dice.randrange(9) + f"# 备注 {dice.randrange(99)}")
        if dice.random() < 0.1:
            lines.append(" " * dice.randrange(3))
        if dice.random() < 0.2 and line.strip() and "|" not in line and ">" not in line:
            remark = dice.choice(["# 说明", "# why: so", "# #2", "#"])
            lines.append(line + " " * dice.randint(1, 9) + remark)
            continue
        lines.append(line)
    return ("\r\n" if dice.random() < 0.2 else "\n").join(lines)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, len(GOOD) - 1))
def test_comments_anywhere(seed: int, which: int) -> None:
    """Comments and blank lines in any place are kept, and tidying ends at once."""
    text = mangled(GOOD[which], random.Random(seed))
    if compiled(_named(text)).plan is None:
        return  # a comment fell into a text of several lines
    tidy = formatted(text, "case.yaml")
    assert formatted(tidy, "case.yaml") == tidy
    assert comments(tidy) == comments(text)
    assert digest(tidy) == digest(text)


@pytest.mark.parametrize("written", ["'10'", "'true'", "'null'", "'on'", "'~'", "'a: b'", "'a #b'",
                                     "' a'", "'010'", '"a\\nb"', "'- a'", "''", "'[a]'", "'第1期'",
                                     "'2026-11-01'", "'{{ lead.email }}'", "\"it's\""])  # fmt: skip
def test_quotes_that_matter_stay(written: str) -> None:
    """Text that would be read otherwise without its quotes keeps them, or gets others."""
    text = f"playbook: case\nsteps:\n  - email: welcome\n    data: {{k: {written}, l: {written}}}\n"
    tidy = formatted(text, "case.yaml")
    document, before = parse(tidy, "f", Findings()), parse(text, "f", Findings())
    assert document is not None
    assert before is not None
    path = ("steps", 0, "data", "k")
    assert document.node(path).data() == before.node(path).data()


@pytest.mark.parametrize(
    "text",
    [
        "playbook: x\nnote: a\n  b\n\n  c # d\nsteps: []\n",
        "playbook: x\nnote: 'a\n  b'   # d\nsteps: []\n",
        "playbook: x\nsteps: [\n  {tag: a}, # one\n  # two\n  {tag: b}\n] # three\n",
        "playbook: x\nsteps:\n  -\n    tag: a\n  - # why\n    tag: b\n",
        "playbook: x\nsteps:\n  - task: |-\n      # no comment\n      text\n    # one\n",
        "playbook: x\nsteps:\n  - task: | # one\n      text\n  - tag: # two\n      a\n",
        "\ufeffplaybook: x\r\nsteps: []\r\n# end",
    ],
)
def test_no_comment_is_lost(text: str) -> None:
    """Comments behind and inside values of several lines stay, and nothing else becomes one."""
    tidy = formatted(text, "case.yaml")
    assert tidy.count("#") == text.count("#")
    assert formatted(tidy, "case.yaml") == tidy
    before, after = parse(text, "f", Findings()), parse(tidy, "f", Findings())
    assert before is not None
    assert after is not None
    assert before.root.data() == after.root.data()


@pytest.mark.parametrize("text", ["a: [", "a: 1\na: 2\n", "", "a: &x 1\nb: *x\n", "a：b"])
def test_a_bad_file_is_left_alone(text: str) -> None:
    """What is no good YAML is not guessed at."""
    with pytest.raises(Untidy):
        formatted(text, "case.yaml")
