"""The network below the HTTP client: it resolves a name, and connects only to what may be called.

The address that was judged is the address that is connected to, so that a name which means
something else a moment later gains nothing.
"""

import asyncio
import socket
from collections.abc import Iterable, Sequence
from typing import Protocol

from httpcore2 import (
    SOCKET_OPTION,
    AnyIOBackend,
    AsyncNetworkBackend,
    AsyncNetworkStream,
    ConnectError,
    ConnectTimeout,
)

from engine.calls.reachable import why_not


class Refused(Exception):
    """The name leads to no address that may be called."""


class Resolver(Protocol):
    """Says which addresses a name has."""

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """The addresses, the preferred one first.

        Raises:
            OSError: the name has none, or nobody answers.
        """
        ...


async def system_resolver(host: str, port: int) -> Sequence[str]:
    """What the system says: hosts file, DNS."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class GuardedNetwork(AsyncNetworkBackend):
    """Connects to public addresses, or to any where that is allowed.

    Args:
        allow_private: whether addresses of one's own network may be called, too.
        resolver: who is asked for addresses.
    """

    def __init__(self, *, allow_private: bool, resolver: Resolver = system_resolver) -> None:
        self._allow_private = allow_private
        self._resolver = resolver
        self._sockets = AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """A connection to an address of `host` that may be called.

        Raises:
            Refused: none of its addresses may be.
            ConnectError: none of them answers, or the name is unknown.
            ConnectTimeout: not in time.
        """
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._allowed(host, port)
                return await self._first(addresses, port, local_address, socket_options)
        except TimeoutError as error:
            raise ConnectTimeout("no connection in time") from error

    async def _allowed(self, host: str, port: int) -> list[str]:
        try:
            found = await self._resolver(host.strip("[]"), port)
        except (OSError, UnicodeError) as error:
            raise ConnectError(f"the name has no address: {error}") from error
        if self._allow_private:
            return list(found)
        reasons = {one: why_not(one) for one in found}
        allowed = [one for one, reason in reasons.items() if not reason]
        if found and not allowed:
            raise Refused(next(iter(reasons.values())))
        return allowed

    async def _first(
        self,
        addresses: Sequence[str],
        port: int,
        local_address: str | None,
        options: Iterable[SOCKET_OPTION] | None,
    ) -> AsyncNetworkStream:
        fault = ConnectError("the name has no address")
        for address in addresses:
            try:
                return await self._sockets.connect_tcp(
                    address, port, local_address=local_address, socket_options=options
                )
            except ConnectError as error:
                fault = error
        raise fault

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """Never: calls go to hosts."""
        raise Refused("a socket file is no host")

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)
