"""The tutorial as it is written: its commands typed in order, its answers compared."""

import email
import email.policy
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from bench.arena import free_pair, free_port, wait_for_port
from tests.docs.documents import ROOT, Block, blocks

pytestmark = [pytest.mark.xdist_group("kills"), pytest.mark.timeout(400)]
PAGE = ROOT / "docs" / "tutorial.md"
CHINESE = ROOT / "docs" / "tutorial.zh-CN.md"
_TYPED = ("longplay ", "printf ", "make ", "cd ", ". ")
_ELSEWHERE = ("make ", "cd ", ". ", "longplay up", "longplay init")
"""What the test does in another way: it has a folder, an environment and a second terminal."""

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def typed(page: Path) -> list[Block]:
    return [one for one in blocks(page) if not one.kind and one.text.startswith(_TYPED)]


class Reader:
    """Somebody with the page open, two terminals, and a folder of their own."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "first"
        self.port = free_port()
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("LONGPLAY_", "LC_"))}
        self.environment = clean | {
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "NO_COLOR": "1",
            "COLUMNS": "200",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "LONGPLAY_WEB_ADDRESS": f"127.0.0.1:{self.port}",
            "LONGPLAY_EMBEDDED_TEMPORAL_PORT": str(free_pair()),
            "LONGPLAY_CATCHER_PORT": str(free_port()),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def type(self, line: str, folder: Path | None = None) -> str:
        """What a command prints in a terminal, with single spaces."""
        leader, follower = pty.openpty()
        done = subprocess.Popen(
            ["bash", "-c", line], cwd=folder or self.folder, env=self.environment,
            stdin=subprocess.DEVNULL, stdout=follower, stderr=follower,
        )  # fmt: skip
        os.close(follower)
        with os.fdopen(leader, "rb", buffering=0) as terminal:
            printed = b"".join(_until_closed(terminal)).decode()
        done.wait(120)
        assert "Traceback" not in printed
        return re.sub(r"\s+", " ", printed)

    def start(self) -> None:
        with (self.folder / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["longplay", "up"], cwd=self.folder, env=self.environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        wait_for_port(self.port, 60)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)
            self.process = None

    def links_to(self, address: str) -> list[str]:
        """The addresses in the mail that the catcher keeps for somebody."""
        for path in sorted((self.folder / ".longplay" / "mail").glob("*.eml")):
            mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            page = mail.get_body(("html",))
            if address in str(mail["To"]) and page is not None:
                found: list[str] = re.findall(r'href="([^"]+)"', page.get_content())
                return found
        return []


def _until_closed(terminal: IO[bytes]) -> Iterator[bytes]:
    """All that is printed; a terminal that nobody holds any more answers with an error."""
    while True:
        try:
            piece = terminal.read(65_536)
        except OSError:
            return
        if not piece:
            return
        yield piece


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    found = Reader(tmp_path)
    yield found
    found.stop()


def fetch(url: str, body: bytes | None = None) -> None:
    """What a browser does; where a link leads in the end matters to nobody here."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None

    request = urllib.request.Request(url, body, {"User-Agent": BROWSER})
    try:
        urllib.request.build_opener(Stay()).open(request, timeout=20).close()
    except urllib.error.HTTPError as answer:
        assert answer.code < 400, url


def missing(expected: str, printed: str) -> list[str]:
    """The lines of an answer that were not printed; `…` stands for anything."""
    lines = [re.sub(r"\s+", " ", line).strip() for line in expected.splitlines()]
    patterns = [(line, ".*".join(re.escape(part.strip()) for part in line.split("…"))) for line in
                lines if line and not set(line) <= set("─ ^|")]  # fmt: skip
    # A version is a digest of the text, which may be written anew; a time is left out.
    loose = [(line, re.sub(r"[0-9a-f]{8}", "[0-9a-f]{8}", one)) for line, one in patterns]
    return [line for line, one in loose if not re.search(one, printed)]


def test_the_tutorial_says_what_happens(reader: Reader) -> None:
    """Every command is typed, and what the page says is printed; two minutes are not waited."""
    [playbook] = [one.text for one in blocks(PAGE) if one.kind == "yaml"]
    reader.type(f"longplay init {shlex.quote(str(reader.folder))}", ROOT)
    reader.start()
    path = reader.folder / "playbooks" / "first-steps.yaml"
    path.write_text(playbook, encoding="utf-8")
    printed, command = "", ""
    for block in [one for one in blocks(PAGE) if not one.kind]:
        if not block.text.startswith(_TYPED):
            if not command.startswith(_ELSEWHERE):
                assert _settled(reader, command, block.text, printed) == [], f"{block}\n{printed}"
            continue
        _before(reader, block.text)
        for command in block.text.splitlines():
            if not command.startswith(_ELSEWHERE):
                printed = reader.type(command)
        if "error[unknown-name]" in printed:
            mended = playbook.replace("welcom\n", "welcome\n").replace("lead.scor ", "lead.score ")
            path.write_text(mended, encoding="utf-8")
    assert "all is well" in printed or "nothing is wrong" in printed or "ok" in printed


def _before(reader: Reader, commands: str) -> None:
    """What the reader does with the browser, and with the first terminal, before a command."""
    if commands.startswith("longplay explain --lead wang.fang"):
        deadline = time.monotonic() + 60
        while not reader.links_to("wang.fang@example.com"):
            assert time.monotonic() < deadline, "the mail never came"
            time.sleep(0.2)
        time.sleep(1.5)  # whoever follows a link within a second of its delivery is a scanner
        fetch(next(one for one in reader.links_to("wang.fang@example.com") if "/c/" in one))
    elif commands.startswith("longplay explain --lead li.lei"):
        link = next(one for one in reader.links_to("li.lei@example.com") if "/u/" in one)
        fetch(link)
        fetch(link, b"List-Unsubscribe=One-Click")
    elif commands.startswith("longplay doctor"):
        reader.stop()
        reader.start()


def _settled(reader: Reader, command: str, expected: str, printed: str) -> list[str]:
    """What is missing of an answer, asked again for a while: the runtime may be at it still."""
    deadline = time.monotonic() + 60
    while (gone := missing(expected, printed)) and command.startswith("longplay explain"):
        if time.monotonic() > deadline:
            break
        time.sleep(0.3)
        printed = reader.type(command)
    return gone


def test_the_chinese_tutorial_has_the_same_commands() -> None:
    """In the same order; only the tag is a Chinese word."""
    chinese = [one.text.replace("安静", "quiet") for one in typed(CHINESE)]
    assert chinese == [one.text for one in typed(PAGE)]
