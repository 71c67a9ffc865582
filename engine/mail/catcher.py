"""A mail server that delivers nothing: what is sent to it is kept in files and shown.

It is what `longplay up` sends to while no SMTP server is configured. A message is one file, which
any mail program can open: what came over the wire, with the envelope in three headers before it.
"""

import asyncio
import base64
import email
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from engine.errors import EnvironmentFault, NotFoundError
from engine.ids import new_id

KEEP = 10_000
_SLACK = 100
_SUFFIX = ".eml"
_ID = re.compile(r"[0-9a-z]{20}\Z")
_FROM, _TO, _AT = "X-Envelope-From", "X-Envelope-To", "X-Caught-At"
_HEAD_SIZE = 16_384


@dataclass(frozen=True, slots=True)
class CaughtFile:
    """An attachment of a caught message."""

    filename: str
    content_type: str
    content: bytes
    cid: str = ""
    """By what the page shows it; empty for a file of its own."""


@dataclass(frozen=True, slots=True)
class CaughtSummary:
    """A caught message in a list."""

    id: str
    at: datetime
    sender: str
    recipients: tuple[str, ...]
    subject: str
    size: int


@dataclass(frozen=True, slots=True)
class CaughtMail:
    """A caught message, taken apart as a mail program would."""

    id: str
    at: datetime
    sender: str
    recipients: tuple[str, ...]
    subject: str
    headers: tuple[tuple[str, str], ...]
    html: str
    text: str
    attachments: tuple[CaughtFile, ...]
    raw: bytes


def data_url(file: CaughtFile) -> str:
    """A picture as an address that holds it."""
    content = base64.b64encode(file.content).decode("ascii")
    return f"data:{file.content_type};base64,{content}"


class Catcher:
    """The server; start and stop it on a running event loop.

    Args:
        folder: where the messages go; made when missing.
        host: the address to listen on.
        port: the port; 0 takes a free one.
        keep: of more messages than this, the oldest are deleted.
    """

    def __init__(
        self, folder: Path, host: str = "127.0.0.1", port: int = 1025, *, keep: int = KEEP
    ) -> None:
        self.folder = folder
        self.host = host
        self.port = port
        self.keep = keep
        self._server: asyncio.Server | None = None
        self._count = 0

    async def start(self) -> None:
        """Listen; afterwards `port` is the one that is listened on."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._count = sum(1 for _ in _files(self.folder))
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._session, self.host, self.port)
        except OSError as error:
            raise EnvironmentFault(
                f"the mail catcher cannot listen on '{self.host}:{self.port}': {error.strerror}",
                help="set LONGPLAY_CATCHER_PORT to a free port, such as 1026",
            ) from error
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Listen no more; messages stay where they are."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep one message; the name is aiosmtpd's."""
        content = envelope.content
        if isinstance(content, str):
            content = content.encode("utf-8", "surrogateescape")
        sender = envelope.mail_from or ""
        try:
            kept = keep_mail(self.folder, content or b"", sender, tuple(envelope.rcpt_tos))
        except OSError as error:
            return f"452 4.3.1 cannot keep it: {error.strerror}"
        self._count += 1
        if self._count > self.keep + _SLACK:
            self._count = prune(self.folder, self.keep)
        return f"250 2.0.0 caught as {kept}"

    def _session(self) -> SMTP:
        return SMTP(
            self,
            hostname="localhost",
            ident="Longplay mail catcher",
            enable_SMTPUTF8=True,
            loop=asyncio.get_running_loop(),
        )


async def run_catcher(
    folder: Path, host: str = "127.0.0.1", port: int = 1025, *, keep: int = KEEP
) -> None:
    """Catch mail until cancelled."""
    catcher = Catcher(folder, host, port, keep=keep)
    await catcher.start()
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        await catcher.stop()


def keep_mail(folder: Path, content: bytes, sender: str, recipients: tuple[str, ...]) -> str:
    """Write one message, whole or not at all, and answer its id."""
    caught = new_id()
    lines = [f"{_FROM}: {sender}", f"{_TO}: {', '.join(recipients)}"]
    lines.append(f"{_AT}: {datetime.now(UTC).isoformat()}")
    head = "".join(re.sub(r"[\r\n]", " ", line) + "\r\n" for line in lines)
    unfinished = folder / f".{caught}.part"
    unfinished.write_bytes(head.encode("utf-8", "surrogateescape") + content)
    unfinished.rename(folder / (caught + _SUFFIX))
    return caught


def prune(folder: Path, keep: int) -> int:
    """Delete the oldest messages beyond `keep`; answer how many there are now."""
    names = sorted(_files(folder), reverse=True)
    for name in names[keep:]:
        (folder / (name + _SUFFIX)).unlink(missing_ok=True)
    return min(len(names), keep)


def forget_before(folder: Path, moment: datetime) -> int:
    """Delete every message that was caught before a moment; answer how many."""
    deleted = 0
    for name in list(_files(folder)):
        path = folder / (name + _SUFFIX)
        try:
            if path.stat().st_mtime < moment.timestamp():
                path.unlink()
                deleted += 1
        except FileNotFoundError:
            continue
    return deleted


