"""SMTP over kept connections, with the stage of every message known.

It drives the dialogue itself (aiosmtplib opens the connection), because a link lost before the end
of the message was written means "not sent", and a link lost after it means "in doubt": no
exception class tells those apart. It decides nothing about repeats.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import IntEnum

import aiosmtplib

from engine.mail.transports.admission import Admission
from engine.mail.transports.dialogue import Dialogue, Lost
from engine.mail.transports.port import (
    DeferralClass,
    Deferred,
    Envelope,
    InDoubt,
    NotSent,
    Outcome,
    Rejected,
    RejectionClass,
    Reply,
)
from engine.mail.transports.replies import RETRY_AFTER, classify, classify_final, parse_reply
from engine.mail.transports.smtp_url import SmtpServer, StartTls, parse_smtp_url
from engine.mail.transports.speeds import Speeds
from engine.playbook.providers import destination_of

_LINE_ENDS = re.compile(rb"\r\n|\r|\n")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
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


class _Stage(IntEnum):
    CONNECT = 0
    ENVELOPE = 1
    CONTENT = 2


@dataclass(slots=True, eq=False)
class _Connection:
    line: Dialogue
    sent: int = 0
    last_used: float = 0.0

    @property
    def reused(self) -> bool:
        return self.sent > 0


@dataclass(slots=True)
class _Progress:
    """How far one message has come; what a lost link means is read from it."""

    stage: _Stage = _Stage.CONNECT


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
        self._idle: deque[_Connection] = deque()
        self._speeds = speeds or Speeds()
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
        progress = _Progress()
        to = destination_of(envelope.recipient)
        try:
            async with asyncio.timeout(within.total_seconds() if within else None):
                if not await self._admitted(to, start_within):
                    return NotSent("waiting for a connection", timedelta(), put_back=True)
                ticket = self._speeds.begin(to)
                try:
                    return await self._deliver(envelope, progress)
                finally:
                    self._speeds.end(to, ticket)
                    self._doors.leave(to)
        except TimeoutError:
            seconds = within.total_seconds() if within else 0
            detail = f"no end within {seconds:g} s"
            if progress.stage is _Stage.CONTENT:
                return InDoubt(detail)
            at = "waiting for a connection" if progress.stage is _Stage.CONNECT else "the envelope"
            return NotSent(f"{detail} (at {at})")

    async def _admitted(self, to: str, start_within: timedelta | None) -> bool:
        """Whether one of the connections is ours, in time."""
        try:
            async with asyncio.timeout(start_within.total_seconds() if start_within else None):
                await self._doors.enter(to)
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Say QUIT on every idle connection, briefly, and let them go."""
        idle = list(self._idle)
        self._idle.clear()
        await asyncio.gather(*(connection.line.quit(_GOODBYE) for connection in idle))

    async def _deliver(self, envelope: Envelope, progress: _Progress) -> Outcome:
        if (connection := self._take()) is not None:
            try:
                return await self._converse(connection, envelope, progress)
            except Lost:
                progress.stage = _Stage.CONNECT  # it had grown stale; nothing was complete
        opened = await self._open()
        if not isinstance(opened, _Connection):
            return opened
        try:
            return await self._converse(opened, envelope, progress)
        except Lost as lost:
            return NotSent(lost.detail)

    def _take(self) -> _Connection | None:
        """The idle connection that was used last, if one is still good."""
        oldest = time.monotonic() - self.limits.idle.total_seconds()
        while self._idle:
            connection = self._idle.pop()
            if connection.line.is_open and connection.last_used >= oldest:
                return connection
            connection.line.close()
        return None

    async def _converse(
        self, connection: _Connection, envelope: Envelope, progress: _Progress
    ) -> Outcome:
        """One message over one connection, which goes back to the pool only in good order."""
        good = False
        try:
            progress.stage = _Stage.ENVELOPE
            outcome = await self._transact(connection, envelope, progress)
            good = not isinstance(outcome, InDoubt | NotSent)
        finally:
            if not good:
                connection.line.close()
        self._give_back(connection)
        return outcome

    def _give_back(self, connection: _Connection) -> None:
        connection.sent += 1
        connection.last_used = time.monotonic()
        if not connection.line.is_open:
            return
        if connection.sent >= self.limits.messages_per_connection:
            connection.line.close()
        else:
            self._idle.append(connection)

    async def _transact(
        self, connection: _Connection, envelope: Envelope, progress: _Progress
    ) -> Outcome:
        line = connection.line
        options = envelope_options(line.offers, envelope)
        if isinstance(options, Rejected):
            return options
        refusal = await self._introduce(connection, (*options, b"DATA"))
        if refusal is not None:
            return await self._refused(line, refusal)
        return await self._content(line, envelope.content, progress)

    async def _introduce(
        self, connection: _Connection, commands: tuple[bytes, bytes, bytes]
    ) -> Reply | None:
        """Asks to hand a message over; answers the first refusal, None: it may follow now."""
        line, timeout = connection.line, self.limits.command.total_seconds()
        groups = [commands] if line.takes_many else [(one,) for one in commands]
        for group in groups:
            said = b"".join(command + b"\r\n" for command in group)
            replies = await line.ask(said, len(group), timeout)
            for command, (code, text) in zip(group, replies, strict=False):
                if code == 421 and connection.reused and command is commands[0]:
                    raise Lost(str(parse_reply(code, text)))  # it had closed an idle connection
                if code == 354 if command is commands[2] else code // 100 == 2:
                    continue
                if group is commands and replies[-1][0] == 354:
                    line.close()  # it waits for a message that goes to nobody
                return parse_reply(code, text)
            if len(replies) < len(group):
                raise Lost("the connection was lost (at the envelope)")
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

    async def _content(self, line: Dialogue, content: bytes, progress: _Progress) -> Outcome:
        if not line.is_open:
            raise Lost("the connection was lost before the message")
        progress.stage = _Stage.CONTENT
        try:
            timeout = self.limits.final.total_seconds()
            [(code, text)] = await line.ask(wire_content(content), 1, timeout)
        except Lost as lost:
            return InDoubt(f"{lost.detail} (at the final dot)")
        if code == 421:
            line.close()
        return classify_final(parse_reply(code, text))

    async def _open(self) -> _Connection | Outcome:
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
            return _Connection(Dialogue.take_over(client))
        except aiosmtplib.SMTPResponseException as error:
            outcome = _refused_entry(parse_reply(error.code, error.message))
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


