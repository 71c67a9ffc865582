"""The public holidays and make-up working days of a country, a year at a time, read once.

The data are the `holidays` package's. It says as well which years are estimates: where the
government moves working days to weekends (调休), a year it has not announced holds only guesses.
"""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import holidays

_RECENT = 4


@dataclass(frozen=True)
class HolidayYear:
    """A country's year: the days off, and the weekend days that are worked instead."""

    off: frozenset[date]
    worked: frozenset[date]
    is_estimated: bool


@lru_cache(maxsize=1)
def countries() -> frozenset[str]:
    """The two-letter codes of the countries whose holidays are known."""
    return frozenset(code for code in holidays.list_supported_countries(include_aliases=False))


@lru_cache(maxsize=1024)
def holiday_year(country: str, year: int) -> HolidayYear:
    """The days off and the make-up working days of `country` in `year`."""
    found = holidays.country_holidays(country, years=year)
    announced = _last_announced(country)
    return HolidayYear(
        off=frozenset(day for day in found if day.year == year),
        worked=frozenset(day for day in found.weekend_workdays if day.year == year),
        is_estimated=announced is not None and year > announced,
    )


@lru_cache(maxsize=256)
def _last_announced(country: str) -> int | None:
    """The last year whose make-up days are announced; None where days are never moved."""
    listed = getattr(holidays.country_holidays(country), "special_public_holidays", None)
    if not listed:
        return None
    last = max(listed)
    recent = range(last - _RECENT + 1, last + 1)
    moves = any(
        day.year == year
        for year in recent
        for day in holidays.country_holidays(country, years=year).weekend_workdays
    )
    return int(last) if moves else None
