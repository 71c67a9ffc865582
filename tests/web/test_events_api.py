"""`POST /v1/events`: accepted means committed, and whatever is wrong is said, never a 500."""

import asyncio
import json

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from engine.errors import InputError, TryAgainError
from engine.operations.intake import IncomingEvent, Intake
from engine.store import events
from engine.store.database import Store
from web.bodies import MOST_BYTES
from web.gathering import Gatherer, Share

TRIAL = {
    "id": "f-1",
    "name": "form.submitted",
    "lead": {"email": "ann@example.com", "first_name": "Ann"},
    "properties": {"form": "trial"},
}


def kept(store: Store) -> list[str]:
    """The ids of the events that are kept."""
    query = sa.select(events.table.c.id).order_by(events.table.c.id)
    return store.read(lambda tx: list(tx.conn.execute(query).scalars()))


def test_one_event_is_committed_when_it_is_accepted(client: TestClient, workspace: Store) -> None:
    """The answer comes after the commit; the lead and its enrollment are there."""
    answer = client.post("/v1/events", json=TRIAL)
    assert (answer.status_code, answer.json()) == (
        202, {"accepted": 1, "duplicates": 0, "rejected": []},
    )  # fmt: skip
    assert kept(workspace) == ["f-1"]
    runs = client.get("/v1/enrollments", params={"lead": "ann@example.com"}).json()["enrollments"]
    assert [(one["playbook"], one["state"]) for one in runs] == [("trial-nurture", "pending")]


def test_the_same_id_is_one_event(client: TestClient, workspace: Store) -> None:
    """Sending again is safe."""
    client.post("/v1/events", json=TRIAL)
    assert client.post("/v1/events", json=[TRIAL, TRIAL]).json()["duplicates"] == 2
    assert kept(workspace) == ["f-1"]


def test_bad_events_of_a_list_are_rejected_and_the_rest_is_kept(client: TestClient) -> None:
    """Each is named by its place, with what is wrong."""
    wrong = [
        TRIAL | {"id": 7},
        TRIAL | {"id": "f-2", "at": "2026-01-01T00:00:00"},
        TRIAL | {"id": "f-3", "name": "form.submited"},
        TRIAL | {"id": "f-4", "lead": {"email": "nobody"}},
        TRIAL | {"id": "f-5", "surprise": 1},
        TRIAL | {"id": "f-6", "lead": {}},
        "f-7",
        TRIAL | {"id": "f-8", "properties": {"form": "a\x00b"}},
        TRIAL | {"id": "f-9", "lead": {"email": "ann@example.com", "plam": "free"}},
    ]
    answer = client.post("/v1/events", json=[TRIAL, *wrong])
    body = answer.json()
    assert (answer.status_code, body["accepted"]) == (202, 1)
    assert [one["index"] for one in body["rejected"]] == list(range(1, len(wrong) + 1))
    errors = " | ".join(one["error"] for one in body["rejected"])
    for part in ("'id'", "no offset", "form.submitted", "no mail address", "'surprise'", "NUL",
                 "did you mean 'plan'"):  # fmt: skip
        assert part in errors


