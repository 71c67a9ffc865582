"""The local mail catcher: what was sent can be looked at, whatever it is made of."""

import asyncio
import email
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import EnvironmentFault, NotFoundError
from engine.mail.addresses import address
from engine.mail.attachments import Attachment
from engine.mail.catcher import Catcher, caught, keep_mail, prune, read_caught, run_catcher
from engine.mail.message import OutgoingMessage
from engine.mail.transports.port import Accepted, Envelope
from engine.mail.transports.smtp import SmtpTransport
from engine.mail.transports.smtp_url import SmtpServer

MESSAGE = OutgoingMessage(
    key="k",
    message_id="<k@acme.example>",
    date=datetime(2026, 3, 2, tzinfo=UTC),
    sender=address("hello@acme.example", "阿克米"),
    to=address("ann@acme.example", "Ann"),
    subject="欢迎使用 Acme " * 6,
    html="<p>你好</p>",
    text="你好",
    attachments=(Attachment("报价.pdf", b"%PDF", "application/pdf"),),
)


@asynccontextmanager
async def catching(folder: Path, keep: int = 100) -> AsyncIterator[SmtpTransport]:
    catcher = Catcher(folder, port=0, keep=keep)
    await catcher.start()
    transport = SmtpTransport(SmtpServer("127.0.0.1", catcher.port, helo="test"))
    try:
        yield transport
    finally:
        await transport.close()
        await catcher.stop()
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()} or {_nothing()})


def _nothing() -> "asyncio.Task[None]":
    return asyncio.create_task(asyncio.sleep(0))


async def test_a_message_is_shown_as_its_reader_would_see_it(tmp_path: Path) -> None:
    async with catching(tmp_path / "mail") as transport:
        wire = MESSAGE.as_bytes()
        outcome = await transport.send(Envelope("b@acme.example", "ann@acme.example", wire))
    assert isinstance(outcome, Accepted)
    [summary] = caught(tmp_path / "mail")
    assert summary.id in str(outcome.reply)
    assert (summary.sender, summary.recipients) == ("b@acme.example", ("ann@acme.example",))
    assert summary.subject == MESSAGE.subject.strip()
    assert summary.size == len(wire)
    assert abs((datetime.now(UTC) - summary.at).total_seconds()) < 60
    mail = read_caught(tmp_path / "mail", summary.id)
    assert mail.raw == wire
    assert (mail.html.strip(), mail.text.strip()) == ("<p>你好</p>", "你好")
    assert dict(mail.headers)["From"] == "阿克米 <hello@acme.example>"
    [file] = mail.attachments
    assert (file.filename, file.content_type) == ("报价.pdf", "application/pdf")
    assert file.content == b"%PDF"


async def test_the_kept_file_opens_in_any_mail_program(tmp_path: Path) -> None:
    name = keep_mail(tmp_path, MESSAGE.as_bytes(), "b@acme.example", ("ann@acme.example",))
    parsed = email.message_from_bytes((tmp_path / f"{name}.eml").read_bytes())
    assert parsed["Message-ID"] == "<k@acme.example>"
    assert parsed["X-Envelope-To"] == "ann@acme.example"


def test_the_newest_come_first_a_page_at_a_time(tmp_path: Path) -> None:
    names = [keep_mail(tmp_path, b"Subject: %d\r\n\r\n" % n, "", ()) for n in range(5)]
    first = caught(tmp_path, limit=2)
    assert [each.subject for each in first] == ["4", "3"]
    rest = caught(tmp_path, limit=9, before=first[-1].id)
    assert [each.id for each in rest] == [names[2], names[1], names[0]]
    assert caught(tmp_path / "nowhere") == []


def test_only_so_many_are_kept(tmp_path: Path) -> None:
    names = [keep_mail(tmp_path, b"", "", ()) for _ in range(5)]
    assert prune(tmp_path, 2) == 2
    assert [each.id for each in caught(tmp_path)] == [names[4], names[3]]


async def test_the_server_forgets_the_oldest_by_itself(tmp_path: Path) -> None:
    for _ in range(105):
        keep_mail(tmp_path, b"", "", ())
    async with catching(tmp_path, keep=5) as transport:
        await transport.send(Envelope("", "ann@acme.example", b"Subject: last\r\n\r\n"))
    assert len(caught(tmp_path, limit=500)) == 5
    assert caught(tmp_path)[0].subject == "last"


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200)
    | st.sampled_from(
        [
            b"Subject: =?bogus?b?xxx?=\r\n\r\n",
            b"Subject: =?utf-8?b?%%%?=\r\nContent-Type: text/html; charset=klingon\r\n\r\n\xff",
            b"Subject: \xc4\xe3\xba\xc3\r\n\r\n",
            b"Content-Type: multipart/mixed\r\n\r\nno boundary",
            b"Content-Transfer-Encoding: base64\r\n\r\n!!!",
            b"Content-Disposition: attachment; filename*=utf-9''%ff\r\n\r\nx",
        ]
    )
)
def test_any_bytes_can_be_caught_and_shown(tmp_path: Path, content: bytes) -> None:
    name = keep_mail(tmp_path, content, "a\r\nX: y", ("b\nc",))
    mail = read_caught(tmp_path, name)
    assert mail.raw == content
    assert mail.recipients == ("b c",)
    shown = [mail.subject, mail.html, mail.text, *(value for _, value in mail.headers)]
    "".join(shown).encode("utf-8")
    assert name in [each.id for each in caught(tmp_path, limit=1)]


@pytest.mark.parametrize("id", ["", "../../etc/passwd", "0" * 20, "x" * 19 + "/"], ids=repr)
def test_what_was_not_caught_is_not_found(tmp_path: Path, id: str) -> None:
    with pytest.raises(NotFoundError, match="no caught message"):
        read_caught(tmp_path, id)


async def test_a_port_that_is_taken_is_named_with_the_setting(tmp_path: Path) -> None:
    first = Catcher(tmp_path, port=0)
    await first.start()
    with pytest.raises(EnvironmentFault, match=str(first.port)) as fault:
        await Catcher(tmp_path, port=first.port).start()
    assert "LONGPLAY_CATCHER_PORT" in fault.value.help
    await first.stop()


async def test_it_runs_until_it_is_cancelled(tmp_path: Path) -> None:
    running = asyncio.create_task(run_catcher(tmp_path / "made", port=0))
    await asyncio.sleep(0.05)
    assert (tmp_path / "made").is_dir()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
