"""Deals over the API and in the dashboard: documents in, documents out, pages in two languages."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.web.conftest import Work


def posted(client: TestClient, **values: Any) -> dict[str, Any]:
    document = {"name": "年度许可", "lead": "wang@example.cn", "stage": "b2b.qualify", **values}
    answer = client.post("/v1/deals", json=document)
    assert answer.status_code in {200, 201}, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_deal_is_made_read_and_changed(client: TestClient) -> None:
    """201 with its address, then 200; null takes a value away."""
    answer = client.post(
        "/v1/deals",
        json={"id": "crm-7", "lead": {"email": "ann@example.com", "company": "Acorn"},
              "amount": 12.5, "fields": {"competitor": "x"}},
    )  # fmt: skip
    assert (answer.status_code, answer.headers["location"]) == (201, "/v1/deals/crm-7")
    assert (answer.json()["name"], answer.json()["pipeline"]) == ("Acorn", "b2b")
    again = client.post("/v1/deals", json={"id": "crm-7", "amount": 13})
    assert (again.status_code, again.json()["amount"]) == (200, 13)
    changed = client.patch("/v1/deals/crm-7", json={"competitor": None, "stage": "demo"}).json()
    assert (changed["stage"], changed["fields"]["competitor"]) == ("demo", None)
    shown = client.get("/v1/deals/crm-7").json()
    assert shown == changed
    assert [one["field"] for one in shown["history"]][-1] == "created"
    assert shown["history"][-1]["actor"] == "api"


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ({"stage": "demo"}, "b2b.demo is entered only if deal.amount is defined"),
        ({"stage": "lost"}, "b2b.lost requires 'lost_reason'"),
        ({"stage": "nope"}, "has no stage 'nope'"),
        ({"amount": "a lot"}, "'a lot' is no number for 'amount'"),
        ({"amuont": 5}, "a deal has no field 'amuont'"),
        ({"lead": 5}, "'lead.str'"),
        ({"lead": None}, "the deal names no lead"),
        ({"amount": {"a": [1]}}, "is no number"),
        ({"name": "x\x00y"}, "NUL"),
    ],
)
def test_what_is_wrong_is_a_problem(
    client: TestClient, document: dict[str, Any], fault: str
) -> None:
    """422, with the fault; the deal stays as it was."""
    id = posted(client)["id"]
    answer = client.patch(f"/v1/deals/{id}", json=document)
    assert answer.status_code == 422
    assert fault in answer.json()["detail"]
    assert len(client.get(f"/v1/deals/{id}").json()["history"]) == 1


def test_what_is_not_there_is_404(client: TestClient) -> None:
    """In every door."""
    for answer in (
        client.get("/v1/deals/nope"), client.patch("/v1/deals/nope", json={"amount": 1}),
        client.get("/deals/nope"),
    ):  # fmt: skip
        assert answer.status_code == 404


def test_moving_backward_takes_force(client: TestClient) -> None:
    """It is an option beside the fields."""
    id = posted(client, amount=5, stage="b2b.demo")["id"]
    assert client.patch(f"/v1/deals/{id}", json={"stage": "qualify"}).status_code == 422
    answer = client.patch(f"/v1/deals/{id}", json={"stage": "qualify", "force": True})
    assert answer.json()["stage"] == "qualify"


def test_lists_come_in_pages(client: TestClient) -> None:
    """`next` is where the next one begins."""
    ids = sorted(posted(client)["id"] for _ in range(3))
    first = client.get("/v1/deals", params={"limit": 2}).json()
    rest = client.get("/v1/deals", params={"limit": 2, "after": first["next"]}).json()
    assert [one["id"] for one in first["deals"] + rest["deals"]] == ids
    assert rest["next"] is None
    assert client.get("/v1/deals", params={"stage": "b2b.demo"}).json()["deals"] == []


def test_an_event_may_name_a_deal_alone(client: TestClient) -> None:
    """Then it is of the deal's contact; an unknown deal is refused."""
    id = posted(client)["id"]
    answer = client.post("/v1/events", json={"name": "deal.activity", "deal": id})
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    assert client.get(f"/v1/deals/{id}").json()["fields"]["last_activity_at"]
    refused = client.post("/v1/events", json={"name": "deal.activity", "deal": "nope"})
    assert refused.status_code == 422
    assert "there is no deal 'nope'" in refused.json()["detail"]
    assert client.post("/v1/events", json={"name": "deal.activity"}).status_code == 422


def test_deals_are_enrolled_by_id(client: TestClient) -> None:
    """Leads or deals, not both and not nobody."""
    id = posted(client)["id"]
    document = {"playbook": "win-back", "deals": [id]}
    answer = client.post("/v1/enrollments", json=document)
    assert answer.status_code == 202, answer.text
    for wrong in ({"playbook": "win-back"}, {**document, "leads": ["wang@example.cn"]}):
        assert client.post("/v1/enrollments", json=wrong).status_code == 422


def test_the_description_of_the_api_knows_deals(client: TestClient) -> None:
    """Both addresses, with their documents."""
    described = client.get("/openapi.json").json()
    assert set(described["paths"]["/v1/deals"]) == {"post", "get"}
    assert set(described["paths"]["/v1/deals/{deal}"]) == {"get", "patch"}
    assert "lead" in described["components"]["schemas"]["DealDocument"]["properties"]


def test_the_deals_page_counts_stages_and_lists_deals(client: TestClient, work: Work) -> None:
    """In both languages; closed ones only when they are asked for."""
    posted(client, amount=1_200, owner="li.wei")
    gone = posted(client, name="Gone <b>", stage="lost", lost_reason="price")
    page = client.get("/deals").text
    assert "年度许可" in page
    assert "1,200" in page
    assert "Gone" not in page
    both = client.get("/deals", params={"show": "all", "lang": "zh_CN"}).text
    assert "Gone &lt;b&gt;" in both
    assert "销售流程" in both
    assert client.get("/deals", params={"stage": "b2b.demo"}).text.count("年度许可") == 0
    assert client.get("/deals", params={"before": "rubbish~x", "stage": "nope"}).status_code == 200
    assert f'href="/deals/{gone["id"]}"' in both


def test_a_deals_page_tells_its_history(client: TestClient) -> None:
    """Changes with their reasons and actors, and a link to the contact, whose page links back."""
    id = posted(client, amount=5)["id"]
    client.patch(f"/v1/deals/{id}", json={"stage": "demo", "owner": "li.wei"})
    client.post("/v1/events", json={"name": "deal.activity", "deal": id})
    page = client.get(f"/deals/{id}").text
    for text in ("A deal was opened", "Activity on a deal", "li.wei", "qualify", "wang@example.cn"):
        assert text in page
    lead = client.get("/leads/wang@example.cn").text
    assert f'href="/deals/{id}"' in lead
    assert "交易" in client.get(f"/deals/{id}", params={"lang": "zh_CN"}).text


def test_pages_of_the_deals_list_follow_each_other(client: TestClient) -> None:
    """Nothing is left out between two pages, and nothing shown twice."""
    for number in range(53):
        posted(client, name=f"Deal {number:03d}.")
    first = client.get("/deals").text
    following = first.split("before=")[1].split('"')[0]
    second = client.get(f"/deals?before={following}").text
    shown = [f"Deal {n:03d}." for n in range(53)]
    assert sum(name in first for name in shown) == 50
    assert sum(name in second for name in shown) == 3
    assert all((name in first) != (name in second) for name in shown)
