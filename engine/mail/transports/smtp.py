"""SMTP over kept connections, with the stage of every message known.

It drives the dialogue itself (aiosmtplib opens the connection), because a link lost before the end
of the message was written means "not sent", and a link lost after it means "in doubt": no
exception class tells those apart. It decides nothing about repeats.

Behind the end of a message goes the envelope of the next one that waits, in one write (RFC 2920):
that costs half the round trips. The content of a message follows only when all before it on the
connection is answered; what was asked ahead and came to nothing is begun anew elsewhere.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import aiosmtplib

from engine.mail.transports.admission import Admission
from engine.mail.transports.dialogue import Dialogue, Lost
from engine.mail.transports.envelopes import envelope_options, wire_content
from engine.mail.transports.port import (
    Deferred,
    Envelope,
    InDoubt,
    NotSent,
    Outcome,
    Rejected,
    Reply,
)
from engine.mail.transports.replies import classify, classify_final, parse_reply, refused_entry
from engine.mail.transports.smtp_url import SmtpServer, StartTls, parse_smtp_url
from engine.mail.transports.speeds import Speeds
from engine.mail.transports.under_way import AHEAD, NEVER, Connection, Sending, Stage, under_way

_GOODBYE = 1.0


@dataclass(frozen=True, slots=True)
class SmtpLimits:
    """How long to wait, and how much to ask of one connection.

    RFC 5321 would wait ten minutes after the final dot; a send is bounded by its activity's
    minute instead, and the message is in doubt after that.
    """

    connections: int = 8
    """For mail to one destination, and for all of the slow ones together."""
    spare: int = 2
    """Connections besides, for mail to others than whoever has all of those."""
    connect: timedelta = timedelta(seconds=15)
    command: timedelta = timedelta(seconds=20)
    final: timedelta = timedelta(seconds=50)
    """How long the server may take to answer the finished message."""
    messages_per_connection: int = 500
    idle: timedelta = timedelta(seconds=30)
    """An idle connection older than this is not used again."""
    pause: timedelta = timedelta(seconds=1)
    """After a failed attempt to connect, others fail at once for so long."""


_PUT_BACK = NotSent("waiting for a connection", timedelta(), put_back=True)


class SmtpTransport:
    """A pool of connections to one server; any number of `send` at a time share it.

    Args:
        server: a parsed server, or the text of `LONGPLAY_SMTP_URL`.
        limits: time limits and sizes.
        speeds: where it is kept how long destinations take; its own when not given.
    """

    def __init__(
        self,
        server: SmtpServer | str,
        limits: SmtpLimits | None = None,
        speeds: Speeds | None = None,
    ) -> None:
        self.server = parse_smtp_url(server) if isinstance(server, str) else server
        self.limits = limits or SmtpLimits()
        self._idle: deque[Connection] = deque()
        self._speeds = speeds or Speeds()
        self._waiting: dict[asyncio.Future[bool], Sending] = {}
        self._doors = Admission(self.limits.connections, self.limits.spare, self._speeds)
        self._helo = self.server.helo
        self._down_until = 0.0
        self._down: Outcome = NotSent("never tried")

    async def send(
        self,
        envelope: Envelope,
        *,
        within: timedelta | None = None,
        start_within: timedelta | None = None,
    ) -> Outcome:
        """Hand one message over; see `Transport.send`.

        A cancelled send drops its connection; the caller then treats the message as in doubt.
        """
        sending = under_way(envelope, within, start_within)
        try:
            if not await self._admitted(sending):
                return sending.overdue() if sending.is_over else _PUT_BACK
            ticket = self._speeds.begin(sending.to)
            try:
                return await self._deliver(sending)
            finally:
                self._speeds.end(sending.to, ticket)
        finally:
            self._leave(sending)

    async def _admitted(self, sending: Sending) -> bool:
        """Waits until a connection, or a place for a new one, is this message's; not too long."""
        if self._doors.ask(sending.to, sending.turn):
            sending.has_place = True
            return True
        self._waiting[sending.turn] = sending
        at = min(sending.until, sending.begin_until)
        timer = None
        if at != NEVER:
            timer = sending.turn.get_loop().call_at(at, _expire, sending.turn)
        try:
            return await sending.turn
        finally:
            del self._waiting[sending.turn]
            # One that was asked ahead gets its place from the message before.
            sending.has_place |= sending.is_wanted and sending.connection is None
            if timer is not None:
                timer.cancel()

    def _leave(self, sending: Sending) -> None:
        """Gives up the place of a message, to the one behind it or to whose turn it is.

        One that is put back or cancelled while the message before has not ended has no place yet.
        """
        if not sending.has_place:
            return
        begun = sending.is_wanted and sending.stage is not Stage.CONNECT
        if sending.connection is not None and not begun:
            sending.connection.line.close()  # the replies to its envelope are nobody's
        if sending.behind is None:
            self._doors.leave(sending.to)
        elif sending.behind.is_wanted:
            sending.behind.has_place = True
        else:
            self._doors.leave(sending.behind.to)

    async def close(self) -> None:
        """Say QUIT on every idle connection, briefly, and let them go."""
        idle = list(self._idle)
        self._idle.clear()
        await asyncio.gather(*(connection.line.quit(_GOODBYE) for connection in idle))

    async def _deliver(self, sending: Sending) -> Outcome:
        connection = sending.connection or self._take()
        if connection is not None:
            try:
                return await self._converse(connection, sending)
            except Lost:
                if sending.is_over:
                    return sending.overdue()
                if sending.asked is not None and sending.is_late:
                    return _PUT_BACK
                # It had grown stale, or failed the message before; nothing was complete.
                sending.stage, sending.asked = Stage.CONNECT, None
        opened = await self._opened(sending)
        if not isinstance(opened, Connection):
            return opened
        try:
            return await self._converse(opened, sending)
        except Lost as lost:
            return sending.overdue() if sending.is_over else NotSent(lost.detail)

    async def _opened(self, sending: Sending) -> Connection | Outcome:
        try:
            async with asyncio.timeout_at(None if sending.within is None else sending.until):
                return await self._open()
        except TimeoutError:
            return sending.overdue()

    def _take(self) -> Connection | None:
        """The idle connection that was used last, if one is still good."""
        oldest = time.monotonic() - self.limits.idle.total_seconds()
        while self._idle:
            connection = self._idle.pop()
            if connection.line.is_open and connection.last_used >= oldest:
                return connection
            connection.line.close()
        return None

    async def _converse(self, connection: Connection, sending: Sending) -> Outcome:
        """One message over one connection, which goes back to the pool only in good order."""
        good = False
        try:
            sending.stage = Stage.ENVELOPE
            outcome = await self._transact(connection, sending)
            good = not isinstance(outcome, InDoubt | NotSent)
        finally:
            if not good:
                connection.line.close()
        if sending.behind is None:
            self._give_back(connection)
        elif not sending.behind.is_wanted:
            connection.line.close()
        return outcome

    def _give_back(self, connection: Connection) -> None:
        connection.sent += 1
        connection.last_used = time.monotonic()
        if not connection.line.is_open:
            return
        if connection.sent >= self.limits.messages_per_connection:
            connection.line.close()
        else:
            self._idle.append(connection)

    async def _transact(self, connection: Connection, sending: Sending) -> Outcome:
        line = connection.line
        if sending.asked is not None:
            replies = line.replies_to(sending.asked)
            refusal = _refusal(connection, _ENVELOPE, replies)
            if refusal is None and sending.is_late:
                line.close()  # it waits for a message that may not be begun any more
                return _PUT_BACK
        else:
            options = envelope_options(line.offers, sending.envelope)
            if isinstance(options, Rejected):
                return options
            refusal = await self._introduce(connection, sending, (*options, b"DATA"))
        if refusal is not None:
            return await self._refused(line, refusal)
        return await self._content(connection, sending)

    async def _introduce(
        self, connection: Connection, sending: Sending, commands: tuple[bytes, bytes, bytes]
    ) -> Reply | None:
        """Asks to hand a message over; answers the first refusal, None: it may follow now."""
        line = connection.line
        groups = [_ENVELOPE] if line.takes_many else [(one,) for one in _ENVELOPE]
        for group in groups:
            said = b"".join(commands[one] + b"\r\n" for one in group)
            replies = await line.ask(said, len(group), sending.left(self.limits.command))
            refusal = _refusal(connection, group, replies)
            if refusal is not None:
                return refusal
        return None

    async def _refused(self, line: Dialogue, reply: Reply) -> Outcome:
        """What a refused command came to; the connection is made ready for the next message."""
        outcome = classify(reply)
        if not isinstance(outcome, Deferred | Rejected):
            line.close()
            return NotSent(f"the server's answer makes no sense here: '{reply}'")
        if line.is_open:
            try:
                [(code, _)] = await line.ask(b"RSET\r\n", 1, self.limits.command.total_seconds())
            except Lost:
                return outcome
            if code // 100 != 2:
                line.close()
        return outcome

    async def _content(self, connection: Connection, sending: Sending) -> Outcome:
        line = connection.line
        if not line.is_open:
            raise Lost("the connection was lost before the message")
        said, behind = wire_content(sending.envelope.content), self._behind(connection, sending)
        sending.stage = Stage.CONTENT
        began = time.monotonic()
        question = line.begin(said + behind[1] if behind else said, 1)
        if behind:
            self._hand_on(connection, sending, behind[0])
        try:
            [(code, text)] = await line.answer(question, sending.left(self.limits.final))
        except Lost as lost:
            if sending.is_over:
                return sending.overdue()
            return InDoubt(f"{lost.detail} (at the final dot)")
        connection.is_quick = time.monotonic() - began < AHEAD
        if code == 421:
            line.close()
        return classify_final(parse_reply(code, text))

    def _behind(self, connection: Connection, sending: Sending) -> tuple[Sending, bytes] | None:
        """The message that waits first and its envelope, if that may go out ahead here."""
        is_last = connection.sent + 1 >= self.limits.messages_per_connection
        if is_last or not (connection.is_quick and connection.line.takes_many):
            return None
        following = self._doors.follower(sending.to)
        if following is None:
            return None
        found = self._waiting[following[1]]
        options = envelope_options(connection.line.offers, found.envelope)
        if isinstance(options, Rejected):
            return None  # it is told so when it has a place of its own
        return found, b"%s\r\n%s\r\nDATA\r\n" % options

    def _hand_on(self, connection: Connection, sending: Sending, following: Sending) -> None:
        """Binds the next message to this connection; its turn comes with the replies to it."""
        connection.sent += 1
        connection.last_used = time.monotonic()
        self._doors.hand_over(sending.to, following.to)
        sending.behind = following
        following.connection = connection
        following.asked = connection.line.begin(b"", len(_ENVELOPE), following.turn)

    async def _open(self) -> Connection | Outcome:
        """A new connection, greeted, secret and logged in; or why there is none."""
        if time.monotonic() < self._down_until:
            return self._down
        client = self._client()
        outcome: Outcome
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await _greet(client)
            self._helo = client.local_hostname
            return Connection(Dialogue.take_over(client))
        except aiosmtplib.SMTPResponseException as error:
            outcome = refused_entry(parse_reply(error.code, error.message))
        except (aiosmtplib.SMTPException, OSError) as error:
            outcome = NotSent(_told(error), entry=True)
        except Lost as lost:
            outcome = NotSent(lost.detail, entry=True)
        finally:
            if not client.is_connected:
                client.close()
        client.close()
        self._down = outcome
        self._down_until = time.monotonic() + self.limits.pause.total_seconds()
        return outcome

    def _client(self) -> aiosmtplib.SMTP:
        server = self.server
        starttls = {StartTls.AUTO: None, StartTls.REQUIRED: True, StartTls.NEVER: False}
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            local_hostname=self._helo,
            timeout=self.limits.connect.total_seconds(),
            use_tls=server.tls,
            start_tls=False if server.tls else starttls[server.starttls],
            validate_certs=server.verify,
        )


