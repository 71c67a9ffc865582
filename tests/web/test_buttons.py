"""Buttons in messages to our own people, the inbox and its API: who answers, once, and when."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from engine.ids import derived_id
from engine.mail.links import ActionLink, LinkKind, LinkSigner
from engine.operations import answering
from engine.operations.edit_leads import put_lead
from engine.operations.saying import CHOICES
from engine.store import tasks
from engine.store.database import Store, Transaction

CALL, ASK = derived_id("call"), derived_id("ask")
LATER = datetime.now(UTC) + timedelta(days=3)


@pytest.fixture
def waiting(workspace: Store) -> Store:
    """A task and an approval of Li Wei's."""
    lead = put_lead(workspace, {"email": "ann@example.com"}, actor="test").lead

    def add(tx: Transaction) -> None:
        row = {
            "owner": "li.wei", "lead": lead, "deal": None, "enrollment": None, "text": "",
            "priority": "normal", "state": "open", "due_at": None, "snoozed_until": None,
            "result": "", "created_at": tx.now, "ended_at": None, "level": None,
        }  # fmt: skip
        call = {"id": CALL, "kind": "task", "subject": "Call Ann"}
        ask = {"id": ASK, "kind": "approval", "subject": "给 Ann 打折？", "enrollment": "gone"}
        tasks.insert(tx, [row | call, row | ask])

    workspace.write(add)
    return workspace


def path(
    signer: LinkSigner, task: str, choice: str, by: str = "li.wei", until: datetime = LATER
) -> str:
    return f"/a/{signer.action_token(ActionLink(task, CHOICES.index(choice), by, until))}"


def state(store: Store, task: str) -> dict[str, Any]:
    return store.read(lambda tx: tasks.get(tx, task))


def acts(store: Store, task: str) -> list[tuple[str, str, str]]:
    found = answering.show(store, task)["acts"]
    return [(one["did"], one["by"], one["way"]) for one in found]


def test_looking_changes_nothing(client: TestClient, waiting: Store, signer: LinkSigner) -> None:
    """Scanners of mail follow every link, with GET and HEAD, again and again."""
    for task, choice in ((CALL, "done"), (CALL, "snooze"), (ASK, "approve"), (ASK, "reject")):
        for method in ("GET", "HEAD", "GET"):
            answer = client.request(method, path(signer, task, choice))
            assert answer.status_code == 200
            assert "no-store" in answer.headers["cache-control"]
    assert (state(waiting, CALL)["state"], state(waiting, ASK)["state"]) == ("open", "open")
    assert state(waiting, CALL)["snoozed_until"] is None
    assert acts(waiting, CALL) == []


def test_a_press_acts_once_and_says_who(
    client: TestClient, waiting: Store, signer: LinkSigner
) -> None:
    """The second one is told that it was done, and by whom."""
    here = path(signer, CALL, "done")
    first = client.post(here, data={"verb": "done", "result": "wants a demo"})
    assert "Thank you" in first.text
    row = state(waiting, CALL)
    assert (row["state"], row["result"], row["ended_by"]) == ("done", "wants a demo", "li.wei")
    second = client.post(path(signer, CALL, "done", "chen.jie"), data={"verb": "done"})
    assert "answered already" in second.text and "li.wei" in second.text
    assert acts(waiting, CALL) == [("done", "li.wei", "message")]


def test_one_link_answers_in_every_way_that_is_offered(
    client: TestClient, waiting: Store, signer: LinkSigner
) -> None:
    """The page behind `done` puts off as well; what is not offered does nothing."""
    client.post(path(signer, CALL, "done"), data={"verb": "snooze", "until": "week"})
    until = state(waiting, CALL)["snoozed_until"]
    assert until is not None and until > datetime.now(UTC) + timedelta(days=6)
    client.post(path(signer, CALL, "done"), data={"verb": "approve"})
    client.post(path(signer, ASK, "approve"), data={"verb": "done"})
    assert (state(waiting, CALL)["state"], state(waiting, ASK)["state"]) == ("open", "open")
    client.post(path(signer, ASK, "reject"))
    assert state(waiting, ASK)["result"] == "rejected"


def test_a_room_answers_by_its_name(client: TestClient, waiting: Store, signer: LinkSigner) -> None:
    client.post(path(signer, CALL, "done", "#sales-room"))
    assert acts(waiting, CALL) == [("done", "sales-room", "message")]


def test_an_old_link_does_nothing(client: TestClient, waiting: Store, signer: LinkSigner) -> None:
    """It says so, and shows the rest."""
    old = path(signer, CALL, "done", until=datetime.now(UTC) - timedelta(minutes=1))
    for answer in (client.get(old), client.post(old)):
        assert answer.status_code == 410
        assert "too old" in answer.text
    assert state(waiting, CALL)["state"] == "open"


