"""Leads and enrollments over the API, in one error shape; its description is true."""

from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from engine.store import enrollments, owners
from engine.store.database import Store

if TYPE_CHECKING:
    from tests.web.conftest import Work

ANN = {"email": "Ann@Example.com", "first_name": "Ann", "fields": {"plan": "free"}}


def test_a_lead_is_made_once_and_then_changed(client: TestClient) -> None:
    """201 the first time, 200 afterwards, whatever the case of the address."""
    first = client.post("/v1/leads", json=ANN)
    again = client.post("/v1/leads", json={"email": "ann@EXAMPLE.com", "employees": 12})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    fields = again.json()["fields"]
    assert (fields["plan"], fields["employees"], fields["first_name"]) == ("free", 12, "Ann")


@pytest.mark.parametrize("name", ["ann@example.com", "ANN%40example.com"])
def test_a_lead_is_found_by_address_or_id(client: TestClient, name: str) -> None:
    """Both lead to the same record; an unknown one is a 404."""
    id = client.post("/v1/leads", json=ANN).json()["id"]
    assert client.get(f"/v1/leads/{name}").json() == client.get(f"/v1/leads/{id}").json()
    assert client.get("/v1/leads/bob@example.com").status_code == 404


def test_a_lead_may_have_no_address(client: TestClient) -> None:
    """A phone number or an id of one's own will do; posted twice is posted once."""
    phone = {"phone": "+86 138 0013 8000", "last_name": "李"}
    ids = {client.post("/v1/leads", json=phone).json()["id"] for _ in range(2)}
    assert len(ids) == 1
    assert client.post("/v1/leads", json={"id": "crm-7"}).json()["stage"] == "visitor"
    assert client.get("/v1/leads/crm-7").status_code == 200
    assert client.post("/v1/leads", json={}).status_code == 422


def test_patching_sets_off_what_a_change_sets_off(client: TestClient, workspace: Store) -> None:
    """The exit of a running playbook that the change fulfills, and the owner's turn."""
    event = {"name": "form.submitted", "lead": {"email": "ann@example.com"},
             "properties": {"form": "trial"}}  # fmt: skip
    client.post("/v1/events", json=event)
    changed = client.patch(
        "/v1/leads/ann@example.com", json={"stage": "opportunity", "owner": "li.wei"}
    )
    assert (changed.status_code, changed.json()["owner"]) == (200, "li.wei")
    query = enrollments.table.select()
    (row,) = workspace.read(lambda tx: tx.conn.execute(query).mappings().all())
    assert row["wake_at"] <= workspace.read(lambda tx: tx.now)
    lead = changed.json()["id"]
    (given_to,) = workspace.read(lambda tx: owners.assignments_of(tx, lead))
    assert (given_to["owner"], given_to["actor"]) == ("li.wei", "api")


def test_null_takes_a_value_away(client: TestClient) -> None:
    """And nothing else does."""
    client.post("/v1/leads", json=ANN)
    client.patch("/v1/leads/ann@example.com", json={"first_name": None})
    assert "first_name" not in client.get("/v1/leads/ann@example.com").json()["fields"]


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"stage": "moon"}, "no stage is called 'moon'"),
        ({"owner": "li.wey"}, "did you mean 'li.wei'"),
        ({"plam": "free"}, "did you mean 'plan'"),
        ({"plan": "gold"}, "'gold' is no value of 'plan'"),
        ({"employees": "many"}, "'employees'"),
        ({"email": "nobody"}, "'nobody' is no mail address"),
        ({"email": "bob@example.com"}, "belongs to lead"),
        ({"score": 100}, "'score' cannot be written"),
        ({"id": "x"}, "never changes"),
        ({"company": "a\x00b"}, "NUL"),
        ({"company": {"a": 1}}, "'company'"),
    ],
)
def test_a_change_that_does_not_fit_changes_nothing(
    client: TestClient, change: dict[str, Any], part: str
) -> None:
    """422 says which field, and what would fit."""
    client.post("/v1/leads", json=ANN)
    client.post("/v1/leads", json={"email": "bob@example.com"})
    before = client.get("/v1/leads/ann@example.com").json()
    answer = client.patch("/v1/leads/ann@example.com", json={"company": "New"} | change)
    assert answer.status_code == 422
    assert part in answer.json()["detail"] + answer.json().get("help", "")
    assert client.get("/v1/leads/ann@example.com").json() == before


