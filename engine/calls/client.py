"""One HTTP call: no redirects, no cookies, no proxy; bounded in time and in what is read.

It never raises for what the other side does: a verdict comes out.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import httpcore2
from httpcore2 import AsyncConnectionPool, Response

from engine.calls import network
from engine.calls.network import GuardedNetwork, Resolver, system_resolver
from engine.calls.verdicts import Again, Answer, Refused

MOST_READ = 64 * 1024
"""Bytes of an answer that are read; whoever answers more is not listened to any longer."""

ONE_CALL = timedelta(seconds=10)
"""From the first look at the name to the last byte of the answer."""

_TO_CONNECT = 5.0
_IDLE = 5.0
_CONNECTIONS = 64


@dataclass(frozen=True, slots=True)
class Request:
    """A call, ready for the wire."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def origin(self) -> str:
        """Whom it goes to: scheme, host and port."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}".lower()


class Caller:
    """Makes calls; one a process, safe to use for many at a time.

    Args:
        allow_private: whether addresses of one's own network may be called.
        resolver: who is asked for addresses.
    """

    def __init__(
        self, *, allow_private: bool = False, resolver: Resolver = system_resolver
    ) -> None:
        self._pool = AsyncConnectionPool(
            network_backend=GuardedNetwork(allow_private=allow_private, resolver=resolver),
            max_connections=_CONNECTIONS,
            keepalive_expiry=_IDLE,
        )

    async def call(
        self, request: Request, *, within: timedelta = ONE_CALL
    ) -> Answer | Again | Refused:
        """The answer, or why there is none."""
        seconds = within.total_seconds()
        try:
            async with asyncio.timeout(seconds):
                return await self._call(request, seconds)
        except network.Refused as error:
            return Refused(f"refused to call it: {error}; LONGPLAY_WEBHOOK_ALLOW_PRIVATE allows it")
        except (TimeoutError, httpcore2.TimeoutException):
            return Again(f"no answer within {seconds:.0f} seconds", silent=True)
        except httpcore2.ConnectError as error:
            return Again(f"no connection: {_said(error)}", silent=True)
        except (httpcore2.UnsupportedProtocol, httpcore2.LocalProtocolError, ValueError) as error:
            return Refused(f"it cannot be called: {_said(error)}")
        except (httpcore2.NetworkError, httpcore2.ProtocolError, ssl.SSLError, OSError) as error:
            return Again(f"the connection broke: {_said(error)}")

    async def _call(self, request: Request, seconds: float) -> Answer:
        limits = {"connect": min(_TO_CONNECT, seconds), "read": seconds, "write": seconds}
        async with self._pool.stream(
            request.method,
            request.url.encode("ascii"),
            headers=[(name.encode(), value.encode()) for name, value in request.headers],
            content=request.body or None,
            extensions={"timeout": limits | {"pool": seconds}},
        ) as response:
            return await _read(response)

    async def close(self) -> None:
        """Lets go of every connection."""
        await self._pool.aclose()


async def _read(response: Response) -> Answer:
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
    }
    body = bytearray()
    pieces: AsyncIterator[bytes] = response.aiter_stream()
    async for piece in pieces:
        body += piece
        if len(body) > MOST_READ:
            break
    return Answer(response.status, headers, bytes(body[:MOST_READ]), len(body) > MOST_READ)


def _said(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200] or type(error).__name__
