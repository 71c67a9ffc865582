"""SMTP over kept connections, with the stage of every message known.

It drives the dialogue itself (aiosmtplib speaks each command), because a link lost before the end
of the message was written means "not sent", and a link lost after it means "in doubt": no
exception class tells those apart. It decides nothing about repeats.
"""

import asyncio
import re
import time
from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum

import aiosmtplib

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

_LINE_ENDS = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class SmtpLimits:
    """How long to wait, and how much to ask of one connection.

    RFC 5321 would wait ten minutes after the final dot; a send is bounded by its activity's
    minute instead, and the message is in doubt after that.
    """

    connections: int = 8
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
    client: aiosmtplib.SMTP
    sent: int = 0
    last_used: float = 0.0

    @property
    def reused(self) -> bool:
        return self.sent > 0


@dataclass(slots=True)
class _Progress:
    """How far one message has come; what a lost link means is read from it."""

    stage: _Stage = _Stage.CONNECT


class _Lost(Exception):
    """The link went away, or turned to nonsense, before the message could be complete."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class SmtpTransport:
    """A pool of connections to one server; any number of `send` at a time share it.

    Args:
        server: a parsed server, or the text of `LONGPLAY_SMTP_URL`.
        limits: time limits and sizes.
    """

    def __init__(self, server: SmtpServer | str, limits: SmtpLimits | None = None) -> None:
        self.server = parse_smtp_url(server) if isinstance(server, str) else server
        self.limits = limits or SmtpLimits()
        self._idle: deque[_Connection] = deque()
        self._slots = asyncio.Semaphore(self.limits.connections)
        self._helo = self.server.helo
        self._down_until = 0.0
        self._down: Outcome = NotSent("never tried")

    async def send(self, envelope: Envelope, *, within: timedelta | None = None) -> Outcome:
        """Hand one message over; see `Transport.send`.

        A cancelled send drops its connection; the caller then treats the message as in doubt.
        """
        progress = _Progress()
        try:
            async with asyncio.timeout(within.total_seconds() if within else None), self._slots:
                return await self._deliver(envelope, progress)
        except TimeoutError:
            seconds = within.total_seconds() if within else 0
            detail = f"no end within {seconds:g} s"
            if progress.stage is _Stage.CONTENT:
                return InDoubt(detail)
            at = "waiting for a connection" if progress.stage is _Stage.CONNECT else "the envelope"
            return NotSent(f"{detail} (at {at})")

    async def close(self) -> None:
        """Say QUIT on every idle connection, briefly, and let them go."""
        idle = list(self._idle)
        self._idle.clear()
        await asyncio.gather(*(_quit(connection.client) for connection in idle))

    async def _deliver(self, envelope: Envelope, progress: _Progress) -> Outcome:
        if (connection := self._take()) is not None:
            try:
                return await self._converse(connection, envelope, progress)
            except _Lost:
                progress.stage = _Stage.CONNECT  # it had grown stale; nothing was complete
        opened = await self._open()
        if not isinstance(opened, _Connection):
            return opened
        try:
            return await self._converse(opened, envelope, progress)
        except _Lost as lost:
            return NotSent(lost.detail)

    def _take(self) -> _Connection | None:
        """The idle connection that was used last, if one is still good."""
        oldest = time.monotonic() - self.limits.idle.total_seconds()
        while self._idle:
            connection = self._idle.pop()
            if connection.client.is_connected and connection.last_used >= oldest:
                return connection
            connection.client.close()
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
                connection.client.close()
        self._give_back(connection)
        return outcome

    def _give_back(self, connection: _Connection) -> None:
        connection.sent += 1
        connection.last_used = time.monotonic()
        if not connection.client.is_connected:
            return
        if connection.sent >= self.limits.messages_per_connection:
            connection.client.close()
        else:
            self._idle.append(connection)

    async def _transact(
        self, connection: _Connection, envelope: Envelope, progress: _Progress
    ) -> Outcome:
        client = connection.client
        options = envelope_options(client, envelope)
        if isinstance(options, Rejected):
            return options
        sender, recipient = options
        for command in (sender, recipient, (b"DATA",)):
            reply = await self._command(client, *command)
            if reply.code == 421 and connection.reused and command is sender:
                raise _Lost(str(reply))  # the server had closed an idle connection
            if command == (b"DATA",) and reply.code == 354:
                break
            if reply.code // 100 != 2 or command == (b"DATA",):
                return await self._refused(client, reply)
        return await self._content(client, envelope.content, progress)

    async def _command(self, client: aiosmtplib.SMTP, *words: bytes) -> Reply:
        timeout = self.limits.command.total_seconds()
        try:
            code, text = await client.execute_command(*words, timeout=timeout)
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            raise _Lost(_told(error, words[0])) from error
        return parse_reply(code, text)

    async def _refused(self, client: aiosmtplib.SMTP, reply: Reply) -> Outcome:
        """What a refused command came to; the connection is made ready for the next message."""
        outcome = classify(reply)
        if client.is_connected and isinstance(outcome, Deferred | Rejected):
            try:
                again = await self._command(client, b"RSET")
            except _Lost:
                return outcome
            if again.code // 100 != 2:
                client.close()
            return outcome
        if isinstance(outcome, Deferred | Rejected):
            return outcome
        client.close()
        return NotSent(f"the server's answer makes no sense here: '{reply}'")

    async def _content(
        self, client: aiosmtplib.SMTP, content: bytes, progress: _Progress
    ) -> Outcome:
        protocol = client.protocol
        if protocol is None:
            raise _Lost("the connection was lost before the message")
        try:
            protocol.write(wire_content(content))
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _Lost(_told(error, b"the message")) from error
        progress.stage = _Stage.CONTENT
        try:
            timeout = self.limits.final.total_seconds()
            code, text = await protocol.read_response(timeout=timeout)
        except (aiosmtplib.SMTPException, OSError) as error:
            return InDoubt(_told(error, b"the final dot"))
        outcome = classify_final(parse_reply(code, text))
        if code == 421:
            client.close()
        return outcome

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
            return _Connection(client)
        except aiosmtplib.SMTPResponseException as error:
            outcome = _refused_entry(parse_reply(error.code, error.message))
        except (aiosmtplib.SMTPException, OSError) as error:
            outcome = NotSent(_told(error, b"connecting"))
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
    client: aiosmtplib.SMTP, envelope: Envelope
) -> tuple[tuple[bytes, ...], tuple[bytes, ...]] | Rejected:
    """The MAIL and RCPT commands, with what the server offers; or why it cannot be asked."""
    sender, recipient = envelope.sender, envelope.recipient
    mail = [b"MAIL", b"FROM:<" + sender.encode("utf-8") + b">"]
    rcpt = [b"RCPT", b"TO:<" + recipient.encode("utf-8") + b">"]
    if not (sender.isascii() and recipient.isascii()):
        if not client.supports_extension("smtputf8"):
            text = f"the mail server does not offer SMTPUTF8, which '{recipient}' needs"
            return Rejected(Reply(553, "5.6.7", text), RejectionClass.CONFIGURATION, False)
        mail += [b"SMTPUTF8", b"BODY=8BITMIME"]
    limit = client.esmtp_extensions.get("size", "").strip()
    if limit.isdecimal() and 0 < int(limit) < len(envelope.content):
        text = f"the message has {len(envelope.content)} bytes, and the mail server takes {limit}"
        return Rejected(Reply(552, "5.3.4", text), RejectionClass.CONTENT, False)
    if client.supports_extension("dsn") and recipient.isascii():
        mail.append(b"RET=HDRS")
        if envelope.message_id:
            mail.append(b"ENVID=" + _xtext(envelope.message_id.strip("<>")))
        rcpt += [b"NOTIFY=FAILURE,DELAY", b"ORCPT=rfc822;" + _xtext(recipient)]
    return tuple(mail), tuple(rcpt)


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
            return deferred
        case Deferred():
            return Deferred(reply, DeferralClass.HOST, RETRY_AFTER[DeferralClass.HOST])
        case Rejected(cause=RejectionClass.CONFIGURATION) as rejected:
            return rejected
        case Rejected():
            return Rejected(reply, RejectionClass.SENDER_FAULT, suppress=False)
        case _:
            return NotSent(f"the server's answer makes no sense: '{reply}'")


async def _greet(client: aiosmtplib.SMTP) -> None:
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        if not client.is_connected:
            raise
        await client.helo()


async def _quit(client: aiosmtplib.SMTP) -> None:
    try:
        await client.quit(timeout=1.0)
    except (aiosmtplib.SMTPException, OSError):
        pass
    finally:
        client.close()


def _told(error: Exception, stage: bytes) -> str:
    text = " ".join(str(part) for part in error.args) or type(error).__name__
    clean = parse_reply(0, text).text
    return f"{clean} (at {stage.decode('ascii', 'replace')})"
