"""An SMTP conversation after its greeting: lines go out, replies come back, in order.

It takes a connection over from aiosmtplib once that has greeted, secured and logged in, because
several commands may be on their way at once where the server offers PIPELINING (RFC 2920), those
of the next message behind the end of this one. It knows nothing of what commands mean.
"""

import asyncio
from collections import deque
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


class Question:
    """Lines that were said, and the replies that they wait for.

    Attributes:
        replies: code and text of each that has come; fewer than wanted when the link was lost.
        ended: done once all have come or none can come any more. When whoever asked has it done
            before, nobody wants the replies: the connection is given up when they come.
    """

    __slots__ = ("_wanted", "ended", "replies")

    def __init__(self, wanted: int, ended: "asyncio.Future[bool]") -> None:
        self.replies: list[tuple[int, str]] = []
        self.ended = ended
        self._wanted = wanted

    @property
    def is_answered(self) -> bool:
        """Whether all replies are here."""
        return len(self.replies) >= self._wanted


class Dialogue(asyncio.Protocol):
    """One connection: a message at a time, and the envelope of the next one behind it.

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
        self._asked: deque[Question] = deque()
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
        return await self.answer(self.begin(said, replies), timeout)

    def begin(
        self, said: bytes, replies: int, ended: "asyncio.Future[bool] | None" = None
    ) -> Question:
        """Says whole lines without waiting; their replies come after those of what was said before.

        Args:
            said: the lines; empty when they went out together with the ones before.
            replies: how many there are to come.
            ended: the question's own future, where somebody waits for it already.

        Raises:
            Lost: the connection is gone.
        """
        if self._buffer and not self._asked:
            self.fail("the server answers what nobody asked")
        if not self.is_open:
            raise Lost(self._lost or "the connection was lost")
        question = Question(replies, ended or self._loop.create_future())
        self._asked.append(question)
        if said:
            self._transport.write(said)
        return question

    async def answer(self, question: Question, timeout: float) -> list[tuple[int, str]]:
        """Waits for the replies to a question; see `ask`."""
        timer = self._loop.call_later(timeout, self.fail, "timed out waiting for the server")
        try:
            await question.ended
        finally:
            timer.cancel()
        return self.replies_to(question)

    def replies_to(self, question: Question) -> list[tuple[int, str]]:
        """The replies to a question that has ended.

        Raises:
            Lost: there are none.
        """
        if not question.replies:
            raise Lost(self._lost)
        return question.replies

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
        """Lets go of the connection; whoever still waits is told."""
        self.fail("the connection was closed")

    def fail(self, detail: str) -> None:
        """Gives the connection up; whoever waits is told."""
        self._lost = self._lost or detail
        self._transport.close()
        while self._asked:
            _end(self._asked.popleft())

    def data_received(self, data: bytes) -> None:
        """Replies, or parts of them."""
        if not self._asked:
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
            self._text.clear()
            return self._replied(int(code), text)
        return True

    def _replied(self, code: int, text: str) -> bool:
        """Adds a reply to what was asked first; answers whether more can come."""
        if not self._asked:
            self.fail("the server answers what nobody asked")
            return False
        question = self._asked[0]
        question.replies.append((code, text))
        if question.is_answered:
            self._asked.popleft()
            if not _end(question):
                self.fail("nobody waits for it any more")
                return False
        return True


def _end(question: Question) -> bool:
    """Wakes whoever waits; answers whether somebody does."""
    if question.ended.done():
        return False
    question.ended.set_result(True)
    return True
