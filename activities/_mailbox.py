"""The worker's look into the mailbox of bounces, again and again for as long as it lives."""

import asyncio
import logging

from engine.errors import TryAgainError
from engine.mail.inbound.mailbox import MailboxAddress
from engine.mail.return_path import ReturnSigner
from engine.operations import mailbox
from engine.store.database import Store

_ASK_EVERY = 20.0
"""Seconds between two questions whose turn it is."""

_log = logging.getLogger(__name__)


async def watch(store: Store, address: MailboxAddress, returns: ReturnSigner) -> None:
    """Looks into the mailbox whenever it is this worker's turn; outlives every fault of it."""
    while True:
        try:
            await asyncio.to_thread(mailbox.look, store, address, returns)
        except TryAgainError as error:
            _log.warning("%s", error.message)
        except Exception:
            # A database that is away, or an odd server: the next look may do better.
            _log.exception("the mailbox of bounces could not be looked into")
        await asyncio.sleep(_ASK_EVERY)
