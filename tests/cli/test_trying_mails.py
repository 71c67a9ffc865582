"""`longplay mail try`: every mail of a playbook, to its makers, over a real mail server."""

import asyncio
import email.policy
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from engine.store import jobs
from engine.store.database import Store
from tests.cli.conftest import Longplay

PLAYBOOK = """\
playbook: spring
enroll: {when: [manual]}
send: {topic: newsletter}
steps:
  - split: subject-line
    arms:
      plain: {weight: 50, steps: [{email: spring}]}
      bold:
        weight: 50
        steps:
          - email: spring
            id: bold
            subject: {en: "Only today, {{ lead.first_name }}", zh-CN: 仅限今天}
"""
PAGE = "<title>Spring</title><p>Hello {{ lead.first_name | default('you') }}</p>"


class Clerk:
    """Takes every mail, but to those who are called nobody."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, EmailMessage]] = []

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: object
    ) -> str:
        if address.startswith("nobody"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        self.taken.append((envelope.rcpt_tos[0], parsed))
        return "250 2.0.0 taken"


@pytest.fixture
def clerk(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clerk]:
    """A mail server, and a workspace with a broadcast that sends through it."""
    (workspace / "templates/email/spring.html").write_text(PAGE, encoding="utf-8")
    (workspace / "playbooks/spring.yaml").write_text(PLAYBOOK, encoding="utf-8")
    made, loop = Clerk(), asyncio.new_event_loop()
    serving = loop.create_server(lambda: SMTP(made, hostname="mx", loop=loop), "127.0.0.1", 0)
    server = loop.run_until_complete(serving)
    port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    monkeypatch.setenv("LONGPLAY_SMTP_URL", f"smtp://127.0.0.1:{port}?starttls=never")
    yield made
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    server.close()
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def test_every_arms_mail_arrives_as_it_would(longplay: Longplay, clerk: Clerk) -> None:
    """Two subjects, two colleagues, four mails, each with a Message-ID of its own."""
    to = ("--to", "me@acme.example", "--to", "you@acme.example")
    said = longplay("mail", "try", "spring", *to, "--json")
    assert said.status == 0, said.err
    assert [(one["to"], one["step"], one["answer"]) for one in said.json["mails"]] == [
        ("me@acme.example", "email-spring", "250 2.0.0 taken"),
        ("me@acme.example", "bold", "250 2.0.0 taken"),
        ("you@acme.example", "email-spring", "250 2.0.0 taken"),
        ("you@acme.example", "bold", "250 2.0.0 taken"),
    ]
    assert [to for to, _ in clerk.taken] == [one["to"] for one in said.json["mails"]]
    assert len({mail["Message-ID"] for _, mail in clerk.taken}) == 4
    (_, plain), (_, bold), *_ = clerk.taken
    assert plain["Subject"].endswith("Spring")
    assert "Only today" in bold["Subject"]
    assert plain["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_trial_leaves_nothing_behind(longplay: Longplay, clerk: Clerk, store: Store) -> None:
    """No line in the ledger, so that no cap and no figure counts it."""
    assert longplay("mail", "try", "spring", "--to", "me@acme.example").status == 0
    assert len(clerk.taken) == 2
    assert store.read(jobs.page) == []


def test_one_step_in_one_language(longplay: Longplay, clerk: Clerk) -> None:
    """The Chinese words of the step that was named, and no other mail."""
    only = ("--step", "bold", "--language", "zh-CN")
    assert longplay("mail", "try", "spring", "--to", "me@acme.example", *only).status == 0
    ((_, mail),) = clerk.taken
    assert mail["Subject"].endswith("仅限今天")


def test_what_the_server_refuses_is_told(longplay: Longplay, clerk: Clerk) -> None:
    """In its own words, with the status of a wrong environment."""
    said = longplay("mail", "try", "spring", "--to", "nobody@acme.example", "--step", "bold")
    assert said.status == 2
    assert "550 5.1.1 no such mailbox" in said.out
    assert clerk.taken == []


def test_a_playbook_with_faults_is_not_tried(
    longplay: Longplay, clerk: Clerk, workspace: Path
) -> None:
    """Its template may be sound, but which mails it sends is not known."""
    broken = PLAYBOOK.replace("weight: 50", "weihgt: 50")
    (workspace / "playbooks/spring.yaml").write_text(broken, encoding="utf-8")
    said = longplay("mail", "try", "spring", "--to", "me@acme.example")
    assert (said.status, clerk.taken) == (1, [])
    assert "'spring' has errors" in said.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(("sprign", "--to", "me@acme.example"), "'spring'", id="misspelt"),
        pytest.param(("spring", "--to", "me@acme.example", "--step", "bolt"), "'bold'", id="step"),
        pytest.param(("spring", "--to", "me at acme"), "me at acme", id="address"),
        pytest.param(
            ("spring", *(word for n in range(21) for word in ("--to", f"a{n}@acme.example"))),
            "21 addresses",
            id="too-many",
        ),
    ],
)
def test_what_is_wrong_sends_nothing(
    longplay: Longplay, clerk: Clerk, arguments: tuple[str, ...], told: str
) -> None:
    """The fault is named, and what was probably meant."""
    said = longplay("mail", "try", *arguments)
    assert said.status in (1, 2)
    assert told in said.err
    assert clerk.taken == []
