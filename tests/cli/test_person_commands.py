"""Commands about who a lead is: merging two, giving out what is held about one, erasing one."""

import json
from pathlib import Path

import pytest

from engine.mail.catcher import caught, keep_mail
from tests.cli.conftest import Longplay


@pytest.fixture
def two(longplay: Longplay, tmp_path: Path) -> Longplay:
    """Two leads that are one person."""
    file = tmp_path / "two.csv"
    file.write_text(
        "邮箱,姓名,公司,手机\nli.hua@example.cn,李华,,13800138000\nlihua@qq.com,李华,汇智科技,\n"
    )
    assert longplay("leads", "import", str(file)).status == 0
    return longplay


def test_two_leads_become_one_after_a_look_at_what_would_change(two: Longplay) -> None:
    """`--dry-run` changes nothing; then either address shows the one lead."""
    seen = two("leads", "merge", "li.hua@example.cn", "lihua@qq.com", "--dry-run")
    assert (seen.status, "汇智科技" in seen.out) == (0, True)
    assert len(two("leads", "list", "--json").json) == 2
    done = two("leads", "merge", "li.hua@example.cn", "lihua@qq.com", "--json").json
    assert done["fields"]["company"] == {"before": None, "after": "汇智科技"}
    shown = two("leads", "show", "lihua@qq.com", "--json").json
    assert (shown["email"], shown["id"]) == ("li.hua@example.cn", done["survivor"])


def test_an_export_is_json_or_text_in_a_file_that_only_its_owner_reads(
    two: Longplay, tmp_path: Path
) -> None:
    """All that is held, as a document and as lines; a file that is there stays as it is."""
    two("event", "page.viewed", "--lead", "lihua@qq.com", "--data", '{"url": "https://x.example"}')
    found = two("leads", "export", "lihua@qq.com", "--json").json
    assert found["lead"]["fields"]["company"] == "汇智科技"
    assert [event["name"] for event in found["events"]] == ["lead.created", "page.viewed"][-1:]
    text = two("leads", "export", "lihua@qq.com").out
    assert "about 李华" in text
    file = tmp_path / "li.json"
    assert two("leads", "export", "lihua@qq.com", "--to", str(file)).status == 0
    assert json.loads(file.read_text())["lead"] == found["lead"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert two("leads", "export", "lihua@qq.com", "--to", str(file)).status == 1


def test_an_erasure_asks_first_and_leaves_no_byte_in_the_workspace(
    two: Longplay, workspace: Path
) -> None:
    """Without a terminal it wants `--yes`; then the store and the caught mails hold nothing."""
    folder = workspace / ".longplay" / "mail"
    folder.mkdir(parents=True, exist_ok=True)
    keep_mail(folder, b"Subject: hello\r\n\r\nhello", "a@b.example", ("lihua@qq.com",))
    keep_mail(folder, b"Subject: hello\r\n\r\nhello", "a@b.example", ("other@qq.com",))
    refused = two("leads", "erase", "lihua@qq.com")
    assert (refused.status, "--yes" in refused.err) == (1, True)
    done = two("leads", "erase", "lihua@qq.com", "--yes", "--reason", "PIPL", "--json").json
    assert done[0]["done"]
    assert [mail.recipients for mail in caught(folder)] == [("other@qq.com",)]
    assert two("leads", "show", "lihua@qq.com").status == 1
    (row,) = two("leads", "erasures", "--json").json
    assert (row["reason"], bool(row["ended_at"])) == ("PIPL", True)
    for path in workspace.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert not any(word in content for word in (b"lihua@qq", "汇智科技".encode())), path
    two("doctor")
    assert two("leads", "erase", "nobody@qq.com", "--yes").status == 1
