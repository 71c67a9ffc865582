"""Importing leads: what becomes of rows, that it is idempotent, and that nothing breaks it."""

import csv
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import InputError
from engine.operations.import_leads import ImportResult, React, import_leads
from engine.operations.lead_rows import RowRules
from engine.runtime.fields import field_types
from engine.store import leads
from engine.store.database import Store, Transaction
from engine.store.lead_writing import change_table
from engine.store.leads import Facts, LeadChange

RULES = RowRules(
    custom=field_types(
        {"employees": "integer", "plan": {"enum": ["free", "pro"]}, "trial_ends_at": "datetime"}
    ),
    owners={"li.wei": "li.wei", "李伟": "li.wei"},
    zone=ZoneInfo("Asia/Shanghai"),
)


def load(store: Store) -> list[Facts]:
    return store.read(lambda tx: leads.page(tx, custom=RULES.custom))


def written(tmp_path: Path, content: str, name: str = "leads.csv") -> Path:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return path


def run(store: Store, path: Path, react: React | None = None) -> ImportResult:
    return import_leads(store, path, RULES, react=react)


def errors(result: ImportResult) -> list[dict[str, str]]:
    assert result.errors_file is not None
    with result.errors_file.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_rows_become_typed_leads(store: Store, tmp_path: Path) -> None:
    """Chinese headings, dates in the workspace's zone, countries as codes, owners by name."""
    heading = "邮箱,姓,名,国家,employees,plan,trial_ends_at,生日,标签,负责人,阶段"
    cells = (
        'Wei@Acme.example,李,伟,中国,"1,200",PRO,2026年12月1日 09:00,1990/5/17,重点；vip,李伟,mql'
    )
    path = tmp_path / "leads.csv"
    path.write_bytes(f"{heading}\n{cells}\n".encode("gbk"))
    result = import_leads(store, path, RULES, language="zh-CN")
    assert (result.created, result.encoding) == (1, "gb18030")
    (lead,) = load(store)
    assert {
        "email": "Wei@acme.example",
        "full_name": "李伟",
        "country": "CN",
        "employees": 1200,
        "plan": "pro",
        "trial_ends_at": datetime(2026, 12, 1, 1, tzinfo=UTC),
        "birthday": date(1990, 5, 17),
        "tags": ["重点", "vip"],
        "owner": "li.wei",
        "stage": "mql",
    }.items() <= lead.items()


def test_the_second_import_changes_nothing(store: Store, tmp_path: Path) -> None:
    """Rows with an address, with an id, and with a phone number alone."""
    path = written(
        tmp_path, "id,email,phone,city\n,a@b.example,,Rome\nx-1,,,Oslo\n,,+86 138 0013 8000,\n"
    )
    first, second = run(store, path), run(store, path)
    assert first.summary() == {
        "rows": 3, "created": 3, "updated": 0, "unchanged": 0, "rejected": 0, "errors_file": None,
    }  # fmt: skip
    assert (second.rows, second.unchanged) == (3, 3)
    assert [lead["stage"] for lead in load(store)].count("lead") == 1


def test_only_what_a_row_says_is_changed(store: Store, tmp_path: Path) -> None:
    """Empty cells never erase; tags are added; the change log names the file."""
    run(store, written(tmp_path, "email,city,plan,tags\na@b.example,Rome,free,vip\n"))
    result = run(store, written(tmp_path, "email,city,plan,tags\nA@B.EXAMPLE,,pro,new\n", "b.csv"))
    (lead,) = load(store)
    assert (result.updated, lead["city"], lead["plan"]) == (1, "Rome", "pro")
    assert lead["tags"] == ["vip", "new"]
    query = sa.select(change_table.c.field).where(change_table.c.reason == "b.csv")
    logged = store.read(lambda tx: tx.conn.execute(query).scalars().all())
    assert sorted(logged) == ["plan", "tags"]


def test_rows_about_one_lead_are_folded_in_order(store: Store, tmp_path: Path) -> None:
    """The later cell wins, an empty one does not; each row is counted for what it did."""
    path = written(
        tmp_path, "email,city,plan\na@b.example,Rome,free\nA@b.example,Oslo,\na@B.example,Oslo,\n"
    )
    result = run(store, path)
    assert (result.created, result.updated, result.unchanged) == (1, 1, 1)
    (lead,) = load(store)
    assert (lead["city"], lead["plan"]) == ("Oslo", "free")


