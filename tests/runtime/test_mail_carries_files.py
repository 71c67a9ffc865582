"""Files that go with mails: published with the workspace, pinned by plans, sent as they were."""

import email
import email.policy
import os
from email.message import EmailMessage
from pathlib import Path

import pytest

from engine.operations import editions, publish, published
from engine.playbook.templates import MOST_FILE
from engine.store import mail_files
from tests.runtime.stage import PAGE, WORKSPACE, Stage, soundness

HELLO = """\
playbook: hello
enroll: {when: [{event: form.submitted}]}
steps:
  - email: offer
    attach: [报价单.pdf, terms.docx]
  - wait: 1 day
  - email: offer
    attach: 报价单.pdf
    as: transactional
"""
OFFER = PAGE + '<img src="images/logo.png" alt="Acme">'
FILES = {
    "images/logo.png": b"\x89PNG one", "报价单.pdf": b"%PDF any", "报价单.zh-CN.pdf": b"%PDF zh",
    "terms.docx": b"PK", "unused.psd": b"8BPS", ".DS_Store": b"x",
}  # fmt: skip


def written(folder: Path, files: dict[str, bytes], playbook: str = HELLO) -> editions.Folder:
    texts = {"longplay.yaml": WORKSPACE, "playbooks/hello.yaml": playbook}
    texts["templates/email/offer.html"] = OFFER
    for name, content in {n: t.encode() for n, t in texts.items()}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    for name, content in files.items():
        path = folder / "templates/email" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return editions.read_folder(folder)


def apply(stage: Stage, folder: editions.Folder) -> None:
    checked = editions.check(folder)
    assert checked.ok, [str(one) for one in checked.diagnostics]
    publish.publish(stage.store, editions.edition_of(folder, checked))


def carried(content: bytes) -> dict[str, bytes]:
    parsed = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    parts = [one for one in parsed.walk() if one.get_filename()]
    return {str(one.get_filename()): one.get_payload(decode=True) for one in parts}  # type: ignore[misc]


def forget() -> None:
    """What another process knows: nothing."""
    published._carried.clear()
    published._files.clear()
    published._plans.clear()


def test_each_lead_gets_the_files_of_its_language(stage: Stage, tmp_path: Path) -> None:
    """The picture within the page, the attachments below; from the database, not the folder."""
    apply(stage, written(tmp_path, FILES))
    for path in (tmp_path / "templates").rglob("*.*"):
        path.unlink()
    forget()
    stage.event("form.submitted", "ann")
    stage.event("form.submitted", "wei", fields={"language": "zh-CN"})
    stage.work()
    got = {one.recipient: carried(one.content) for one in stage.transport.sent}
    assert got == {
        "ann@example.com": {"logo.png": b"\x89PNG one", "报价单.pdf": b"%PDF any",
                            "terms.docx": b"PK"},
        "wei@example.com": {"logo.png": b"\x89PNG one", "报价单.pdf": b"%PDF zh",
                            "terms.docx": b"PK"},
    }  # fmt: skip
    soundness(stage)


def test_who_has_begun_gets_the_files_that_were_there_then(stage: Stage, tmp_path: Path) -> None:
    """A plan pins files as it pins texts; equal contents are kept once."""
    apply(stage, written(tmp_path, FILES))
    stage.event("form.submitted", "ann")
    stage.work()
    newer = {**FILES, "报价单.pdf": b"%PDF new", "images/logo.png": b"\x89PNG two"}
    apply(stage, written(tmp_path, newer))
    forget()
    stage.event("form.submitted", "bo")
    stage.turn(days=1, hours=1)
    stage.work()
    sent = [(one.recipient, carried(one.content)) for one in stage.transport.sent]
    prices = {(who, files["报价单.pdf"], files["logo.png"]) for who, files in sent}
    assert ("ann@example.com", b"%PDF any", b"\x89PNG one") in prices
    assert ("bo@example.com", b"%PDF new", b"\x89PNG two") in prices
    assert {files["报价单.pdf"] for who, files in sent if who.startswith("ann")} == {b"%PDF any"}
    rows = stage.store.read(lambda tx: tx.conn.execute(mail_files.table.select()).all())
    assert sorted(bytes(row.content) for row in rows) == [
        b"%PDF any", b"%PDF new", b"%PDF zh", b"PK", b"\x89PNG one", b"\x89PNG two",
    ]  # fmt: skip


def test_a_file_of_another_content_is_another_version(stage: Stage, tmp_path: Path) -> None:
    """The plan of a playbook changes with the files that it sends, and with no others."""
    plans = [
        editions.check(written(tmp_path, files)).plans["hello"].digest
        for files in (FILES, {**FILES, "unused.psd": b"other"}, {**FILES, "terms.docx": b"new"})
    ]
    assert plans[0] == plans[1] != plans[2]


@pytest.mark.parametrize(
    ("files", "playbook", "found"),
    [
        ({"报价单.pdf": b""}, HELLO, "unknown-file"),
        ({"报价单.pdf": b"x" * (MOST_FILE + 1)}, HELLO, "mail-too-heavy"),
        ({"报价单.pdf": b"x" * 4_000_000, "terms.docx": b"x" * 4_000_000}, HELLO, "mail-too-heavy"),
        ({}, HELLO.replace("terms.docx", "offer.html"), "file-not-sendable"),
        ({"报价单.exe": b"MZ"}, HELLO.replace("报价单.pdf", "报价单.exe"), "file-not-sendable"),
    ],
)
def test_files_that_cannot_be_sent_are_found_before(
    tmp_path: Path, files: dict[str, bytes], playbook: str, found: str
) -> None:
    """What is too large is not even read."""
    folder = written(tmp_path, {"images/logo.png": b"\x89PNG", **files}, playbook)
    assert sum(map(len, folder.beside.values())) <= 9_000_000
    assert found in {one.rule for one in editions.check(folder).diagnostics if one.is_error}


def test_a_picture_that_is_not_there_is_found_before(tmp_path: Path) -> None:
    """In the template, at its line, with the name that may have been meant."""
    there = {"images/logo1.png": b"\x89PNG", "报价单.pdf": b"x", "terms.docx": b"x"}
    (found,) = editions.check(written(tmp_path, there)).diagnostics
    assert (found.rule, found.file) == ("unknown-file", "templates/email/offer.html")
    assert found.line == PAGE.count("\n") + 1
    assert "did you mean 'images/logo1.png'?" in found.help


def test_files_are_found_whatever_machine_named_them(tmp_path: Path) -> None:
    """Names in GBK, as archives from Windows leave them, and accents taken apart, as on a Mac."""
    base = os.fsencode(tmp_path / "templates/email") + b"/"
    written(tmp_path, {"images/logo.png": b"x"})
    for name in ("报价单.pdf".encode("gbk"), "terms\u0301.docx".encode()):
        try:
            with open(base + name, "wb") as file:  # noqa: PTH123 - a path of bytes
                file.write(b"x")
        except OSError:
            pytest.skip("this machine's disk takes no names but its own")
    playbook = HELLO.replace("terms.docx", "term\u015b.docx")
    (tmp_path / "playbooks/hello.yaml").write_text(playbook, encoding="utf-8")
    assert editions.check(editions.read_folder(tmp_path)).diagnostics == ()
