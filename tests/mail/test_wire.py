"""Thousands of mails as they go over the wire, read back by a parser that shares no code with us.

The parser here is written out after RFC 5322, 2045 and 2047: the standard library's takes much
that real receivers do not.
"""

import base64
import binascii
import quopri
import random
import re
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.ids import job_id, message_id
from engine.mail.addresses import address, parse_address
from engine.mail.attachments import Attachment
from engine.mail.links import LinkKind, LinkSigner
from engine.mail.message import OutgoingMessage
from engine.mail.return_path import ReturnSigner
from engine.mail.transports.port import Accepted, Envelope
from engine.mail.transports.smtp import SmtpTransport
from tests.mail.test_smtp_transport import an_aiosmtpd

ROUNDS = 3_000
STRUCTURED = (
    "list-unsubscribe", "list-unsubscribe-post", "list-id", "message-id", "feedback-id",
    "auto-submitted", "date", "mime-version", "content-type", "content-transfer-encoding",
)  # fmt: skip
ONCE = (*STRUCTURED[:3], "message-id", "feedback-id", "date", "from", "to", "subject",
        "mime-version", "content-type")  # fmt: skip
WORD = re.compile(r"=\?utf-8\?b\?([A-Za-z0-9+/=]*)\?=", re.I)
PIECES = (
    "新品上市", "限时优惠", "你好，世界", "مرحبا بالعالم", "שלום", "\u202eright to left\u202c",
    "🎉🚀👩‍👩‍👧", "🇨🇳", "Ünïcödé", "naïve", "Ann", "O'Neil", '"quoted"', "a\\b", "(comment)",
    "<angle>", "a,b;c:d", "=?utf-8?q?no?=", "=?=?=", "100% off!", "\u3000", "e\u0301", "한국어",
    "ไทย", "\u200b", "ﷺ", "𝔘𝔫𝔦", "x" * 70, "w" * 300, "中" * 60, " ", "  ", ".", "@", "a@b.example",
    "\u00a0", "\u00ad",
)  # fmt: skip
DOMAINS = ("example.com", "例子.example", "münchen.example", "qq.com", "mail.163.com")


def unfolded(head: bytes) -> list[tuple[str, str]]:
    """Header fields of RFC 5322, 2.2: name and value with its folding taken out."""
    found: list[tuple[str, str]] = []
    for line in head.decode("ascii").split("\r\n"):
        if line[:1] in " \t":
            assert line.strip(), "a line of blanks within a header"
            found[-1] = (found[-1][0], found[-1][1] + line)
        else:
            name, colon, value = line.partition(":")
            assert colon and re.fullmatch(r"[!-9;-~]+", name), line
            found.append((name.lower(), value))
    return found


def decoded(value: str) -> str:
    """RFC 2047, 6.2: words decoded, the blanks between two of them left out."""
    text, at, was_word = "", 0, False
    for match in WORD.finditer(value):
        assert len(match[0]) <= 75
        between = value[at : match.start()]
        assert between or not at, "two words without a blank between them"
        if not (was_word and not between.strip()):
            text += between
        text += base64.b64decode(match[1], validate=True).decode("utf-8")
        at, was_word = match.end(), True
    return (text + value[at:]).strip(" \t")


def mailbox(value: str) -> tuple[str, str]:
    """A display name and an address; the name quoted, bare or in words."""
    value = value.strip()
    if not value.endswith(">"):
        return "", value
    phrase, _, email = value[:-1].rpartition("<")
    phrase = phrase.strip()
    if phrase.startswith('"'):
        assert phrase.endswith('"')
        return re.sub(r"\\(.)", r"\1", phrase[1:-1]), email
    if "=?" not in phrase:
        assert re.fullmatch(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*", phrase), phrase
    return decoded(phrase), email


def parts_of(fields: list[tuple[str, str]], body: bytes) -> list[tuple[str, bytes]]:
    """The leaves of a MIME tree: content type and what was written into each."""
    header = dict(fields)
    kind = header["content-type"].strip()
    if not kind.startswith("multipart/"):
        encoding = header["content-transfer-encoding"].strip()
        if encoding == "base64":
            return [(kind, base64.b64decode(body))]
        if encoding == "quoted-printable":
            return [(kind, quopri.decodestring(body))]
        assert encoding == "7bit"
        assert body.isascii()
        return [(kind, body)]
    match = re.search(r'boundary="([^"]+)"', kind)
    assert match
    edge = b"--" + match[1].encode()
    assert body.startswith(edge + b"\r\n")
    inner = body[: body.index(edge + b"--")]
    found = []
    for part in (b"\r\n" + inner).split(b"\r\n" + edge + b"\r\n")[1:]:
        head, _, content = part.partition(b"\r\n\r\n")
        found += parts_of(unfolded(head), content)
    return found


def a_text(chance: random.Random, most: int) -> str:
    pieces = (chance.choice(PIECES) for _ in range(chance.randint(0, 6)))
    return chance.choice(("", " ")).join(pieces)[:most]


def a_message(chance: random.Random) -> OutgoingMessage:
    """One of the thousands: everything in it may be odd."""
    job = job_id(f"{chance.getrandbits(90):020d}"[:20], chance.randrange(90))
    links = "https://" + chance.choice(DOMAINS[:1]) + "/" + "p" * chance.choice((3, 40, 400, 2000))
    token = LinkSigner([b"a key for tests"]).token(LinkKind.UNSUBSCRIBE, job, 0)
    return OutgoingMessage(
        key=job,
        message_id=message_id(job, "acme.example"),
        date=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(10**8)),
        sender=address(f"hello@{chance.choice(DOMAINS)}", a_text(chance, 60)),
        to=address(f"{chance.choice('abcdef')}.x+tag@{chance.choice(DOMAINS)}", a_text(chance, 60)),
        subject=a_text(chance, 400),
        html=f'<p>{a_text(chance, 200)}</p>\n<a href="{links}">{a_text(chance, 40)}</a>',
        text=f"{a_text(chance, 200)}\n\n{links}\n.\n--\n",
        kind=chance.choice(("marketing", "marketing", "transactional")),
        reply_to=chance.choice((None, parse_address("Sales 销售 <sales@acme.example>"))),
        unsubscribe_url=f"https://{'mail.' * chance.choice((1, 20))}acme.example/u/{token}",
        unsubscribe_mailto=chance.choice(("", "unsubscribe@acme.example")),
        list_id=f"{chance.choice(('trial-nurture', '唤醒', 'n' * 60))}.acme.example",
        feedback_id=f"{chance.choice(('hello', '第一封'))}:trial:acme",
        attachments=chance.choice(
            ((), (), (), (Attachment("报价 🎉.pdf", b"\x00\r\n.\r\n\xff" * 9),))
        ),
    )