def test_a_single_event_that_is_wrong_is_a_wrong_request(client: TestClient) -> None:
    """422 with a problem document that carries the counts, too."""
    answer = client.post("/v1/events", json=TRIAL | {"name": "nothing.known"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["accepted"] == 0
    assert answer.json()["rejected"][0]["index"] == 0


@pytest.mark.parametrize("kind", ["application/x-ndjson", "application/jsonl", "application/json"])
def test_json_lines_are_taken(client: TestClient, workspace: Store, kind: str) -> None:
    """One event a line, empty lines left out; a broken line is rejected alone."""
    lines = [json.dumps(TRIAL), "", json.dumps(TRIAL | {"id": "f-2"}), "{broken"]
    answer = client.post(
        "/v1/events", content="\n".join(lines).encode(), headers={"content-type": kind}
    )
    assert answer.status_code == 202
    assert (answer.json()["accepted"], answer.json()["rejected"][0]["index"]) == (2, 2)
    assert kept(workspace) == ["f-1", "f-2"]


def test_many_events_are_cut_into_transactions(client: TestClient, workspace: Store) -> None:
    """The places of rejected ones are those in the whole request."""
    many = [{"id": f"p-{n:04d}", "name": "page.viewed", "lead": {"email": f"l{n % 40}@example.com"}}
            for n in range(1_200)]  # fmt: skip
    many[1_100]["name"] = "no.such"
    body = client.post("/v1/events", json=many).json()
    assert (body["accepted"], [one["index"] for one in body["rejected"]]) == (1_199, [1_100])
    assert len(kept(workspace)) == 1_199


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b"\xff\xfe{}", "application/json", 400),
        (b'"\\ud800"', "application/json", 400),
        (b"[" * 300_000, "application/json", 400),
        (b"NaN", "application/json", 400),
        (b"9" * 5_000, "application/json", 400),
        (b'{"a": 1}', "text/plain", 415),
        (b'{"a": 1}', "", 415),
        (b"a=1", "application/x-www-form-urlencoded", 415),
        (b" " * (MOST_BYTES + 1), "application/json", 413),
        (b"[" + b"{}," * 5_000 + b"{}]", "application/json", 413),
        (b"7", "application/json", 422),
        (b"null", "application/json", 422),
        (b"[]", "application/json", 202),
    ],
)
def test_whatever_is_sent_is_answered(
    client: TestClient, content: bytes, kind: str, status: int
) -> None:
    """A fault of the request is a 4xx with a problem document."""
    answer = client.post("/v1/events", content=content, headers={"content-type": kind})
    assert answer.status_code == status
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
        assert answer.json()["detail"]


def test_a_byte_order_mark_is_no_fault(client: TestClient) -> None:
    """Windows tools put one before UTF-8."""
    content = b"\xef\xbb\xbf" + json.dumps(TRIAL).encode()
    answer = client.post(
        "/v1/events", content=content, headers={"content-type": "application/json"}
    )
    assert answer.json()["accepted"] == 1


def test_before_the_first_apply_events_are_asked_to_come_later(open_client: object) -> None:
    """503 and not 4xx: a sender must not throw its events away."""
    assert callable(open_client)
    answer = open_client().post("/v1/events", json=TRIAL)
    assert (answer.status_code, answer.json()["help"]) == (503, "run: longplay apply")


async def test_requests_that_meet_share_a_transaction() -> None:
    """And each gets its own counts and places; what fails, fails for those alone that met it."""
    taken: list[int] = []

    async def take(together: list[IncomingEvent]) -> Intake:
        taken.append(len(together))
        await asyncio.sleep(0.01)
        if any(event.name == "boom" for event in together):
            raise TryAgainError("the database is away")
        wrong = [(n, InputError("no")) for n, one in enumerate(together) if one.name == "bad"]
        known = [n for n, one in enumerate(together) if one.name == "known"]
        return Intake(len(together) - len(wrong) - len(known), known, wrong)

    def events(*names: str) -> list[IncomingEvent]:
        return [IncomingEvent(name, {"email": "ann@example.com"}) for name in names]

    gatherer = Gatherer()
    requests = [events("fine"), events("bad", "fine"), events("fine", "known", "bad"),
                events(*["fine"] * 499), events("boom")]  # fmt: skip
    answers = await asyncio.gather(
        *(gatherer.take_in(one, take) for one in requests), return_exceptions=True
    )
    assert taken == [6, 500]
    assert answers[:3] == [Share(1, 0, {}), Share(1, 0, {0: "no"}), Share(1, 1, {2: "no"})]
    assert isinstance(answers[3], TryAgainError)
    assert isinstance(answers[4], TryAgainError)
    for _ in range(3):  # one after the other: each finds a lane free
        assert await gatherer.take_in(events("fine"), take) == Share(1, 0, {})


@pytest.mark.parametrize(
    ("at", "fine"),
    [
        ("2026-03-02T09:30:00+08:00", True),
        ("2026-03-02T01:30:00Z", True),
        ("2026-03-02T09:30:00", False),
        ("2026-03-02", False),
        ("yesterday", False),
        ("0001-01-01T00:00:00+14:00", False),
        ("9999-12-31T23:59:59-12:00", False),
        (1_772_415_000, False),
        (None, True),
    ],
)
def test_times_say_their_offset(client: TestClient, at: object, fine: bool) -> None:
    """A time without an offset means nothing to anybody else."""
    answer = client.post("/v1/events", json=TRIAL | {"at": at})
    assert answer.status_code == (202 if fine else 422)
