"""Reading values into a lead's fields: what is understood, and how a fault is explained."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from engine.playbook.conditions.vocabulary import (
    BOOLEAN,
    DATE,
    DATETIME,
    INTEGER,
    LIST,
    NUMBER,
    TEXT,
    ValueType,
    enum_of,
)
from engine.playbook.values import Value
from engine.runtime.fields import field_types, from_json, read, read_lead, to_json

SHANGHAI = ZoneInfo("Asia/Shanghai")
PLAN = enum_of("free", "pro")


@pytest.mark.parametrize(
    ("given", "kind", "expected"),
    [
        ("  Acme ", TEXT, "Acme"),
        (13800138000.0, TEXT, "13800138000"),
        ("010", TEXT, "010"),
        ("   ", INTEGER, None),
        ("1,200", INTEGER, 1200),
        ("１２", TEXT, "１２"),
        ("1，200", INTEGER, 1200),
        (50.0, INTEGER, 50),
        ("1,200.50", NUMBER, 1200.5),
        ("-3", NUMBER, -3),
        ("1e3", NUMBER, 1000.0),
        ("是", BOOLEAN, True),
        ("No", BOOLEAN, False),
        (1, BOOLEAN, True),
        ("2026-12-01", DATE, date(2026, 12, 1)),
        ("2026/12/1", DATE, date(2026, 12, 1)),
        ("2026年12月1日", DATE, date(2026, 12, 1)),
        ("20261201", DATE, date(2026, 12, 1)),
        ("2026-12-01 09:00", DATE, date(2026, 12, 1)),
        (datetime(2026, 12, 1, 20, tzinfo=UTC), DATE, date(2026, 12, 2)),
        ("2026-12-01 09:00", DATETIME, datetime(2026, 12, 1, 1, tzinfo=UTC)),
        ("2026年12月1日 9:05", DATETIME, datetime(2026, 12, 1, 1, 5, tzinfo=UTC)),
        ("2026/12/1 09:00:30", DATETIME, datetime(2026, 12, 1, 1, 0, 30, tzinfo=UTC)),
        ("2026-12-01T09:00+01:00", DATETIME, datetime(2026, 12, 1, 8, tzinfo=UTC)),
        ("2026-12-01T09:00:00Z", DATETIME, datetime(2026, 12, 1, 9, tzinfo=UTC)),
        ("2026-12-01", DATETIME, datetime(2026, 11, 30, 16, tzinfo=UTC)),
        ("a, b；a、c", LIST, ["a", "b", "c"]),
        (["x", 2], LIST, ["x", "2"]),
        ("PRO", PLAN, "pro"),
    ],
)
def test_what_people_write_is_understood(given: object, kind: ValueType, expected: Value) -> None:
    """Thousands separators, Chinese dates, yes and no in both languages, spreadsheet floats."""
    found = read("field", given, kind, SHANGHAI)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ("12,00", INTEGER, "'12,00' is no whole number for 'field'"),
        ("1.5", INTEGER, "'1.5' is no whole number"),
        ("1" * 400, NUMBER, "is no number"),
        ("1e999", NUMBER, "is no number"),
        ("maybe", BOOLEAN, "write yes or no"),
        ("2026-02-30", DATE, "'2026-02-30' is no date"),
        ("01/02/2026", DATE, "write it like 2026-12-01"),
        ("2026-12-01 25:00", DATETIME, "is no time"),
        ("fre", PLAN, "did you mean 'free'?"),
        (["a"], TEXT, "is no text"),
        ("x" * 10_001, TEXT, "longer than 10,000"),
    ],
)
def test_what_means_nothing_is_refused_with_the_next_move(
    given: object, kind: ValueType, message: str
) -> None:
    """The value, the field, and how to write it."""
    with pytest.raises(InputError) as caught:
        read("field", given, kind)
    assert message in str(caught.value)


def test_a_field_that_no_lead_has_is_refused() -> None:
    """With the name that was probably meant."""
    with pytest.raises(InputError) as caught:
        read_lead("frist_name", "Ann", {})
    assert "did you mean 'first_name'?" in str(caught.value)


def test_a_time_zone_must_exist() -> None:
    """A misspelt zone would move every mail."""
    assert read_lead("timezone", "Asia/Shanghai", {}) == "Asia/Shanghai"
    with pytest.raises(InputError, match="no time zone 'Asia/Shangai'"):
        read_lead("timezone", "Asia/Shangai", {})


KINDS = [TEXT, INTEGER, NUMBER, BOOLEAN, DATE, DATETIME, LIST, PLAN]


@given(
    given=st.one_of(
        st.text(), st.floats(), st.integers(), st.datetimes(), st.dates(), st.lists(st.text())
    ),
    kind=st.sampled_from(KINDS),
)
def test_nothing_makes_reading_fail_otherwise(given: object, kind: ValueType) -> None:
    """Whatever a file holds is a value of the type, or an InputError; and reads back equal."""
    try:
        value = read("field", given, kind, SHANGHAI)
    except InputError:
        return
    assert read("field", value, kind, SHANGHAI) == value
    assert from_json(to_json(value), kind) == value


@given(
    st.datetimes(min_value=datetime(1900, 1, 2), max_value=datetime(2200, 1, 1)),
    st.integers(-14, 14),
)
def test_times_survive_json(moment: datetime, hours: int) -> None:
    """The instant stays the same, whatever its offset was."""
    aware = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    assert from_json(to_json(aware), DATETIME) == aware


def test_declared_types_are_the_languages_own() -> None:
    """`{enum: […]}` and the names of types."""
    found = field_types({"employees": "integer", "plan": {"enum": ["free", "pro"]}})
    assert found == {"employees": INTEGER, "plan": PLAN}
