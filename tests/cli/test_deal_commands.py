"""Deals on the command line: what they say, and what scripts get."""

import json
from pathlib import Path

import pytest

from engine.operations.demo import plant
from engine.operations.demo_deals import DEALS
from engine.store.database import Store
from tests.cli.conftest import Longplay

HEADINGS = "商机名称,联系人邮箱,金额,销售阶段,负责人,预计成交日期\n"


def imported(longplay: Longplay, folder: Path, text: str, *more: str) -> dict[str, object]:
    path = folder / "deals.csv"
    path.write_bytes(text.encode("gb18030"))
    said = longplay("deals", "import", str(path), "--json", *more)
    assert said.status == 0, said.out
    found: dict[str, object] = said.json
    return found


def test_a_gbk_file_of_a_chinese_crm_is_imported_once(longplay: Longplay, tmp_path: Path) -> None:
    """Its headings and amounts are understood; the second time changes nothing."""
    text = HEADINGS + '年度许可,wang@example.cn,"￥120,000",demo,李伟,2026年12月1日\n'
    text += "培训,wang@example.cn,1.5万元,,,\n"
    first = imported(longplay, tmp_path, text)
    assert (first["rows"], first["created"], first["rejected"]) == (2, 2, 0)
    again = imported(longplay, tmp_path, text)
    assert (again["created"], again["unchanged"], again["errors_file"]) == (0, 2, None)
    rows = {row["name"]: row for row in longplay("deals", "list", "--json").json}
    assert rows["年度许可"]["amount"] == 120_000
    assert rows["年度许可"]["owner"] == "li.wei"
    assert rows["年度许可"]["fields"]["expected_close_at"] == "2026-11-30T16:00:00+00:00"
    assert (rows["培训"]["amount"], rows["培训"]["stage"]) == (15_000, "qualify")
    assert longplay("leads", "show", "wang@example.cn", "--json").json["email"] == "wang@example.cn"


def test_deals_are_listed_and_enrolled_by_a_condition(longplay: Longplay, tmp_path: Path) -> None:
    """What SQL answers and what Python answers, page after page; a wrong name is told."""
    text = HEADINGS + "".join(f"商机{n},a{n % 3}@example.cn,{n * 1000},,,\n" for n in range(1, 10))
    imported(longplay, tmp_path, text)
    for where in ("deal.amount > 6000", "deal.amount > 6000 and deal.name is matching('^商机.$')"):
        rows = longplay("deals", "list", "--json", "--where", where).json
        assert sorted(row["amount"] for row in rows) == [7000, 8000, 9000]
        first = longplay("deals", "list", "--json", "--limit", "2", "--where", where).json
        rest = longplay("deals", "list", "--json", "--where", where, "--after", first[-1]["id"])
        assert [*first, *rest.json] == rows
    mine = 'lead.email == "a1@example.cn"'
    assert len(longplay("deals", "list", "--json", "--where", mine).json) == 3
    wrong = longplay("deals", "list", "--where", "deal.amonut > 3")
    assert (wrong.status, "deal.amount" in wrong.err) == (1, True)


def test_rows_that_do_not_fit_are_in_the_error_file(longplay: Longplay, tmp_path: Path) -> None:
    """Each with its reason; the mended file is imported as it is."""
    text = HEADINGS + "a,ann@example.com,,demo,,\nb,ann@example.com,1,demmo,,\n,,5,,,\n"
    text += "c,nobody,5,,,\nd,ann@example.com,a lot,,,\nok,ann@example.com,5,,,\n"
    found = imported(longplay, tmp_path, text)
    assert (found["created"], found["rejected"]) == (1, 5)
    errors = (tmp_path / "deals.csv.errors.csv").read_text("utf-8-sig")
    for reason in (
        "b2b.demo is entered only if deal.amount is defined", "no pipeline has a stage 'demmo'",
        "nothing says which deal this is", "there is no lead 'nobody'", "'a lot' is no number",
    ):  # fmt: skip
        assert reason in errors


def test_an_import_moves_forward_and_backward_only_by_force(
    longplay: Longplay, tmp_path: Path
) -> None:
    """What moved on here is not moved back by an old file."""
    imported(longplay, tmp_path, "id,name,email,amount,stage\nd-1,a,ann@example.com,5,demo\n")
    back = "id,stage\nd-1,qualify\n"
    assert imported(longplay, tmp_path, back)["rejected"] == 1
    assert "is backward" in (tmp_path / "deals.csv.errors.csv").read_text("utf-8-sig")
    assert imported(longplay, tmp_path, back, "--force")["updated"] == 1
    assert longplay("deals", "show", "d-1", "--json").json["stage"] == "qualify"


def test_json_lines_may_name_a_contact_by_phone(longplay: Longplay, tmp_path: Path) -> None:
    """The lead that an import made of a phone number alone is found by it."""
    leads = tmp_path / "leads.csv"
    leads.write_text("姓名,手机号\n王芳,138 0013 8000\n", encoding="utf-8")
    longplay("leads", "import", str(leads))
    path = tmp_path / "deals.jsonl"
    path.write_text(json.dumps({"name": "a", "lead": "138-0013-8000"}) + "\n", encoding="utf-8")
    assert longplay("deals", "import", str(path), "--json").json["created"] == 1


