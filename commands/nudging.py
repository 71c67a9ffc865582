"""Telling Temporal that there is something to do, in less than a second or not at all.

Nothing depends on it: what nobody is told of, the sweeper of a worker finds.
"""

import asyncio
import socket
from collections.abc import Collection
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from temporalio.client import Client

    from engine.settings import Settings

PATIENCE = 0.7
"""Seconds for the connection, and again for the nudges."""


def nudge(settings: "Settings", cohorts: Collection[str]) -> bool:
    """Nudges the drivers of these cohorts; answers whether Temporal was there."""
    if not is_there(settings.temporal_target):
        return False
    from workflows.dispatcher import nudge as nudge_one

    async def tell() -> None:
        client = await asyncio.wait_for(connect(settings), PATIENCE)
        every = (nudge_one(client, cohort) for cohort in cohorts)
        await asyncio.wait_for(asyncio.gather(*every, return_exceptions=True), PATIENCE)

    with suppress(Exception):
        asyncio.run(tell())
        return True
    return False


async def connect(settings: "Settings") -> "Client":
    """A connection to Temporal; the caller limits the time that it may take."""
    if settings.runs_embedded_temporal:
        # A cluster may want TLS, which the worker knows of; the worker takes long to import.
        from temporalio.client import Client

        from workflows.payloads import converter

        return await Client.connect(
            settings.temporal_target,
            namespace=settings.temporal_namespace,
            data_converter=converter(settings.payload_keys()),
        )
    from worker import connect as connect_worker

    return await connect_worker(settings, patience=0)


def is_there(target: str) -> bool:
    """Whether something listens at `host:port`; asked first because it costs nothing."""
    host, _, port = target.rpartition(":")
    with suppress(OSError, ValueError):
        socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE).close()
        return True
    return False
