"""PostgreSQL that is away, busy or held up: bounded in time, told in our words, and tried again."""

import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from engine.errors import EnvironmentFault
from engine.store.database import Store, Transaction, is_away
from engine.store.faults import fault_of
from engine.store.schema import migrate
from web.problems import problem_of


@pytest.fixture
def small(postgres_store: Store) -> Iterator[Store]:
    """A store with two connections, on the same database."""
    store = Store(postgres_store.url, pool_size=2)
    yield store
    store.close()


def shown(tx: Transaction, name: str) -> str:
    return str(tx.conn.execute(sa.text(f"SHOW {name}")).scalar_one())


def test_nothing_waits_for_ever(small: Store) -> None:
    """Statements, locks and transactions that stand still have an end, on every connection."""
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    found = small.read(lambda tx: [shown(tx, name) for name in names])
    assert found == ["5min", "20s", "1min"]


def test_a_migration_takes_as_long_as_it_takes(small: Store) -> None:
    """A large table is not changed in minutes; only that transaction is without bounds."""
    seen: list[str] = []

    @sa.event.listens_for(small.engine, "before_cursor_execute")
    def look(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    migrate(small)
    assert any("SET LOCAL statement_timeout = 0" in one for one in seen)
    assert small.read(lambda tx: shown(tx, "statement_timeout")) == "5min"


def test_a_burst_takes_no_more_connections_than_it_may(small: Store) -> None:
    """Whoever finds none free waits for one: ten at once make do with two."""
    served: list[int] = []

    def count(tx: Transaction) -> None:
        served.append(int(tx.conn.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()))
        tx.conn.execute(sa.text("SELECT pg_sleep(0.05)"))

    threads = [threading.Thread(target=small.read, args=(count,)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(served) == 10
    assert len(set(served)) <= 2


def raised(store: Store, statement: str) -> Exception:
    with pytest.raises(sa.exc.SQLAlchemyError) as found:
        store.write(lambda tx: tx.conn.execute(sa.text(statement)))
    return found.value


WAITS = "SET LOCAL {} = '50ms'; SELECT pg_sleep(5)"


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("SELECT pg_terminate_backend(pg_backend_pid())", id="connection ended"),
        pytest.param(WAITS.format("statement_timeout"), id="statement too long"),
    ],
)
def test_a_database_that_is_away_is_told_and_tried_again(small: Store, statement: str) -> None:
    """No row is to blame, requests are answered with 503, and the next transaction goes through."""
    error = raised(small, statement)
    assert isinstance(error, sa.exc.SQLAlchemyError)
    assert is_away(error)
    assert isinstance(fault_of(error), EnvironmentFault)
    problem = problem_of(error)
    assert (problem.status, problem.headers["Retry-After"]) == (503, "2")
    assert "psycopg" not in str(problem.document())
    assert small.read(lambda tx: shown(tx, "lock_timeout")) == "20s"


def test_a_fault_of_ours_stays_one(small: Store) -> None:
    """A statement that is wrong is no database that is away."""
    assert problem_of(raised(small, "SELECT 1 / 0")).status == 500
