"""An SMTP conversation after its greeting: lines go out, replies come back, in order.

It takes a connection over from aiosmtplib once that has greeted, secured and logged in, because
several commands may be on their way at once where the server offers PIPELINING (RFC 2920). It
knows nothing of what commands mean.
"""

import asyncio
from collections.abc import Mapping
from typing import cast

import aiosmtplib

_LONGEST_LINE = 8192
_MOST_UNREAD = 4 * _LONGEST_LINE


class Lost(Exception):
    """The link went away, or turned to nonsense, before the message could be complete."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Dialogue(asyncio.Protocol):
    """One connection, used by one message at a time.

    Args:
        transport: the open connection; from now on it talks to this object.
        offers: what the server said it can do: extension in lower case → its argument.
    """

    def __init__(self, transport: asyncio.Transport, offers: Mapping[str, str]) -> None:
        self.offers = dict(offers)
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._text: list[bytes] = []
        self._replies: list[tuple[int, str]] = []
        self._waiter: asyncio.Future[None] | None = None
        self._wanted = 0
        self._lost = ""
        transport.set_protocol(self)

    @classmethod
    def take_over(cls, client: aiosmtplib.SMTP) -> "Dialogue":
        """Goes on where a client that has connected stands now."""
        if client.transport is None or client.transport.is_closing():
            raise Lost("the connection was lost at once")
        return cls(cast(asyncio.Transport, client.transport), client.esmtp_extensions)

    @property
    def is_open(self) -> bool:
        """Whether another line can be said."""
        return not self._lost and not self._transport.is_closing()

    @property
    def takes_many(self) -> bool:
        """Whether commands may be sent before the ones before them are answered."""
        return "pipelining" in self.offers

    async def ask(self, said: bytes, replies: int, timeout: float) -> list[tuple[int, str]]:
        """Says whole lines at once and waits for their replies.

        Returns:
            code and text of each reply; fewer than asked for when the link was lost meanwhile.

        Raises:
            Lost: it was lost before the first reply.
        """
        if self._replies or self._buffer:
            self.fail("the server answers what nobody asked")
        if not self.is_open:
            raise Lost(self._lost or "the connection was lost")
        self._wanted = replies
        self._waiter = self._loop.create_future()
        timer = self._loop.call_later(timeout, self.fail, "timed out waiting for the server")
        try:
            self._transport.write(said)
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None
        found, self._replies = self._replies[: self._wanted], self._replies[self._wanted :]
        if not found:
            raise Lost(self._lost)
        return found

    async def quit(self, timeout: float) -> None:
        """Says goodbye, briefly, and closes."""
        if self.is_open:
            try:
                await self.ask(b"QUIT\r\n", 1, timeout)
            except Lost:
                pass
            finally:
                self.close()

    def close(self) -> None:
        """Lets go of the connection."""
        self._lost = self._lost or "the connection was closed"
        self._transport.close()

    def fail(self, detail: str) -> None:
        """Gives the connection up; whoever waits is told."""
        self._lost = self._lost or detail
        self._transport.close()
        self._wake()

    def data_received(self, data: bytes) -> None:
        """Replies, or parts of them."""
        if self._waiter is None:
            self.fail("the server spoke out of turn")
            return
        self._buffer += data
        if len(self._buffer) > _MOST_UNREAD:
            self.fail("the server's reply has no end")
            return
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            if not self._take(line):
                return
        if len(self._replies) >= self._wanted:
            self._wake()

    def eof_received(self) -> None:
        """The server says no more."""
        self.fail("the server closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        """The link is gone."""
        self.fail(f"the connection was lost: {exc}" if exc else "the connection was lost")

    def _take(self, line: bytes) -> bool:
        code = line[:3]
        if not code.isdigit() or len(code) < 3 or len(self._text) > _LONGEST_LINE:
            told = line[:200].decode("utf-8", "replace")
            self.fail(f"the server's answer makes no sense: '{told}'")
            return False
        self._text.append(line[4:].strip())
        if line[3:4] != b"-":
            text = b"\n".join(self._text).decode("utf-8", "surrogateescape")
            self._replies.append((int(code), text))
            self._text.clear()
        return True

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