def test_tokens_that_are_not_ours_lead_nowhere(
    client: TestClient, waiting: Store, signer: LinkSigner
) -> None:
    """Changed, of another kind, of another key, or about something that is gone."""
    good = path(signer, CALL, "done").removeprefix("/a/")
    other = LinkSigner(["another key"])
    bad = [
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        good[:-4],
        good + "AAAA",
        path(other, CALL, "done").removeprefix("/a/"),
        path(signer, derived_id("gone"), "done").removeprefix("/a/"),
        signer.token(LinkKind.ACTION, CALL, 1),
        signer.token(LinkKind.UNSUBSCRIBE, CALL, 1),
        signer.action_token(ActionLink(CALL, 99, "li.wei", LATER)),
        "x" * 60,
    ]
    for token in bad:
        assert client.get(f"/a/{token}").status_code == 404
        assert client.post(f"/a/{token}").status_code == 404
    # And no button's token opens another door.
    assert client.get(f"/u/{good}").status_code == 404
    assert state(waiting, CALL)["state"] == "open"


def test_many_are_answered_at_once(client: TestClient, waiting: Store) -> None:
    """Those that do not take the answer are counted, and stay."""
    sent = {"id": [CALL, ASK], "verb": "done", "owner": "li.wei"}
    answer = client.post("/inbox", data=sent)
    assert answer.headers["location"] == "/inbox?owner=li.wei&done=1&failed=1"
    assert acts(waiting, CALL) == [("done", "li.wei", "page")]
    assert "1 answered, 1 not" in client.get(answer.headers["location"]).text
    client.post("/inbox", data={"id": [ASK], "verb": "give chen.jie"})
    assert state(waiting, ASK)["owner"] == "chen.jie"


def test_the_api_answers_and_tells(client: TestClient, waiting: Store) -> None:
    """One by one and in bulk, with who did what; a second answer is a conflict."""
    listed = client.get("/v1/inbox?owner=li.wei&limit=1").json()
    assert len(listed["entries"]) == 1 and listed["next"]
    more = client.get(f"/v1/inbox?owner=li.wei&limit=1&after={listed['next']}").json()
    assert {listed["entries"][0]["id"], more["entries"][0]["id"]} == {CALL, ASK}
    assert more["next"] is None
    assert client.post(f"/v1/inbox/{CALL}/acknowledge", json={"by": "li.wei"}).status_code == 200
    done = client.post(f"/v1/inbox/{CALL}/done", json={"by": "li.wei", "result": "sold"})
    assert [one["did"] for one in done.json()["acts"]] == ["done", "acknowledged"]
    assert client.post(f"/v1/inbox/{CALL}/done", json={}).status_code == 409
    assert client.post("/v1/inbox/none/done", json={}).status_code == 404
    bulk = client.post("/v1/inbox", json={"verb": "reject", "ids": [ASK, CALL]}).json()
    assert (bulk["done"], [one["id"] for one in bulk["failed"]]) == ([ASK], [CALL])
    assert client.get("/v1/inbox?kind=tsk").json()["help"] == "did you mean 'task'?"
    assert client.get("/v1/inbox?after=zzz").status_code == 422


def test_what_is_at_stake_comes_first(workspace: Store, client: TestClient) -> None:
    """Overdue, then the larger deal, then the urgent, then what is due sooner; page by page."""
    from engine.store.deals import table as deals

    lead = put_lead(workspace, {"email": "bo@example.com"}, actor="test").lead
    now = workspace.read(lambda tx: tx.now)
    cases = [  # amount, priority, due in hours
        (100, "normal", -1), (0, "normal", -2), (9000, "normal", 5), (9000, "low", 1),
        (500, "high", None), (500, "normal", 1), (0, "high", 1), (0, "normal", None),
    ]  # fmt: skip

    def add(tx: Transaction) -> None:
        for number, (amount, priority, due) in enumerate(cases):
            deal = {
                "id": f"d{number}", "name": f"Deal {number}", "lead": lead, "pipeline": "b2b",
                "stage": "qualify", "closed": "", "entry_ref": f"e{number}", "amount": amount,
                "tags": [], "fields": {}, "version": 0, "created_at": tx.now,
                "stage_entered_at": tx.now,
            }  # fmt: skip
            tx.conn.execute(sa.insert(deals), deal)
            row = {
                "id": f"t{number}", "kind": "task", "owner": None, "lead": lead,
                "deal": f"d{number}", "enrollment": None, "subject": f"Task {number}", "text": "",
                "priority": priority, "state": "open", "snoozed_until": None, "result": "",
                "due_at": None if due is None else now + timedelta(hours=due),
                "created_at": tx.now, "ended_at": None, "level": None,
            }  # fmt: skip
            tasks.insert(tx, [row])

    workspace.write(add)
    found: list[str] = []
    after = ""
    while True:
        page = client.get(f"/v1/inbox?limit=3&after={after}").json()
        found += [one["id"] for one in page["entries"]]
        after = page["next"]
        if after is None:
            break
    assert found == ["t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7"]
    shown = client.get("/inbox").text
    assert shown.index("Task 2") < shown.index("Task 4") and "9,000" in shown
