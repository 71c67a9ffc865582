"""What the web server works with, and the only way its handlers reach the store: from threads."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request

from engine.mail.inbound.providers.hook import HookSecrets
from engine.mail.links import LinkSigner
from engine.mail.return_path import ReturnSigner
from engine.operations import keys
from engine.operations.exposition import Exposition
from engine.operations.letters import Writer
from engine.store.database import Store, Transaction
from web.gathering import Gatherer
from web.keyring import KeyRing
from web.limits import Limits
from web.remembering import Remembered
from web.sessions import Sessions

T = TypeVar("T")
P = ParamSpec("P")

READERS = 8
WRITERS = 6


async def _unknown() -> bool:
    return False


@dataclass(slots=True)
class Deps:
    """The parts, put together by a composition root.

    Args:
        store: the workspace's store.
        signer: reads the tokens of links in mails.
        sessions: makes and reads the cookie of people who came in with a key.
        api_keys: the keys of the settings, which open everything; those of the store come to them.
        on_loopback: whether only this machine can reach the server.
        is_secure: whether people reach it by https.
        mail_folder: where the catcher keeps what it caught; None: mail is really sent.
        public_url: how links in mails begin.
        temporal_answers: whether Temporal can be reached now.
        hooks: what the reports of mail providers are checked with.
        returns: knows our return paths.
        fetch: gets what is at an address of a provider; None: from the internet.
        limits: how much one visitor may ask for.
        patience: seconds that an unsubscription waits for mail that is with a mail server already.
    """

    store: Store
    signer: LinkSigner
    sessions: Sessions
    api_keys: tuple[str, ...] = ()
    on_loopback: bool = True
    is_secure: bool = False
    mail_folder: Path | None = None
    public_url: str = ""
    temporal_answers: Callable[[], Awaitable[bool]] = _unknown
    hooks: HookSecrets = field(default_factory=HookSecrets)
    returns: ReturnSigner | None = None
    fetch: Callable[[str], Awaitable[bytes]] | None = None
    patience: float = 20.0
    limits: Limits = field(default_factory=Limits)
    ring: KeyRing = field(init=False)
    gatherer: Gatherer = field(default_factory=Gatherer)
    remembered: Remembered = field(default_factory=Remembered)
    exposition: Exposition = field(init=False)
    # Separate turnstiles: writers that queue for SQLite's one gate must not hold up readers.
    _reading: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(READERS))
    _writing: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(WRITERS))

    def __post_init__(self) -> None:
        """Begins to count, and to look at keys."""
        self.exposition = Exposition(self.store)
        self.ring = KeyRing(self.api_keys, lambda: self.read(keys.good_keys))

    @property
    def writer(self) -> Writer:
        """Writes messages again, to learn where a link in one leads."""
        return Writer(self.signer, self.public_url)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Runs `work` in one read transaction."""
        return await to_thread.run_sync(partial(self.store.read, work), limiter=self._reading)

    async def look(self, use_case: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a use case that only reads."""
        return await to_thread.run_sync(partial(use_case, *args, **kwargs), limiter=self._reading)

    async def act(self, use_case: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a use case that writes."""
        return await to_thread.run_sync(partial(use_case, *args, **kwargs), limiter=self._writing)


def deps_of(request: Request) -> Deps:
    """The parts that this application was made of."""
    found: Deps = request.app.state.deps
    return found
