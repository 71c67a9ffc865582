"""Clicks that no person can have made are known by when they came."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.runtime.scanning import scanned

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
AN_HOUR = 3_600.0

CASES: dict[str, tuple[float | None, list[tuple[float, str]], bool]] = {
    "an hour later": (AN_HOUR, [], False),
    "at once": (0.2, [], True),
    "a quick reader": (4, [], False),
    "not known when": (None, [], False),
    "the clock went back": (-3, [], False),
    "the same link twice": (AN_HOUR, [(0.1, "0")], False),
    "another link before": (AN_HOUR, [(2, "1")], False),
    "another link in the same second": (AN_HOUR, [(0.4, "1")], True),
    "three links in five seconds": (AN_HOUR, [(2, "1"), (4, "2")], True),
    "three links in a minute": (AN_HOUR, [(20, "1"), (40, "2")], False),
    "one other link again and again": (AN_HOUR, [(2, "1"), (3, "1"), (4, "1")], False),
    "a click still to come": (AN_HOUR, [(-2, "1"), (-3, "2")], False),
}


@pytest.mark.parametrize(("after", "others", "machine"), CASES.values(), ids=CASES)
def test_a_scanner_is_known_by_when_it_comes(
    after: float | None, others: list[tuple[float, str]], machine: bool
) -> None:
    """Right after delivery, or several links at a time."""
    accepted_at = None if after is None else NOW - timedelta(seconds=after)
    before = [(NOW - timedelta(seconds=age), link) for age, link in others]
    assert scanned("0", NOW, accepted_at, before) is machine
