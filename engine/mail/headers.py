"""Header lines that no relay mangles.

Written out here because the standard library (3.11) rewrites a long List-Unsubscribe as encoded
words, which hides the unsubscribe button, and makes words longer than RFC 2047 allows.
"""

import binascii
import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import quote

from engine.mail.addresses import Address
from engine.mail.errors import MessageError

_WORD_LIMIT = 75
_LINE_LIMIT = 76
_HARD_LIMIT = 998
_NAME_LIMIT = 250
_FRAME = len("=?utf-8?b??=")
_NAME = re.compile(r"[!-9;-~]+\Z")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\- ]+\Z")
_PART = re.compile(r"[^.:@]+")
_FILE_SAFE = re.compile(r"[A-Za-z0-9 ._()\-]+\Z")


def text_header(name: str, value: str) -> str:
    """A header of free text (Subject): ASCII as it is, all else in encoded words."""
    value = _checked(name, value).strip()
    if value.isascii() and "=?" not in value:
        folded = _folded(f"{name}: {value}")
        if folded is not None:
            return folded
    return f"{name}: " + _words(value, len(name) + 2) + "\r\n"


@lru_cache(maxsize=1024)  # of a step's mails they are the same
def plain_id(value: str) -> str:
    """A name of one's own as an id that headers can hold, a part at a time.

    Parts that are not ASCII (a playbook may be called 唤醒) are written as domain names write them.
    """
    return _PART.sub(lambda part: _plain_part(part.group()), value)


def _plain_part(part: str) -> str:
    return part if part.isascii() else "xn--" + part.encode("punycode").decode("ascii")


def raw_header(name: str, value: str) -> str:
    """A structured header (List-*, ids): ASCII, never encoded; if long, folded after commas."""
    value = _checked(name, value)
    if not value.isascii():
        raise MessageError(f"the header {name} can hold ASCII only, not '{value[:80]}'")
    line = f"{name}: {value}\r\n"
    if len(line) > _LINE_LIMIT + 2:
        line = line.replace(", ", ",\r\n ")
    if len(line) > _HARD_LIMIT and any(len(part) > _HARD_LIMIT for part in line.split("\r\n")):
        raise MessageError(f"the header {name} is longer than a line of mail may be")
    return line


@lru_cache(maxsize=1024)  # the sender is the same in mail after mail
def address_header(name: str, mailbox: Address) -> str:
    """From, To or Reply-To: the name quoted or in encoded words, the address bare."""
    shown, email = mailbox.name, f"<{mailbox.email}>"
    if not shown:
        return f"{name}: {mailbox.email}\r\n"
    if shown.isascii() and "=?" not in shown:
        phrase = shown if _ATOMS.match(shown) else '"' + re.sub(r'(["\\])', r"\\\1", shown) + '"'
    else:
        phrase = _words(shown, len(name) + 2)
    last = phrase.rpartition("\r\n")[2]
    room = _LINE_LIMIT - len(email) - 1 - (len(name) + 2 if last == phrase else 0)
    gap = " " if len(last) <= room else "\r\n "
    return f"{name}: {phrase}{gap}{email}\r\n"


def file_name(name: str) -> str:
    """The `filename` parameter of an attachment, in RFC 2231 where it must be."""
    return _parameter("filename", _checked("Content-Disposition", name))


def type_name(kind: str, name: str) -> str | None:
    """A Content-Type with the file's name, which some programs look for there; None: too long."""
    parameter = _parameter("name", _checked("Content-Type", name))
    if not kind.isascii() or _FORBIDDEN.search(kind) or len(kind) > _LINE_LIMIT:
        return None
    return f"Content-Type: {kind};\r\n {parameter}\r\n"


def _parameter(which: str, name: str) -> str:
    name = _shortened(name.replace("/", "_").replace("\\", "_"))
    if _FILE_SAFE.match(name) and len(name) <= 60:
        return f'{which}="{name}"'
    return f"{which}*=utf-8''{quote(name, safe='')}"


def _shortened(name: str) -> str:
    """A file's name that fits a line when each of its bytes takes three; its ending stays."""
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > 10:
        stem, dot, ending = name, "", ""
    while len(f"{stem}{dot}{ending}".encode("utf-8", "replace")) > _NAME_LIMIT:
        stem = stem[:-1]
    return f"{stem}{dot}{ending}".encode("utf-8", "replace").decode()


def _checked(name: str, value: str) -> str:
    if not _is_name(name):
        raise MessageError(f"'{name}' is no name of a header")
    if _FORBIDDEN.search(value):
        raise MessageError(f"the header {name} would contain a line break or a control character")
    return value


@lru_cache(maxsize=256)
def _is_name(name: str) -> bool:
    return _NAME.match(name) is not None


def _folded(line: str) -> str | None:
    """An ASCII line broken before spaces; None when a word is too long for that."""
    if len(line) <= _LINE_LIMIT:
        return line + "\r\n"
    lines: list[str] = []
    while len(line) > _LINE_LIMIT:
        cut = line.rfind(" ", 1, _LINE_LIMIT + 1)
        if cut <= 0 or not line[:cut].strip() or (not lines and line[:cut].endswith(":")):
            return None
        lines.append(line[:cut])
        line = line[cut:]
    lines.append(line)
    return "\r\n".join(lines) + "\r\n"


def _words(text: str, used: int) -> str:
    """`text` in encoded words of at most 75 characters, the first after `used` characters."""
    return "\r\n ".join(
        "=?utf-8?b?" + binascii.b2a_base64(piece, newline=False).decode("ascii") + "?="
        for piece in _pieces(text, _LINE_LIMIT - used)
    )


def _pieces(text: str, first: int) -> Iterator[bytes]:
    """UTF-8 cut between characters, so that every word can be decoded by itself."""
    room = (min(first, _WORD_LIMIT) - _FRAME) // 4 * 3
    piece = bytearray()
    for char in text:
        encoded = char.encode("utf-8", "replace")
        if len(piece) + len(encoded) > room:
            yield bytes(piece)
            piece.clear()
            room = (_WORD_LIMIT - _FRAME) // 4 * 3
        piece += encoded
    yield bytes(piece)
