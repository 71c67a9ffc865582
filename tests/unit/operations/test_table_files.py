"""Files of rows: the shapes they come in, and how broken ones are told."""

import json
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest

from engine.errors import EnvironmentFault, InputError
from engine.operations.table_files import Row, open_table


def written(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def read(path: Path) -> list[Row]:
    return list(open_table(path).rows())


@pytest.mark.parametrize(
    "text",
    [
        'email,name\na@b.cn,"Lee, Ann"\n',
        "email;name\r\na@b.cn;Lee, Ann\r\n",
        "email\tname\na@b.cn\tLee, Ann",
        "email|name\na@b.cn|Lee, Ann\n",
        "sep=;\nemail;name\na@b.cn;Lee, Ann\n",
        "\n\nemail;name\n\n;\na@b.cn;Lee, Ann\n\n",
        "email;name;\na@b.cn;Lee, Ann;\n",
    ],
    ids=["comma", "semicolon", "tab", "bar", "declared", "blank lines", "trailing delimiter"],
)
def test_a_delimited_file_is_read_whatever_delimits_it(tmp_path: Path, text: str) -> None:
    """Quotes, line ends and blank lines included."""
    rows = [row for row in read(written(tmp_path, "leads.csv", text)) if row.cells]
    assert [dict(row.cells) for row in rows] == [{"email": "a@b.cn", "name": "Lee, Ann"}]


def test_rows_know_their_lines(tmp_path: Path) -> None:
    """Also after a cell of several lines."""
    path = written(tmp_path, "leads.csv", 'email,note\na@b.cn,"two\nlines"\nc@d.cn,\n')
    assert [row.number for row in read(path)] == [2, 4]


def test_a_cell_under_no_heading_is_a_fault(tmp_path: Path) -> None:
    """The row is told, the others are read."""
    path = written(tmp_path, "leads.csv", "email,name\na@b.cn,Ann,stray\nc@d.cn\n")
    faulty, short = read(path)
    assert faulty.fault == "'stray' stands under no heading"
    assert (short.fault, dict(short.cells)) == ("", {"email": "c@d.cn"})


def test_an_unclosed_quote_is_a_fault_of_the_rest(tmp_path: Path) -> None:
    """What came before it is read."""
    path = written(tmp_path, "leads.csv", "email\na@b.cn\n" + '"' + "x" * 200_000)
    good, bad = read(path)
    assert dict(good.cells) == {"email": "a@b.cn"}
    assert bad.fault.startswith("from here on the file cannot be read")


OBJECTS = [{"email": "a@b.cn", "n": 12}, {"email": "c@d.cn", "fields": {"plan": "pro"}}]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", "\n".join(map(json.dumps, OBJECTS))),
        ("a.json", json.dumps(OBJECTS, indent=2)),
        ("a.json", json.dumps(OBJECTS + [{}] * 5000)),
    ],
    ids=["lines", "array", "long array"],
)
def test_json_is_read_as_lines_or_as_an_array(tmp_path: Path, name: str, text: str) -> None:
    """Types stay; nested `fields` join the others."""
    rows = read(written(tmp_path, name, text))
    assert [dict(row.cells) for row in rows[:2]] == [OBJECTS[0], {"email": "c@d.cn", "plan": "pro"}]
    assert not any(row.fault for row in rows)


@pytest.mark.parametrize(
    ("name", "text", "faults"),
    [
        ("a.jsonl", '{"email": 1}\n{oops}\n[1]\n', ["", "no JSON", "must be an object"]),
        ("a.json", '[{"email": 1}, {oops}]', ["", "from here on"]),
        ("a.json", '[{"email": 1}, 5 , {}]', ["", "must be an object", ""]),
        ("a.jsonl", "[" * 100_000, ["from here on"]),
        ("a.jsonl", "{}\n" + "[" * 100_000, ["", "no JSON"]),
        ("a.jsonl", '{"n": ' + "9" * 5000 + "}", ["no JSON"]),
    ],
)
def test_broken_json_is_told_row_by_row(
    tmp_path: Path, name: str, text: str, faults: list[str]
) -> None:
    """A line that is no JSON spoils itself only; an array is lost from the fault on."""
    found = [row.fault for row in read(written(tmp_path, name, text))]
    assert len(found) == len(faults)
    assert all(part in fault for part, fault in zip(faults, found, strict=True))


def test_a_spreadsheet_keeps_numbers_and_dates(tmp_path: Path) -> None:
    """The first sheet counts, whatever the file is called."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["email", "employees", "signed", "seen", None])
    sheet.append(["a@b.cn", 50, date(2026, 12, 1), datetime(2026, 12, 1, 9, 30), None])
    sheet.append([None, None, None, None, None])
    sheet.append(["c@d.cn", 1.5, None, None, None])
    book.create_sheet("other").append(["ignored"])
    path = tmp_path / "leads.csv"
    with path.open("wb") as file:
        book.save(file)
    rows = read(path)
    assert [row.number for row in rows] == [2, 4]
    assert dict(rows[0].cells) == {
        "email": "a@b.cn",
        "employees": 50,
        "signed": date(2026, 12, 1),
        "seen": datetime(2026, 12, 1, 9, 30),
    }
    assert rows[1].cells["employees"] == 1.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (" \n\n", "has no headings"),
        ("email,email\n", "the column 'email' twice"),
        (",".join(map(str, range(2000))), "more than 1000 columns"),
    ],
)
def test_a_file_without_usable_headings_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """Before anything is imported."""
    with pytest.raises(InputError, match=message):
        open_table(written(tmp_path, "leads.csv", text))


def test_a_file_that_is_not_there_is_a_fault_of_the_environment(tmp_path: Path) -> None:
    """A folder too."""
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(EnvironmentFault, match="cannot be read"):
            open_table(path)


def test_progress_ends_at_the_size(tmp_path: Path) -> None:
    """Whatever it counts."""
    for name, text in (("a.csv", "email\na@b.cn\n"), ("a.jsonl", "{}\n{}\n")):
        table = open_table(written(tmp_path, name, text))
        assert list(table.rows())
        assert table.done == table.size > 0
