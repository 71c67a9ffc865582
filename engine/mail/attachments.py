"""Files that go with a message: what they are called, what they are, and their bytes on the wire.

What a file is, its name says; nothing is asked of the machine, so that every worker says the same.
"""

import base64
import mimetypes
from dataclasses import dataclass
from functools import cached_property

from engine.mail.headers import file_name, raw_header, type_name

_TYPES = mimetypes.MimeTypes()
_KNOWN = {
    ".webp": "image/webp", ".avif": "image/avif", ".svg": "image/svg+xml", ".ico": "image/x-icon",
    ".csv": "text/csv", ".md": "text/markdown", ".ics": "text/calendar", ".vcf": "text/vcard",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".ofd": "application/ofd", ".wps": "application/vnd.ms-works",
}  # fmt: skip
_CHARSETS = ("utf-8", "gb18030")


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a message.

    Args:
        filename: what the reader sees; any script.
        content: its bytes.
        content_type: what it is; left out: what its name says.
        cid: the id by which the page shows it, for a picture within the page.
    """

    filename: str
    content: bytes
    content_type: str = ""
    cid: str = ""

    @cached_property
    def part(self) -> bytes:
        """The part of a message that it becomes, made once for all messages."""
        kind = self.content_type or content_type(self.filename, self.content)
        named = type_name(kind, self.filename)
        how = "inline" if self.cid else "attachment"
        head = raw_header("Content-Type", kind) if named is None else named
        head += "Content-Transfer-Encoding: base64\r\n"
        if self.cid:
            head += raw_header("Content-ID", f"<{self.cid}>")
        head += f"Content-Disposition: {how};\r\n {file_name(self.filename)}\r\n\r\n"
        return head.encode("ascii") + base64.encodebytes(self.content).replace(b"\n", b"\r\n")


def content_type(name: str, content: bytes) -> str:
    """What a file is, by its name; of text, in which encoding."""
    dot = name.rfind(".")
    suffix = name[dot:].lower() if dot >= 0 else ""
    kind = _KNOWN.get(suffix) or _TYPES.types_map[True].get(suffix, "application/octet-stream")
    return f"{kind}{_charset(content)}" if kind.startswith("text/") else kind


def _charset(content: bytes) -> str:
    for charset in _CHARSETS:
        try:
            content.decode(charset)
        except UnicodeDecodeError:
            continue
        return f"; charset={charset}"
    return ""