def test_a_deal_is_moved_and_shown_with_its_history(longplay: Longplay, tmp_path: Path) -> None:
    """What a stage asks for may be said in the same command."""
    imported(longplay, tmp_path, "id,name,email\nd-1,许可,ann@example.com\n")
    said = longplay("deals", "move", "d-1", "demo")
    assert said.status == 1
    assert "b2b.demo is entered only if deal.amount is defined" in said.err
    assert (
        longplay("deals", "move", "d-1", "demo", "--set", "amount=9").out == "moved to b2b.demo\n"
    )
    assert longplay("deals", "move", "d-1", "demo").out == "is in b2b.demo already\n"
    lost = longplay("deals", "move", "d-1", "b2b.lost", "--set", "lost_reason=价格", "--json").json
    assert (lost["stage"], lost["closed"], lost["fields"]["lost_reason"]) == (
        "lost",
        "lost",
        "价格",
    )
    assert [one["field"] for one in lost["history"]][-1] == "created"
    shown = longplay("deals", "show", "d-1").out
    assert "许可" in shown
    assert "lost reason" in shown
    assert longplay("deals", "list").out.count("\n") == 2


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("deals", "show", "nope"), "there is no deal 'nope'"),
        (("deals", "move", "nope", "demo"), "there is no deal 'nope'"),
        (("deals", "list", "--stage", "b2b.demmo"), "the pipeline 'b2b' has no stage 'demmo'"),
        (("deals", "list", "--pipeline", "b2c"), "no pipeline is named 'b2c'"),
        (("event", "deal.activity", "--deal", "nope"), "there is no deal 'nope'"),
        (("event", "deal.activity"), "the event names no lead"),
        (("enroll", "trial-nurture", "--deal", "nope"), "there is no deal 'nope'"),
    ],
)
def test_what_is_not_there_is_said(longplay: Longplay, words: tuple[str, ...], fault: str) -> None:
    """One sentence, exit status 1."""
    said = longplay(*words)
    assert (said.status, fault in said.err) == (1, True), said.err


def test_an_event_names_a_deal(longplay: Longplay, tmp_path: Path) -> None:
    """Without a lead it is the deal's contact's."""
    imported(longplay, tmp_path, "id,name,email\nd-1,a,ann@example.com\n")
    said = longplay("event", "deal.activity", "--deal", "d-1", "--json")
    assert said.json == {"accepted": 1, "duplicates": 0, "rejected": 0}
    found = longplay("deals", "show", "d-1", "--json").json
    assert found["fields"]["last_activity_at"]


def test_the_demo_has_deals_in_every_stage(longplay: Longplay, workspace: Path) -> None:
    """Planted once; those that were moved since stay where they are."""
    store = Store(f"sqlite:///{workspace / '.longplay' / 'longplay.db'}")
    try:
        plant(store)
        rows = longplay("deals", "list", "--json").json
        assert len(rows) == DEALS
        assert {row["stage"] for row in rows} == {"qualify", "demo", "proposal", "won", "lost"}
        moved = next(row["id"] for row in rows if row["stage"] == "qualify")
        assert longplay("deals", "move", moved, "demo").status == 0
        plant(store)
        assert longplay("deals", "show", moved, "--json").json["stage"] == "demo"
        assert len(longplay("deals", "list", "--json").json) == DEALS
    finally:
        store.close()


def test_an_import_tells_since_when_a_deal_is_in_its_stage(
    longplay: Longplay, tmp_path: Path
) -> None:
    """By its column; in the first stage by when it was opened; else its history says it came so."""
    text = "id,name,邮箱,金额,销售阶段,进入阶段时间,创建时间\n"
    text += "d-1,a,ann@example.com,5,demo,2026-01-20,2026-01-02\n"
    text += "d-2,b,ann@example.com,5,qualify,,2026-01-02\n"
    text += "d-3,c,ann@example.com,5,demo,,2026-01-02\n"
    text += "d-4,d,ann@example.com,5,won,2026-01-30,2026-01-02\n"
    text += "d-5,e,ann@example.com,5,qualify,2999-01-01,\n"
    assert imported(longplay, tmp_path, text)["created"] == 4
    assert "'stage_entered_at' lies in the future" in (tmp_path / "deals.csv.errors.csv").read_text(
        "utf-8-sig"
    )
    shown = {id: longplay("deals", "show", id, "--json").json for id in ("d-1", "d-2", "d-3")}
    first = "2026-01-01T16:00:00+00:00"
    assert shown["d-1"]["stage_entered_at"] == "2026-01-19T16:00:00+00:00"
    assert shown["d-2"]["stage_entered_at"] == first
    for id, before in (("d-1", None), ("d-2", None), ("d-3", "elsewhere")):
        assert shown[id]["fields"]["created_at"] == first
        assert [one["before"] for one in shown[id]["history"]] == [before]
    assert longplay("deals", "show", "d-4", "--json").json["closed"] == "won"
