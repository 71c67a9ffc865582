"""The product as its first user tries it: one story, through the doors that users have.

A playbook with a mistake, mended; a CSV that Excel saved in GBK; mails at an independent SMTP
server; a click, the branch it opens; an unsubscription, and the run it ends; an erasure.
"""

import email
import email.policy
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from bench.arena import free_pair, free_port, wait_for_port

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.xdist_group("up"), pytest.mark.timeout(400)]

PLAYBOOK = """\
playbook: story
enroll:
  when: [manual]
send: {topic: product-tips}
steps:
  - email: welcome
    id: hello
  - wait_for: email.clicked
    from: hello
    up_to: 1 hour
    then:
      - tag: clicked
  - wait: 2 days
  - end: nurtured
"""


class Inbox:
    """An independent SMTP server: aiosmtpd in a process of its own, mails as files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        folder.mkdir()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SERVER, str(self.port), str(folder)], cwd=ROOT
        )
        wait_for_port(self.port)

    def mails_to(self, address: str) -> list[EmailMessage]:
        found = []
        for path in sorted(self.folder.glob("*.eml")):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if address in str(message["To"]):
                found.append(message)
        return found


_SERVER = """
import asyncio, pathlib, sys, uuid
from aiosmtpd.controller import UnthreadedController
folder = pathlib.Path(sys.argv[2])
class Keep:
    async def handle_DATA(self, server, session, envelope):
        part = folder / f"{uuid.uuid4().hex}.part"
        part.write_bytes(envelope.content)
        part.rename(part.with_suffix(".eml"))
        return "250 kept"
loop = asyncio.new_event_loop()
controller = UnthreadedController(Keep(), hostname="127.0.0.1", port=int(sys.argv[1]), loop=loop)
controller.begin()
loop.run_forever()
"""


class Company:
    """A workspace folder with Longplay running in it."""

    def __init__(self, folder: Path, inbox: Inbox) -> None:
        self.folder = folder
        self.web = free_port()
        clean = {k: v for k, v in os.environ.items() if not k.startswith("LONGPLAY_")}
        self.environment = clean | {
            "PYTHONPATH": str(ROOT),
            "LONGPLAY_WEB_ADDRESS": f"127.0.0.1:{self.web}",
            "LONGPLAY_EMBEDDED_TEMPORAL_PORT": str(free_pair()),
            "LONGPLAY_SMTP_URL": f"smtp://127.0.0.1:{inbox.port}?starttls=never",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, *words: str, status: int = 0) -> Any:
        """A command with `--json`; its exit status is checked, its document answered."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "cli", "-C", str(self.folder), *words, "--json"],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == status, done.stdout.decode() + done.stderr.decode()
        assert b"Traceback" not in done.stderr
        return json.loads(done.stdout)

    def init(self) -> None:
        argv = [sys.executable, "-P", "-m", "cli", "init", str(self.folder)]
        subprocess.run(argv, env=self.environment, check=True, capture_output=True, timeout=60)

    def start(self) -> None:
        with (self.folder / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "cli", "-C", str(self.folder), "up"],
                env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log,
            )  # fmt: skip
        wait_for_port(self.web, 60)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(40)

    def files_with(self, *words: str) -> list[str]:
        """The files of the folder, the store's and Temporal's too, that hold one of the words."""
        needles = [each for word in words for each in (word.encode(), word.encode("gbk"))]
        return sorted(
            path.name
            for path in self.folder.rglob("*")
            if path.is_file() and any(each in path.read_bytes() for each in needles)
        )

    def enrollment_of(self, lead: str) -> Any:
        [found] = self.run("enrollments", "list", "--playbook", "story", "--lead", lead)
        return found


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    server = Inbox(tmp_path / "inbox")
    yield server
    server.process.kill()
    server.process.wait()


@pytest.fixture
def company(tmp_path: Path, inbox: Inbox) -> Iterator[Company]:
    found = Company(tmp_path / "acme", inbox)
    found.folder.mkdir()
    yield found
    found.stop()


def until(what: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.2)


def fetch(url: str, body: bytes | None = None) -> int:
    """The status of a request by a browser, or by a mailbox's one-click button."""
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    request = urllib.request.Request(url, body, {"User-Agent": agent})
    try:
        with urllib.request.build_opener(Stay()).open(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_new_user_gets_from_a_mistake_in_a_playbook_to_an_erasure(
    company: Company, inbox: Inbox
) -> None:
    """Init, a finding, mended, applied, imported, mailed, clicked, unsubscribed, erased."""
    company.init()
    company.start()
    path = company.folder / "playbooks" / "story.yaml"

    path.write_text(PLAYBOOK.replace("email: welcome", "emial: welcome"), encoding="utf-8")
    problems = company.run("validate", status=1)["problems"]
    first = next(one for one in problems if one["file"].endswith("story.yaml"))
    assert (first["line"], first["rule"]) == (6, "unknown-step")
    assert "email" in first["help"]

    path.write_text(PLAYBOOK, encoding="utf-8")
    assert company.run("validate")["ok"]
    changes = company.run("apply")["changes"]
    assert [one["change"] for one in changes if one["playbook"] == "story"] == ["added"]

    rows = (
        "邮箱,姓名,公司,国家",
        "li@example.com,李雷,示例,中国",
        "han@example.com,韩梅梅,示例,中国",
    )
    table = "\r\n".join((*rows, ""))
    (company.folder / "客户.csv").write_bytes(table.encode("gbk"))
    imported = company.run("leads", "import", "客户.csv")
    assert (imported["rows"], imported["created"], imported["rejected"]) == (2, 2, 0)
    assert company.run("leads", "import", "客户.csv")["unchanged"] == 2

    assert company.run("enroll", "story", "--all")["enrolled"] == 2
    until(lambda: inbox.mails_to("li@example.com") and inbox.mails_to("han@example.com"))
    [mail] = inbox.mails_to("li@example.com")
    assert str(mail["Subject"]).startswith("（广告）")

    page = mail.get_body(("html",))
    assert page is not None
    clicks = re.findall(r'href="([^"]+/c/[^"]+)"', page.get_content())
    time.sleep(1.5)  # whoever follows a link within a second of its delivery is a scanner
    assert fetch(clicks[0]) == 302
    until(lambda: "clicked" in company.run("leads", "show", "li@example.com")["tags"])
    assert "clicked" not in company.run("leads", "show", "han@example.com")["tags"]

    header = str(mail["List-Unsubscribe"])
    unsubscribe = re.findall(r"<(http[^>]+)>", header)[0]
    assert fetch(unsubscribe) == 200
    assert company.enrollment_of("li@example.com")["state"] == "waiting"
    assert fetch(unsubscribe, b"List-Unsubscribe=One-Click") == 200
    ended = company.enrollment_of("li@example.com")
    assert (ended["state"], ended["outcome"]) == ("finished", "unsubscribed")
    assert company.run("leads", "show", "li@example.com")["suppressed"]
    decisions = company.run("explain", "--lead", "li@example.com")["decisions"]
    assert any("unsubscribed" in one["why"] + one["what"] for one in decisions)
    _leaves_no_byte(company)


def _leaves_no_byte(company: Company) -> None:
    """Erased, the lead is in no file of the store's, of Temporal's, nor in a log."""
    [erased] = company.run("leads", "erase", "li@example.com", "--yes")
    assert erased["done"]
    company.run("leads", "show", "li@example.com", status=1)
    assert company.run("doctor")["ok"]
    company.stop()
    assert company.files_with("li@example.com", "李雷") == ["客户.csv"]
    assert "longplay.db" in company.files_with("han@example.com")
