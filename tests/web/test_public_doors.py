"""The doors that mails lead to: unsubscribing, links, openings; open to people and to scanners."""

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from engine.ids import new_id
from engine.mail.links import LinkSigner
from engine.operations import following
from engine.operations.following import Followed
from engine.store import enrollments, events, jobs, leads, suppressions
from engine.store.database import Store

if TYPE_CHECKING:
    from tests.web.conftest import Work

PERSON = {"user-agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) Safari/605.1.15"}
ANN = "ann@example.com"


@pytest.fixture
def mailed(client: TestClient, work: "Work") -> TestClient:
    """A client of a house that has sent Ann the first mail of her trial."""
    event = {"name": "form.submitted", "lead": {"email": ANN}, "properties": {"form": "trial"}}
    assert client.post("/v1/events", json=event).json()["accepted"] == 1
    work.until_rest()
    work.a_minute_later()
    client.headers.update(PERSON)
    return client


def names(store: Store) -> list[str]:
    """The names of all events, oldest first."""
    query = sa.select(events.table.c.name).order_by(events.table.c.accepted_at)
    return store.read(lambda tx: list(tx.conn.execute(query).scalars()))


def unsubscribed(store: Store) -> frozenset[str]:
    """What Ann is unsubscribed from."""
    return store.read(lambda tx: suppressions.blocks_of(tx, [ANN])[ANN].topics)


def run_of(store: Store) -> tuple[str, str]:
    """State and outcome of the only enrollment."""
    query = sa.select(enrollments.table.c.state, enrollments.table.c.outcome)
    state, outcome = store.read(lambda tx: tx.conn.execute(query).one())
    return state, outcome


def kept_for_waits(store: Store) -> list[tuple[str, str]]:
    """(event, step) of what is kept for the enrollment's waits."""
    table = enrollments.awaited_table
    query = sa.select(table.c.name, table.c.source)
    return store.read(lambda tx: [(name, source) for name, source in tx.conn.execute(query)])


def test_looking_at_the_page_changes_nothing(
    mailed: TestClient, workspace: Store, work: "Work"
) -> None:
    """Mail scanners follow links: GET and HEAD only show."""
    (token,) = work.tokens("u")
    page = mailed.get(f"/u/{token}")
    assert page.status_code == 200
    assert ANN in page.text
    assert "product tips" in page.text
    assert mailed.head(f"/u/{token}").status_code == 200
    assert unsubscribed(workspace) == frozenset()
    assert "set-cookie" not in page.headers


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"List-Unsubscribe": "One-Click"}},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"content": b""},
        {"content": b"--x", "headers": {"content-type": "multipart/form-data; boundary=x"}},
        {"content": b"\xff=\x00", "headers": {"content-type": "text/plain"}},
        {"content": b"a" * 50_000},
    ],
    ids=["urlencoded", "multipart", "empty", "broken multipart", "bytes", "too long"],
)
def test_one_click_unsubscribes_from_everything(
    mailed: TestClient, workspace: Store, work: "Work", body: dict[str, Any]
) -> None:  # fmt: skip
    """RFC 8058: no confirmation, no redirect, no cookie; the nurture ends; twice is once."""
    (token,) = work.tokens("u")
    for _ in range(2):
        answer = mailed.post(f"/u/{token}", **body)
        assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
    assert unsubscribed(workspace) == frozenset({""})
    assert run_of(workspace) == ("finished", "unsubscribed")
    assert names(workspace).count("email.unsubscribed") == 1


def test_one_topic_alone_can_be_left(mailed: TestClient, workspace: Store, work: "Work") -> None:
    """The run goes on; only that topic's mails are skipped."""
    (token,) = work.tokens("u")
    page = mailed.post(f"/u/{token}", data={"choice": "topic"})
    assert page.status_code == 200
    assert unsubscribed(workspace) == frozenset({"product-tips"})
    assert run_of(workspace)[0] == "waiting"


@pytest.mark.parametrize(("choice", "undo"), [("everything", "again"), ("topic", "again-topic")])
def test_a_mistake_can_be_undone(
    mailed: TestClient, workspace: Store, work: "Work", choice: str, undo: str
) -> None:  # fmt: skip
    """And unsubscribed from once more: each time is a wish of its own."""
    (token,) = work.tokens("u")
    for made in (choice, undo, choice):
        mailed.post(f"/u/{token}", data={"choice": made})
    assert len(unsubscribed(workspace)) == 1
    assert names(workspace).count("email.unsubscribed") == 2
    assert names(workspace).count("email.resubscribed") == 1


def test_undoing_leaves_other_reasons_in_force(
    mailed: TestClient, workspace: Store, work: "Work"
) -> None:
    """A complaint is not taken back by a button."""
    workspace.write(lambda tx: suppressions.add(tx, ANN, reason="complained"))
    (token,) = work.tokens("u")
    mailed.post(f"/u/{token}", data={"choice": "everything"})
    mailed.post(f"/u/{token}", data={"choice": "again"})
    assert workspace.read(lambda tx: suppressions.blocks_of(tx, [ANN])[ANN].dead)


def test_a_click_counts_for_its_run_and_leads_on(
    mailed: TestClient, workspace: Store, work: "Work"
) -> None:  # fmt: skip
    """302 to where the message's link leads, and the event is on the step's mail."""
    token = work.tokens("c")[0]
    answer = mailed.get(f"/c/{token}")
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("http")
    assert names(workspace).count("email.clicked") == 1
    assert kept_for_waits(workspace) == [("email.clicked", "hello")]
    (event,) = workspace.read(lambda tx: events.of_lead(tx, _ann(workspace), limit=1))
    assert event["properties"] == {
        "step": "hello", "template": "welcome", "link": "0", "url": answer.headers["location"],
    }  # fmt: skip