def plain(text: str) -> str:
    """A text without what is not written into a mail, and without its blanks at the ends."""
    return "".join(c for c in text if unicodedata.category(c) != "Cs").strip()


def check(message: OutgoingMessage) -> None:
    """Everything that must hold of a mail on the wire."""
    wire = message.as_bytes()
    head, _, body = wire.partition(b"\r\n\r\n")
    lines = wire.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert wire.count(b"\n") == wire.count(b"\r") == len(lines) - 1
    fields = unfolded(head)
    names = [name for name, _ in fields]
    assert len({*names}) == len(names), "a header twice"
    header = dict(fields)
    for name in STRUCTURED:
        assert "=?" not in header.get(name, ""), (name, header[name])
    assert decoded(header["subject"]) == plain(message.subject)
    for name, expected in (("from", message.sender), ("to", message.to)):
        assert mailbox(header[name]) == (expected.name, expected.email)
    assert header["message-id"].strip() == message.message_id
    if message.kind == "marketing":
        ways = re.findall(r"<([^>]*)>", header["list-unsubscribe"])
        assert ways[0] == message.unsubscribe_url
        assert header["list-unsubscribe-post"].strip() == "List-Unsubscribe=One-Click"
    else:
        assert header["auto-submitted"].strip() == "auto-generated"
        assert "list-unsubscribe" not in header
    (_, text), (_, html), *files = parts_of(fields, body)
    assert _lines(text) == _lines(message.text.encode())
    assert _lines(html) == _lines(message.html.encode())
    assert [content for _, content in files] == [one.content for one in message.attachments]


def _lines(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").strip(b"\n")


@pytest.mark.parametrize("start", range(3))
def test_thousands_of_mails_are_read_back_as_they_were_meant(start: int) -> None:
    """Chinese, emoji, right-to-left names and subjects; links of two thousand characters."""
    for number in range(ROUNDS * start // 3, ROUNDS * (start + 1) // 3):
        message = a_message(random.Random(number))
        try:
            check(message)
        except (AssertionError, UnicodeDecodeError, binascii.Error, KeyError) as error:
            raise AssertionError(f"mail {number}: {error}\n{message}") from error


TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=300)


@settings(max_examples=300, deadline=None)
@given(TEXT, TEXT, st.text('中🎉 =?.\u202e<>"\\', max_size=100))
def test_any_subject_and_any_name_are_read_back(subject: str, text: str, name: str) -> None:
    """What no list of pieces thinks of; what becomes of a name is what `address` makes of it."""
    message = a_message(random.Random(1))
    check(
        replace(
            message,
            subject=subject,
            to=address("ann@example.com", name),
            sender=address("hello@acme.example", text),
            text=text,
        )
    )


def test_return_paths_fit_and_are_the_same_on_every_attempt() -> None:
    """64 characters before the `@`, and nothing of the attempt in them: greylisting goes by it."""
    signer = ReturnSigner([b"a key for tests"])
    for number in range(500):
        job = job_id(f"{number:020d}", number % 90)
        path = signer.address("bounces@acme.example", job)
        assert path == signer.address("bounces@acme.example", job)
        assert len(path.partition("@")[0]) <= 64
        assert signer.job_in(f"Final-Recipient: rfc822; {path.upper()}") == job


async def test_a_server_receives_the_very_bytes() -> None:
    """Over a socket: dots at the beginning of lines, long lines, every script."""
    messages = [a_message(random.Random(number)) for number in range(40)]
    async with an_aiosmtpd() as (port, clerk):
        transport = SmtpTransport(f"smtp://127.0.0.1:{port}?starttls=never&helo=test")
        for message in messages:
            envelope = Envelope("b@acme.example", "ann@example.com", message.as_bytes())
            assert isinstance(await transport.send(envelope), Accepted)
        await transport.close()
    assert [one.content for one in clerk.stored] == [one.as_bytes() for one in messages]
