"""The worker's look at caught mails: they go when what is kept of messages goes."""

import asyncio
import logging
from pathlib import Path

from engine.mail.catcher import forget_before
from engine.operations import retention
from engine.store.database import Store

_EVERY = 20 * 3600.0

_log = logging.getLogger(__name__)


async def tidy(store: Store, folder: Path) -> None:
    """Removes caught mails by `retention.messages` once a day; outlives every fault of it."""
    while True:
        try:
            await asyncio.to_thread(tidy_once, store, folder)
        except Exception:
            # A database that is away, or a folder that is: tomorrow is another day.
            _log.exception("caught mails could not be tidied away")
        await asyncio.sleep(_EVERY)


def tidy_once(store: Store, folder: Path) -> int:
    """Removes what may go now; answers how many mails that were."""
    until = store.read(retention.caught_until)
    return 0 if until is None else forget_before(folder, until)
