"""The starter's playbooks come with their tests, which hold and reach every step."""

from pathlib import Path

import pytest

from engine.operations.editions import check, read_folder
from rehearsal.suite import Outcome, Suite
from rehearsal.watch import is_part

pytestmark = pytest.mark.xdist_group("starters")  # they are played once
FOLDER = read_folder(Path(__file__).parents[2])
CHECKED = check(FOLDER, {})


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return Suite(FOLDER, CHECKED).run()


@pytest.mark.parametrize("name", sorted(CHECKED.playbooks))
def test_every_step_is_reached(name: str, outcome: Outcome) -> None:
    """Each playbook has scenarios, all of which hold, and no step is left out."""
    # A threshold's steps are played by the scenarios of its scoring playbook.
    mine = [one for one in outcome.verdicts if is_part(name, one.playbook)]
    assert mine
    assert [one.diff for one in mine if not one.ok] == []
    (found,) = [one for one in outcome.coverages if one.playbook == name]
    assert [gap.said for gap in found.gaps] == []
