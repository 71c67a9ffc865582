"""A workspace with everything in it, and clients of the application: ASGI in process."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from engine.mail.links import LinkSigner
from engine.operations import editions
from engine.operations.publish import publish
from engine.store.database import Store
from web.app import create_app
from web.deps import Deps
from web.sessions import Sessions

ROOT = Path(__file__).parents[2]
SECRET = "a secret of the tests"

Open = Callable[..., TestClient]


@pytest.fixture
def workspace(sqlite_store: Store) -> Store:
    """A store with the starter workspace published."""
    folder = editions.read_folder(ROOT)
    publish(sqlite_store, editions.edition_of(folder, editions.check(folder)))
    return sqlite_store


@pytest.fixture
def mail_folder(tmp_path: Path) -> Path:
    """Where caught mail is."""
    folder = tmp_path / "mail"
    folder.mkdir()
    return folder


@pytest.fixture
def open_client(sqlite_store: Store, mail_folder: Path) -> Iterator[Open]:
    """Opens clients of the application; `keys`, `on_loopback` and the address may be given."""
    with ExitStack() as stack:

        def open_one(
            *,
            keys: tuple[str, ...] = (),
            on_loopback: bool = True,
            base_url: str = "http://127.0.0.1:8080",
            peer: str = "127.0.0.1",
        ) -> TestClient:
            deps = Deps(
                store=sqlite_store,
                signer=LinkSigner([SECRET]),
                sessions=Sessions(SECRET),
                api_keys=keys,
                on_loopback=on_loopback,
                mail_folder=mail_folder,
            )
            client = TestClient(
                create_app(deps),
                base_url=base_url,
                client=(peer, 50_000),
                follow_redirects=False,
                raise_server_exceptions=False,
            )
            return stack.enter_context(client)

        yield open_one


@pytest.fixture
def client(workspace: Store, open_client: Open) -> TestClient:
    """A client on the server's own machine."""
    return open_client()


@pytest.fixture
def signer() -> LinkSigner:
    """Signs links as the application does."""
    return LinkSigner([SECRET])
