"""Splits and approvals written as people write them: what the help says."""

import pytest

from tests.cases.casework import compiled, with_steps

ARMS = "- split: offer\n  arms:\n    a: {weight: 1, steps: []}\n"


@pytest.mark.parametrize(
    ("steps", "rule", "help"),
    [
        (f"{ARMS}    b: {{weight: 50%, steps: []}}", "bad-number", "write 50"),
        (f"{ARMS}    b: [{{tag: b}}]", "missing-key", "write `{weight: 50, steps: …}`"),
        (f"{ARMS}    b: {{weigth: 1, steps: []}}", "unknown-key", "did you mean 'weight'?"),
        ("- splt: offer\n  arms: {}", "unknown-step", "did you mean 'split'?"),
        ("- aprove: Ready?\n  up_to: 1 day", "unknown-step", "did you mean 'approve'?"),
        (
            f"{ARMS}    b: {{weight: 1, steps: []}}\n"
            "  winner: {by: order.place, within: 2 days, sample: 400}",
            "unknown-event",
            "did you mean 'order.placed'?",
        ),
        ("- unsubscribe: al", "unknown-topic", "did you mean 'all'?"),
        (
            "- approve: Ready?\n  by: mananger\n  up_to: 1 day\n  then: [{tag: a}]",
            "unknown-owner",
            "did you mean 'manager'?",
        ),
    ],
)
def test_the_help_names_the_next_move(steps: str, rule: str, help: str) -> None:
    """One finding, and what to write instead."""
    (found,) = compiled(with_steps(steps)).diagnostics
    assert (found.rule, found.help) == (rule, help)
