"""Splits and approvals on the pages: the table of the arms, and the buttons of a question."""

import pytest
from starlette.testclient import TestClient

from activities._advance import advance
from engine.operations import editions
from engine.operations.editions import Folder
from engine.operations.intake import IncomingEvent, take_in
from engine.operations.publish import publish
from engine.store import enrollments, tasks
from engine.store.database import Store
from tests.web.conftest import Open

WORKSPACE = 'workspace: acme\nsender: {from: "Acme <hello@acme.example>"}\n'
PLAYBOOK = """\
playbook: tour
enroll: {when: [{event: form.submitted}]}
steps:
  - split: 主题
    arms:
      bold: {weight: 70, steps: [{tag: a}]}
      plain: {weight: 30, steps: []}
    winner: {by: order.placed, within: 2 days, sample: 4}
  - approve: "Offer {{ lead.email }} more?"
    up_to: 1 day
    then: [{tag: more}]
"""


@pytest.fixture
def visited(sqlite_store: Store, open_client: Open) -> TestClient:
    """A house with two leads that have drawn, and are asked about."""
    folder = Folder(
        {"longplay.yaml": WORKSPACE.encode(), "playbooks/tour.yaml": PLAYBOOK.encode()}, {}
    )
    publish(sqlite_store, editions.edition_of(folder, editions.check(folder)))
    events = [IncomingEvent("form.submitted", {"email": f"{n}@example.com"}) for n in "ab"]
    take_in(sqlite_store, events)
    cohorts = sqlite_store.read(lambda tx: tx.conn.execute(enrollments.cohort_table.select()).all())
    for cohort in cohorts:
        advance(sqlite_store, cohort.id)
    return open_client()


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["Arms of 主题", "Sample: 2 of 4.", "Chance to be best", "Placed an order"]),
        ("zh", ["主题 的各组", "样本：4 个中的 2 个。", "最优概率"]),
    ],
)
def test_a_playbooks_page_shows_its_arms(
    visited: TestClient, language: str, words: list[str]
) -> None:
    """Who drew each, what is known of it, and how far the sample is; in the visitor's language."""
    page = visited.get(f"/playbooks/tour?lang={language}").text
    assert [word for word in words if word not in page] == []
    assert "bold" in page


@pytest.mark.parametrize(("verb", "said"), [("approve", "approved"), ("reject", "rejected")])
def test_a_question_is_answered_in_the_inbox(
    visited: TestClient, sqlite_store: Store, verb: str, said: str
) -> None:
    """Both buttons are there, the answer is kept, and a second one is a conflict."""
    page = visited.get("/inbox").text
    first = sqlite_store.read(tasks.inbox)[0]["id"]
    assert f"/inbox/{first}/approve" in page
    assert f"/inbox/{first}/reject" in page
    assert f"/inbox/{first}/done" not in page
    assert visited.post(f"/inbox/{first}/{verb}").status_code == 303
    row = sqlite_store.read(lambda tx: tasks.get(tx, first))
    assert (row["result"], row["ended_by"]) == (said, "dashboard")
    assert visited.post(f"/inbox/{first}/approve").status_code == 409
    assert visited.post(f"/inbox/{first}/done").status_code == 409


def test_the_picture_shows_the_shares(visited: TestClient) -> None:
    """The lines of a split are its arms with their shares."""
    picture = visited.get("/playbooks/tour/diagram.svg").text
    assert "bold 70 %" in picture
    assert "plain 30 %" in picture
    assert "no, or no answer" in picture
