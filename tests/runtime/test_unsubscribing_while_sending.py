"""An unsubscription that meets mail on its way: what is answered 200 is the end of it."""

import random
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from engine.mail.links import LinkKind, LinkSigner
from engine.mail.transports.memory import MemoryTransport
from engine.mail.transports.port import Envelope
from engine.store import leads, suppressions
from tests.runtime.stage import Stage
from web.app import create_app
from web.deps import Deps
from web.sessions import Sessions

ON_FORM = "enroll: {when: [{event: form.submitted}]}\n"
SERIES = ON_FORM + "steps:\n  - email: note\n  - email: other\n  - email: note\n    id: third\n"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
SIGNER = LinkSigner([b"a key for tests, nothing else"])


def client_of(stage: Stage, patience: float = 20.0) -> TestClient:
    """A client of a web server on the same store."""
    deps = Deps(stage.store, SIGNER, Sessions("secret"), on_loopback=True, patience=patience)
    return TestClient(create_app(deps), base_url="http://127.0.0.1:8080")


def door(job: str) -> str:
    """Where the button of a mail program leads for this message."""
    return f"/u/{SIGNER.token(LinkKind.UNSUBSCRIBE, job)}"


def carried_by(stage: Stage, transport: MemoryTransport) -> None:
    """From now on this takes the mail."""
    stage.transport = transport
    stage.courier = replace(stage.courier, transport=transport)


def jobs_by_address(stage: Stage) -> dict[str, str]:
    """The job of every lead that has one, by the lead's address."""
    addresses = {row["id"]: row["email"] for row in stage.all(leads.table)}
    return {addresses[job["lead"]]: job["id"] for job in stage.jobs()}


def has_left(stage: Stage, address: str) -> bool:
    """Whether the unsubscription has been committed."""
    blocks = stage.store.read(lambda tx: suppressions.blocks_of(tx, [address]))
    return blocks[address].is_blocked


def test_the_answer_waits_for_the_mail_that_is_with_the_server(stage: Stage) -> None:
    """Posted while the lead's mail is in flight: it is accepted before the 200, never after."""
    stage.publish(mail=ON_FORM + "steps:\n  - email: note\n")
    stage.crowd(5)
    stage.advance()
    jobs = jobs_by_address(stage)
    order: list[str] = []
    posted: list[Future[int]] = []

    def post(job: str) -> int:
        with client_of(stage) as client:
            status = client.post(door(job), data=ONE_CLICK).status_code
        order.append("answered")
        return int(status)

    with ThreadPoolExecutor(1) as pool:

        def accept(envelope: Envelope) -> None:
            if not posted:
                posted.append(pool.submit(post, jobs[envelope.recipient]))
                while not has_left(stage, envelope.recipient) and not posted[0].done():
                    time.sleep(0.005)
                time.sleep(0.05)  # time enough for an answer that does not wait
                order.append("accepted")

        carried_by(stage, MemoryTransport(accept))
        stage.work()
        assert posted[0].result(30) == 200
    assert order == ["accepted", "answered"]
    assert len(stage.transport.sent) == 5


def test_a_cohort_on_its_way_sends_nothing_to_who_has_left(stage: Stage) -> None:
    """In threads beside the senders, at random: no mail is accepted after the answer 200."""
    stage.publish(mail=SERIES)
    stage.crowd(30)
    accepted: list[tuple[str, float]] = []
    answered: dict[str, float] = {}
    gate = threading.Lock()

    def accept(envelope: Envelope) -> None:
        time.sleep(0.001)
        with gate:
            accepted.append((envelope.recipient, time.monotonic()))

    carried_by(stage, MemoryTransport(accept))
    stage.advance()
    leaving = random.Random(5).sample(sorted(jobs_by_address(stage).items()), 12)

    def leave() -> None:
        with client_of(stage) as client:
            for address, job in leaving:
                assert client.post(door(job), data=ONE_CLICK).status_code == 200
                answered[address] = time.monotonic()

    with ThreadPoolExecutor(3) as pool:
        gone = pool.submit(leave)
        while not gone.done() or stage.runs(ended_at=None):
            list(pool.map(stage.deliver, stage.open_batches()))
        gone.result()
    assert len(answered) == 12
    late = [one for one in accepted if one[1] > answered.get(one[0], float("inf"))]
    assert late == []
    others = [to for to, _ in accepted if to not in answered]
    assert len(others) == 3 * 18


def test_a_server_that_hangs_is_not_waited_for_without_end(sqlite_stage: Stage) -> None:
    """202 and a sentence: kept, but one mail may still arrive."""
    stage = sqlite_stage
    stage.publish(mail=ON_FORM + "steps:\n  - email: note\n")
    stage.event("form.submitted")
    stage.advance()
    job = stage.job()["id"]
    answers = []

    def accept(envelope: Envelope) -> None:
        with client_of(stage, patience=0.0) as client:
            answers.append(client.post(door(job), data=ONE_CLICK))

    carried_by(stage, MemoryTransport(accept))
    stage.work()
    assert [one.status_code for one in answers] == [202]
    assert "still arrive" in answers[0].text
    with client_of(stage) as client:
        assert client.post(door(job), data=ONE_CLICK).status_code == 200


@pytest.mark.parametrize("kind", ["transactional", "marketing"])
def test_only_marketing_is_waited_for(sqlite_stage: Stage, kind: str) -> None:
    """An order's confirmation in flight is none of the unsubscription's business."""
    stage = sqlite_stage
    stage.publish(mail=ON_FORM + f"steps:\n  - {{email: note, as: {kind}}}\n")
    stage.event("form.submitted")
    stage.advance()
    job = stage.job()["id"]
    seen = []

    def accept(envelope: Envelope) -> None:
        with client_of(stage, patience=0.0) as client:
            seen.append(client.post(door(job), data=ONE_CLICK).status_code)

    carried_by(stage, MemoryTransport(accept))
    stage.work()
    assert seen == [200 if kind == "transactional" else 202]
