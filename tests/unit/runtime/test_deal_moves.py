"""Whether a deal may move, as a table."""

from typing import Any

import pytest

from engine.errors import InputError
from engine.playbook.workspace import load_workspace
from engine.runtime.deal_moves import Moves, Refused, Stays, decide_move, place_named

_LOADED = load_workspace("""\
pipelines:
  b2b:
    stages:
      - qualify
      - demo: {enter_if: deal.amount is defined}
      - proposal: {leave_if: deal.quote_sent_at is defined}
      - won: {closes: won}
      - lost: {closes: lost, requires: [lost_reason]}
  renewal: {stages: [due, won]}
""").workspace
assert _LOADED is not None
PIPELINES = _LOADED.pipelines


def decided(here: str, there: str, *, force: bool = False, **deal: Any) -> Moves | Stays | Refused:
    pipeline, _, stage = here.partition(".")
    scope = {"deal": {"pipeline": pipeline, "stage": stage, **deal}, "lead": {}}
    return decide_move(PIPELINES, place_named(PIPELINES, there, pipeline), scope, force=force)


@pytest.mark.parametrize(
    ("here", "there", "deal"),
    [
        ("b2b.qualify", "demo", {"amount": 1}),
        ("b2b.qualify", "proposal", {}),
        ("b2b.proposal", "won", {"quote_sent_at": "2026-01-01"}),
        ("b2b.proposal", "lost", {"lost_reason": "price"}),
        ("b2b.gone", "demo", {"amount": 1}),
    ],
)
def test_a_move_forward_that_meets_the_criteria_is_made(
    here: str, there: str, deal: dict[str, Any]
) -> None:
    """Stages may be skipped; a stage that is no more is before all others."""
    assert isinstance(decided(here, there, **deal), Moves)


@pytest.mark.parametrize(
    ("here", "there", "why"),
    [
        ("b2b.qualify", "demo", "entered only if"),
        ("b2b.proposal", "won", "left only if"),
        ("b2b.proposal", "lost", "requires 'lost_reason'"),
        ("b2b.demo", "qualify", "is backward"),
        ("b2b.won", "lost", "opens a deal again"),
        ("b2b.qualify", "renewal.due", "changes the pipeline"),
    ],
)
def test_a_move_that_is_not_allowed_says_why(here: str, there: str, why: str) -> None:
    """Force lets it go backward, and sets no criterion aside."""
    refused = decided(here, there)
    assert isinstance(refused, Refused)
    assert why in refused.why
    forced = decided(here, there, force=True)
    criterion = there in ("demo", "lost") or here == "b2b.proposal"
    assert isinstance(forced, Refused if criterion else Moves)


def test_where_it_is_already_it_stays() -> None:
    """No criterion is asked."""
    assert isinstance(decided("b2b.demo", "b2b.demo"), Stays)


@pytest.mark.parametrize(
    ("text", "own", "fault"),
    [
        ("demmo", "b2b", "the pipeline 'b2b' has no stage 'demmo'"),
        ("won", "", "'won' is a stage of several pipelines: b2b, renewal"),
        ("", "", "there are several pipelines"),
        ("nope", "", "no pipeline has a stage 'nope'"),
        ("demo", "b2c", "no pipeline is named 'b2c'"),
    ],
)
def test_a_stage_that_is_none_is_named(text: str, own: str, fault: str) -> None:
    """With what it might have been."""
    with pytest.raises(InputError, match=fault):
        place_named(PIPELINES, text, own)
