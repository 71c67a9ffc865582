"""Pictures and attachments: how they are called, what they are, and how they go over the wire."""

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.mail.addresses import Address
from engine.mail.attachments import Attachment, content_type
from engine.mail.enclosing import enclosed, in_language
from engine.mail.message import OutgoingMessage
from engine.mail.pictures import content_id, is_file, picture_names, resolved, with_content_ids
from engine.mail.render import Templates
from engine.playbook.templates import in_languages

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def wire(*files: Attachment) -> bytes:
    return OutgoingMessage(
        key="job", message_id="<job@acme.example>", date=datetime(2026, 3, 2, tzinfo=UTC),
        sender=Address("hello@acme.example"), to=Address("ann@example.com"), subject="Hi",
        html='<img src="cid:x@longplay" alt="A">', text="Hi", attachments=files,
    ).as_bytes()  # fmt: skip


def read(raw: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def test_a_picture_belongs_to_the_page_and_an_attachment_to_the_mail() -> None:
    """Programs show the page with its pictures, the text without, and the files below."""
    parsed = read(
        wire(Attachment("logo.png", PNG, cid="x@longplay"), Attachment("价.pdf", b"%PDF"))
    )
    assert parsed.get_content_type() == "multipart/mixed"
    alternative, pdf = parsed.iter_parts()
    text, related = alternative.iter_parts()
    page, picture = related.iter_parts()
    kinds = [one.get_content_type() for one in (alternative, text, related, page, picture, pdf)]
    assert kinds == [
        "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png",
        "application/pdf",
    ]  # fmt: skip
    assert picture["Content-ID"] == "<x@longplay>"
    assert picture.get_content_disposition() == "inline"
    assert picture.get_content() == PNG
    assert (pdf.get_filename(), pdf.get_content_disposition()) == ("价.pdf", "attachment")


names = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="/\\"),
    min_size=1, max_size=200,
)  # fmt: skip


@settings(max_examples=50)
@given(names)
def test_a_file_of_any_name_arrives_with_it(name: str) -> None:
    """In any script, with quotes or spaces; a long one loses its middle, and keeps its ending."""
    raw = wire(Attachment(f"a{name}a.pdf", b"%PDF"))
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.isascii()
    (part,) = read(raw).iter_attachments()
    came = str(part.get_filename())
    assert came.endswith("a.pdf") or len(f"a{name}a.pdf".encode()) > 250
    if len(f"a{name}a.pdf".encode()) <= 250:
        assert came == f"a{name}a.pdf"
    assert came.endswith(".pdf")


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.PDF", b"%PDF", "application/pdf"),
        ("a.webp", b"RIFF", "image/webp"),
        ("名单.csv", "姓名,城市\n李伟,杭州\n".encode(), "text/csv; charset=utf-8"),
        ("名单.csv", "姓名,城市\n李伟,杭州\n".encode("gbk"), "text/csv; charset=gb18030"),
        ("a.csv", b"\xff\xff\xff", "text/csv"),
        ("a.unheard-of", b"x", "application/octet-stream"),
        ("README", b"x", "application/octet-stream"),
        (
            "表.xlsx", b"PK",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
    ],
)  # fmt: skip
def test_what_a_file_is_says_its_name_and_of_text_its_bytes(
    name: str, content: bytes, kind: str
) -> None:
    """No machine's own table of types is asked; GBK text is called what it is."""
    assert content_type(name, content) == kind


FILES = {
    "报价单.pdf": b"any", "报价单.zh.pdf": b"zh", "报价单.zh-TW.pdf": b"tw", "other.pdf": b"o",
    "images/logo.png": PNG,
}  # fmt: skip


@pytest.mark.parametrize(
    ("languages", "content"),
    [
        (["zh-TW", "en"], b"tw"),
        (["zh-CN", "en"], b"zh"),
        (["ZH_tw"], b"tw"),
        (["de", "zh"], b"zh"),
        (["de"], b"any"),
        ([], b"any"),
    ],
)
def test_the_reader_gets_the_attachment_of_his_language(
    languages: list[str], content: bytes
) -> None:
    """By the rule of the templates; its name shows no language."""
    (file,) = enclosed(FILES, [], ["报价单.pdf"], languages)
    assert (file.filename, file.content) == ("报价单.pdf", content)


def test_the_languages_of_a_file_are_no_other_files() -> None:
    """`a.final.pdf` is a file of its own, not `a.pdf` in some language."""
    there = ["a.pdf", "a.en.pdf", "a.2026.pdf", "aXen.pdf", "b/a.en.pdf"]
    assert in_languages("a.pdf", there) == {"a.pdf": "", "a.en.pdf": "en"}
    assert in_language("gone.pdf", dict.fromkeys(there, b""), ["en"]) == ""


@pytest.mark.parametrize(
    ("written", "file", "name"),
    [
        ("images/logo.png", "a.html", "images/logo.png"),
        ("./images/logo.png", "a.html", "images/logo.png"),
        ("images\\logo.png", "a.html", "images/logo.png"),
        ("cid:images/logo.png", "a.html", "images/logo.png"),
        ("../images/logo.png", "offers/a.html", "images/logo.png"),
        ("logo.png", "images/a.html", "images/logo.png"),
        ("%E5%9B%BE.png", "a.html", "图.png"),
        ("a&amp;b.png", "a.html", "a&b.png"),
        ("/images/logo.png", "a.html", None),
        ("../../etc/passwd", "a.html", None),
        ("images/", "a.html", None),
    ],
)
def test_a_picture_is_found_as_its_author_means_it(
    written: str, file: str, name: str | None
) -> None:
    """Beside the templates, or beside the file; nowhere else on the machine."""
    there = {"images/logo.png", "图.png", "a&b.png"}
    assert is_file(written)
    assert resolved(written, file, there) == name


@pytest.mark.parametrize(
    "written",
    ["https://a.example/b.png", "//a.example/b.png", "data:image/png;base64,A", "{{ data.url }}"],
)
def test_an_address_is_no_file(written: str) -> None:
    assert not is_file(written)
    source = f'<img src="{written}">'
    assert list(picture_names(source)) == []
    assert with_content_ids(source, "a.html", {"b.png"}) == source


def test_a_page_carries_what_it_shows_and_nothing_else() -> None:
    """By `src`, by `background` and by styles, in the layout too; what is not shown stays home."""
    files = {
        "_layout.html": "<html><head><title>{% block title %}{% endblock %}</title></head><body>"
        '<img src="logo.png" alt="Acme">{% block content %}{% endblock %}</body></html>',
        "a.html": '<title>S</title><table background="bg.png"><tr><td>'
        "{% if lead.vip %}<img src='gold.png' alt=''>{% endif %}"
        '<p style="background:url(dot.gif)">x</p></td></tr></table>',
    }
    there = ("logo.png", "bg.png", "gold.png", "dot.gif", "unused.png")
    templates = Templates(files, there)
    plain = templates.render("a", {"lead": {}})
    vip = templates.render("a", {"lead": {"vip": True}})
    assert set(plain.pictures) == {"logo.png", "bg.png", "dot.gif"}
    assert set(vip.pictures) == {"logo.png", "bg.png", "dot.gif", "gold.png"}
    assert f"cid:{content_id('gold.png')}" in vip.html
    assert Templates({"a.html": "<title>S</title>x"}).render("a", {}).pictures == ()
