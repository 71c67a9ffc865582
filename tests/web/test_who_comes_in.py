"""Who may come in: nobody needs a key at the machine itself, everybody else does."""

import pytest
from starlette.testclient import TestClient

from engine.store.database import Store
from tests.web.conftest import Open
from web.sessions import COOKIE, LASTS, Sessions

KEY = "key-of-the-shop"
BEARER = {"authorization": f"Bearer {KEY}"}
ELSEWHERE = {"on_loopback": False, "base_url": "https://mail.example.com", "peer": "203.0.113.9"}
EVENT = {"name": "page.viewed", "lead": {"email": "ann@example.com"}}


@pytest.fixture
def outside(workspace: Store, open_client: Open) -> TestClient:
    """A client far away from a server that everybody can reach."""
    return open_client(keys=(KEY, "another"), **ELSEWHERE)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": f"Basic {KEY}"}, 401),
        ({"authorization": f"Bearer {KEY}x"}, 401),
        ({"authorization": "Bearer "}, 401),
        (BEARER, 202),
        ({"authorization": "bearer another"}, 202),
    ],
)
def test_the_api_needs_a_key_off_loopback(
    outside: TestClient, headers: dict[str, str], status: int
) -> None:
    """And says how to give one."""
    answer = outside.post("/v1/events", json=EVENT, headers=headers)
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_without_any_key_nobody_comes_in_from_elsewhere(
    workspace: Store, open_client: Open
) -> None:
    """An empty list of keys opens nothing."""
    client = open_client(**ELSEWHERE)
    assert client.get("/v1/enrollments", headers={"authorization": "Bearer "}).status_code == 401


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": "http://evil.example:8080"},
        {"peer": "203.0.113.9"},
    ],
    ids=["a foreign name that leads here", "a peer that is not this machine"],
)
def test_loopback_means_this_machine_under_its_own_name(
    workspace: Store, open_client: Open, options: dict[str, str]
) -> None:
    """DNS rebinding gives a web site our address; it cannot give it our name."""
    assert open_client(**options).get("/v1/enrollments").status_code == 401


def test_behind_a_proxy_loopback_is_the_whole_world(client: TestClient) -> None:
    """A proxy on the same machine speaks for people who are not."""
    answer = client.get("/v1/enrollments", headers={"x-forwarded-for": "203.0.113.9"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:9000"},
    ],
    ids=str,
)
def test_another_site_cannot_write_through_the_visitors_browser(
    client: TestClient, headers: dict[str, str]
) -> None:
    """A page on the internet can post to 127.0.0.1; it is turned away."""
    assert client.post("/v1/events", json=EVENT, headers=headers).status_code == 403
    same = {"origin": "http://127.0.0.1:8080", "sec-fetch-site": "same-origin"}
    assert client.post("/v1/events", json=EVENT, headers=same).status_code == 202


@pytest.mark.parametrize("path", ["/", "/leads", "/mail", "/inbox", "/openapi.json"])
def test_pages_ask_people_from_elsewhere_to_sign_in(outside: TestClient, path: str) -> None:
    """And lead on to where they wanted to go."""
    answer = outside.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={path}")


def test_a_key_opens_the_pages_and_signing_out_closes_them(outside: TestClient) -> None:
    """The cookie is a session's: not the key, not readable by scripts."""
    assert outside.post("/login", data={"key": "wrong"}).status_code == 401
    answer = outside.post("/login", data={"key": KEY, "next": "/leads"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/leads")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert KEY not in answer.headers["set-cookie"]
    assert outside.get("/leads").status_code == 200
    assert outside.get("/v1/enrollments").status_code == 401
    assert outside.post("/logout").status_code == 303
    assert outside.get("/leads").status_code == 303


@pytest.mark.parametrize("wanted", ["https://evil.example", "//evil.example", "/\\evil", "x\r\ny"])
def test_signing_in_leads_nowhere_else(outside: TestClient, wanted: str) -> None:
    """An open redirect would be a phisher's friend."""
    answer = outside.post("/login", data={"key": KEY, "next": wanted})
    assert answer.headers["location"] == "/"


def test_sessions_end_and_fall_with_their_key() -> None:
    """A cookie is good for its time, its key and this installation only."""
    sessions = Sessions("secret", clock=lambda: 1_000.0)
    cookie = sessions.begin(KEY)
    assert sessions.is_good(cookie, ["other", KEY])
    assert not sessions.is_good(cookie, ["other"])
    assert not Sessions("secret", clock=lambda: 1_001.0 + LASTS).is_good(cookie, [KEY])
    assert not Sessions("other", clock=lambda: 1_000.0).is_good(cookie, [KEY])
    for forged in ("", ".", "9" * 40 + ".x", cookie[:-1], f"9{cookie}", "１２３.x"):
        assert not sessions.is_good(forged, [KEY])


def test_a_forged_cookie_opens_nothing(outside: TestClient) -> None:
    """The name of the cookie alone is no key."""
    outside.cookies.set(COOKIE, "9999999999.00")
    assert outside.get("/leads").status_code == 303


@pytest.mark.parametrize("path", ["/healthz", "/u/nothing", "/c/nothing", "/o/x.gif", "/login"])
def test_the_open_doors_are_open(outside: TestClient, path: str) -> None:
    """Recipients of mail, and whoever watches the process, have no key."""
    assert outside.get(path).status_code in {200, 404}


@pytest.mark.parametrize("path", ["/", "/leads", "/v1/enrollments", "/nothing", "/u/x", "/healthz"])
def test_every_response_is_guarded(client: TestClient, path: str) -> None:
    """No foreign scripts, no frames, no sniffing, no caching of people's data."""
    headers = client.get(path).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_readiness_tells_of_the_store_and_of_temporal(
    client: TestClient, sqlite_store: Store
) -> None:
    """Without Temporal events are accepted, so the server is ready; without a store it is not."""
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]) == (
        200, {"store": True, "published": True, "temporal": False},
    )  # fmt: skip
    sqlite_store.engine.dispose()
    with sqlite_store.engine.begin() as conn:
        conn.exec_driver_sql("DROP TABLE published")
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200
