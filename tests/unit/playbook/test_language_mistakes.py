"""Deliberate mistakes against every sentence of the language, each found at its place."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.playbook.diagnostics import Diagnostic
from engine.playbook.rules import RULES
from engine.playbook.rules_mail import MAIL_RULES
from engine.playbook.workspace import load_workspace
from tests.cases.casework import compiled, found_beside, found_in, with_steps

MARK = "▸"
_TABLE = Path(__file__).with_name("language_mistakes.yaml")
MISTAKES: list[dict[str, Any]] = yaml.safe_load(_TABLE.read_text(encoding="utf-8"))
KINDS = ("steps", "head", "file", "workspace", "cond")
ELSEWHERE = {
    "file-too-big", "not-utf8", "byte-order-mark", "duplicate-playbook", "missing-variable",
    "fields-fought-over", "enroll-each-other", "empty-condition", "condition-too-long",
    "control-character", "many-rows", "duplicate-score", "asks-as-marketing",
}  # fmt: skip
"""Rules about bytes, about several files or the workspace, and such as take many lines."""


def _text(mistake: dict[str, Any]) -> tuple[str, str]:
    kind = next(each for each in KINDS if each in mistake)
    return kind, mistake[kind]


def _name(mistake: dict[str, Any]) -> str:
    return str(mistake.get("about") or _text(mistake)[1].strip().replace(MARK, ""))


def _whole(kind: str, text: str) -> str:
    match kind:
        case "steps":
            return with_steps(text)
        case "cond":
            return with_steps(f"- if: |-\n    {text.strip()}\n  then: [{{tag: a}}]")
        case "head":
            return f"playbook: case\n{text}steps: [{{tag: a}}]\n"
        case _:
            return text


def _places(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without its marks, and where they stood, from 1."""
    places = []
    lines = text.split("\n")
    for at in range(len(lines)):
        while MARK in lines[at]:
            places.append((at + 1, lines[at].index(MARK) + 1))
            lines[at] = lines[at].replace(MARK, "", 1)
    return "\n".join(lines), places


def _found(kind: str, text: str) -> Sequence[Diagnostic]:
    if kind == "workspace":
        return load_workspace(text).diagnostics
    found = compiled(text).diagnostics
    has_triggers = kind != "head" or "enroll:" in text
    return [each for each in found if has_triggers or each.rule != "no-trigger"]


@pytest.mark.parametrize("mistake", MISTAKES, ids=_name)
def test_mistake_is_found(mistake: dict[str, Any]) -> None:
    """A mistake is found where it is, with its rule and the next move, and nothing else is."""
    kind, snippet = _text(mistake)
    text, places = _places(_whole(kind, snippet))
    found = _found(kind, text)
    assert [(each.line, each.column) for each in found] == places
    for each, said in zip(found, mistake["finds"], strict=True):
        rule, _, help = said.removeprefix("warning ").partition(": ")
        assert each.rule == rule
        assert help and help in each.help
        assert each.is_error is not said.startswith("warning ")


def test_every_rule_is_broken() -> None:
    """Each rule is broken by a mistake of the table, or cannot be by a few lines of one file."""
    broken = {said.removeprefix("warning ").partition(":")[0] for mistake in MISTAKES
              for said in mistake["finds"]}  # fmt: skip
    mails = {rule.name for rule in MAIL_RULES}  # these are broken by templates
    assert set(RULES) - broken - mails == ELSEWHERE


def test_every_finding_has_a_next_move() -> None:
    """No finding leaves its reader without a next move."""
    shown = [rule for rule in RULES.values() if rule.wrong]
    found = [one for rule in shown for one in found_in(rule, rule.wrong)]
    assert [str(one) for one in found if not one.help] == []


def test_a_fault_hides_no_neighbor() -> None:
    """What is wrong in one file does not keep the next one from being judged."""
    broken = "playbook: one\nenroll: {when: [manual]}\nsteps:\n  - emial: welcome\n"
    other = "playbook: two\nenroll: {when: [manual]}\nsteps:\n  - wait: 4 m\n"
    assert [one.rule for one in found_beside(broken, other)] == ["unknown-step", "bad-duration"]
