"""Asking, confirming, choosing: what a lead says about its mail, from the first form on."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from engine.mail.links import LinkKind, LinkSigner
from engine.operations import consenting, editions
from engine.operations.edit_leads import change_lead
from engine.operations.publish import publish
from engine.store import enrollments, leads, suppressions
from engine.store.database import Store

if TYPE_CHECKING:
    from tests.web.conftest import Work

ROOT = Path(__file__).parents[2]
ANN = "ann@example.com"
PERSON = {"user-agent": "Mozilla/5.0 Firefox/140.0", "accept-language": "en"}


def ask(client: TestClient, work: "Work", **lead: str) -> str:
    """Ann asks for the newsletter; answers the token of the link in the mail she gets."""
    event = {"name": "form.submitted", "lead": {"email": ANN, **lead},
             "properties": {"form": "newsletter"}}  # fmt: skip
    assert client.post("/v1/events", json=event).json()["accepted"] == 1
    work.until_rest()
    client.headers.update(PERSON)
    return work.tokens("s")[-1]


def lines(store: Store) -> list[dict[str, Any]]:
    """The ledger about Ann."""
    found: list[dict[str, Any]] = consenting.show(store, ANN)["ledger"]
    return found


def said(store: Store) -> set[tuple[str, str, str]]:
    """(purpose, topic, state) of every line."""
    return {(line["purpose"], line["topic"], line["state"]) for line in lines(store)}


def state_of(store: Store, column: str = "consent") -> object:
    """What stands on the lead."""
    query = sa.select(leads.table.c[column]).where(leads.table.c.email == ANN)
    return store.read(lambda tx: tx.conn.execute(query).scalar())


def outcome(store: Store) -> list[str]:
    query = sa.select(enrollments.table.c.outcome)
    return store.read(lambda tx: list(tx.conn.execute(query).scalars()))


def left(store: Store) -> frozenset[str]:
    """What Ann is unsubscribed from."""
    return store.read(lambda tx: suppressions.blocks_of(tx, [ANN])[ANN].topics)


def test_a_double_opt_in_from_the_form_to_the_ledger(
    client: TestClient, workspace: Store, work: "Work"
) -> None:
    """Looking confirms nothing; the button does, once, and the playbook goes on."""
    token = ask(client, work)
    page = client.get(f"/s/{token}")
    assert page.status_code == 200 and ANN in page.text
    assert client.head(f"/s/{token}").status_code == 200
    assert state_of(workspace) is None and lines(workspace) == []
    for _ in range(2):
        done = client.post(f"/s/{token}")
        assert done.status_code == 200 and "Confirmed" in done.text
        assert "set-cookie" not in done.headers
    assert state_of(workspace) == "confirmed"
    assert said(workspace) == {("marketing", "", "asked"), ("marketing", "", "confirmed")}
    (line,) = [one for one in lines(workspace) if one["state"] == "confirmed"]
    shown = page.text.split("<p>")[1].partition("</p>")[0]
    assert line["text_hash"] == consenting.text_hash(shown)
    assert (line["ip"], line["agent"]) == ("127.0.0.1", PERSON["user-agent"])
    assert (line["email"], line["text_version"]) == (ANN, "longplay-1")
    work.until_rest()
    assert outcome(workspace) == ["confirmed"]
    assert state_of(workspace, "open_consent") is None


def test_openings_are_agreed_to_by_a_box_that_is_empty_at_first(
    client: TestClient, workspace: Store, work: "Work"
) -> None:
    """A second consent, with its own line."""
    token = ask(client, work)
    assert "checked" not in client.get(f"/s/{token}").text
    client.post(f"/s/{token}", data={"opens": "yes"})
    assert state_of(workspace, "open_consent") == "confirmed"
    assert ("open_tracking", "", "confirmed") in said(workspace)


def test_who_had_left_comes_back_by_confirming(
    client: TestClient, workspace: Store, work: "Work"
) -> None:
    """The unsubscription is lifted by the owner of the mailbox, and by nobody else."""
    token = ask(client, work)
    client.post(f"/s/{token}")
    (other,) = work.tokens("s")
    assert other == token
    door = LinkSigner(["a secret of the tests"])
    link = door.read(token)
    assert link is not None
    leave = f"/u/{door.token(LinkKind.UNSUBSCRIBE, link.job_id)}"
    client.post(leave, data={"List-Unsubscribe": "One-Click"})
    assert (state_of(workspace), left(workspace)) == ("withdrawn", frozenset({""}))
    client.post(f"/s/{token}")
    assert (state_of(workspace), left(workspace)) == ("confirmed", frozenset())
    sources = {line["source"] for line in lines(workspace) if line["state"] == "withdrawn"}
    assert sources == {"one-click"}


@pytest.mark.parametrize("kind", ["u", "c", "bad"])
def test_other_tokens_confirm_nothing(
    client: TestClient, workspace: Store, work: "Work", kind: str
) -> None:
    """Each door has its own; all others lead nowhere."""
    token = ask(client, work)
    door = LinkSigner(["a secret of the tests"])
    link = door.read(token)
    assert link is not None
    wrong = token[:-1] + "A" if kind == "bad" else door.token(kind, link.job_id)
    assert client.get(f"/s/{wrong}").status_code == 404
    assert client.post(f"/s/{wrong}").status_code == 404
    assert lines(workspace) == []


def test_a_mail_to_a_former_address_confirms_nothing(
    client: TestClient, workspace: Store, work: "Work"
) -> None:
    """What is confirmed is the address that the mail went to."""
    token = ask(client, work)
    change_lead(workspace, ANN, {"email": "new@example.com"}, actor="test")
    assert client.post(f"/s/{token}").status_code == 404
    found = consenting.show(workspace, "new@example.com")
    assert (found["consent"], found["ledger"]) == (None, [])


@pytest.fixture
def page(client: TestClient, work: "Work") -> str:
    """The path of Ann's own page."""
    event = {"name": "form.submitted", "lead": {"email": ANN}, "properties": {"form": "trial"}}
    client.post("/v1/events", json=event)
    work.until_rest()
    client.headers.update(PERSON)
    return f"/u/{work.tokens('u')[0]}"


