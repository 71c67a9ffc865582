"""Whatever stands in a file, the compiler answers with diagnostics and never raises."""

import random
import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.grown_playbooks import PLAYBOOKS
from engine.playbook.diagnostics import human
from engine.playbook.rules import RULES
from engine.playbook.validate import validate_workspace
from engine.playbook.workspace import load_workspace
from tests.cases.casework import TEMPLATES, WORKSPACE, compiled, with_steps

ROOT = Path(__file__).parents[3]
GOOD = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "playbooks").glob("*.yaml"))]
BITES = ["\t", "：", "“", "”", "\u00a0", "\u3000", "#", " #", ": ", "- ", "\n", "{", "}", "[", "]",
         "'", '"', "*", "&a", "|", ">", "@", "%", "!!", "---\n", "{{", "}}", "{%", "\x00", "\ufeff",
         "é", "李", "😀", "<<: ", "? ", "0", "-1", "null", "true", "~", "\r",
         "\x85", "\u2028"]  # fmt: skip


def judged(content: bytes) -> None:
    checked = validate_workspace(
        {"longplay.yaml": WORKSPACE.encode(), "playbooks/case.yaml": content}, TEMPLATES, set()
    )
    text = content.decode("utf-8", "replace")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for found in checked.diagnostics:
        assert found.rule in RULES
        assert found.message
        assert human(found, text)
        if found.file == "playbooks/case.yaml":
            assert 1 <= found.line <= len(lines) + 1
            assert found.column >= 1
    assert checked.ok or any(found.is_error for found in checked.diagnostics)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(content: bytes) -> None:
    """Any bytes at all are judged."""
    judged(content)


WORDS = ["steps:", "email: ", "if: ", "wait: ", "  "]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*BITES, *WORDS]), max_size=40))
@example(["steps:", "\n", "- ", "{", "[", "]", ": ", "}"])
def test_any_text_of_signs(parts: list[str]) -> None:
    """Any text made of the signs that mean something to YAML is judged."""
    judged("".join(parts).encode("utf-8", "surrogatepass"))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, len(GOOD) - 1), st.integers(1, 4))
def test_mutated_text(seed: int, which: int, times: int) -> None:
    """A good playbook with a few characters put in, taken out or doubled is judged."""
    dice, text = random.Random(seed), GOOD[which]
    for _ in range(times):
        at, end = sorted((dice.randrange(len(text) + 1), dice.randrange(len(text) + 1)))
        text = dice.choice(
            [
                text[:at] + dice.choice(BITES) + text[at:],
                text[:at] + text[min(at + dice.randrange(9), len(text)) :],
                text[:at] + text[at:end][:80] * 2 + text[end:],
            ]
        )
    judged(text.encode("utf-8", "surrogatepass"))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, len(GOOD) - 1))
def test_mutated_bytes(seed: int, which: int) -> None:
    """A good playbook with bytes changed is judged."""
    dice, content = random.Random(seed), bytearray(GOOD[which].encode())
    for _ in range(dice.randrange(1, 5)):
        content[dice.randrange(len(content))] = dice.randrange(256)
    judged(bytes(content))


VALUES = ["x", "-", "[]", "{}", "{a: b}", "[a]", "null", "0", "99999999999999999999", "'{{'", "-5"]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, len(GOOD) - 1))
def test_any_value_under_any_key(seed: int, which: int) -> None:
    """A good playbook with any value in place of another is judged."""
    dice, lines = random.Random(seed), GOOD[which].split("\n")
    keyed = [at for at, line in enumerate(lines) if re.match(r"[\s-]*[\w-]+:", line)]
    for at in dice.sample(keyed, 2):
        lines[at] = lines[at].partition(":")[0] + ": " + dice.choice(VALUES)
    judged("\n".join(lines).encode())


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_any_workspace(seed: int) -> None:
    """A good workspace with any value in place of another is judged."""
    dice = random.Random(seed)
    lines = (ROOT / "longplay.yaml").read_text(encoding="utf-8").split("\n")
    keyed = [at for at, line in enumerate(lines) if re.match(r"[\s-]*[\w-]+:", line)]
    for at in dice.sample(keyed, 2):
        lines[at] = lines[at].partition(":")[0] + ": " + dice.choice(VALUES)
    loaded = load_workspace("\n".join(lines))
    assert {found.rule for found in loaded.diagnostics} <= set(RULES)
    assert loaded.workspace is not None or loaded.diagnostics


@pytest.mark.parametrize("text", GOOD, ids=range(len(GOOD)))
def test_compiling_is_deterministic(text: str) -> None:
    """The same text gives the same plan, and the same findings in the same order."""
    one, two = compiled(text), compiled(text)
    assert (one.plan, one.diagnostics) == (two.plan, two.diagnostics)


@pytest.mark.parametrize(
    "steps",
    [
        "- approve: Send it?\n  by: []\n  up_to: 1 day\n",
        "- notify: owner\n  template:\n  message: Hi\n",
        "- wait_for: email.clicked\n  from: []\n  up_to: 1 day\n",
    ],
)
def test_what_once_raised(steps: str) -> None:
    """Empty values where names are expected are judged."""
    judged(with_steps(steps).encode())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_grown_playbooks(seed: int) -> None:
    """A playbook grown from the schema, of fields that fit and some that do not, is judged."""
    judged(PLAYBOOKS.text(random.Random(seed)).encode("utf-8", "surrogatepass"))