def test_rejected_rows_can_be_mended_and_imported(store: Store, tmp_path: Path) -> None:
    """The error file has the row as it was and the reason; a clean import removes it."""
    path = written(
        tmp_path,
        "email,employees,stage,city\n"
        "ok@b.example,5,,Rome\n"
        "no address,5,,Rome\n"
        "a@b.example,many,,Rome\n"
        "c@b.example,5,mqll,Rome\n"
        ",,,Rome\n",
    )
    result = run(store, path)
    assert (result.created, result.rejected) == (1, 4)
    reasons = [row["rejected_because"] for row in errors(result)]
    assert "'no address' is no mail address" in reasons[0]
    assert "'many' is no whole number for 'employees'" in reasons[1]
    assert "did you mean 'mql'" in reasons[2]
    assert "nothing says which lead this is" in reasons[3]
    assert result.errors_file is not None
    mended = result.errors_file.read_text(encoding="utf-8-sig").replace("many", "7")
    again = run(store, written(tmp_path, mended, "mended.csv"))
    assert (again.created, again.rejected) == (1, 3)
    run(store, written(tmp_path, "email,employees,stage,city\nok@b.example,5,,\n"))
    assert not result.errors_file.exists()


def test_a_row_in_conflict_with_two_leads_is_rejected(store: Store, tmp_path: Path) -> None:
    """An id and an address that belong to different leads."""
    run(store, written(tmp_path, "id,email\none,a@b.example\ntwo,c@d.example\n"))
    result = run(store, written(tmp_path, "id,email\none,c@d.example\ntwo,new@d.example\n"))
    assert (result.rejected, result.updated) == (1, 1)
    assert "'c@d.example' belongs to lead 'two'" in errors(result)[0]["rejected_because"]


def test_an_unknown_column_refuses_the_whole_file(sqlite_store: Store, tmp_path: Path) -> None:
    """Before the first row."""
    with pytest.raises(InputError, match="no field for the column 'emial'"):
        run(sqlite_store, written(tmp_path, "emial\na@b.example\n"))
    assert load(sqlite_store) == []


def test_json_rows_are_imported_and_rejected_one_by_one(
    sqlite_store: Store, tmp_path: Path
) -> None:
    """Each row names its own fields; a rejected one is kept whole."""
    rows = [{"email": "a@b.example", "employees": 5, "tags": ["x"]}, {"emial": "c@d.example"}]
    path = written(tmp_path, "\n".join(map(json.dumps, rows)), "leads.jsonl")
    result = run(sqlite_store, path)
    assert (result.created, result.rejected) == (1, 1)
    (error,) = errors(result)
    assert "did you mean 'email'" in error["rejected_because"]
    assert json.loads(error["record"]) == rows[1]


