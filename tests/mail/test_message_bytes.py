"""Messages on the wire: what other programs read out of our bytes."""

import email
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ids import job_id, message_id
from engine.mail.addresses import Address, address, parse_address
from engine.mail.attachments import Attachment
from engine.mail.errors import MessageError
from engine.mail.message import OutgoingMessage

JOB = job_id("0" * 20, 3)
LONG_URL = "https://mail.acme.example/u/" + "t" * 90
STRUCTURED = ("List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Message-ID", "Feedback-ID")

MESSAGE = OutgoingMessage(
    key=JOB,
    message_id=message_id(JOB, "acme.example"),
    date=datetime(2026, 3, 2, 9, 30, tzinfo=timezone(timedelta(hours=8))),
    sender=parse_address("Acme <hello@acme.example>"),
    to=address("ann@acme.example", "Ann"),
    subject="Welcome",
    html="<p>Hello</p>\n",
    text="Hello\n",
    unsubscribe_url=LONG_URL,
    unsubscribe_mailto="unsubscribe@acme.example",
    list_id="trial-nurture.acme.example",
    feedback_id="trial-nurture:acme:nurture:longplay",
)


def a_message(**changes: object) -> OutgoingMessage:
    return replace(MESSAGE, **changes)  # type: ignore[arg-type]


def read(message: OutgoingMessage) -> EmailMessage:
    parsed = email.message_from_bytes(message.as_bytes(), policy=default)
    assert not parsed.defects
    return parsed


def body(message: OutgoingMessage, kind: str) -> str:
    part = read(message).get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_structured_headers_are_never_encoded() -> None:
    """No `=?` in List-Unsubscribe and its kin: with it the unsubscribe button vanishes."""
    wire = a_message(subject="新品" * 30).as_bytes().decode("ascii")
    head = wire.partition("\r\n\r\n")[0].replace("\r\n ", " ")
    lines = {line.partition(": ")[0]: line.partition(": ")[2] for line in head.split("\r\n")}
    for name in STRUCTURED:
        assert "=?" not in lines[name]
    mailto = "<mailto:unsubscribe@acme.example?subject=unsubscribe>"
    assert lines["List-Unsubscribe"] == f"<{LONG_URL}>, {mailto}"
    assert lines["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert lines["Message-ID"] == f"<{JOB}@acme.example>"
    assert lines["Date"] == "Mon, 02 Mar 2026 01:30:00 +0000"
    assert "Auto-Submitted" not in lines


def test_a_playbook_of_any_name_sends_mail() -> None:
    """Ids of playbooks and steps that are not ASCII are written as domain names write them."""
    parsed = read(a_message(list_id="唤醒.acme.example", feedback_id="第一封:win-back:acme"))
    assert parsed["List-Id"] == f"<xn--{'唤醒'.encode('punycode').decode()}.acme.example>"
    assert parsed["Feedback-ID"] == f"xn--{'第一封'.encode('punycode').decode()}:win-back:acme"
    assert "=?" not in str(parsed["List-Id"])


@pytest.mark.parametrize("kind", ["transactional", "notice"])
def test_other_kinds_say_that_a_program_wrote_them(kind: str) -> None:
    parsed = read(a_message(kind=kind))
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert parsed["List-Unsubscribe"] is None


def test_every_attempt_has_the_same_bytes() -> None:
    attached = a_message(attachments=(Attachment("a.pdf", b"%PDF"),))
    assert attached.as_bytes() == replace(attached).as_bytes()
    assert attached.as_bytes() != replace(attached, key=job_id("0" * 20, 4)).as_bytes()


subjects = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=120)


@given(subjects | st.text("ab =?中🎉", max_size=200))
def test_any_subject_arrives_as_it_was_written(subject: str) -> None:
    wire = a_message(subject=subject).as_bytes()
    assert str(read(a_message(subject=subject))["Subject"]) == subject.strip()
    for word in re.findall(rb"=\?utf-8\?b\?[^?]*\?=", wire):
        assert len(word) <= 75
    assert b"?==?" not in wire
    assert max(len(line) for line in wire.partition(b"\r\n\r\n")[0].split(b"\r\n")) <= 998


@pytest.mark.parametrize(
    "name",
    ["Ann", "Ann O'Neil", "O'Neil, Ann", 'Ann "A" Lee', "李伟", "阿克米市场营销部" * 6, "=?x?="],
)
def test_any_display_name_arrives(name: str) -> None:
    parsed = read(a_message(to=address("ann@acme.example", name), sender=Address("a@b.cn", name)))
    assert parsed["To"].addresses[0].display_name.replace(" ", "") == name.replace(" ", "")[:64]
    assert parsed["To"].addresses[0].addr_spec == "ann@acme.example"
    assert parsed["From"].addresses[0].addr_spec == "a@b.cn"
    lines = a_message(to=address("ann@acme.example", name)).as_bytes().split(b"\r\n")
    assert max(map(len, lines[1:4])) <= 78


