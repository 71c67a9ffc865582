"""The emergency brake on several workers at once, over a mail server that takes its time."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from bench import shapes
from bench.arena import Arena, wait_until
from bench.throughput import nudge_all
from engine.operations import braking
from engine.operations.intake import IncomingEvent, take_in
from engine.store.database import Store

pytestmark = pytest.mark.xdist_group("house")

MAILS = 900
SLOWLY = shapes.WORKSPACE.replace("sender:\n", "sender:\n  rate: 1500 per minute\n")
BURST, A_SECOND = 150, 22.5


@pytest.fixture(params=["sqlite", "postgres"])
def arena(request: pytest.FixtureRequest) -> Iterator[Arena]:
    url = ""
    if request.param == "postgres":
        store: Store = request.getfixturevalue("postgres_store")
        url = store.url
    with Arena(database_url=url) as made:
        made.write(shapes.files_of_one_mail() | {"longplay.yaml": SLOWLY})
        made.start_temporal()
        made.start_sink(delay=0.4)
        yield made


def test_the_brake_stops_mail_within_two_seconds_on_all_workers(arena: Arena) -> None:
    """Two workers, four senders: two seconds after it nothing leaves; let go, mail goes by rate."""
    store = arena.publish()
    nudged: set[str] = set()
    store.on_commit(nudged.update)
    arena.start_worker()
    arena.start_worker("worker2")
    for start in range(0, MAILS, 300):
        leads = ({"email": f"lead{n}@example.com"} for n in range(start, start + 300))
        take_in(store, [IncomingEvent("form.submitted", lead) for lead in leads])
    asyncio.run(nudge_all(arena, nudged))
    assert wait_until(lambda: len(arena.accepted()) > 30, 60, look=0.05)
    nudged.clear()
    braking.pull(store)
    time.sleep(2)
    stopped = len(arena.accepted())
    assert stopped < MAILS
    time.sleep(4)
    assert len(arena.accepted()) == stopped
    braking.let_go(store)
    asyncio.run(nudge_all(arena, nudged))
    time.sleep(5)
    released = len(arena.accepted()) - stopped
    assert 20 < released <= BURST + 7 * A_SECOND
    assert len(set(arena.accepted())) == len(arena.accepted())
    store.close()
