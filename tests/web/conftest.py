"""A workspace with everything in it, and clients of the application: ASGI in process."""

import asyncio
import email
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from activities._advance import advance
from activities._send import Courier
from engine.mail.catcher import keep_mail
from engine.mail.links import LinkSigner
from engine.mail.transports.memory import MemoryTransport
from engine.operations import editions
from engine.operations.letters import Writer
from engine.operations.publish import publish
from engine.store import jobs
from engine.store.database import Store, Transaction
from tests.web import browsing
from web.app import create_app
from web.deps import Deps
from web.sessions import Sessions

ROOT = Path(__file__).parents[2]
SECRET = "a secret of the tests"

Open = Callable[..., TestClient]


@pytest.fixture(scope="session")
def edition() -> editions.Edition:
    """The starter workspace, compiled."""
    folder = editions.read_folder(ROOT)
    return editions.edition_of(folder, editions.check(folder))


@pytest.fixture
def workspace(sqlite_store: Store, edition: editions.Edition) -> Store:
    """A store with the starter workspace published."""
    publish(sqlite_store, edition)
    return sqlite_store


@pytest.fixture
def mail_folder(tmp_path: Path) -> Path:
    """Where caught mail is."""
    folder = tmp_path / "mail"
    folder.mkdir()
    return folder


def client_of(
    store: Store,
    mail_folder: Path,
    *,
    keys: tuple[str, ...] = (),
    on_loopback: bool = True,
    base_url: str = "http://127.0.0.1:8080",
    peer: str = "127.0.0.1",
) -> TestClient:
    """A client of an application made of these parts."""
    deps = Deps(
        store=store,
        signer=LinkSigner([SECRET]),
        sessions=Sessions(SECRET),
        api_keys=keys,
        on_loopback=on_loopback,
        mail_folder=mail_folder,
    )
    return TestClient(
        create_app(deps),
        base_url=base_url,
        client=(peer, 50_000),
        follow_redirects=False,
        raise_server_exceptions=False,
    )


@pytest.fixture
def open_client(sqlite_store: Store, mail_folder: Path) -> Iterator[Open]:
    """Opens clients of the application; `keys`, `on_loopback` and the address may be given."""
    with ExitStack() as stack:

        def open_one(**options: Any) -> TestClient:
            return stack.enter_context(client_of(sqlite_store, mail_folder, **options))

        yield open_one


@pytest.fixture
def client(workspace: Store, open_client: Open) -> TestClient:
    """A client on the server's own machine."""
    return open_client()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, as the system has it."""
    with browsing.opened() as found:
        yield found


@pytest.fixture
def signer() -> LinkSigner:
    """Signs links as the application does."""
    return LinkSigner([SECRET])


class Work:
    """What workers do, done here: walks every cohort and delivers every batch, until all rest."""

    def __init__(self, store: Store, mail_folder: Path) -> None:
        self.store = store
        self.cohorts: set[str] = set()
        store.on_commit(self.cohorts.update)
        self.transport = MemoryTransport()
        writer = Writer(LinkSigner([SECRET]), "http://127.0.0.1:8080")
        self.courier = Courier(store, writer, self.transport)
        self.mail_folder = mail_folder

    def until_rest(self) -> None:
        """Goes on while something is due."""
        for _ in range(20):
            progress = [advance(self.store, cohort) for cohort in sorted(self.cohorts)]
            batches = [batch for one in progress for batch, _ in one.batches]
            before = len(self.transport.sent)
            for batch in batches:
                asyncio.run(self.courier.deliver(batch))
            for sent in self.transport.sent[before:]:
                keep_mail(self.mail_folder, sent.content, sent.sender, (sent.recipient,))
            if not batches and not any(one.more for one in progress):
                return

    def a_minute_later(self) -> None:
        """What went has been with its readers for a minute: sooner, only machines follow links."""
        accepted_at = jobs.table.c.accepted_at

        def age(tx: Transaction) -> None:
            for id, at in tx.conn.execute(sa.select(jobs.table.c.id, accepted_at)).all():
                earlier = at and at - timedelta(minutes=1)
                mine = jobs.table.c.id == id
                tx.conn.execute(sa.update(jobs.table).where(mine).values(accepted_at=earlier))

        self.store.write(age)

    def tokens(self, kind: str) -> list[str]:
        """The tokens of this kind in every message that went out, in order."""
        found: list[str] = []
        for sent in self.transport.sent:
            for part in email.message_from_bytes(sent.content).walk():
                payload = part.get_payload(decode=True)
                text = payload.decode() if isinstance(payload, bytes) else ""
                found += re.findall(rf"/{kind}/([A-Za-z0-9_-]{{36}})", text)
        return list(dict.fromkeys(found))


@dataclass(frozen=True)
class House:
    """A whole installation: its store, its workers, its web server and a client of that."""

    store: Store
    work: Work
    client: TestClient
    mail_folder: Path


@pytest.fixture(scope="module")
def house(
    _sqlite_template: Path, edition: editions.Edition, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """One for all tests of a file, which only look at it."""
    folder = tmp_path_factory.mktemp("house")
    shutil.copyfile(_sqlite_template, folder / "longplay.db")
    store = Store(f"sqlite:///{folder / 'longplay.db'}")
    publish(store, edition)
    (folder / "mail").mkdir()
    with client_of(store, folder / "mail") as client:
        yield House(store, Work(store, folder / "mail"), client, folder / "mail")
    store.close()


@pytest.fixture
def work(workspace: Store, mail_folder: Path) -> Work:
    """Stands in for the workers."""
    return Work(workspace, mail_folder)
