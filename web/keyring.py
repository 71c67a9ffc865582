"""The keys that open this server: those of its settings, which open all, and those in the store.

The store's are read anew every few seconds at most, so that a key taken back ends soon and a
request costs no question. While the store is away the last known ones hold.
"""

import hashlib
import hmac
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field

from engine.operations.keys import SCOPES, Key, key_of, looks_like_key

FRESH = 5.0
"""Seconds for which what is known of the store's keys holds."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class KeyRing:
    """Finds out what a text opens.

    Args:
        fixed: the keys of the settings.
        read: the good keys of the store.
        clock: seconds of a steady clock.
    """

    fixed: Sequence[str]
    read: Callable[[], Awaitable[Collection[Key]]]
    clock: Callable[[], float] = time.monotonic
    _known: tuple[Key, ...] = ()
    _until: float = -1.0
    _noted: dict[str, float] = field(default_factory=dict)

    async def opened_by(self, text: str) -> Key | None:
        """The key that this is the text of; None: it opens nothing."""
        if looks_like_key(text):
            found = key_of(text, await self.known())
            if found is not None:
                return found
        return self._fixed(text)

    async def known(self) -> tuple[Key, ...]:
        """The store's keys, as of a few seconds ago at most."""
        if self.clock() >= self._until:
            try:
                self._known = tuple(await self.read())
            except Exception as error:
                _log.warning("the keys cannot be read, the last known ones hold: %s", error)
            self._until = self.clock() + FRESH
        return self._known

    async def marks(self) -> list[str]:
        """What the session of somebody who showed a key is tied to, for each key of people."""
        kept = [one.digest for one in await self.known() if "pages" in one.scopes]
        return [*self.fixed, *kept]

    def mark_of(self, text: str, key: Key) -> str:
        """What a session begun with this key is tied to."""
        return key.digest if key.id else text

    def is_new_use(self, key: Key) -> bool:
        """Whether that it was used should be noted: once an hour a process."""
        now = self.clock()
        if not key.id or now - self._noted.get(key.id, -4e9) < 3_600:
            return False
        self._noted[key.id] = now
        return True

    def _fixed(self, text: str) -> Key | None:
        """One of the settings' keys; it takes as long for a near miss as for a far one."""
        given = text.encode()
        found = [one for one in self.fixed if hmac.compare_digest(given, one.encode())]
        if not found:
            return None
        digest = hashlib.sha256(given).hexdigest()
        return Key("", f"settings-{digest[:8]}", digest, frozenset(SCOPES))