_ENVELOPE = (0, 1, 2)
"""MAIL, RCPT and DATA, by their number."""


def _refusal(
    connection: Connection, commands: Sequence[int], replies: Sequence[tuple[int, str]]
) -> Reply | None:
    """The first refusal among the replies to commands of an envelope, sent at once.

    Raises:
        Lost: not all were answered, or the server had closed an idle connection.
    """
    for command, (code, text) in zip(commands, replies, strict=False):
        if code == 421 and connection.reused and command == _ENVELOPE[0]:
            raise Lost(str(parse_reply(code, text)))
        if code == 354 if command == _ENVELOPE[2] else code // 100 == 2:
            continue
        if len(commands) > 1 and replies[-1][0] == 354:
            connection.line.close()  # it waits for a message that goes to nobody
        return parse_reply(code, text)
    if len(replies) < len(commands):
        raise Lost("the connection was lost (at the envelope)")
    return None


def _expire(turn: "asyncio.Future[bool]") -> None:
    if not turn.done():
        turn.set_result(False)


async def _greet(client: aiosmtplib.SMTP) -> None:
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        if not client.is_connected:
            raise
        await client.helo()


def _told(error: Exception) -> str:
    text = " ".join(str(part) for part in error.args) or type(error).__name__
    return f"{parse_reply(0, text).text} (at connecting)"
