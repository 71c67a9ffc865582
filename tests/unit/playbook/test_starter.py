"""The starter workspace teaches by example, so it must be without a fault."""

from pathlib import Path

import pytest

from engine.operations.editions import check, read_folder
from engine.playbook.naming import every

ROOT = Path(__file__).parents[3]
CHECKED = check(read_folder(ROOT), {})


def test_nothing_is_found() -> None:
    """The starter validates without an error or a warning."""
    assert [str(found) for found in CHECKED.diagnostics] == []


def test_every_step_is_shown_somewhere() -> None:
    """The starter's playbooks use most of the steps there are."""
    used = {step.verb for book in CHECKED.playbooks.values() for step in every(book.steps)}
    assert {"email", "wait", "wait_for", "if", "choose", "repeat", "stage", "score", "set", "tag",
            "untag", "assign", "task", "notify", "leave", "end"} <= used  # fmt: skip


def test_the_first_mail_goes_at_once() -> None:
    """The demo's playbook begins with a mail that no window and no wait holds back."""
    first = CHECKED.plans["trial-nurture"].ops[0]
    assert (first.op, first.step) == ("send", "hello")
    assert first.model_dump()["params"]["window"] is None


@pytest.mark.parametrize("name", sorted(CHECKED.plans))
def test_mails_are_in_both_languages(name: str) -> None:
    """Every mail of the starter is there in English and in Chinese."""
    files = {file for file in CHECKED.plans[name].templates if not file.startswith("_")}
    chinese = {file for file in files if file.endswith(".zh-CN.html")}
    assert {file.replace(".zh-CN.html", ".html") for file in chinese} == files - chinese
