"""Companies, pools and lists of leads: over the API and on pages."""

import csv
import io
import json
from typing import Any

import jsonschema
import pytest
from starlette.testclient import TestClient

from engine.operations import lead_lists
from engine.operations.edit_deals import put_deal
from engine.operations.edit_leads import put_lead
from engine.operations.owning import OwnerDesk
from engine.operations.publish import publish
from engine.operations.published import current
from engine.store.database import Store, Transaction
from tests.runtime.stage import WORKSPACE, edition_with

BOOK = WORKSPACE.replace("li.wei@acme.example}", "li.wei@acme.example, teams: [cn]}") + (
    "    sam.lee: {teams: [cn]}\n    chen.jie: {}\n"
    "pipelines: {b2b: {stages: [qualify, {won: {closes: won}}]}}\n"
    'pools: {cn-pool: {members: "team:cn", claims: 1 per day}}\n'
    "segments: {acme: 'lead.company == \"Acme\"'}\n"
)


@pytest.fixture
def house(workspace: Store) -> Store:
    """A company with two leads and a deal; a lead and the deal lie in a pool."""
    publish(workspace, edition_with(BOOK))
    for name, more in (("ann", {"company": "Acme", "first_name": "Ann"}), ("bob", {})):
        put_lead(workspace, {"email": f"{name}@acme.example", **more}, actor="t")
    deal = {"id": "D1", "name": "Licenses", "lead": "ann@acme.example", "amount": 1200}
    put_deal(workspace, deal, actor="t")

    def release(tx: Transaction) -> None:
        desk = OwnerDesk(tx, current(tx))
        for email, more in (("bob@acme.example", {}), ("ann@acme.example", {"deal": "D1"})):
            lead = _lead(tx, email)
            desk.release(lead, "cn-pool", former=None, until=None, **more)
        desk.flush()

    workspace.write(release)
    return workspace


def _lead(tx: Transaction, email: str) -> str:
    from engine.store import leads

    found = leads.find(tx, email)
    assert found is not None
    return str(found)


def checked(client: TestClient, path: str, method: str, answer: Any) -> Any:
    """The answer's document, which fits the description of the API."""
    description = client.get("/openapi.json").json()
    assert str(answer.status_code) in description["paths"][path][method]["responses"], answer.text
    content = description["paths"][path][method]["responses"][str(answer.status_code)]["content"]
    schema = content["application/json"]["schema"] | {"components": description["components"]}
    jsonschema.validate(answer.json(), schema)
    return answer.json()


def test_companies_over_the_api(house: Store, client: TestClient) -> None:
    """Made, found by domain, changed, paged, merged; every answer as it is described."""
    one, many = "/v1/companies/{company}", "/v1/companies"
    made = client.post(many, json={"name": "Bolt", "domain": "bolt.example"})
    assert checked(client, many, "post", made)["leads"] == 0
    again = client.post(many, json={"domain": "bolt.example", "owner": "sam.lee"})
    assert (again.status_code, again.json()["owner"]) == (200, "sam.lee")
    acme = checked(client, one, "get", client.get("/v1/companies/acme.example"))
    assert (acme["name"], acme["leads"], acme["open_amounts"]) == ("Acme", 2, {"USD": 1200})
    changed = client.patch("/v1/companies/acme.example", json={"name": "ACME", "reason": "so"})
    assert checked(client, one, "patch", changed)["name"] == "ACME"
    page = checked(client, many, "get", client.get(f"{many}?limit=1"))
    assert [row["name"] for row in page["companies"]] == ["ACME"]
    rest = client.get(f"{many}?limit=1&after={page['next']}").json()["companies"]
    assert [row["name"] for row in rest] == ["Bolt"]
    theirs = client.get("/v1/companies/acme.example/leads?limit=1")
    assert len(checked(client, f"{one}/leads", "get", theirs)["leads"]) == 1
    pairs = client.get("/v1/company-duplicates")
    assert checked(client, "/v1/company-duplicates", "get", pairs)["duplicates"] == []
    merged = client.post("/v1/companies/acme.example/merge", json={"other": "bolt.example"})
    assert checked(client, f"{one}/merge", "post", merged)["fields"]["owner"]["after"] == "sam.lee"
    assert client.get("/v1/companies/bolt.example").json()["name"] == "ACME"
    assert client.get("/v1/leads/bob@acme.example").json()["company_id"] == acme["id"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/companies/nobody", None, 404),
        ("PATCH", "/v1/companies/acme.example", {"domain": "qq.com"}, 422),
        ("POST", "/v1/companies", {"employees": 3}, 422),
        ("POST", "/v1/companies", {"name": {"a": 1}}, 422),
        ("POST", "/v1/companies", {"name": "a\u0000b"}, 422),
        ("POST", "/v1/companies/acme.example/merge", {"other": "Acme"}, 422),
        ("GET", "/v1/pools/nowhere", None, 422),
        ("GET", "/v1/pools/cn-pool?after=x", None, 422),
        ("POST", "/v1/claims", {"id": "ann@acme.example", "owner": "li.wei"}, 404),
        ("POST", "/v1/claims", {"id": "D1", "owner": "chen.jie"}, 409),
        ("GET", "/v1/leads.csv?where=lead.scor", None, 422),
        ("GET", "/v1/leads.csv?encoding=big5", None, 422),
    ],
)
def test_what_does_not_fit_is_told(
    house: Store, client: TestClient, method: str, path: str, body: Any, status: int
) -> None:
    """In the one shape that every fault has."""
    answer = client.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_lies_in_a_pool_is_claimed_once(house: Store, client: TestClient) -> None:
    """A lead and a deal; who may not is told why, beside each; the second claim is a conflict."""
    (pool,) = checked(client, "/v1/pools", "get", client.get("/v1/pools"))["pools"]
    assert (pool["waiting"], pool["claims"]) == (2, "1 per day")
    first = client.get("/v1/pools/cn-pool?limit=1").json()
    second = client.get(f"/v1/pools/cn-pool?limit=1&after={first['next']}").json()
    both = {row["id"]: row["record"] for row in (*first["records"], *second["records"])}
    assert sorted(both.values()) == ["deal", "lead"]
    taken = client.post("/v1/claims", json={"id": "D1", "owner": "li.wei", "record": "deal"})
    assert checked(client, "/v1/claims", "post", taken)["owner"] == "li.wei"
    assert client.post("/v1/claims", json={"id": "D1", "owner": "sam.lee"}).status_code == 409
    left = client.get("/v1/pools/cn-pool?owner=li.wei")
    (row,) = checked(client, "/v1/pools/{pool}", "get", left)["records"]
    assert "has claimed 1 from cn-pool" in row["why_not"]


