"""PostgreSQL under two workers and two web servers: whatever dies, everything finishes once."""

import threading
import time
from collections.abc import Iterator

import pytest

from bench import shapes
from bench.arena import Arena, wait_until
from bench.client import Web
from bench.postgres import Postgres
from bench.reckoning import Mails, in_flight, reckon, unfinished, walks
from engine.mail.links import LinkKind, LinkSigner
from engine.store.database import Store

LEADS = 120
LIMIT = 180
"""Seconds; a quiet machine takes a fifth of it, unless a message was in flight at the kill."""

KEY = "a-key-for-the-arena-and-nothing-else"
PLAYBOOK = """\
playbook: two-machines
enroll:
  when:
    - event: form.submitted
steps:
  - email: first
    id: hello
  - wait_for: email.clicked
    from: hello
    up_to: 8 seconds
    then:
      - tag: clicked
    else:
      - tag: quiet
  - assign: all
  - wait: 3 seconds
  - email: third
    id: last
"""
pytestmark = [pytest.mark.xdist_group("up"), pytest.mark.timeout(400)]


@pytest.fixture
def house() -> Iterator[tuple[Arena, Postgres]]:
    postgres = Postgres()
    try:
        with Arena(database_url=postgres.url) as made:
            files = shapes.files_under_fire() | {"playbooks/two-machines.yaml": PLAYBOOK}
            del files["playbooks/under-fire.yaml"]
            made.write(files)
            made.start_sink()
            made.start_temporal()
            yield made, postgres
    finally:
        postgres.close()


def feed(web: Web) -> None:
    """Every lead's form, twice under the same id, to one server and then to the other."""
    for start in range(0, LEADS, 10):
        events = [
            {"id": f"form-{n}", "name": "form.submitted", "lead": {"email": f"lead{n}@example.com"}}
            for n in range(start, start + 10)
        ]
        web.post_events(events)
        web.post_events(events)
        time.sleep(0.3)


def click(web: Web, arena: Arena, stop: threading.Event) -> None:
    """Clicks in the first mail of every third lead."""
    signer, seen = LinkSigner([KEY]), 0
    while not stop.is_set():
        arrived = arena.accepted()
        for message_id, recipient in arrived[seen:]:
            if int(recipient.removeprefix("lead").partition("@")[0]) % 3 == 0:
                job = message_id.strip("<>").partition("@")[0]
                web.click(signer.token(LinkKind.CLICK, job, 0))
        seen = len(arrived)
        time.sleep(0.3)


def finished(store: Store) -> bool:
    try:
        return store.read(unfinished) == 0 and len(store.read(walks)) == LEADS
    except Exception:  # the database is being restarted
        return False


def test_two_of_each_on_one_postgresql_lose_and_double_nothing(
    house: tuple[Arena, Postgres],
) -> None:
    """A worker, a web server and PostgreSQL itself are killed while events come in over both."""
    arena, postgres = house
    store = arena.publish()
    for number in ("1", "2"):
        arena.start_worker(f"worker{number}")
        arena.start_web(f"web{number}")
    web = Web(arena.web_port_of("web1"), arena.web_port_of("web2"))
    stop = threading.Event()
    threads = [threading.Thread(target=feed, args=(web,)),
               threading.Thread(target=click, args=(web, arena, stop))]  # fmt: skip
    for thread in threads:
        thread.start()
    try:
        assert wait_until(lambda: len(arena.accepted()) > 10, 60)
        # What is in flight at a kill is in doubt two minutes later; bench.kill waits for that.
        wait_until(lambda: not store.read(in_flight), 10, 0.01)
        arena.kill("worker1")
        doubtful = store.read(in_flight)
        arena.kill("web2")
        time.sleep(1)
        arena.start_worker("worker1")
        arena.start_web("web2")
        assert wait_until(lambda: len(arena.accepted()) > 60, 60)
        postgres.crash()
        threads[0].join(60)
        assert wait_until(lambda: finished(store), LIMIT), store.read(unfinished)
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    for name in ("worker1", "worker2", "web1", "web2"):
        assert arena.processes[name].poll() is None, f"{name} ended"
    mails, did = Mails(), store.read(walks)
    store.read(lambda tx: reckon(tx, arena.accepted(), mails))
    assert mails.faults == []
    assert mails.accepted_twice == 0
    assert mails.mails_accepted + mails.in_doubt == 2 * LEADS
    assert mails.in_doubt <= len(doubtful)
    assert all(len(steps) == len(set(steps)) for steps in did.values()), "a step was done twice"
    assert all(("tag-clicked" in steps) != ("tag-quiet" in steps) for steps in did.values())
    assert any("tag-clicked" in steps for steps in did.values())
    store.close()
