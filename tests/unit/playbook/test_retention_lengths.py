"""How long records are kept is said in days; a length that is none is a finding, not a fault."""

import pytest

from engine.playbook.workspace import load_workspace


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2 years", "no unit of time 'years'"),
        ("1.5", "'1.5' is not a length of time"),
        ("'${X}'", "is not a length of time"),
        ("true", "is not a length of time"),
        ("5 days", "'5 days' is too short"),
        ("60 business days", "depends on a calendar"),
        ("730 days", ""),
    ],
)
def test_a_length_of_retention_is_checked_where_it_stands(written: str, said: str) -> None:
    """At its own line and column, whatever was written."""
    text = f"workspace: acme\nretention:\n  messages: {written}\n"
    found = load_workspace(text.encode()).diagnostics
    assert [(one.rule, one.line, one.column) for one in found] == (
        [("bad-duration", 3, 13)] if said else []
    )
    assert all(said in one.message for one in found)
