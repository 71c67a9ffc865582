"""A letter from a stranger as texts: bounded in size, parts and depth, in whatever charset.

Headers and parts come out as Unicode, with nothing that UTF-8 could not hold.
"""

import re
from binascii import Error as Base64Error
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import policy
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from html import unescape

MOST_BYTES = 512 * 1024
"""What is read of a letter: reports come first, and copies of attachments are of no interest."""

_MOST_BOUNDARIES = 60
_MOST_PARTS = 40
_MOST_TEXT = 100_000
_MOST_HEADER = 8_000
_ENCODED = re.compile(r"=\?[^?\s]{1,60}\?[bBqQ]\?")
_BOUNDARY = re.compile(rb"boundary\s*=|message/rfc822", re.I)
_TAG = re.compile(r"<(?:br|/p|/div|/tr|/h\d)\b[^<>]{0,500}>", re.I), re.compile(r"<[^<>]{1,2000}>")
_MOST_STYLES = 50
_CHARSET = re.compile(
    r"(utf-?8|utf-?16([bl]e)?|(us-)?ascii|gb18030|big5(-?hkscs)?|(iso|windows|cp|koi8|mac)[\w-]{1,20}"
    r"|euc[-_](jp|kr|tw)|ks_c_5601-1987|shift[-_]jis|latin-?\d)\Z"
)
"""Character sets of mail; other codecs of Python take their time, or are none of text."""

_CHINESE = {"gb2312", "gbk", "gb_2312-80", "x-gbk", "cn-gb", "936", "cp936", "hz-gb-2312"}


@dataclass(frozen=True, slots=True)
class Part:
    """One part without parts of its own, in text."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter taken apart.

    Attributes:
        headers: name in lower case → values, in order.
        kind: the content type.
        report: the type of a `multipart/report`, or empty.
        parts: texts, reports and copies of what was sent, in order; nothing of what they enclose.
    """

    headers: dict[str, list[str]]
    kind: str = "text/plain"
    report: str = ""
    parts: list[Part] = field(default_factory=list)

    def first(self, name: str) -> str:
        """The first value of a header, or empty."""
        return next(iter(self.headers.get(name, ())), "")

    def every(self, *names: str) -> str:
        """All values of these headers, a line each."""
        return "\n".join(value for name in names for value in self.headers.get(name, ()))

    def has(self, name: str) -> bool:
        """Whether there is such a header."""
        return name in self.headers

    def part(self, *kinds: str) -> str | None:
        """The first part of one of these content types."""
        return next((part.text for part in self.parts if part.kind in kinds), None)

    @property
    def text(self) -> str:
        """What a person reads."""
        plain = [part.text for part in self.parts if part.kind == "text/plain"]
        return "\n".join(plain or [_readable(self.part("text/html") or "")])[:_MOST_TEXT]

    @property
    def copy(self) -> str:
        """The head of the message that came back, or all of it; empty when it is not there."""
        return self.part("message/rfc822", "text/rfc822-headers", "message/global") or ""


def read_letter(content: bytes) -> Letter:
    """Takes a letter apart; what is broken in it is left out."""
    content = content[:MOST_BYTES].replace(b"\0", b"")
    if content.startswith(b"From "):  # an mbox line that a pipe leaves in front
        content = content.partition(b"\n")[2]
    deep = len(_BOUNDARY.findall(content)) > _MOST_BOUNDARIES
    try:
        message = BytesParser(policy=policy.compat32).parsebytes(content, headersonly=deep)
        parts = [] if deep else list(_parts(message))
        return Letter(_headers(message), message.get_content_type(), _report(message), parts)
    except Exception:
        # The parser of the standard library has failed on odd bytes before; mail must not stop.
        head, _, body = content.partition(b"\n\n")
        return Letter({}, parts=[Part("text/plain", _decoded(head + body, ""))])


def header_text(raw: str) -> str:
    """A header's value as people read it, on one line."""
    text = _decoded(raw[:_MOST_HEADER].encode("utf-8", "surrogateescape"), "")
    if _ENCODED.search(text):
        try:
            words = decode_header(text)
        except (HeaderParseError, Base64Error, ValueError, LookupError):
            words = [(text, None)]
        text = "".join(_word(word, charset) for word, charset in words)
    return " ".join(text.split())


def _word(word: str | bytes, charset: str | None) -> str:
    return word if isinstance(word, str) else _decoded(word, charset or "")


def _headers(message: Message) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, raw in list(message.raw_items())[:300]:
        found.setdefault(name.lower(), []).append(header_text(str(raw)))
    return found


def _report(message: Message) -> str:
    if message.get_content_type() != "multipart/report":
        return ""
    kind = message.get_param("report-type")
    return kind.lower() if isinstance(kind, str) else ""


def _parts(message: Message) -> Iterator[Part]:
    """Breadth is bounded by the count, depth by the boundaries counted before."""
    waiting: list[Message] = [message]
    for _ in range(_MOST_PARTS):
        if not waiting:
            return
        one = waiting.pop(0)
        kind = one.get_content_type()
        payload = one.get_payload()
        inner = [each for each in payload if isinstance(each, Message)] if isinstance(
            payload, list) else []  # fmt: skip
        if kind in ("message/delivery-status", "message/feedback-report") and inner:
            yield Part(kind, "\n\n".join(_block(each) for each in inner)[:_MOST_TEXT])
        elif kind in ("message/rfc822", "message/global") and inner:
            yield Part(kind, _block(inner[0])[:_MOST_TEXT])
        elif inner:
            waiting[:0] = inner
        else:
            yield Part(kind, _body(one))


def _block(message: Message) -> str:
    """Headers as lines, and a text below them: a block of a report, or a copy's head."""
    lines = [f"{name}: {header_text(str(raw))}" for name, raw in list(message.raw_items())[:300]]
    return "\n".join([*lines, "", _body(message)[:2_000] if not message.is_multipart() else ""])


def _body(message: Message) -> str:
    try:
        raw = message.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        raw = None
    if not isinstance(raw, bytes):
        return ""
    charset = message.get_param("charset")
    return _decoded(raw[: 4 * _MOST_TEXT], charset if isinstance(charset, str) else "")[:_MOST_TEXT]


def _decoded(raw: bytes, charset: str) -> str:
    """Text from bytes: as they say, else UTF-8, else Chinese, else letter by letter."""
    said = charset.strip("'\" ").lower()
    said = "gb18030" if said in _CHINESE else said
    for name in (said, "utf-8", "gb18030"):
        if not _CHARSET.match(name) or (name.endswith("ascii") and not raw.isascii()):
            continue
        try:
            return raw.decode(name).encode("utf-8", "replace").decode("utf-8")
        except (LookupError, ValueError):
            continue
    return raw.decode("latin-1")


def _readable(html: str) -> str:
    """The text of a page, well enough to look for words in."""
    text = _without(_without(html[:_MOST_TEXT], "style"), "script")
    text = _TAG[0].sub("\n", text)
    return unescape(_TAG[1].sub(" ", text))


def _without(html: str, element: str) -> str:
    """A page without the first of these elements; an unclosed one takes the rest with it."""
    low, kept, at = html.lower(), [], 0
    if len(low) != len(html):  # letters that are longer in lower case
        return html
    for _ in range(_MOST_STYLES):
        begin = low.find(f"<{element}", at)
        if begin < 0:
            break
        kept.append(html[at:begin])
        end = low.find(f"</{element}", begin)
        if end < 0:
            return "".join(kept)
        at = end
    return "".join([*kept, html[at:]])
