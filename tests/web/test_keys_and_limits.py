"""Keys that open what their scopes say, and visitors who ask too often."""

import io
import re
from datetime import timedelta

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from engine.errors import LongplayError
from engine.logs import set_up_logs
from engine.operations import keys
from engine.store.database import Store
from tests.web.conftest import Open
from web import doors, limits
from web.limits import Buckets, Limits

ELSEWHERE = {"on_loopback": False, "base_url": "https://mail.example.com", "peer": "203.0.113.9"}
EVENT = {"name": "page.viewed", "lead": {"email": "ann@example.com"}}


@pytest.fixture
def outside(workspace: Store, open_client: Open) -> TestClient:
    """A client far away; the server's settings have a key of the weak kind."""
    return open_client(keys=("of-the-settings",), **ELSEWHERE)


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


def ask(client: TestClient, text: str, method: str, path: str) -> int:
    body = {"json": EVENT} if path == "/v1/events" else {}
    return client.request(method, path, headers=bearer(text), **body).status_code  # type: ignore[arg-type]


DOORS = {
    "events": ("POST", "/v1/events", 202),
    "read": ("GET", "/v1/enrollments", 200),
    "write": ("POST", "/v1/leads", 415),
    "metrics": ("GET", "/metrics", 200),
    "pages": ("GET", "/leads", 200),
}


@pytest.mark.parametrize("scope", keys.SCOPES)
def test_a_key_opens_what_its_scopes_say_and_nothing_else(
    outside: TestClient, workspace: Store, scope: str
) -> None:
    """Every other door says which scope it lacks."""
    made = keys.make(workspace, "shop", [scope])
    for name, (method, path, status) in DOORS.items():
        found = ask(outside, made.text, method, path)
        assert found == (status if name == scope else 403), name
    answer = outside.get(
        "/v1/leads/x" if scope != "read" else "/metrics", headers=bearer(made.text)
    )
    assert "lacks the scope" in answer.text


def test_the_store_knows_no_key(workspace: Store) -> None:
    """A stolen database opens nothing: it holds a hash of what is random."""
    made = keys.make(workspace, "shop", ["events"])
    with workspace.engine.begin() as conn:
        rows = conn.exec_driver_sql("SELECT * FROM api_key").fetchall()
    assert made.text.split("_", 2)[2] not in str(rows)
    assert keys.key_of(made.text, workspace.read(keys.good_keys)) is not None
    for wrong in (made.text[:-1] + "~", made.text[:-2] + "AA", "lp_" + "0" * 12 + made.text[15:]):
        assert keys.key_of(wrong, workspace.read(keys.good_keys)) is None


