"""Stages on both databases; on SQLite tests move the clock."""

from collections.abc import Iterator

import pytest

from engine.store.database import Store
from tests.runtime.stage import Clock, Stage


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sqlite_stage(sqlite_store: Store, clock: Clock) -> Iterator[Stage]:
    store = Store(sqlite_store.url, clock=clock)
    yield Stage(store, clock)
    store.close()


@pytest.fixture
def postgres_stage(postgres_store: Store) -> Stage:
    return Stage(postgres_store)


@pytest.fixture(params=["sqlite", "postgres"])
def stage(request: pytest.FixtureRequest) -> Stage:
    """A stage on each of the databases."""
    made: Stage = request.getfixturevalue(f"{request.param}_stage")
    return made
