"""Which encoding a text file is in. It reads bytes and guesses; it never changes them.

The ladder: a byte order mark, strict UTF-8, UTF-16 without a mark, then statistics, with the
encoding that the workspace's language is usually written in as the tie-break. Statistics alone
take a short GBK file for Big5; strict decoding alone takes Big5 and Shift JIS for GBK.
"""

import codecs
from collections.abc import Iterator
from pathlib import Path

from charset_normalizer import from_bytes

from engine.errors import InputError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHUNK = 1 << 20
_SAMPLE = 1 << 16
_CHINESE = frozenset({"gb2312", "gbk", "gb18030", "hz", "big5", "big5hkscs", "cp950"})
_ENOUGH = 0.8
"""The share of everyday characters below which a decoding is not believed."""


def encoding_of(path: Path, language: str = "") -> str:
    """The encoding of the text file, by Python's name for it.

    Args:
        path: the file.
        language: the workspace's, such as zh-CN.

    Raises:
        InputError: it is no text, or nothing tells in which encoding.
    """
    with path.open("rb") as file:
        head = file.read(_SAMPLE)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return _sure(path, name)
    wide = _utf16(head)
    if wide:
        return _sure(path, wide)
    if _decodes(path, "utf-8"):
        return "utf-8"
    return _legacy(path, language)


def checked_encoding(name: str) -> str:
    """An encoding that a person named.

    Raises:
        InputError: there is none of this name.
    """
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        raise InputError(
            f"no encoding is called '{name[:40]}'", help="try utf-8, gb18030, big5 or cp1252"
        ) from None
    if not getattr(found, "_is_text_encoding", True):
        raise InputError(f"'{name}' is no encoding of text")
    return found.name


def _sure(path: Path, name: str) -> str:
    if not _decodes(path, name):
        raise InputError(
            f"'{path.name}' begins as {name} but is not {name} throughout",
            help="save it again as UTF-8, or name its encoding with --encoding",
        )
    return name


def _utf16(head: bytes) -> str:
    """UTF-16 without a mark: every other byte of mostly ASCII text is zero."""
    half = len(head) // 2
    if half < 4:
        return ""
    if head[1::2].count(0) > half * 0.4 and head[::2].count(0) < half * 0.05:
        return "utf-16-le"
    if head[::2].count(0) > half * 0.4 and head[1::2].count(0) < half * 0.05:
        return "utf-16-be"
    return ""


def _legacy(path: Path, language: str) -> str:
    sample = _sample(path)
    if sample.count(0) > len(sample) // 100:
        raise InputError(
            f"'{path.name}' is no text file", help="import CSV, JSON Lines or Excel (.xlsx, .ods)"
        )
    expected = _expected(language)
    if expected and _everyday(sample, expected) >= _ENOUGH and _decodes(path, expected):
        return expected
    for match in from_bytes(sample):
        name = match.encoding
        if name in _CHINESE and _everyday(sample, "gb18030") > _everyday(sample, "big5"):
            name = "gb18030"
        if _decodes(path, name):
            return name
    raise InputError(
        f"nothing tells in which encoding '{path.name}' is",
        help="save it as UTF-8, or name its encoding with --encoding",
    )


def _expected(language: str) -> str:
    if language.startswith("zh"):
        traditional = any(part in language for part in ("TW", "HK", "Hant"))
        return "big5" if traditional else "gb18030"
    return ""


def _everyday(sample: bytes, name: str) -> float:
    """The share of a Chinese text's characters that are everyday ones, or 0 if it is no text.

    Both GB 2312 and Big5 put the few thousand common characters into a block of their own; what is
    misread lands outside.
    """
    try:
        strange = [char for char in sample.decode(name) if char > "\x7f"]
    except UnicodeDecodeError:
        return 0.0
    if not strange:
        return 0.0
    return sum(_is_everyday(char.encode(name), name) for char in strange) / len(strange)


def _is_everyday(code: bytes, name: str) -> bool:
    if len(code) != 2:
        return False
    lead, trail = code
    if name == "big5":
        return 0xA1 <= lead <= 0xC6 and (trail >= 0xA1 or trail < 0x7F)
    return trail >= 0xA1 and (0xB0 <= lead <= 0xD7 or 0xA1 <= lead <= 0xA3)


def _sample(path: Path) -> bytes:
    """The lines that are not plain ASCII, as far as they tell enough."""
    found, size = [], 0
    with path.open("rb") as file:
        for line in iter(lambda: file.readline(_SAMPLE), b""):
            if not line.isascii():
                found.append(line)
                size += len(line)
            if size >= _SAMPLE:
                break
    return b"".join(found)


def _decodes(path: Path, name: str) -> bool:
    decoder = codecs.getincrementaldecoder(name)()
    try:
        for chunk in _chunks(path):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter(lambda: file.read(_CHUNK), b"")