def forget(folder: Path, addresses: Iterable[str]) -> int:
    """Delete every message to, from or about one of these addresses; answer how many."""
    wanted = [one.casefold().encode() for one in addresses if one]
    if not wanted:
        return 0
    deleted = 0
    for name in list(_files(folder)):
        path = folder / (name + _SUFFIX)
        try:
            content = path.read_bytes().lower()
        except FileNotFoundError:
            continue
        if any(each in content for each in wanted):
            path.unlink(missing_ok=True)
            deleted += 1
    return deleted


def caught(folder: Path, *, limit: int = 50, before: str | None = None) -> list[CaughtSummary]:
    """The newest messages first, from the one before the id `before` on."""
    names = sorted(_files(folder), reverse=True)
    if before is not None:
        names = [name for name in names if name < before]
    found: list[CaughtSummary] = []
    for name in names:
        if len(found) >= limit:
            break
        summary = _summary(folder, name)
        if summary is not None:
            found.append(summary)
    return found


def read_caught(folder: Path, id: str) -> CaughtMail:
    """One message, taken apart; whatever bytes it consists of, it can be read."""
    if not _ID.match(id):
        raise NotFoundError(f"no caught message has the id '{id[:40]}'")
    try:
        stored = (folder / (id + _SUFFIX)).read_bytes()
    except FileNotFoundError:
        raise NotFoundError(f"no caught message has the id '{id}'") from None
    envelope, raw = _parted(stored)
    return taken_apart(raw, id, envelope.at, envelope.sender, envelope.recipients)


def taken_apart(
    raw: bytes, id: str, at: datetime, sender: str, recipients: tuple[str, ...]
) -> CaughtMail:
    """A message as a mail program sees it, with the envelope that it came in."""
    message = email.message_from_bytes(raw)
    html, text, files = _parts(message)
    return CaughtMail(
        id=id,
        at=at,
        sender=sender,
        recipients=recipients,
        subject=_decoded(message.get("Subject", "")),
        headers=tuple((name, _decoded(value)) for name, value in message.items()),
        html=html,
        text=text,
        attachments=tuple(files),
        raw=raw,
    )


@dataclass(frozen=True, slots=True)
class _Stored:
    sender: str
    recipients: tuple[str, ...]
    at: datetime


def _files(folder: Path) -> Iterator[str]:
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.suffix == _SUFFIX and _ID.match(path.stem):
            yield path.stem


def _summary(folder: Path, name: str) -> CaughtSummary | None:
    try:
        with (folder / (name + _SUFFIX)).open("rb") as file:
            stored = file.read(_HEAD_SIZE)
            size = file.seek(0, 2)
    except FileNotFoundError:  # deleted by the server in the meantime
        return None
    envelope, raw = _parted(stored)
    head = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0]
    message = email.message_from_bytes(head + b"\r\n\r\n")
    subject = _decoded(message.get("Subject", ""))
    size -= len(stored) - len(raw)
    return CaughtSummary(name, envelope.at, envelope.sender, envelope.recipients, subject, size)


def _parted(stored: bytes) -> tuple[_Stored, bytes]:
    """The envelope that was written before a message, and the message."""
    lines = stored.split(b"\r\n", 3)
    if len(lines) < 4 or not lines[0].startswith(_FROM.encode()):
        return _Stored("", (), datetime.fromtimestamp(0, UTC)), stored
    values = [line.decode("utf-8", "replace").partition(": ")[2] for line in lines[:3]]
    recipients = tuple(each for each in values[1].split(", ") if each)
    return _Stored(values[0], recipients, datetime.fromisoformat(values[2])), lines[3]


def _decoded(value: object) -> str:
    """A header as people read it, encoded words and stray bytes included."""
    text = re.sub(r"\r?\n(?=[ \t])", "", str(value))
    try:
        parts = decode_header(text)
    except (HeaderParseError, ValueError):
        return _clean(text)
    pieces = (
        piece if isinstance(piece, str) else _text(piece, charset) for piece, charset in parts
    )
    return _clean("".join(pieces))


def _clean(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").strip()


def _text(content: bytes, charset: str | None) -> str:
    try:
        return content.decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")


def _parts(message: Message) -> tuple[str, str, list[CaughtFile]]:
    html, text, files = "", "", []
    for part in message.walk():
        if part.is_multipart():
            continue
        payload = part.get_payload(decode=True)
        content = payload if isinstance(payload, bytes) else b""
        kind = part.get_content_type()
        name = part.get_filename()
        if name or part.get_content_disposition() == "attachment":
            cid = str(part.get("Content-ID") or "").strip("<> ")
            files.append(CaughtFile(_decoded(name or "unnamed"), kind, content, cid))
        elif kind == "text/html":
            html = html or _text(content, part.get_content_charset())
        elif kind == "text/plain":
            text = text or _text(content, part.get_content_charset())
    return html, text, files
