"""Webhooks and rooms with everything real: Temporal, a worker, and a kill -9 of its sender."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bench.arena import Arena
from engine.operations.intake import IncomingEvent, take_in
from engine.store import jobs
from engine.store.database import Store
from tests.calls.listener import Listener, Says
from worker import CHILDREN

pytestmark = pytest.mark.xdist_group("house")

LEADS = 120


@pytest.fixture
def server() -> Iterator[Listener]:
    made = Listener(Says(200, {"errcode": 0, "level": 5}, hangs=0.2))
    yield made
    made.close()


@pytest.fixture
def arena(server: Listener) -> Iterator[Arena]:
    with Arena() as made:
        made.write(
            {
                "longplay.yaml": 'channels: {room: {type: webhook, url: "${ROOM_URL}"}}\n',
                "playbooks/call.yaml": (
                    "playbook: call\n"
                    "enroll: {when: [{event: form.submitted}]}\n"
                    "steps:\n"
                    "  - webhook: ${CRM_URL}/leads\n"
                    "    save: crm\n"
                    "  - if: run.saved.crm.level > 3\n"
                    "    then:\n"
                    "      - notify: room\n"
                    "        message: 大客户 {{ lead.email }}\n"
                ),
                ".env": (
                    f"CRM_URL={server.url('/crm')}\nROOM_URL={server.url('/room')}\n"
                    "LONGPLAY_WEBHOOK_ALLOW_PRIVATE=true\n"
                ),
            }
        )
        made.start_temporal()
        yield made


def until(what: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def states(store: Store) -> Counter[str]:
    query = sa.select(jobs.table.c.kind, jobs.table.c.state)
    rows = store.read(lambda tx: tx.conn.execute(query).all())
    return Counter(f"{kind} {state}" for kind, state in rows)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at processes: needs Linux")
def test_a_sender_killed_in_the_middle_calls_again_under_the_same_ids(
    arena: Arena, server: Listener
) -> None:
    """Every call arrives; those in flight at the kill arrive again, and can be recognized."""
    store = arena.publish()
    arena.start_worker()
    worker = arena.processes["worker"].pid
    until(lambda: len(children(worker)) == CHILDREN)
    took = take_in(
        store, [IncomingEvent("form.submitted", {"email": f"l{n}@x.example"}) for n in range(LEADS)]
    )
    assert took.accepted == LEADS
    until(lambda: len(server.heard) > 20)
    for each in children(worker):
        os.kill(each, signal.SIGKILL)
    # Leases of two minutes are not worth waiting for: what was in flight becomes old at once.
    until(lambda: len(children(worker)) == CHILDREN)
    time.sleep(1)
    aged = sa.update(jobs.table).where(jobs.table.c.state == "in_flight")
    past = sa.select(sa.func.min(jobs.table.c.created_at)).scalar_subquery()
    store.write(lambda tx: tx.conn.execute(aged.values(lease_until=past)))
    until(lambda: states(store)["webhook accepted"] == LEADS, 120)
    until(lambda: states(store)["notify accepted"] == LEADS, 120)
    calls = Counter(one.headers["webhook-id"] for one in server.heard if one.path == "/crm/leads")
    assert len(calls) == LEADS
    again = sum(calls.values()) - LEADS
    assert again <= 20
    (key,) = (arena.folder / ".longplay").glob("webhook.key")
    assert key.read_text().startswith("whsec_")
    rows = store.read(lambda tx: tx.conn.execute(sa.text("SELECT count(*) FROM task")).scalar())
    assert rows == 0
    store.close()
