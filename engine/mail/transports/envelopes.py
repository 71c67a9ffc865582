"""What is said for a message: the commands of its envelope, and its content as it follows DATA."""

import re
from collections.abc import Mapping

from engine.mail.transports.port import Envelope, Rejected, RejectionClass, Reply

_LINE_ENDS = re.compile(rb"\r\n|\r|\n")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


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
