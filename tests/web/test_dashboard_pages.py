"""The dashboard's pages: what they show is escaped, reachable, and in the visitor's language."""

import logging
import re
from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

from engine.mail.catcher import keep_mail
from engine.operations.edit_leads import put_lead
from engine.operations.enrolling_by_hand import enroll
from engine.store import tasks
from engine.store.database import Store, Transaction
from tests.web.conftest import Open
from web.languages import known

if TYPE_CHECKING:
    from pathlib import Path

    from tests.web.conftest import House

PAGE = {"accept": "text/html"}
EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def lived_in(house: "House") -> "House":
    """A house with one lead on its way, whose every text is an attack."""
    lead = {"email": "ann@example.com", "first_name": EVIL, "company": EVIL, "tags": [EVIL]}
    put_lead(house.store, lead, actor=EVIL)
    event = {"name": "form.submitted", "lead": {"email": "ann@example.com"},
             "properties": {"form": "trial", EVIL: EVIL}}  # fmt: skip
    house.client.post("/v1/events", json=event)
    house.work.until_rest()
    mail = f"Subject: {EVIL}\r\nX-Odd: {EVIL}\r\nContent-Type: text/plain\r\n\r\n{EVIL}"
    keep_mail(house.mail_folder, mail.encode(), EVIL, (EVIL,))
    return house


def every_page(house: "House") -> list[str]:
    """The addresses that links lead to, from the first page on."""
    waiting, seen = ["/"], {"/"}
    while waiting:
        html = house.client.get(waiting.pop()).text
        for found in re.findall(r'(?:href|src)="(/[^"#]*)"', html):
            path = found.replace("&amp;", "&")
            if path not in seen and len(seen) < 120:
                seen.add(path)
                waiting.append(path)
    return sorted(seen)


def test_every_link_leads_somewhere(lived_in: "House") -> None:
    """No page links to one that is not there."""
    pages = every_page(lived_in)
    assert len(pages) > 20
    assert {path: lived_in.client.get(path).status_code for path in pages} == dict.fromkeys(
        pages, 200
    )


@pytest.mark.parametrize(
    "path",
    ["/", "/leads", "/leads?text=%3Cscript%3Ealert(1)%3C/script%3E", "/leads/ann@example.com",
     "/enrollments", "/inbox", "/inbox?owner=%3Cscript%3Ealert(1)%3C/script%3E", "/mail",
     "/no/%3Cscript%3Ealert(1)%3C/script%3E", "/playbooks/%3Cscript%3Ealert(1)%3C/script%3E",
     "/enrollments?playbook=%22%3E%3Cscript%3Ealert(1)%3C/script%3E"],
)  # fmt: skip
def test_other_peoples_texts_are_texts(lived_in: "House", path: str) -> None:
    """Names, tags, properties, subjects and addresses never become markup."""
    assert "<script" not in lived_in.client.get(path, headers=PAGE).text


def test_a_caught_mail_is_shown_from_every_side(lived_in: "House") -> None:
    """Its subject, text, headers and source, escaped; its HTML in a sandbox of its own."""
    html = lived_in.client.get("/mail").text
    for id in re.findall(r'href="/mail/(\w{20})"', html):
        for view in ("html", "text", "headers", "raw", "nonsense"):
            page = lived_in.client.get(f"/mail/{id}", params={"view": view})
            assert page.status_code == 200
            assert "<script" not in page.text
        policy = lived_in.client.get(f"/mail/{id}/body").headers["content-security-policy"]
        assert policy.startswith("sandbox allow-popups")
        assert "script-src" not in policy
        assert "default-src 'none'" in policy
        raw = lived_in.client.get(f"/mail/{id}/raw")
        assert raw.headers["content-disposition"].startswith("attachment")
    for path in ("/mail/../secret.key", "/mail/%2e%2e%2fsecret", "/mail/" + "a" * 20):
        assert lived_in.client.get(path).status_code == 404


def test_buttons_control_an_enrollment(house: "House") -> None:
    """A post from the page itself; the answer leads back to the page."""
    put_lead(house.store, {"email": "cy@example.com"}, actor="api")
    enroll(house.store, "trial-nurture", names=["cy@example.com"])
    params = {"lead": "cy@example.com"}
    (run,) = house.client.get("/v1/enrollments", params=params).json()["enrollments"]
    same = {"origin": "http://127.0.0.1:8080", "sec-fetch-site": "same-origin"}
    answer = house.client.post(f"/enrollments/{run['id']}/pause", headers=same)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/enrollments/{run['id']}")
    assert "Resume" in house.client.get(f"/enrollments/{run['id']}").text
    again = house.client.post(f"/enrollments/{run['id']}/pause", headers=same | PAGE)
    assert again.status_code == 409
    assert "cannot be paused" in again.text


def test_tasks_are_answered_in_the_inbox(client: TestClient, workspace: Store) -> None:
    """Done with a result is gone; snoozed is gone until then; a second answer is a conflict."""
    lead = put_lead(workspace, {"email": "ann@example.com"}, actor="api").lead
    row = {
        "kind": "task", "owner": "li.wei", "lead": lead, "enrollment": None, "text": "",
        "priority": "", "state": "open", "due_at": None, "snoozed_until": None, "result": "",
        "ended_at": None,
    }  # fmt: skip

    def add(tx: Transaction) -> None:
        made = {"created_at": tx.now}
        tasks.insert(tx, [row | made | {"id": f"t{n}", "subject": f"Call {n}"} for n in (1, 2)])

    workspace.write(add)
    assert client.post("/inbox/t1/done", data={"result": "wants a demo"}).status_code == 303
    assert client.post("/inbox/t2/snooze").status_code == 303
    assert "Call" not in client.get("/inbox").text
    assert workspace.read(lambda tx: tasks.get(tx, "t1"))["result"] == "wants a demo"
    assert client.post("/inbox/t1/done").status_code == 409
    assert client.post("/inbox/t9/done").status_code == 404
    assert client.post("/inbox/t2/explode").status_code == 404


