"""A mailbox over IMAP: letters come out one at a time, and are marked as seen when they are kept.

Only `\\Seen` is set: nothing is deleted or moved. What was read and not marked comes again, which
does no harm. Blocking; callers give it a thread.
"""

import imaplib
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from engine.errors import EnvironmentFault, TryAgainError
from engine.mail.inbound.letter import MOST_BYTES

_PORTS = {"imap": 143, "imaps": 993}
_TIMEOUT = 30.0
_SIZE = re.compile(rb"BODY\[\](?:<\d+>)? \{\d+\}")


@dataclass(frozen=True, slots=True)
class MailboxAddress:
    """Where a mailbox is. Its text shows no password."""

    host: str
    port: int
    user: str
    password: str
    folder: str
    is_tls: bool

    def __str__(self) -> str:
        return f"{self.user} at {self.host}:{self.port}, folder '{self.folder}'"

    __repr__ = __str__


def parse_imap_url(url: str) -> MailboxAddress:
    """The mailbox that `imaps://user:pass@host:993/FOLDER` names.

    Raises:
        EnvironmentFault: it names none; the password is not shown.
    """
    hint = "write it like imaps://user:password@imap.example/INBOX, signs like @ in it as %40"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise EnvironmentFault("the address of the mailbox cannot be read", help=hint) from None
    if parts.scheme not in _PORTS:
        raise EnvironmentFault("a mailbox begins with imaps:// or imap://", help=hint)
    if not parts.hostname or not parts.username:
        raise EnvironmentFault("the address of the mailbox has no host or no user", help=hint)
    return MailboxAddress(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        user=unquote(parts.username),
        password=unquote(parts.password or ""),
        folder=unquote(parts.path.lstrip("/")) or "INBOX",
        is_tls=parts.scheme == "imaps",
    )


class Mailbox:
    """An open folder; made by `opened`."""

    def __init__(self, session: imaplib.IMAP4) -> None:
        self._session = session

    def unseen(self, most: int) -> list[str]:
        """The UIDs of up to `most` letters that were not seen, oldest first."""
        (found,) = self._ask("SEARCH", "UNSEEN")[:1] or [b""]
        uids = found.split() if isinstance(found, bytes) else []
        return [uid.decode("ascii", "replace") for uid in uids[:most] if uid.isdigit()]

    def letter(self, uid: str) -> bytes:
        """The beginning of a letter, all that is ever looked at; empty when it is gone."""
        answer = self._ask("FETCH", uid, f"(BODY.PEEK[]<0.{MOST_BYTES}>)")
        for item in answer:
            if isinstance(item, tuple) and len(item) > 1 and _SIZE.search(item[0]):
                return bytes(item[1])
        return b""

    def mark(self, uids: list[str]) -> None:
        """Marks letters as seen."""
        if uids:
            self._ask("STORE", ",".join(uids), "+FLAGS.SILENT", "(\\Seen)")

    def _ask(self, command: str, *arguments: str) -> list[object]:
        status, answer = self._session.uid(command, *arguments)
        if status != "OK":
            raise TryAgainError(f"the mailbox answered '{status}' to {command}")
        return list(answer)


@contextmanager
def opened(address: MailboxAddress, *, context: ssl.SSLContext | None = None) -> Iterator[Mailbox]:
    """The mailbox, logged in, with its folder selected.

    Raises:
        TryAgainError: it cannot be reached now, or does not let us in.
    """
    session: imaplib.IMAP4 | None = None
    try:
        if address.is_tls:
            tls = context or ssl.create_default_context()
            session = imaplib.IMAP4_SSL(
                address.host, address.port, ssl_context=tls, timeout=_TIMEOUT
            )
        else:
            session = imaplib.IMAP4(address.host, address.port, timeout=_TIMEOUT)
            if "STARTTLS" in session.capabilities:
                session.starttls(context or ssl.create_default_context())
        session.login(_quoted(address.user), address.password)
        if "ID" in session.capabilities:  # NetEase opens no folder for who does not say its name
            session.xatom("ID", '("name" "longplay")')
        status, _ = session.select(_folder(address.folder))
        if status != "OK":
            raise TryAgainError(f"the mailbox has no folder '{address.folder}'")
        yield Mailbox(session)
    except (imaplib.IMAP4.error, OSError, EOFError, ValueError) as error:
        said = str(error).splitlines()[:1] or [type(error).__name__]
        raise TryAgainError(
            f"the mailbox of {address} is not to be had: {said[0][:200]}"
        ) from error
    finally:
        if session is not None:
            with suppress(imaplib.IMAP4.error, OSError):
                session.logout()
            with suppress(OSError):  # after a lost connection `logout` leaves the socket open
                session.shutdown()


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _folder(name: str) -> str:
    """A folder's name as the protocol has it: quoted, in modified UTF-7 where it is not ASCII."""
    if name.isascii():
        return _quoted(name)
    words = re.split(r"([^\x20-\x7e]+)", name)
    return _quoted("".join(
        word.replace("&", "&-") if index % 2 == 0 else
        "&" + word.encode("utf-7").decode("ascii")[1:].rstrip("-").replace("/", ",") + "-"
        for index, word in enumerate(words)
    ))  # fmt: skip