def test_enrolling_by_hand_and_controlling(client: TestClient, work: "Work") -> None:
    """Pause, resume, skip, cancel; what does not fit the state is a conflict."""
    client.post("/v1/leads", json=ANN)
    body = {"playbook": "trial-nurture", "leads": ["ann@example.com"], "data": {"form": "trial"}}
    assert client.post("/v1/enrollments", json=body).json() == {"enrolled": 1, "skipped": {}}
    assert client.post("/v1/enrollments", json=body).json()["skipped"] == {"already-in": 1}
    work.until_rest()
    (run,) = client.get("/v1/enrollments", params={"state": "waiting"}).json()["enrollments"]

    def control(verb: str) -> tuple[int, str]:
        answer = client.post(f"/v1/enrollments/{run['id']}/{verb}")
        return answer.status_code, answer.json().get("after", "")

    assert control("pause") == (200, "held")
    assert control("pause") == (409, "")
    assert control("resume") == (200, "waiting")
    assert control("skip") == (200, "active")
    assert control("cancel") == (200, "finished")
    assert control("retry") == (409, "")
    assert control("explode") == (404, "")
    assert client.post("/v1/enrollments/nothing/pause").status_code == 404
    shown = client.get(f"/v1/enrollments/{run['id']}").json()
    assert (shown["outcome"], shown["steps"][0]["step"]) == ("cancelled", "hello")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"playbook": "trial-nuture", "leads": ["ann@example.com"]}, 404),
        ({"playbook": "trial-nurture", "leads": ["bob@example.com"]}, 422),
        ({"playbook": "trial-nurture", "leads": []}, 422),
        ({"playbook": "trial-nurture"}, 422),
        ({"playbook": 7, "leads": ["x"]}, 422),
        ({"playbook": "trial-nurture", "leads": ["x"], "kee": ""}, 422),
    ],
)
def test_what_cannot_be_enrolled_is_told(
    client: TestClient, body: dict[str, Any], status: int
) -> None:
    """The playbook, the leads and the form are checked before anybody enters."""
    client.post("/v1/leads", json=ANN)
    answer = client.post("/v1/enrollments", json=body)
    assert (answer.status_code, answer.json()["status"]) == (status, status)


def test_enrollments_are_listed_a_page_at_a_time(client: TestClient) -> None:
    """`next` of one page is `before` of the following one."""
    leads = [f"l{n}@example.com" for n in range(5)]
    for lead in leads:
        client.post("/v1/leads", json={"email": lead})
    client.post("/v1/enrollments", json={"playbook": "trial-nurture", "leads": leads})
    seen: list[str] = []
    page: dict[str, Any] = {"next": ""}
    while page["next"] is not None:
        page = client.get("/v1/enrollments", params={"limit": 2, "before": page["next"]}).json()
        seen += [one["lead"] for one in page["enrollments"]]
    assert sorted(seen) == leads


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/leads/%00", 404),
        ("GET", "/v1/leads/" + "a" * 500, 404),
        ("GET", "/v1/leads/%ff%fe", 404),
        ("DELETE", "/v1/leads/ann@example.com", 405),
        ("GET", "/v1/events", 405),
        ("PUT", "/v1/enrollments", 405),
        ("GET", "/v1/enrollments?limit=0", 422),
        ("GET", "/v1/enrollments?limit=" + "9" * 5000, 422),
        ("GET", "/v1/enrollments?limit=１", 422),
        ("GET", "/v1/enrollments?state=asleep", 422),
        ("GET", "/v1/enrollments?lead=nobody@example.com", 404),
        ("PATCH", "/v1/leads/ann@example.com", 415),
    ],
)
def test_every_fault_has_the_same_shape(
    client: TestClient, method: str, path: str, status: int
) -> None:
    """RFC 9457, for machines, wherever it went wrong."""
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail"} <= answer.json().keys()


def test_the_description_is_true(client: TestClient) -> None:
    """What the API answers fits the schemas that `/openapi.json` gives."""
    description = client.get("/openapi.json").json()
    every = {route.path.replace(":path", "") for route in client.app.routes}  # type: ignore[attr-defined]
    assert set(description["paths"]) == {path for path in every if path.startswith("/v1")}

    def check(path: str, method: str, answer: Any) -> None:
        responses = description["paths"][path][method]["responses"]
        content = responses[str(answer.status_code)]["content"]["application/json"]
        schema = content["schema"] | {"components": description["components"]}
        jsonschema.validate(answer.json(), schema)

    check("/v1/leads", "post", client.post("/v1/leads", json=ANN))
    check("/v1/leads/{lead}", "get", client.get("/v1/leads/ann@example.com"))
    body = {"playbook": "trial-nurture", "leads": ["ann@example.com"]}
    check("/v1/enrollments", "post", client.post("/v1/enrollments", json=body))
    check("/v1/enrollments", "get", client.get("/v1/enrollments"))
    event = {"name": "page.viewed", "lead": {"email": "ann@example.com"}}
    check("/v1/events", "post", client.post("/v1/events", json=[event, 7]))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=12),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["name", "lead", "email", "id", "at", "properties", "fields", "tags"])
        | st.text(st.characters(codec="utf-8"), max_size=6),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip
FUZZ = settings(
    max_examples=60, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


@FUZZ
@given(body=JSON)
def test_no_json_is_answered_with_a_500(client: TestClient, body: Any) -> None:
    """Any document at any door is taken or told what is wrong with it."""
    for method, path in (
        ("POST", "/v1/events"), ("POST", "/v1/leads"), ("PATCH", "/v1/leads/crm-1"),
        ("POST", "/v1/enrollments"),
    ):  # fmt: skip
        assert client.request(method, path, json=body).status_code < 500


@FUZZ
@given(body=st.binary(max_size=60), kind=st.sampled_from(["application/json", "application/jsonl"]))
def test_no_bytes_are_answered_with_a_500(client: TestClient, body: bytes, kind: str) -> None:
    """The same of what is no JSON at all."""
    answer = client.post("/v1/events", content=body, headers={"content-type": kind})
    assert answer.status_code < 500
