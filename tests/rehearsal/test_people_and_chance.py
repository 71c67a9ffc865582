"""What a scenario decides for people and for chance: approvals, arms, deals."""

import pytest

from tests.rehearsal.workspaces import outcome_of, verdict

ASKS = """\
enroll: {when: [manual]}
steps:
  - approve: Offer it?
    id: ask
    by: chen.jie
    up_to: 2 days
    then: [{tag: offered}]
    else: [{tag: refused}]
"""
SPLITS = """\
enroll: {when: [manual]}
steps:
  - split: offer
    arms:
      plain: {weight: 99, steps: [{tag: a}]}
      bold: {weight: 1, steps: [{tag: b}]}
"""


@pytest.mark.parametrize(
    ("answers", "expect"),
    [
        ("approvals: [{step: ask, answer: 'yes'}]\n    ", "{tag: offered, after: 1 minute}"),
        ("approvals: [{step: ask, answer: yes}]\n    ", "{tag: offered}"),
        ("approvals: [{step: ask, answer: no}]\n    ", "{tag: refused}"),
        ("", "{tag: refused, after: 2 days}"),
    ],
    ids=["too late", "yes", "no", "no answer"],
)
def test_people_answer_as_the_scenario_says(answers: str, expect: str) -> None:
    """A yes or a no is given at once; without one the time runs out."""
    found = verdict(f"{ASKS}scenarios:\n  - name: a\n    {answers}expect: [{expect}]\n")
    assert found.ok is ("1 minute" not in expect), found.diff


@pytest.mark.parametrize(("arm", "tag"), [("plain", "a"), ("bold", "b")])
def test_arms_are_drawn_as_the_scenario_says(arm: str, tag: str) -> None:
    """Even the arm of one in a hundred."""
    found = verdict(
        f"{SPLITS}scenarios:\n  - name: a\n    arms: {{offer: {arm}}}\n"
        f"    expect: [{{step: split-offer, result: {arm}}}, {{tag: {tag}}}, {{only: true}},"
        " {outcome: completed}]\n"
    )
    assert found.ok, found.diff


def test_coverage_knows_arms_and_answers() -> None:
    """An arm that is never drawn, and an answer that is never given, are named."""
    (split,) = outcome_of(
        f"{SPLITS}scenarios: [{{name: a, arms: {{offer: bold}}, expect: [tag-b]}}]\n"
    ).coverages
    said = [gap.said for gap in split.gaps]
    assert "step 1 `split-offer`: in no scenario the arm 'plain' is drawn" in said
    (asks,) = outcome_of(f"{ASKS}scenarios: [{{name: a, expect: [tag-refused]}}]\n").coverages
    assert "step 1 `ask`: in no scenario a person says yes" in [gap.said for gap in asks.gaps]


def test_a_playbook_for_deals_has_its_deal() -> None:
    """The deal of `deal:` is opened for the lead, and goes through the playbook."""
    found = verdict(
        "for: deal\n"
        "enroll: {when: [manual], if: deal.amount >= 100}\n"
        "steps:\n  - wait: 1 day\n  - task: 'Look at {{ deal.name }}'\n    to: chen.jie\n"
        "scenarios:\n  - name: a\n    lead: {email: ann@example.com}\n"
        "    deal: {name: Ten seats, amount: 900}\n"
        "    expect: [{task: Look at Ten seats, after: 1 day}, {outcome: completed}]\n"
    )
    assert found.ok, found.diff
