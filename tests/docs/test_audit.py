"""The audit of dependencies: an advisory fails, and no answer is said and passes."""

import json

import pytest

from deploy.audit import verdict

GOOD = {"name": "alembic", "version": "1.0", "vulns": []}
BAD = {
    "name": "jinja2",
    "version": "2.0",
    "vulns": [{"id": "GHSA-x", "fix_versions": ["2.1"], "aliases": [], "description": "…"}],
}
UNKNOWN = {"name": "ours", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("out", "err", "status", "said"),
    [
        (json.dumps({"dependencies": [GOOD], "fixes": []}), "", 0, "1 packages audited, 0 adv"),
        (json.dumps({"dependencies": [GOOD, BAD]}), "", 1, "jinja2 2.0: GHSA-x, mended in 2.1"),
        (json.dumps({"dependencies": [GOOD, UNKNOWN]}), "", 0, "1 not found"),
        (json.dumps({"dependencies": [UNKNOWN]}), "", 0, "NOT AUDITED"),
        ("", "ERROR: Could not connect to the service", 0, "NOT AUDITED"),
        ("<html>", "", 0, "NOT AUDITED"),
        ("[]", "", 0, "NOT AUDITED"),
    ],
    ids=["well", "advisory", "unknown", "an index without", "away", "a proxy's page", "nonsense"],
)
def test_an_answer_is_understood(out: str, err: str, status: int, said: str) -> None:
    """Nobody takes silence for safety."""
    found = verdict("lock", out, err)
    assert (found[0], said in found[1]) == (status, True), found
