"""Webhooks and rooms in a rehearsal: nothing is called, and the scenario gives the answers."""

import pytest

from tests.rehearsal.workspaces import verdict

ASKING = """\
enroll: {when: [manual]}
steps:
  - webhook: ${CRM_URL}/leads/{{ lead.id }}
    headers: {Authorization: "Bearer ${CRM_TOKEN}"}
    save: crm
  - if: run.saved.crm.employees > 200
    then: [{tag: big}]
    else: [{tag: small}]
  - end: asked
scenarios:
  - name: an answer decides
    lead: {email: ann@example.com}
"""


@pytest.mark.parametrize(
    ("saved", "tag"),
    [
        ("    saved: {crm: {employees: 500}}\n", "big"),
        ("    saved: {crm: {employees: 5}}\n", "small"),
        ("", "small"),
    ],
)
def test_the_scenario_answers(saved: str, tag: str) -> None:
    """Secrets need not be set, nobody is called, and `saved:` says what came back."""
    found = verdict(f"{ASKING}{saved}    expect: [{{tag: {tag}}}, {{outcome: asked}}]\n")
    assert found.ok, found.diff


def test_an_answer_that_is_not_expected_fails() -> None:
    """The wrong branch is told like every other difference."""
    found = verdict(f"{ASKING}    saved: {{crm: {{employees: 5}}}}\n    expect: [{{tag: big}}]\n")
    assert not found.ok
    assert "only tag small" in found.diff