def test_a_fault_of_ours_is_told_without_its_insides(
    client: TestClient,
    workspace: Store,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """500 in the same shape, guarded as every response; the traceback is in the log."""
    # At its own logger: the root's handlers are replaced by tests that set up logs.
    log = logging.getLogger("web.problems")
    monkeypatch.setattr(log, "handlers", [caplog.handler])
    monkeypatch.setattr(log, "disabled", False)
    caplog.set_level(logging.ERROR, logger="web.problems")
    with workspace.engine.begin() as conn:
        conn.exec_driver_sql("ALTER TABLE enrollment RENAME COLUMN outcome TO ending")
    answer = client.get("/v1/enrollments")
    assert (answer.status_code, answer.json()["status"]) == (500, 500)
    assert "enrollment" not in answer.json()["detail"]
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "no such column" in caplog.text
    page = client.get("/enrollments", headers=PAGE)
    assert (page.status_code, "sqlite" in page.text.lower()) == (500, False)


def test_faults_are_pages_for_people_and_documents_for_programs(client: TestClient) -> None:
    """By what is asked for; never a traceback."""
    page = client.get("/nothing", headers=PAGE)
    assert (page.status_code, "<h1>" in page.text) == (404, True)
    document = client.get("/nothing")
    assert document.headers["content-type"] == "application/problem+json"


def test_before_the_first_apply_the_page_says_what_to_do(
    sqlite_store: Store, open_client: Open
) -> None:
    """No error, but the next step."""
    page = open_client().get("/")
    assert (page.status_code, "longplay apply" in page.text) == (200, True)


@pytest.mark.parametrize(
    ("header", "cookie", "query", "language"),
    [
        ("", "", "", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "", "", "zh-CN"),
        ("fr;q=0.9, zh-Hans;q=0.4, en;q=0.1", "", "", "zh-CN"),
        ("zh;q=0, en", "", "", "en"),
        ("zh-CN", "en", "", "en"),
        ("en", "en", "?lang=zh_CN", "zh-CN"),
        ("q=;;,,%%" * 50, "xx", "?lang=%00", "en"),
    ],
)
def test_pages_speak_the_visitors_language(
    client: TestClient, header: str, cookie: str, query: str, language: str
) -> None:
    """Asked for, kept, wanted by the browser, or English."""
    client.cookies.set("longplay_language", cookie)
    page = client.get(f"/inbox{query}", headers={"accept-language": header})
    assert page.headers["content-language"] == language
    assert f'<html lang="{language}">' in page.text


def test_a_language_once_chosen_is_kept(client: TestClient) -> None:
    """In a cookie, for the next page."""
    client.get("/?lang=zh_CN")
    assert client.get("/inbox").headers["content-language"] == "zh-CN"


@pytest.mark.parametrize(
    ("tag", "language"), [("zh", "zh_CN"), ("zh-Hant-TW", "zh_CN"), ("EN_us", "en"), ("de", None)]
)
def test_tags_of_languages_are_understood(tag: str, language: str | None) -> None:
    """Whatever the spelling; a language that we do not speak is none."""
    assert known(tag) == language


@pytest.mark.parametrize(
    "query",
    ["text=%00", "before=%00", "text=" + "a" * 500, "before=zzz", "stage=none", "owner=none"],
)
def test_odd_queries_are_no_faults_of_ours(client: TestClient, query: str) -> None:
    """A page, or a 404; never a 500."""
    assert client.get(f"/leads?{query}").status_code in {200, 404}
    assert client.get(f"/inbox?after={query}").status_code in {200, 404}
    assert client.get(f"/enrollments?{query}").status_code in {200, 404}
    assert client.get(f"/mail?{query}").status_code in {200, 404}


def test_mail_is_not_shown_where_it_is_really_sent(client: TestClient) -> None:
    """Without a catcher there is nothing to show."""
    client.app.state.deps.mail_folder = None  # type: ignore[attr-defined]
    assert 'href="/mail"' not in client.get("/").text
    assert client.get("/mail/" + "a" * 20).status_code == 404


def test_styles_are_kept_by_browsers_until_they_change(client: TestClient) -> None:
    """The address has the file's fingerprint in it."""
    (address,) = re.findall(r'href="(/static/longplay\.css\?v=\w{12})"', client.get("/").text)
    answer = client.get(address)
    assert answer.status_code == 200
    assert "max-age=31536000" in answer.headers["cache-control"]
    assert "://" not in answer.text


def test_no_page_asks_anything_of_another_site(lived_in: "House") -> None:
    """No fonts, scripts, pictures or styles from elsewhere; no inline style that a policy stops."""
    for path in every_page(lived_in):
        answer = lived_in.client.get(path)
        if answer.headers["content-type"].startswith("text/html") and "/body" not in path:
            assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', answer.text), path
            assert not re.findall(r"\sstyle=|<script|\son\w+=", answer.text), path


def test_the_folder_of_mail_may_be_missing(open_client: Open, mail_folder: "Path") -> None:
    """Before the first mail there is none."""
    mail_folder.rmdir()
    assert open_client().get("/mail").status_code == 200