def test_a_key_is_replaced_without_a_gap(
    workspace: Store, open_client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both open for a while; taken back, the old one opens nothing within seconds."""
    monkeypatch.setattr("web.keyring.FRESH", 0.0)
    client = open_client(**ELSEWHERE)
    old = keys.make(workspace, "shop", ["events"], lasts=timedelta(days=90))
    new = keys.rotate(workspace, old.id)
    assert (new.name, new.scopes) == (old.name, old.scopes)
    assert [ask(client, one.text, *DOORS["events"][:2]) for one in (old, new)] == [202, 202]
    keys.revoke(workspace, old.id)
    assert [ask(client, one.text, *DOORS["events"][:2]) for one in (old, new)] == [401, 202]
    told = {row["id"]: row for row in keys.list_keys(workspace)}
    assert (told[old.id]["state"], told[new.id]["state"]) == ("revoked", "good")
    assert told[new.id]["used_at"] is not None
    now = keys.rotate(workspace, new.id, overlap=timedelta())
    assert ask(client, new.text, *DOORS["events"][:2]) == 401
    assert ask(client, now.text, *DOORS["events"][:2]) == 202


def test_a_session_falls_with_its_key(
    workspace: Store, open_client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a key that opens pages begins one."""
    monkeypatch.setattr("web.keyring.FRESH", 0.0)
    client = open_client(**ELSEWHERE)
    shop = keys.make(workspace, "shop", ["events", "read"])
    ann = keys.make(workspace, "ann", ["pages"])
    assert client.post("/login", data={"key": shop.text}).status_code == 401
    assert client.post("/login", data={"key": ann.text}).status_code == 303
    assert client.get("/leads").status_code == 200
    keys.revoke(workspace, ann.id)
    assert client.get("/leads").status_code == 303


def test_while_the_store_is_away_the_last_known_keys_hold(
    workspace: Store, open_client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was let in before is not told that his key is wrong."""
    monkeypatch.setattr("web.keyring.FRESH", 0.0)
    client = open_client(**ELSEWHERE)
    made = keys.make(workspace, "watch", ["metrics"])
    assert ask(client, made.text, "GET", "/metrics") == 200
    with workspace.engine.begin() as conn:
        conn.exec_driver_sql("ALTER TABLE api_key RENAME TO elsewhere")
    assert ask(client, made.text, "GET", "/metrics") == 200


@pytest.mark.parametrize(
    ("name", "scopes", "said"),
    [
        ("", ["read"], "is no name"), ("x\n", ["read"], "is no name"),
        ("a" * 61, ["read"], "is no name"),
        ("shop", [], "opens nothing"), ("shop", ["event"], "no scope is named 'event'"),
    ],
)  # fmt: skip
def test_a_key_that_makes_no_sense_is_not_made(
    workspace: Store, name: str, scopes: list[str], said: str
) -> None:
    """The message says what does."""
    with pytest.raises(LongplayError, match=said):
        keys.make(workspace, name, scopes)


def test_one_key_that_asks_too_often_waits_and_others_do_not(
    workspace: Store, open_client: Open
) -> None:
    """It is told when to come again."""
    client = open_client(**ELSEWHERE)
    client.app.state.deps.limits = Limits(api=3)  # type: ignore[attr-defined]
    busy, other = (keys.make(workspace, name, ["metrics"]) for name in ("busy", "other"))
    found = [ask(client, busy.text, "GET", "/metrics") for _ in range(4)]
    assert found == [200, 200, 200, 429]
    answer = client.get("/metrics", headers=bearer(busy.text))
    assert 1 <= int(answer.headers["retry-after"]) <= 20
    assert answer.headers["content-type"] == "application/problem+json"
    assert ask(client, other.text, "GET", "/metrics") == 200


def test_keys_cannot_be_tried_one_after_the_other(outside: TestClient, workspace: Store) -> None:
    """After some wrong ones even the right one of a person's making is not looked at for a while;
    one that cannot be guessed is."""
    made = keys.make(workspace, "shop", ["metrics", "pages"])
    for _ in range(limits.WRONG):
        assert ask(outside, "wrong", "GET", "/metrics") == 401
    assert ask(outside, "wrong", "GET", "/metrics") == 429
    assert ask(outside, "of-the-settings", "GET", "/metrics") == 429
    assert ask(outside, made.text, "GET", "/metrics") == 200
    assert outside.post("/login", data={"key": "of-the-settings"}).status_code == 429


def test_tokens_cannot_be_guessed_at_speed(outside: TestClient) -> None:
    """Unknown links count as wrong; the same link is opened so often in a minute and no more."""
    found = [outside.get(f"/u/{n}").status_code for n in range(limits.WRONG + 1)]
    assert found == [404] * limits.WRONG + [429]
    busy = outside.app.state.deps.limits.links  # type: ignore[attr-defined]
    busy.size = 1
    assert [outside.get("/o/abc.gif").status_code for _ in range(2)][1] == 429


def test_buckets_fill_up_again_and_forget_whoever_was_long_ago() -> None:
    """By a steady clock, in bounded memory."""
    now = [0.0]
    buckets = Buckets(2, clock=lambda: now[0], most=10)
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 30]
    now[0] = 30.0
    assert [buckets.take("a"), buckets.take("a")] == [0, 30]
    for n in range(1000):
        buckets.take(str(n))
    assert len(buckets) == 10
    assert not any(Buckets(0).take("a") for _ in range(1000))


@pytest.mark.parametrize(
    ("proxies", "forwarded", "found"),
    [
        (0, "", "203.0.113.9"), (0, "198.51.100.1", ""),
        (1, "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        (2, "198.51.100.1, 10.0.0.1", "198.51.100.1"), (2, "198.51.100.1", ""), (1, "nonsense", ""),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"), (1, "[2001:db8::1]:443", "2001:db8::"),
    ],
)  # fmt: skip
def test_who_asks_is_told_by_proxies_that_are_known(
    proxies: int, forwarded: str, found: str
) -> None:
    """What a visitor writes into the header himself does not count."""
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    scope = {"type": "http", "headers": headers, "client": ("203.0.113.9", 1)}
    assert Limits(proxies=proxies).address(Request(scope)) == found


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v1/events", "read"), ("DELETE", "/v1/x", "write"), ("HEAD", "/v1/x", "read"),
        ("POST", "/v1/enrollments/x/cancel", "write"), ("POST", "/inbox/x/done", "pages"),
        ("GET", "/openapi.json", "pages"),
    ],
)  # fmt: skip
def test_every_path_has_a_scope(method: str, path: str, scope: str) -> None:
    """Also those that come later."""
    assert doors.scope_of(method, path) == scope


def test_every_door_is_guarded(outside: TestClient, workspace: Store) -> None:
    """Whatever the route answers: no foreign script, no frame, no sniffing, nothing kept."""
    made = keys.make(workspace, "all", keys.SCOPES)
    paths = {re.sub(r"\{[^}]*\}", "x", one.path) for one in outside.app.routes}  # type: ignore[attr-defined]
    assert len(paths) > 40
    for path in sorted(paths):
        headers = outside.get(path, headers=bearer(made.text)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy, path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["x-frame-options"] == "DENY", path
        assert "no-store" in headers["cache-control"], path


def test_over_https_browsers_are_told_to_stay_there(workspace: Store, open_client: Open) -> None:
    """Only there: over http nobody may be locked out."""
    client = open_client(**ELSEWHERE)
    assert "strict-transport-security" not in client.get("/healthz").headers
    client.app.state.deps.is_secure = True  # type: ignore[attr-defined]
    assert "max-age" in client.get("/healthz").headers["strict-transport-security"]


def test_what_fails_tells_the_log_of_nobody(workspace: Store, open_client: Open) -> None:
    """A fault of ours while a lead is asked for, with a key: neither is in any line."""
    stream = io.StringIO()
    client = open_client(**ELSEWHERE)
    made = keys.make(workspace, "shop", keys.SCOPES)
    assert client.get("/v1/leads/none", headers=bearer(made.text)).status_code == 404
    set_up_logs("json", stream=stream)
    with workspace.engine.begin() as conn:
        conn.exec_driver_sql("ALTER TABLE lead RENAME TO person")
    for path in (
        "/v1/leads/lena.weber@example.com",
        f"/leads?q=lena.weber@example.com&k={made.text}",
    ):
        assert client.get(path, headers=bearer(made.text)).status_code >= 500
    assert stream.getvalue()
    assert "lena.weber" not in stream.getvalue()
    assert made.text[20:] not in stream.getvalue()