def envelope_options(
    offers: Mapping[str, str], envelope: Envelope
) -> tuple[bytes, bytes] | Rejected:
    """The MAIL and RCPT commands, with what the server offers; or why it cannot be asked."""
    sender, recipient = envelope.sender, envelope.recipient
    if _CONTROL.search(sender) or _CONTROL.search(recipient):
        text = "an address has a line break or a control character"
        return Rejected(Reply(553, "5.1.3", text), RejectionClass.CONFIGURATION, False)
    mail = b"MAIL FROM:<" + sender.encode("utf-8") + b">"
    rcpt = b"RCPT TO:<" + recipient.encode("utf-8") + b">"
    if not (sender.isascii() and recipient.isascii()):
        if "smtputf8" not in offers:
            text = f"the mail server does not offer SMTPUTF8, which '{recipient}' needs"
            return Rejected(Reply(553, "5.6.7", text), RejectionClass.CONFIGURATION, False)
        mail += b" SMTPUTF8 BODY=8BITMIME"
    limit = offers.get("size", "").strip()
    if limit.isdecimal() and 0 < int(limit) < len(envelope.content):
        text = f"the message has {len(envelope.content)} bytes, and the mail server takes {limit}"
        return Rejected(Reply(552, "5.3.4", text), RejectionClass.CONTENT, False)
    if "dsn" in offers and recipient.isascii():
        mail += b" RET=HDRS"
        if envelope.message_id:
            mail += b" ENVID=" + _xtext(envelope.message_id.strip("<>"))
        rcpt += b" NOTIFY=FAILURE,DELAY ORCPT=rfc822;" + _xtext(recipient)
    return mail, rcpt


def wire_content(content: bytes) -> bytes:
    """The message as it follows DATA: every line ends in CRLF, dots doubled, the final dot."""
    ends = content.count(b"\r\n")
    if content.count(b"\n") != ends or content.count(b"\r") != ends:
        content = _LINE_ENDS.sub(b"\r\n", content)
    if not content.endswith(b"\r\n"):
        content += b"\r\n"
    if content.startswith(b"."):
        content = b"." + content
    return content.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def _xtext(text: str) -> bytes:
    """RFC 3461: what is not printable, `+` and `=` become +XX."""
    plain = (chr(byte) for byte in text.encode())
    return "".join(
        char if "!" <= char <= "~" and char not in "+=" else f"+{ord(char):02X}" for char in plain
    ).encode()


def _refused_entry(reply: Reply) -> Outcome:
    """A refusal while connecting says nothing about the lead: it is the host's, or ours."""
    match classify(reply):
        case Deferred(cause=DeferralClass.THROTTLED) as deferred:
            return replace(deferred, entry=True)
        case Deferred():
            return Deferred(reply, DeferralClass.HOST, RETRY_AFTER[DeferralClass.HOST], entry=True)
        case Rejected(cause=RejectionClass.CONFIGURATION) as rejected:
            return replace(rejected, entry=True)
        case Rejected():
            return Rejected(reply, RejectionClass.SENDER_FAULT, suppress=False, entry=True)
        case _:
            return NotSent(f"the server's answer makes no sense: '{reply}'", entry=True)


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
