"""The web server process: the parts put together, and run until it is told to stop.

Events are taken in whether Temporal answers or not: accepted means committed. Drivers are nudged
once the connection stands; what was committed before that is found by the workers' sweeper.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette
from temporalio.client import Client
from temporalio.service import RPCError

from engine import garbage
from engine.addresses import Address
from engine.errors import EnvironmentFault
from engine.mail.inbound.providers.hook import HookSecrets
from engine.mail.links import LinkSigner
from engine.mail.return_path import ReturnSigner
from engine.store.database import Store
from web.app import create_app
from web.deps import READERS, WRITERS, Deps
from web.gathering import Gatherer
from web.limits import Limits
from web.sessions import Sessions
from workflows.dispatcher import Dispatcher

DRAIN = 3
"""Seconds that open requests get to end."""

_AGAIN = 1.0
_PROBE = timedelta(seconds=1)
_log = logging.getLogger("longplay.web")

Connect = Callable[[], Awaitable[Client]]


class WebSettings(Protocol):
    """What the web server has to know; `engine.settings` has it, and only roots read that."""

    @property
    def store_url(self) -> str:
        """The database."""
        ...

    @property
    def web(self) -> Address:
        """Where to listen."""
        ...

    @property
    def link_url(self) -> str:
        """How people reach us."""
        ...

    @property
    def api_keys(self) -> Sequence[SecretStr]:
        """The keys that `/v1` accepts."""
        ...

    @property
    def api_rate(self) -> int:
        """Requests of one key in a minute."""
        ...

    @property
    def proxies(self) -> int:
        """How many proxies of ours stand before the server."""
        ...

    @property
    def catches_mail(self) -> bool:
        """Whether mail is caught here."""
        ...

    @property
    def mail_folder(self) -> Path:
        """Where it is kept."""
        ...

    def signing_key(self) -> str:
        """What signs links and sessions."""
        ...

    def hook_secrets(self) -> HookSecrets:
        """What the reports of mail providers are checked with."""
        ...

    def pool_of(self, size: int) -> int:
        """How many connections it may have that would like `size`."""
        ...


class Line:
    """The connection to Temporal: made in the background, and made again while it fails.

    Args:
        connect: makes it; may raise as often as it likes.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._client: Client | None = None
        self._dispatcher: Dispatcher | None = None
        self._missed: set[str] = set()

    def nudge(self, cohorts: Iterable[str]) -> None:
        """Passes nudges on; before the connection stands they are kept."""
        if self._dispatcher is not None:
            self._dispatcher.nudge(cohorts)
        else:
            self._missed |= set(cohorts)

    async def answers(self) -> bool:
        """Whether Temporal can be reached now."""
        if self._client is None:
            return False
        try:
            return await self._client.service_client.check_health(timeout=_PROBE)
        except RPCError:
            return False

    async def hold(self) -> None:
        """Connects, however long that takes."""
        while self._client is None:
            try:
                self._client = await self._connect()
            except (EnvironmentFault, RPCError, RuntimeError, OSError) as error:
                _log.warning("Temporal is not to be had; events are accepted all the same: %s",
                             str(error).splitlines()[0])  # fmt: skip
                await asyncio.sleep(_AGAIN)
        self._dispatcher = Dispatcher(self._client, asyncio.get_running_loop())
        missed, self._missed = self._missed, set()
        self._dispatcher.nudge(missed)
        _log.info("connected with Temporal")

    async def drain(self) -> None:
        """Waits a moment for the nudges that are on their way."""
        if self._dispatcher is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._dispatcher.drain(), 1)


def serve(settings: WebSettings, connect: Connect) -> None:
    """Serves until SIGTERM or Ctrl-C, then lets open requests end.

    Raises:
        EnvironmentFault: the address cannot be listened on.
    """
    line = Line(connect)
    store = Store(settings.store_url, pool_size=settings.pool_of(READERS + WRITERS))
    store.on_commit(line.nudge)
    app = create_app(_deps(settings, store, line))
    app.router.lifespan_context = _lifespan(line)
    address = settings.web
    server = _Server(
        uvicorn.Config(
            app,
            host=address.host,
            port=address.port,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=DRAIN,
        )
    )
    garbage.settle()
    try:
        server.run()
    except SystemExit as error:
        # uvicorn logs why it cannot listen, and leaves; we say it our way.
        raise EnvironmentFault(
            f"the web server cannot listen on '{address}'",
            help="set LONGPLAY_WEB_ADDRESS to a free one, such as 127.0.0.1:8081",
        ) from error
    finally:
        store.close()


def _deps(settings: WebSettings, store: Store, line: Line) -> Deps:
    secret = settings.signing_key()
    return Deps(
        store=store,
        signer=LinkSigner([secret]),
        hooks=settings.hook_secrets(),
        returns=ReturnSigner([secret]),
        sessions=Sessions(secret),
        api_keys=tuple(key.get_secret_value() for key in settings.api_keys),
        on_loopback=settings.web.is_loopback,
        public_url=settings.link_url,
        is_secure=settings.link_url.startswith("https://"),
        mail_folder=settings.mail_folder if settings.catches_mail else None,
        temporal_answers=line.answers,
        limits=Limits(settings.api_rate, settings.proxies),
        gatherer=Gatherer(lanes=1 if store.is_sqlite else WRITERS // 2),
    )


def _lifespan(line: Line) -> Callable[[Starlette], contextlib.AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        holding = asyncio.create_task(line.hold())
        try:
            yield
        finally:
            holding.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await holding
            await line.drain()

    return lifespan


class _Server(uvicorn.Server):
    """Ends with status 0 when it is asked to stop: uvicorn would raise the signal once more."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stops on SIGTERM and Ctrl-C, and is then done with them."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()
