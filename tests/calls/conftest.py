"""Servers on loopback, and stages whose calls may reach them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from engine.store.database import Store
from tests.calls.listener import Heard, Listener, Says
from tests.runtime.stage import Clock, Stage

Listening = Callable[..., Listener]


@pytest.fixture
def listening() -> Iterator[Listening]:
    """Makes servers, which are closed at the end."""
    made: list[Listener] = []

    def make(*says: Says, judge: Callable[[Heard], Says] | None = None) -> Listener:
        made.append(Listener(*says, judge=judge))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def stage(sqlite_store: Store) -> Iterator[Stage]:
    """A stage on SQLite whose clock the test moves."""
    clock = Clock(datetime.now(UTC).replace(microsecond=0))
    store = Store(sqlite_store.url, clock=clock)
    yield Stage(store, clock)
    store.close()