def test_what_a_lead_wrote_into_a_name_cannot_become_a_header() -> None:
    evil = address("ann@acme.example", "Ann\r\nBcc: all@acme.example\x00")
    parsed = read(a_message(to=evil))
    assert parsed["Bcc"] is None
    assert parsed["To"].addresses[0].display_name == "Ann Bcc: all@acme.example"


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "Hi\r\nBcc: all@acme.example"},
        {"subject": "Hi\nthere"},
        {"message_id": "<a@b>\r\nX: y"},
        {"list_id": "a\nb"},
        {"unsubscribe_url": "https://acme.example/\r\n"},
        {"headers": (("X-Key", "a\r\nb"),)},
        {"headers": (("X Key", "a"),)},
        {"headers": (("Bcc", "all@acme.example"),)},
        {"attachments": (Attachment("a\r\nb.pdf", b""),)},
    ],
    ids=repr,
)
def test_a_line_break_in_a_header_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(MessageError):
        a_message(**changes).as_bytes()


def test_a_provider_can_be_given_its_own_header() -> None:
    parsed = read(a_message(headers=(("Resend-Idempotency-Key", JOB),)))
    assert parsed["Resend-Idempotency-Key"] == JOB


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=400)


@given(texts | st.text("a.=_ \n中-", max_size=300))
def test_any_body_arrives_as_it_was_written(text: str) -> None:
    message = a_message(text=text, html=text)
    for kind in ("plain", "html"):
        assert body(message, kind).rstrip("\n") == text.rstrip("\n")
    assert max(map(len, message.as_bytes().split(b"\r\n"))) <= 998


def test_a_text_cannot_contain_the_boundary() -> None:
    boundary = read(MESSAGE).get_boundary()
    text = f"one\n--{boundary}\ntwo\n--{boundary}--\nthree"
    assert body(a_message(text=text), "plain").strip() == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("short\nlines\n", "7bit"),
        ("long " * 50, "quoted-printable"),
        ("mostly ASCII, l’été", "quoted-printable"),
        ("欢迎使用", "base64"),
    ],
)
def test_the_encoding_is_the_shortest_that_is_safe(text: str, encoding: str) -> None:
    part = read(a_message(text=text)).get_body(("plain",))
    assert part is not None
    assert part["Content-Transfer-Encoding"] == encoding


def test_attachments_arrive_whole_under_their_names() -> None:
    files = (
        Attachment("报价单 2026.pdf", bytes(range(256)) * 3, "application/pdf"),
        Attachment('a "b".csv', b"1,2\r\n", "text/csv"),
    )
    parsed = read(a_message(attachments=files))
    got = [
        (part.get_filename(), part.get_payload(decode=True)) for part in parsed.iter_attachments()
    ]
    assert got == [(file.filename, file.content) for file in files]
    html = parsed.get_body(("html",))
    assert html is not None
    assert html.get_content() == "<p>Hello</p>\n".rstrip("\n")


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("Acme <hello@acme.example>", Address("hello@acme.example", "Acme")),
        ('"Acme, Inc." <hello@acme.example>', Address("hello@acme.example", "Acme, Inc.")),
        ("hello@acme.example", Address("hello@acme.example")),
        ("<hello@acme.example>", Address("hello@acme.example")),
        ("李伟 <li.wei@例子.example>", Address("li.wei@xn--fsqu00a.example", "李伟")),
        ("a+tag@MÜNCHEN.example", Address("a+tag@xn--mnchen-3ya.example")),
    ],
)
def test_addresses_are_read_as_people_write_them(given_text: str, expected: Address) -> None:
    assert parse_address(given_text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "@acme.example",
        "hello@",
        "a b@acme.example",
        "a@b@c.example",
        "a..b@acme.example",
        "a@-x.example",
        "a@x..example",
        "a@b.example> <c@d.example",
        "a\r\n@b.example",
        "x" * 65 + "@acme.example",
        "a@" + "b" * 64 + ".example",
        "a\u202eb@acme.example",
    ],
    ids=repr,
)
def test_what_is_no_address_is_refused_by_name(text: str) -> None:
    with pytest.raises(MessageError):
        parse_address(text)


def test_a_non_ascii_mailbox_needs_a_server_that_takes_it() -> None:
    message = a_message(to=address("张三@acme.example"))
    with pytest.raises(MessageError, match="non-ASCII name before the"):
        message.as_bytes()
    assert "To: 张三@acme.example" in message.as_bytes(smtputf8=True).decode()


def test_a_date_without_a_zone_is_refused() -> None:
    with pytest.raises(MessageError, match="time zone"):
        a_message(date=datetime(2026, 3, 2)).as_bytes()
    assert b"Date: Mon, 02 Mar 2026" in a_message(date=datetime(2026, 3, 2, tzinfo=UTC)).as_bytes()
