"""Leads by condition and segment on the dashboard, and bulk enrollments that go on."""

from typing import TYPE_CHECKING

from starlette.testclient import TestClient

from engine.operations import bulk

if TYPE_CHECKING:
    from tests.web.conftest import Work


def test_leads_are_narrowed_by_a_condition_and_counted(client: TestClient, work: "Work") -> None:
    """What does not fit is not on the page, and the number is told."""
    for name in ("ann", "bob"):
        client.post("/v1/leads", json={"email": f"{name}@example.com", "first_name": name})
    page = client.get("/leads", params={"where": 'lead.first_name == "ann"'}).text
    assert "ann@example.com" in page
    assert "bob@example.com" not in page
    assert "Leads that fit: 1" in page
    matching = client.get("/leads", params={"where": 'lead.first_name is matching("^an+$")'}).text
    assert "ann@example.com" in matching
    assert "bob@example.com" not in matching


def test_a_wrong_condition_is_told_and_nothing_is_listed(client: TestClient, work: "Work") -> None:
    """With what was meant, and not as a fault of the server."""
    answer = client.get("/leads", params={"where": "lead.scor > 3 <b>"})
    assert answer.status_code == 200
    assert "<b>" not in answer.text
    answer = client.get("/leads", params={"where": "lead.scor > 3"})
    assert "lead.score" in answer.text
    assert "notice bad" in answer.text


def test_a_condition_cannot_break_out_of_its_brackets(client: TestClient, work: "Work") -> None:
    """What is typed is one condition by itself, segment or not."""
    answer = client.get("/leads", params={"where": "lead.score > 3) or (true"})
    assert "notice bad" in answer.text


def test_a_bulk_enrollment_under_way_is_on_the_overview(client: TestClient, work: "Work") -> None:
    """With how far it has come; when it has ended, it is gone."""
    client.post("/v1/leads", json={"email": "ann@example.com"})
    playbook = client.get("/").text
    assert "Bulk enrollments" not in playbook
    began = bulk.begin(work.store, "trial-nurture", where="lead.score >= 0")
    page = client.get("/").text
    assert "Bulk enrollments" in page
    assert "lead.score &gt;= 0" in page
    bulk.control(work.store, began.id, "cancel")
    assert "Bulk enrollments" not in client.get("/").text