def test_topics_language_and_openings_are_chosen_on_one_page(
    client: TestClient, workspace: Store, page: str
) -> None:
    """What changes is kept, with a line each; saving again leaves no trace."""
    wish = {"choice": "preferences", "topic": "newsletter", "language": "zh-CN", "opens": "yes"}
    for _ in range(2):
        answer = client.post(page, data=wish)
        assert answer.status_code == 200 and "Saved" in answer.text
    assert left(workspace) == frozenset({"product-tips"})
    assert state_of(workspace, "language") == "zh-CN"
    assert state_of(workspace, "open_consent") == "confirmed"
    assert len(lines(workspace)) == 2
    assert said(workspace) == {
        ("marketing", "product-tips", "withdrawn"), ("open_tracking", "", "confirmed")
    }  # fmt: skip
    back = {"choice": "preferences", "topic": ["newsletter", "product-tips"]}
    client.post(page, data=back)
    assert left(workspace) == frozenset()
    assert state_of(workspace, "open_consent") == "withdrawn"
    assert state_of(workspace, "language") == "zh-CN"


@pytest.mark.parametrize(
    "wish",
    [
        {"choice": "preferences", "topic": "all"},
        {"choice": "preferences", "topic": ["x' OR 1=1", "newsletter"], "language": "xx-evil"},
        {"choice": "preferences", "topic": ["newsletter"] * 150},
    ],
    ids=["no topic", "nonsense", "many"],
)
def test_the_page_takes_only_what_it_offered(
    client: TestClient, workspace: Store, page: str, wish: dict[str, Any]
) -> None:
    """Other topics and languages do nothing; unticked ones are left."""
    assert client.post(page, data=wish).status_code == 200
    assert left(workspace) <= {"product-tips", "newsletter"}
    assert state_of(workspace, "language") is None


@pytest.mark.parametrize(("language", "words"), [("en", "Save"), ("zh-CN", "保存")])
def test_the_page_has_labels_and_needs_no_script(
    client: TestClient, page: str, language: str, words: str
) -> None:
    """Every box has its label, the page its language, and nothing runs."""
    answer = client.get(page, headers={"accept-language": language})
    assert f'<html lang="{language}">' in answer.text and words in answer.text
    assert "<script" not in answer.text
    assert answer.text.count('<label class="tick"><input type="checkbox"') == 3
    assert answer.text.count("<legend>") == 2
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")


def test_the_workspaces_own_text_is_shown_and_its_hash_is_kept(
    client: TestClient, workspace: Store, work: "Work"
) -> None:
    """In the language of the page; the version is the workspace's."""
    folder = editions.read_folder(ROOT)
    own = (
        b"\nconsent:\n  version: v7\n  needed: by-law\n  texts:\n    marketing:\n"
        + "      en: Yes, the Acme letter.\n      zh-CN: 我同意接收 Acme 通讯。\n".encode()
    )
    files = {**folder.files, "longplay.yaml": folder.files["longplay.yaml"] + own}
    changed = replace(folder, files=files)
    publish(workspace, editions.edition_of(changed, editions.check(changed)))
    token = ask(client, work, language="zh-CN")
    shown = client.get(f"/s/{token}", headers={"accept-language": "zh"}).text
    assert "我同意接收 Acme 通讯。" in shown
    client.post(f"/s/{token}", headers={"accept-language": "zh"})
    (line,) = [one for one in lines(workspace) if one["state"] == "confirmed"]
    assert line["text_version"] == "v7"
    assert line["text_hash"] == consenting.text_hash("我同意接收 Acme 通讯。")


def test_consents_over_the_api(client: TestClient, workspace: Store) -> None:
    """Told twice is once; what makes no sense is refused with what was probably meant."""
    told = {"id": "f-1", "lead": {"email": ANN, "country": "DE"}, "state": "given",
            "source": "form newsletter", "text": "Yes, please.", "text_version": "v2",
            "ip": "192.0.2.1", "at": "2026-03-01T10:00:00+08:00"}  # fmt: skip
    assert client.post("/v1/consents", json=told).status_code == 201
    again = client.post("/v1/consents", json=told)
    assert (again.status_code, again.json()) == (200, {"recorded": False})
    found = client.get("/v1/consents", params={"lead": ANN}).json()
    assert (found["consent"], len(found["ledger"])) == ("given", 1)
    assert found["ledger"][0]["text_hash"] == consenting.text_hash("Yes, please.")
    for wrong in ({"state": "givn"}, {"purpose": "opens"}, {"topic": "tips"}, {"more": 1}):
        assert client.post("/v1/consents", json={**told, "id": "f-2", **wrong}).status_code == 422
    assert client.get("/v1/consents").status_code == 422
    assert client.get("/v1/consents", params={"lead": "nobody@example.com"}).status_code == 404
