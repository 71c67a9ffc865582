"""Splits and approvals on the command line: what is shown, and how questions are answered."""

from pathlib import Path

import pytest

from activities._advance import advance
from engine.store import enrollments
from engine.store.database import Store
from tests.cli.conftest import Longplay

PLAYBOOK = """\
playbook: offer-test
enroll: {when: [manual]}
steps:
  - approve: "打折给 {{ lead.email }}?"
    id: ask
    by: owner
    up_to: 1 day
    then:
      - split: offer
        arms:
          折扣: {weight: 50, steps: [{tag: offered}]}
          none: {weight: 50, steps: []}
    else: [{end: refused}]
"""


@pytest.fixture
def asked(longplay: Longplay, workspace: Path) -> str:
    """The id of a question that waits for its answer."""
    (workspace / "playbooks" / "offer-test.yaml").write_text(PLAYBOOK, encoding="utf-8")
    assert longplay("apply").status == 0
    longplay("event", "page.viewed", "--lead", "ann@example.com")
    assert longplay("enroll", "offer-test", "--lead", "ann@example.com").status == 0
    _drive(workspace)
    (row,) = longplay("inbox", "--json").json
    assert (row["kind"], row["subject"]) == ("approval", "打折给 ann@example.com?")
    return str(row["id"])


def _drive(workspace: Path) -> None:
    store = Store(f"sqlite:///{workspace}/.longplay/longplay.db")
    cohorts = store.read(lambda tx: tx.conn.execute(enrollments.cohort_table.select()).all())
    for cohort in cohorts:
        advance(store, cohort.id)
    store.close()


def test_a_question_is_approved_and_the_arm_is_counted(
    longplay: Longplay, asked: str, workspace: Path
) -> None:
    """`inbox approve` says yes; the run goes on into an arm, which `stats` shows."""
    said = longplay("inbox", "approve", asked, "--json").json
    assert (said["state"], said["result"]) == ("done", "approved")
    _drive(workspace)
    found = longplay("stats", "offer-test", "--json").json
    assert found["finished"] == {"completed": 1}
    assert {arm["arm"]: arm["weight"] for arm in found["arms"]} == {"折扣": 50, "none": 50}
    assert sum(arm["entered"] for arm in found["arms"]) == 1
    shown = longplay("stats", "offer-test").out
    assert "1 entered, 0 on the way" in shown
    assert "折扣" in shown


def test_a_question_is_rejected_once(longplay: Longplay, asked: str, workspace: Path) -> None:
    """`inbox reject` says no; whoever answers after is told what was said."""
    assert longplay("inbox", "reject", asked).out == "rejected\n"
    again = longplay("inbox", "approve", asked)
    assert (again.status, "is done already: rejected" in again.err) == (1, True)
    _drive(workspace)
    assert longplay("stats", "offer-test", "--json").json["finished"] == {"refused": 1}


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("inbox", "done"), "asks for a yes or a no"),
        (("inbox", "retry"), "is no stopped enrollment"),
    ],
)
def test_a_question_wants_a_yes_or_a_no(
    longplay: Longplay, asked: str, arguments: tuple[str, ...], fault: str
) -> None:
    """Other answers are refused, with the words that fit."""
    said = longplay(*arguments, asked)
    assert said.status == 1
    assert fault in said.err
    assert f"longplay inbox approve {asked}" in said.err


def test_stats_of_a_playbook_that_is_not_there(longplay: Longplay) -> None:
    """It says which one was meant."""
    said = longplay("stats", "trial-nurtur")
    assert (said.status, "did you mean 'trial-nurture'?" in said.err) == (1, True)