def test_a_spreadsheet_is_imported(sqlite_store: Store, tmp_path: Path) -> None:
    """Phone numbers that Excel took for numbers, and dates that it took for dates."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["邮箱", "手机", "trial_ends_at", "employees"])
    sheet.append(["a@b.example", 13800138000, datetime(2026, 12, 1, 9), "lots"])
    sheet.append(["c@d.example", 13800138000, datetime(2026, 12, 1, 9), 12])
    book.save(tmp_path / "leads.xlsx")
    result = run(sqlite_store, tmp_path / "leads.xlsx")
    (lead,) = load(sqlite_store)
    assert (lead["phone"], lead["employees"]) == ("13800138000", 12)
    assert lead["trial_ends_at"] == datetime(2026, 12, 1, 1, tzinfo=UTC)
    assert errors(result)[0]["手机"] == "13800138000"


def test_changes_are_handed_on_inside_the_transaction(store: Store, tmp_path: Path) -> None:
    """New leads without a before, changed ones with both, unchanged ones not at all."""
    run(store, written(tmp_path, "email,city\na@b.example,Rome\nsame@b.example,Rome\n"))
    seen: list[tuple[object, object]] = []

    def react(tx: Transaction, changes: Sequence[LeadChange]) -> None:
        assert leads.count(tx) == 3
        seen.extend((one.before and one.before["city"], one.after["city"]) for one in changes)

    text = "email,city\na@b.example,Oslo\nsame@b.example,Rome\nnew@b.example,Bern\n"
    run(store, written(tmp_path, text), react)
    assert sorted(seen, key=str) == [("Rome", "Oslo"), (None, "Bern")]


def test_a_reaction_that_fails_leaves_nothing_of_its_row(
    sqlite_store: Store, tmp_path: Path
) -> None:
    """The row is rejected with the reason, its neighbors are imported."""

    def react(_tx: Transaction, changes: Sequence[LeadChange]) -> None:
        if any(one.after["city"] == "Oslo" for one in changes):
            raise InputError("no leads from Oslo")

    cities = ["Rome", "Oslo", "Bern"] * 3
    text = "email,city\n" + "".join(f"a{n}@b.example,{city}\n" for n, city in enumerate(cities))
    result = run(sqlite_store, written(tmp_path, text), react)
    assert (result.created, result.rejected) == (6, 3)
    assert {lead["city"] for lead in load(sqlite_store)} == {"Rome", "Bern"}


def test_two_imports_at_once_make_nobody_twice(store: Store, tmp_path: Path) -> None:
    """Both finish, and every lead is created by exactly one of them."""
    numbers = range(400)
    paths = [
        written(tmp_path, "email\n" + "".join(f"a{n}@b.example\n" for n in order), f"{name}.csv")
        for name, order in (("one", numbers), ("two", reversed(numbers)))
    ]
    with ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda path: run(store, path), paths))
    assert store.read(leads.count) == 400
    assert [result.rejected for result in results] == [0, 0]


def test_progress_is_told_after_every_batch(sqlite_store: Store, tmp_path: Path) -> None:
    """It grows, and ends at the size of the file."""
    path = written(tmp_path, "email\n" + "".join(f"a{n}@b.example\n" for n in range(1200)))
    told: list[tuple[int, int]] = []
    import_leads(sqlite_store, path, RULES, progress=lambda done, size: told.append((done, size)))
    assert len(told) == 3
    assert told == sorted(told)
    assert told[-1] == (path.stat().st_size, path.stat().st_size)


TEXTISH = st.text(
    st.sampled_from(list("email,phone;name\t\n\r\"'@.|[]{}:0123 李伟\x00\ufeff\ud800é")),
    max_size=200,
).map(lambda text: text.encode("utf-8", "surrogatepass"))
MUTATIONS = st.tuples(st.integers(0, 10**6), st.binary(min_size=1, max_size=6))
FUZZ = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@FUZZ
@given(
    content=st.one_of(st.binary(max_size=400), TEXTISH, TEXTISH.map(b"email,phone\n".__add__)),
    suffix=st.sampled_from([".csv", ".jsonl", ".json", ".xlsx", ""]),
)
def test_any_bytes_are_refused_or_imported(
    sqlite_store: Store, tmp_path: Path, content: bytes, suffix: str
) -> None:
    """Every row is counted once; nothing but an InputError comes out."""
    path = tmp_path / f"leads{suffix}"
    path.write_bytes(content)
    try:
        result = run(sqlite_store, path)
    except InputError:
        return
    parts = result.created + result.updated + result.unchanged + result.rejected
    assert parts == result.rows
    assert (result.errors_file is not None) == (result.rejected > 0)


@pytest.fixture(scope="session")
def workbook(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["email", "employees"])
    sheet.append(["a@b.example", 5])
    path = tmp_path_factory.mktemp("book") / "leads.xlsx"
    book.save(path)
    return path.read_bytes()


@FUZZ
@given(mutations=st.lists(MUTATIONS, min_size=1, max_size=5))
def test_a_damaged_spreadsheet_is_refused_or_imported(
    sqlite_store: Store, tmp_path: Path, workbook: bytes, mutations: list[tuple[int, bytes]]
) -> None:
    """Whatever bytes are damaged."""
    content = bytearray(workbook)
    for place, patch in mutations:
        start = place % len(content)
        content[start : start + len(patch)] = patch
    path = tmp_path / "leads.xlsx"
    path.write_bytes(content)
    try:
        run(sqlite_store, path)
    except InputError as error:
        assert error.message