@pytest.mark.parametrize(
    ("query", "codec", "kind"),
    [("", "utf-8", "utf-8"), ("&encoding=utf-8-bom", "utf-8-sig", "utf-8"),
     ("&encoding=gbk", "gbk", "gbk")],
)  # fmt: skip
def test_leads_come_as_a_file(
    house: Store, client: TestClient, query: str, codec: str, kind: str
) -> None:
    """Those of a segment; a name that is a formula is none any more."""
    put_lead(house, {"email": "cy@acme.example", "company": "Acme", "first_name": "=1+李()"},
             actor="t")  # fmt: skip
    answer = client.get(f"/v1/leads.csv?segment=acme&columns=email,first_name{query}")
    assert answer.headers["content-type"] == f"text/csv; charset={kind}"
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.reader(io.StringIO(answer.content.decode(codec))))
    assert rows[0] == ["email", "first_name"]
    assert rows[1:] == [["ann@acme.example", "Ann"], ["cy@acme.example", "'=1+李()"]]


def test_leads_come_as_lines_of_json(
    house: Store, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each as the API shows it in a list, every lead once, however many pages that takes."""
    monkeypatch.setattr(lead_lists, "PAGE", 5)
    for number in range(13):
        put_lead(house, {"id": f"n{number}", "email": f"n{number}@acme.example"}, actor="t")
    answer = client.get("/v1/leads.jsonl")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert len({one["id"] for one in lines}) == len(lines) == 15
    assert {"id", "email", "fields", "suppressed"} <= lines[0].keys()


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_a_page_shows_a_company_with_leads_deals_and_history(
    house: Store, client: TestClient, language: str
) -> None:
    """Found in the list by its domain; the account is given there; leads and deals link to it."""
    found = client.get(f"/companies?text=acme.example&lang={language}").text
    id = client.get("/v1/companies/acme.example").json()["id"]
    assert f'href="/companies/{id}"' in found
    given = client.post(f"/companies/{id}", data={"owner": "sam.lee"}, follow_redirects=False)
    assert given.status_code == 303
    page = client.get(f"/companies/acme.example?lang={language}").text
    for text in ("Acme", "sam.lee", "bob@acme.example", "Licenses", "dashboard"):
        assert text in page
    lead = client.get("/leads/ann@acme.example").text
    assert f'href="/companies/{id}"' in lead
    assert f'href="/companies/{id}"' in client.get("/deals/D1").text


def test_a_button_claims_from_a_pool(house: Store, client: TestClient) -> None:
    """Who may not is told beside the record, in words; a second press is a conflict."""
    assert "D1" in client.get("/pools").text
    page = client.get("/pools?owner=li.wei").text
    assert page.count('action="/pools/claim"') == 2
    press = {"id": "D1", "record": "deal", "owner": "li.wei", "pool": "cn-pool"}
    done = client.post("/pools/claim", data=press, follow_redirects=False)
    assert done.headers["location"] == "/pools?owner=li.wei&pool=cn-pool"
    after = client.get(done.headers["location"] + "&lang=zh_CN").text
    assert 'action="/pools/claim"' not in after
    assert "近期领取数量已达上限" in after
    again = client.post("/pools/claim", data=press | {"owner": "sam.lee"})
    assert again.status_code in (404, 409)
    assert "li.wei" in again.text


def test_pairs_of_companies_are_answered_by_buttons(house: Store, client: TestClient) -> None:
    """One is merged; another is two and goes from the list."""
    for name in ("Acme", "上海西湖云科技有限公司", "西湖云"):
        client.post("/v1/companies", json={"name": name, "domain": f"d{len(name)}.example"})
    pairs = client.get("/v1/company-duplicates").json()["duplicates"]
    assert len(pairs) == 2
    page = client.get("/companies/duplicates?lang=zh_CN").text
    assert page.count('action="/companies/duplicates/merge"') == 4
    for pair, verb in zip(pairs, ("merge", "distinct"), strict=True):
        ids = {"one": pair["one"]["id"], "other": pair["other"]["id"]}
        done = client.post(f"/companies/duplicates/{verb}", data=ids, follow_redirects=False)
        assert done.status_code == 303
    assert client.get("/v1/company-duplicates").json()["duplicates"] == []


def test_the_list_of_a_page_is_a_file_for_excel(house: Store, client: TestClient) -> None:
    """As the page is narrowed; with a byte order mark."""
    put_lead(house, {"email": "cy@qq.com", "owner": "sam.lee"}, actor="t")
    answer = client.get("/leads.csv?owner=sam.lee&stage=&where=")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert [row["email"] for row in csv.DictReader(answer.text.lstrip("\ufeff").splitlines())] == [
        "cy@qq.com"
    ]
    assert "/leads.csv?" in client.get("/leads?owner=sam.lee").text
