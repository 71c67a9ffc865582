"""Which encoding a file is in: what people really have, in the workspaces they have it in."""

from pathlib import Path

import pytest

from engine.errors import InputError
from engine.operations.text_encoding import checked_encoding, encoding_of

SIMPLIFIED = "邮箱,姓名,公司\nli@acme.example,李伟,杭州漏斗科技有限公司\n"
TRADITIONAL = "信箱,姓名,公司\nchen@acme.example,陳小姐,臺北行銷股份有限公司\n"
JAPANESE = "メール,氏名,会社\nsato@acme.example,佐藤花子,東京ファネル株式会社営業部\n"
KOREAN = "이메일,이름,회사\npark@acme.example,박지민,서울 마케팅 주식회사 영업부\n"
WESTERN = "email,name,company\nj@acme.example,José Müller,Café Noël à Genève\n"


@pytest.mark.parametrize(
    ("text", "written", "language", "expected"),
    [
        (SIMPLIFIED, "utf-8", "zh-CN", "utf-8"),
        (SIMPLIFIED, "utf-8-sig", "zh-CN", "utf-8-sig"),
        (SIMPLIFIED, "utf-16", "zh-CN", "utf-16"),
        (WESTERN * 3, "utf-16-le", "en", "utf-16-le"),
        (WESTERN * 3, "utf-16-be", "en", "utf-16-be"),
        (SIMPLIFIED, "gbk", "zh-CN", "gb18030"),
        (SIMPLIFIED, "gb18030", "zh-CN", "gb18030"),
        ("姓名\n李伟\n", "gbk", "zh-CN", "gb18030"),
        (SIMPLIFIED * 20, "gbk", "en", "gb18030"),
        (TRADITIONAL, "big5", "zh-TW", "big5"),
        ("email,name\na@b.cn,Ann\n", "ascii", "zh-CN", "utf-8"),
    ],
)
def test_the_encoding_is_told(
    tmp_path: Path, text: str, written: str, language: str, expected: str
) -> None:
    """Marks, UTF-8, UTF-16 without a mark, and the old encodings of China and Taiwan."""
    path = tmp_path / "leads.csv"
    path.write_bytes(text.encode(written))
    assert encoding_of(path, language) == expected


@pytest.mark.parametrize(
    ("text", "written", "language"),
    [
        (WESTERN * 10, "cp1252", "en"),
        (WESTERN * 10, "cp1252", "zh-CN"),
        (JAPANESE * 20, "shift_jis", "ja"),
        (JAPANESE * 20, "shift_jis", "zh-CN"),
        (KOREAN * 20, "cp949", "ko"),
        (TRADITIONAL * 20, "big5", "zh-CN"),
        (TRADITIONAL * 20, "big5", "en"),
    ],
)
def test_what_is_read_is_what_was_written(
    tmp_path: Path, text: str, written: str, language: str
) -> None:
    """Whatever the encoding is called, the text comes out right, also abroad."""
    path = tmp_path / "leads.csv"
    path.write_bytes(text.encode(written))
    assert path.read_text(encoding=encoding_of(path, language)) == text


def test_one_stray_byte_far_down_is_seen(tmp_path: Path) -> None:
    """A file is UTF-8 throughout or not at all."""
    path = tmp_path / "leads.csv"
    path.write_bytes(b"email\n" * 300_000 + "李伟\n".encode("gbk"))
    assert encoding_of(path, "zh-CN") == "gb18030"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xef\xbb\xbfemail\n\xff\xfe\xfa", "is not utf-8-sig throughout"),
        (bytes(range(256)) * 20 + b"\x00" * 900, "is no text file"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    """With what to do about it."""
    path = tmp_path / "leads.csv"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        encoding_of(path)
    assert message in caught.value.message
    assert caught.value.help


def test_an_encoding_by_name_must_exist() -> None:
    """And must be one of text."""
    assert checked_encoding("GBK") == "gbk"
    for name in ("klingon", "base64", "a\0b"):
        with pytest.raises(InputError):
            checked_encoding(name)