def test_the_same_click_is_one_event(mailed: TestClient, workspace: Store, work: "Work") -> None:
    """A double click, or a mail program that asks twice, counts once a minute at most."""
    token = work.tokens("c")[0]
    for _ in range(3):
        mailed.get(f"/c/{token}")
    assert 1 <= names(workspace).count("email.clicked") <= 2


def test_a_head_request_is_no_click(mailed: TestClient, workspace: Store, work: "Work") -> None:
    """Mail apps probe links so; they are led on, and nothing is recorded."""
    assert mailed.head(f"/c/{work.tokens('c')[0]}").status_code == 302
    assert not [name for name in names(workspace) if "click" in name]


@pytest.mark.parametrize(
    "headers",
    [
        {"user-agent": "Mozilla/5.0 (compatible; bingbot/2.0)"},
        {"user-agent": "Mozilla/5.0 Barracuda Sentinel"},
        {"user-agent": "Mozilla/5.0"},
        {},
        {"user-agent": "python-requests/2.32"},
        {"user-agent": "Go-http-client/2.0"},
        {"user-agent": "curl/8.9"},
        {"user-agent": "Mozilla/5.0 (Windows NT 10.0) HeadlessChrome/130.0 Safari/537.36"},
        {"user-agent": "Mozilla/5.0 QQMail-URLCheck"},
        {"user-agent": "YahooMailProxy; https://help.yahoo.example"},
        {"user-agent": "Mozilla/5.0 (via ggpht.com GoogleImageProxy)"},
        {"user-agent": "Microsoft Office Existence Discovery"},
        {**PERSON, "purpose": "prefetch"},
        {**PERSON, "sec-purpose": "prefetch;prerender"},
    ],
    ids=str,
)
def test_a_machines_click_is_recorded_and_satisfies_nothing(
    mailed: TestClient, workspace: Store, work: "Work", headers: dict[str, str]
) -> None:  # fmt: skip
    """It is led on; no wait sees it, no field of the lead moves."""
    before = workspace.read(lambda tx: leads.load(tx, [_ann(workspace)]))
    mailed.headers.pop("user-agent")
    mailed.headers["user-agent"] = ""
    assert mailed.get(f"/c/{work.tokens('c')[0]}", headers=headers).status_code == 302
    assert "email.machine_clicked" in names(workspace)
    assert kept_for_waits(workspace) == []
    assert workspace.read(lambda tx: leads.load(tx, [_ann(workspace)])) == before


def test_a_click_sooner_than_anybody_reads_is_a_machines(
    mailed: TestClient, workspace: Store, work: "Work"
) -> None:
    """However much the scanner looks like a browser."""
    accept = sa.update(jobs.table)
    workspace.write(lambda tx: tx.conn.execute(accept.values(accepted_at=tx.now)))
    assert mailed.get(f"/c/{work.tokens('c')[0]}").status_code == 302
    assert [name for name in names(workspace) if "click" in name] == ["email.machine_clicked"]


def test_links_followed_together_are_a_machines(
    mailed: TestClient, workspace: Store, work: "Work", signer: LinkSigner
) -> None:
    """The first in doubt is a person's; what follows within the second is not."""
    token = work.tokens("c")[0]
    assert mailed.get(f"/c/{token}").status_code == 302
    job = signer.read(token).job_id  # type: ignore[union-attr]
    following.click(workspace, Followed(job, 1, "https://www.example.com/2"), machine=False)
    clicks = [name for name in names(workspace) if "click" in name]
    assert clicks == ["email.clicked", "email.machine_clicked"]


def test_tokens_that_are_not_ours_are_all_answered_alike(
    mailed: TestClient, workspace: Store, work: "Work", signer: LinkSigner
) -> None:  # fmt: skip
    """No oracle: forged, cut, of another door, of no message, of no link: the same page."""
    good = work.tokens("c")[0]
    bad = [
        good[:-1], good[:-1] + ("A" if good[-1] != "A" else "B"), "x" * 36, "a b", "%00",
        work.tokens("u")[0], signer.token("c", new_id()),
        signer.token("c", signer.read(good).job_id, 999),  # type: ignore[union-attr]
    ]  # fmt: skip
    answers = [mailed.get(f"/c/{token}") for token in bad]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    bad.remove(work.tokens("u")[0])
    assert {mailed.post(f"/u/{token}").status_code for token in bad} == {404}


def test_the_picture_of_an_opening_never_fails(
    mailed: TestClient, workspace: Store, work: "Work", signer: LinkSigner
) -> None:  # fmt: skip
    """A gif whatever the token is; recorded only where the step asks for openings."""
    job = signer.read(work.tokens("u")[0]).job_id  # type: ignore[union-attr]
    for token in (signer.token("o", job), signer.token("o", new_id()), "nonsense"):
        answer = mailed.get(f"/o/{token}.gif")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
        assert answer.content.startswith(b"GIF89a")
    assert not [name for name in names(workspace) if "open" in name]


def test_the_unsubscribe_page_speaks_the_readers_language(mailed: TestClient, work: "Work") -> None:
    """The browser's wish first, then the lead's own language."""
    (token,) = work.tokens("u")
    assert "退订" in mailed.get(f"/u/{token}", headers={"accept-language": "zh-CN,en;q=0.5"}).text
    assert "Unsubscribe" in mailed.get(f"/u/{token}", headers={"accept-language": "fr"}).text
    mailed.patch(f"/v1/leads/{ANN}", json={"language": "zh-CN"})
    assert "退订" in mailed.get(f"/u/{token}", headers={"accept-language": "fr"}).text


def _ann(store: Store) -> str:
    found = store.read(lambda tx: leads.find(tx, ANN))
    assert found is not None
    return found
