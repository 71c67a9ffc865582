"""Send windows: their days and hours, in the lead's zone, with a calendar's exceptions."""

from datetime import datetime

import pytest

from engine.playbook.hours import HoursError
from engine.runtime.calendar import business_calendar
from engine.runtime.civil import zone
from engine.runtime.send_window import SendWindow, send_window

SHANGHAI, BERLIN = zone("Asia/Shanghai"), zone("Europe/Berlin")
CN = business_calendar(timezone="Asia/Shanghai", country="CN", hours={"mon-fri": "11:00-12:00"})
WEEKDAYS = send_window(days="mon-fri", hours="09:00-17:30", calendar=CN)
FIXED = send_window(days="mon-fri", hours="09:00-17:30", timezone="Asia/Shanghai")

CASES = [
    (WEEKDAYS, "2026-11-20T10:00+08:00", "2026-11-20T10:00+08:00"),
    (WEEKDAYS, "2026-11-20T17:30+08:00", "2026-11-23T09:00+08:00"),
    (WEEKDAYS, "2026-02-14T08:00+08:00", "2026-02-14T09:00+08:00"),
    (WEEKDAYS, "2026-02-16T08:00+08:00", "2026-02-24T09:00+08:00"),
    (send_window(), "2026-11-21T03:00+08:00", "2026-11-21T03:00+08:00"),
    (send_window(days="sat"), "2026-11-20T03:00+08:00", "2026-11-21T00:00+08:00"),
]


@pytest.mark.parametrize(("window", "at", "expected"), CASES)
def test_mail_waits_for_the_window(window: SendWindow, at: str, expected: str) -> None:
    """The window's days and hours hold; the calendar takes holidays out and puts 调休 days in."""
    found = window.next_open(datetime.fromisoformat(at), SHANGHAI)
    assert found == datetime.fromisoformat(expected)
    assert window.is_open(found, SHANGHAI)


def test_the_window_is_in_the_zone_of_the_lead_unless_it_names_one() -> None:
    """A lead in Berlin is written to in the morning of Berlin."""
    at = datetime.fromisoformat("2026-11-20T02:00+01:00")
    assert WEEKDAYS.next_open(at, BERLIN) == datetime.fromisoformat("2026-11-20T09:00+01:00")
    assert FIXED.next_open(at, BERLIN) == at


def test_days_and_hours_are_checked() -> None:
    """A misspelt day is named."""
    with pytest.raises(HoursError, match="'fryday'"):
        send_window(days="fryday")
