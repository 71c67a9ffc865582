"""Merging, giving out and erasing over the API and on pages; the lifecycle as people read it."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from engine.mail.catcher import caught, keep_mail
from engine.operations import duplicates
from engine.store.database import Store

TWO = (
    {"email": "ann.lee@gmail.com", "full_name": "Ann Lee", "company": "Acme"},
    {"email": "annlee+x@gmail.com", "full_name": "Ann Lee", "city": "Hangzhou"},
)


@pytest.fixture
def two(client: TestClient) -> TestClient:
    for lead in TWO:
        assert client.post("/v1/leads", json=lead).status_code == 201
    return client


def test_two_leads_are_merged_by_a_program(two: TestClient) -> None:
    """The answer says what changed; the other's address is the survivor's from then on."""
    body = {"other": TWO[1]["email"], "reason": "same person"}
    done = two.post(f"/v1/leads/{TWO[0]['email']}/merge", json=body)
    assert (done.status_code, done.json()["fields"]["city"]["after"]) == (200, "Hangzhou")
    assert two.get(f"/v1/leads/{TWO[1]['email']}").json()["email"] == TWO[0]["email"]
    assert two.post(f"/v1/leads/{TWO[0]['email']}/merge", json=body).status_code == 422


def test_a_lead_is_given_out_and_erased_by_a_program(two: TestClient, mail_folder: Path) -> None:
    """All that is held comes as JSON; afterwards nobody finds it, nor the mails caught for it."""
    mail_folder.mkdir(exist_ok=True)
    keep_mail(mail_folder, b"Subject: x\r\n\r\nx", "a@b.example", ("ann.lee@gmail.com",))
    given = two.get("/v1/leads/ann.lee@gmail.com/export").json()
    assert given["lead"]["fields"]["company"] == "Acme"
    done = two.post("/v1/leads/ann.lee@gmail.com/erase", json={"reason": "asked"})
    assert (done.status_code, done.json()["done"]) == (200, True)
    assert two.get("/v1/leads/ann.lee@gmail.com").status_code == 404
    assert caught(mail_folder) == []


def test_pairs_are_shown_and_answered_on_a_page(two: TestClient, workspace: Store) -> None:
    """A button makes them one; whoever is called distinct is shown no more."""
    duplicates.find(workspace)
    page = two.get("/duplicates").text
    assert TWO[0]["email"] in page
    assert "reach one mailbox" in page
    (pair,) = two.get("/v1/duplicates").json()["duplicates"]
    ids = {"one": pair["one"]["id"], "other": pair["other"]["id"]}
    two.post("/duplicates/distinct", data=ids)
    assert TWO[0]["email"] not in two.get("/duplicates").text
    answer = two.post("/duplicates/merge", data=ids, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/duplicates")
    assert two.post("/duplicates/merge", data=ids).status_code == 409


def test_erasing_on_a_page_wants_the_name_again(two: TestClient) -> None:
    """A wrong one changes nothing."""
    address = "/leads/ann.lee@gmail.com/erase"
    assert "Erase this lead" in two.get("/leads/ann.lee@gmail.com").text
    assert two.post(address, data={"again": "ann"}).status_code == 409
    assert two.get("/v1/leads/ann.lee@gmail.com").status_code == 200
    answer = two.post(address, data={"again": "Ann.Lee@gmail.com"}, follow_redirects=False)
    assert answer.status_code == 303
    assert two.get("/v1/leads/ann.lee@gmail.com").status_code == 404


def test_an_export_is_saved_from_the_page(two: TestClient) -> None:
    """It is a text that a person can read, and no page."""
    answer = two.get("/leads/ann.lee@gmail.com/export")
    assert "holds about Ann Lee" in answer.text
    assert answer.headers["content-disposition"].startswith("attachment")


def test_the_lifecycle_is_read_on_a_page_and_by_programs(two: TestClient) -> None:
    """Every stage in order, with how many leads are in it."""
    stages = two.get("/v1/lifecycle").json()["stages"]
    assert [one["stage"] for one in stages][:2] == ["visitor", "lead"]
    assert [one["now"] for one in stages][:2] == [0, 2]
    page = two.get("/lifecycle?lang=zh_CN").text
    assert "生命周期" in page
    assert "市场认可的线索（MQL）" in page


def test_a_lead_goes_back_only_with_a_reason(two: TestClient) -> None:
    """Over the API as everywhere: refused without one, and without force where it takes force."""
    name = "/v1/leads/ann.lee@gmail.com"
    assert two.patch(name, json={"stage": "customer"}).status_code == 200
    for body in ({}, {"force": True}, {"reason": "x"}):
        assert two.patch(name, json={"stage": "lead", **body}).status_code == 422
    back = two.patch(name, json={"stage": "lead", "reason": "a mistake", "force": True})
    assert (back.status_code, back.json()["stage"]) == (200, "lead")
