"""A finished message and its bytes, which are the same on every attempt.

Nothing here is taken from a clock or from chance: the date, the Message-ID and the boundary come
from the job, so that a repeat is recognizably the same message.
"""

import binascii
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

from engine.mail.addresses import Address
from engine.mail.attachments import Attachment
from engine.mail.errors import MessageError
from engine.mail.headers import address_header, plain_id, raw_header, text_header
from engine.mail.law import MailKind

_PLAIN_WIDTH = 76


@dataclass(slots=True)
class OutgoingMessage:
    """All that a message says; `as_bytes` is what goes over the wire."""

    key: str
    """The job's id: the boundary comes from it."""
    message_id: str
    """With its angle brackets; see `engine.ids.message_id`."""
    date: datetime
    sender: Address
    to: Address
    subject: str
    html: str
    text: str
    kind: MailKind = "marketing"
    reply_to: Address | None = None
    unsubscribe_url: str = ""
    """The one-click address (RFC 8058); marketing only."""
    unsubscribe_mailto: str = ""
    """An address that takes unsubscribe requests by mail, without `mailto:`."""
    list_id: str = ""
    """`trial-nurture.acme.example`, which filters go by."""
    feedback_id: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    """Further headers, such as a provider's idempotency key."""
    attachments: tuple[Attachment, ...] = field(default=())

    def as_bytes(self, *, smtputf8: bool = False) -> bytes:
        """The message with CRLF line ends, no line longer than 998 bytes.

        Args:
            smtputf8: whether the server takes addresses with a non-ASCII local part.
        """
        for mailbox in (self.sender, self.to, self.reply_to):
            if mailbox is not None and mailbox.needs_smtputf8 and not smtputf8:
                raise MessageError(
                    f"'{mailbox.email}' has a non-ASCII name before the '@', "
                    "which the mail server does not take",
                    help="use an address with an ASCII name, or a server that offers SMTPUTF8",
                )
        lines = [
            _date_header(int(_aware(self.date).timestamp())),
            address_header("From", self.sender),
            address_header("To", self.to),
        ]
        if self.reply_to is not None:
            lines.append(address_header("Reply-To", self.reply_to))
        lines.append(text_header("Subject", self.subject))
        lines.append(raw_header("Message-ID", self.message_id))
        lines += self._kind_headers()
        lines += [_extra(name, value) for name, value in self.headers]
        lines.append("MIME-Version: 1.0\r\n")
        return "".join(lines).encode("utf-8") + self._body()

    def _kind_headers(self) -> list[str]:
        if self.kind != "marketing":
            return ["Auto-Submitted: auto-generated\r\n"]
        lines = []
        ways = [f"<{self.unsubscribe_url}>"] if self.unsubscribe_url else []
        if self.unsubscribe_mailto:
            ways.append(f"<mailto:{self.unsubscribe_mailto}?subject=unsubscribe>")
        if ways:
            lines.append(raw_header("List-Unsubscribe", ", ".join(ways)))
        if self.unsubscribe_url:
            lines.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")
        if self.list_id:
            lines.append(_same_header("List-Id", f"<{plain_id(self.list_id.strip('<>'))}>"))
        if self.feedback_id:
            lines.append(_same_header("Feedback-ID", plain_id(self.feedback_id)))
        return lines

    def _body(self) -> bytes:
        mark = hashlib.sha256(self.key.encode()).hexdigest()[:24]
        page = _text_part("html", self.html)
        pictures = [item.part for item in self.attachments if item.cid]
        if pictures:
            page = _multipart("related", f"=_r{mark}", [page, *pictures])
        alternative = _multipart(
            "alternative", f"=_a{mark}", [_text_part("plain", self.text), page]
        )
        files = [item.part for item in self.attachments if not item.cid]
        return _multipart("mixed", f"=_m{mark}", [alternative, *files]) if files else alternative


@lru_cache(maxsize=1024)  # messages are made many at a time
def _date_header(second: int) -> str:
    return raw_header("Date", format_datetime(datetime.fromtimestamp(second, UTC)))


_same_header = lru_cache(maxsize=1024)(raw_header)
"""For what all messages of a step have in common."""


def _multipart(subtype: str, boundary: str, parts: list[bytes]) -> bytes:
    edge = b"--" + boundary.encode("ascii")
    head = f'Content-Type: multipart/{subtype};\r\n boundary="{boundary}"\r\n\r\n'.encode("ascii")
    return head + b"".join(edge + b"\r\n" + part for part in parts) + edge + b"--\r\n"


def _text_part(subtype: str, text: str) -> bytes:
    encoding, body = transfer_encoded(text)
    return _text_head(subtype, encoding) + body


@lru_cache(maxsize=16)
def _text_head(subtype: str, encoding: str) -> bytes:
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}"
    return head.encode("ascii") + b"\r\n\r\n"


def transfer_encoded(text: str) -> tuple[str, bytes]:
    """The shortest safe encoding of a text and the text in it, ending in CRLF.

    No encoding can contain our boundary: it begins with `=_`, which neither quoted-printable nor
    base64 ever writes, and plain text that contains it is not left plain.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.rstrip("\n") + "\n"
    body = text.replace("\n", "\r\n").encode("utf-8", "replace")
    if text.isascii():
        if "=_" not in text and "\0" not in text and _narrow(text):
            return "7bit", body
    elif len(body) - len(text) > len(text) // 3:
        return "base64", _base64(body)
    encoded = binascii.b2a_qp(body, istext=True)
    return "quoted-printable", encoded if encoded.endswith(b"\r\n") else encoded + b"\r\n"


def _narrow(text: str) -> bool:
    lines = text.split("\n")
    return max(map(len, lines)) <= _PLAIN_WIDTH


def _base64(content: bytes) -> bytes:
    lines = [binascii.b2a_base64(content[at : at + 57]) for at in range(0, len(content), 57)]
    return b"".join(lines).replace(b"\n", b"\r\n")


_OURS = frozenset(
    {"date", "from", "to", "cc", "bcc", "reply-to", "subject", "message-id", "mime-version"}
)


def _extra(name: str, value: str) -> str:
    if name.lower() in _OURS or name.lower().startswith("content-"):
        raise MessageError(f"the header {name} cannot be set from outside")
    return raw_header(name, value) if value.isascii() else text_header(name, value)


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise MessageError("the date of a message needs a time zone")
    return moment.astimezone(UTC)
