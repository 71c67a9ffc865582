"""Companies and lists of leads, as a person and a script meet them."""

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Longplay


@pytest.fixture
def three(longplay: Longplay, tmp_path: Path) -> Longplay:
    """Three leads, two of whom are of one company; one is up to no good."""
    file = tmp_path / "three.csv"
    file.write_text(
        "email,full_name,company,phone\nli.hua@xihu.example,李华,西湖云有限公司,+86 138 0013 8000\n"
        'wang@qq.com,"=HYPERLINK(""http://x.example"",""hi"")",西湖云,\nann@gmail.com,-Ann,,\n'
    )
    assert longplay("leads", "import", str(file)).status == 0
    return longplay


def test_a_company_is_listed_shown_changed_and_merged(three: Longplay, tmp_path: Path) -> None:
    """By id, domain or name; what does not fit is refused with the way out."""
    file = tmp_path / "公司.csv"
    file.write_bytes("公司名称,网站\n西湖云科技（杭州）有限公司,xihu.com.cn\n".encode("gbk"))
    done = three("companies", "import", str(file), "--json").json
    assert (done["created"], done["rejected"]) == (1, 0)
    rows = three("companies", "list", "--json").json
    assert [(row["name"], row["leads"]) for row in rows] == [
        ("西湖云有限公司", 2), ("西湖云科技（杭州）有限公司", 0),
    ]  # fmt: skip
    assert three("companies", "set", "xihu.example", "owner=li.wei").status == 0
    shown = three("companies", "show", "西湖云", "--json").json
    assert (shown["owner"], len(shown["its_leads"])) == ("li.wei", 2)
    assert "西湖云" in three("companies", "show", "xihu.example").out
    (pair,) = three("companies", "duplicates", "--json").json
    assert pair["score"] >= 80
    ids = (pair["one"]["id"], pair["other"]["id"])
    assert "would" not in three("companies", "merge", *ids, "--dry-run").out
    three("companies", "merge", "xihu.example", "xihu.com.cn", "--reason", "one house")
    assert len(three("companies", "list", "--json").json) == 1
    refused = three("companies", "show", "Nobody")
    assert (refused.status, "companies list" in refused.err) == (1, True)


def test_a_list_is_csv_that_no_spreadsheet_runs_and_that_comes_back_as_it_was(
    three: Longplay, tmp_path: Path
) -> None:
    """A formula gets an apostrophe; telephones stay; imported again, nothing changes."""
    out = three("leads", "export", "--all").out
    rows = list(csv.DictReader(io.StringIO(out)))
    names = {row["email"]: row["full_name"] for row in rows}
    assert names["wang@qq.com"].startswith("'=HYPERLINK")
    assert names["ann@gmail.com"] == "'-Ann"
    assert rows[0]["phone"] == "+86 138 0013 8000"
    file = tmp_path / "leads.csv"
    said = three("leads", "export", "--all", "--to", str(file), "--json").json
    assert (said["exported"], file.stat().st_mode & 0o777) == (3, 0o600)
    again = three("leads", "import", str(file), "--json").json
    assert (again["unchanged"], again["rejected"]) == (3, 0)


@pytest.mark.parametrize(
    ("encoding", "begins", "codec"),
    [("utf-8", b"email", "utf-8"), ("utf-8-bom", b"\xef\xbb\xbfemail", "utf-8-sig"),
     ("gbk", b"email", "gb18030")],
)  # fmt: skip
def test_a_list_is_written_as_excel_wants_it(
    three: Longplay, tmp_path: Path, encoding: str, begins: bytes, codec: str
) -> None:
    """With a byte order mark, or in GBK, and only the columns that are wanted."""
    file = tmp_path / "list.csv"
    wanted = ("--where", 'lead.email == "li.hua@xihu.example"', "--columns", "email,company")
    three("leads", "export", *wanted, "--encoding", encoding, "--to", str(file))
    assert file.read_bytes().startswith(begins)
    assert file.read_text(codec).splitlines()[1] == "li.hua@xihu.example,西湖云有限公司"


def test_a_list_is_json_for_programs(three: Longplay, tmp_path: Path) -> None:
    """A line a lead in a file; one document on standard output; the leads of a segment."""
    file = tmp_path / "list.jsonl"
    three("leads", "export", "--all", "--to", str(file))
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert lines == three("leads", "list", "--json").json
    assert three("leads", "export", "--all", "--json").json == lines
    assert three("leads", "export", "--where", "lead.score > 999", "--json").json == []


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ((), "nothing says whom to export"),
        (("ann@gmail.com", "--all"), "is one lead, not a list"),
        (("--where", "lead.scor > 1"), "lead.score"),
        (("--where", "true) or (true"), "closes nothing"),
        (("--segment", "nobody"), "no segment is named 'nobody'"),
        (("--all", "--columns", "emial"), "no field 'emial'"),
        (("--all", "--format", "xlsx"), "no list has the form 'xlsx'"),
        (("--all", "--encoding", "big5"), "no list is written in 'big5'"),
    ],
)
def test_what_cannot_be_listed_is_said(three: Longplay, words: tuple[str, ...], fault: str) -> None:
    """And nothing is written."""
    said = three("leads", "export", *words)
    assert (said.status, said.out) == (1, "")
    assert fault in said.err
