"""May it go now? One decision, as a table of consents, windows, caps and times."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime.send_window import send_window
from engine.runtime.sending import (
    BRAKE_LOOK,
    Cap,
    Defer,
    Go,
    Mailing,
    Skip,
    decide_sending,
)

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # a monday, noon in Shanghai
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SHANGHAI = ZoneInfo("Asia/Shanghai")
MAIL = Mailing(wanted=True, address="ann@example.com", marketing=True)
OFFICE = send_window(days="mon-fri", hours="09:00-17:00")
ONE_A_DAY = (Cap(1, DAY),)
WEEKLY = (Cap(1, DAY), Cap(3, 7 * DAY))


def a_mail(**changes: Any) -> Mailing:
    return replace(MAIL, **changes)


DECISIONS: list[Any] = [
    pytest.param({}, Go(), id="nothing in the way"),
    pytest.param({"wanted": False}, Skip("the enrollment has left this step"), id="has left"),
    pytest.param({"address": ""}, Skip("the lead has no address"), id="no address"),
    pytest.param({"suppressed": "bounced"}, Skip("bounced"), id="dead address"),
    pytest.param({"unsubscribed": "from all"}, Skip("from all"), id="unsubscribed"),
    pytest.param({"expires_at": NOW}, Skip("expired"), id="expires now"),
    pytest.param({"expires_at": NOW + HOUR}, Go(), id="expires later"),
    pytest.param({"braked": True}, Defer(NOW + BRAKE_LOOK, "paused"), id="braked"),
    pytest.param(
        {"braked": True, "unsubscribed": "from all"}, Skip("from all"), id="consent before brake"
    ),
    pytest.param(
        {"braked": True, "expires_at": NOW + timedelta(minutes=1)},
        Defer(NOW + timedelta(minutes=1), "paused; it expires before that"),
        id="braked, and expires first",
    ),
    pytest.param({"window": OFFICE, "zone": SHANGHAI}, Go(), id="in the lead's window"),
    pytest.param(
        {"window": OFFICE, "zone": UTC},
        Defer(NOW + 5 * HOUR, "outside the send window"),
        id="before the lead's window",
    ),
    pytest.param(
        {"window": OFFICE, "zone": ZoneInfo("America/New_York")},
        Defer(NOW + 10 * HOUR, "outside the send window"),
        id="the night before, in New York",
    ),
    pytest.param(
        {"window": OFFICE, "zone": UTC, "expires_at": NOW + HOUR},
        Defer(NOW + HOUR, "outside the send window; it expires before that"),
        id="expires before the window opens",
    ),
]


@pytest.mark.parametrize(("changes", "decision"), DECISIONS)
def test_go_wait_or_never(changes: dict[str, Any], decision: object) -> None:
    """Consent first, then validity, then brake, window and caps."""
    assert decide_sending(a_mail(**changes), NOW) == decision


TRANSACTIONAL: list[Any] = [
    pytest.param({"unsubscribed": "from all"}, Go(), id="its topic"),
    pytest.param({"caps": ONE_A_DAY, "sent_at": [NOW - HOUR]}, Go(), id="its cap"),
    pytest.param({"window": OFFICE, "zone": UTC}, Go(), id="its window"),
    pytest.param({"suppressed": "bounced"}, Skip("bounced"), id="but no dead address"),
    pytest.param({"address": ""}, Skip("the lead has no address"), id="nor none"),
    pytest.param({"expires_at": NOW}, Skip("expired"), id="nor its end"),
    pytest.param({"braked": True}, Defer(NOW + BRAKE_LOOK, "paused"), id="nor the brake"),
]


@pytest.mark.parametrize(("changes", "decision"), TRANSACTIONAL)
def test_transactional_mail_skips(changes: dict[str, Any], decision: object) -> None:
    """Topic, cap and window are for marketing; what else is in the way holds for all mail."""
    assert decide_sending(a_mail(marketing=False, **changes), NOW) == decision


CAPS: list[Any] = [
    pytest.param(ONE_A_DAY, [], None, id="none sent"),
    pytest.param(ONE_A_DAY, [NOW - DAY], None, id="a day ago to the second"),
    pytest.param(ONE_A_DAY, [NOW - HOUR], NOW + 23 * HOUR, id="an hour ago"),
    pytest.param(ONE_A_DAY, [NOW], NOW + DAY, id="just now"),
    pytest.param((Cap(2, DAY),), [NOW - HOUR], None, id="one of two"),
    pytest.param(
        (Cap(2, DAY),), [NOW - HOUR, NOW - 5 * HOUR], NOW + 19 * HOUR, id="until the oldest leaves"
    ),
    pytest.param(
        (Cap(1, DAY),), [NOW - HOUR, NOW - 5 * HOUR], NOW + 23 * HOUR,
        id="a cap that was lowered: until enough have left",
    ),
    pytest.param(
        WEEKLY, [NOW - 2 * DAY, NOW - 3 * DAY, NOW - 4 * DAY], NOW + 3 * DAY, id="the week's cap"
    ),
    pytest.param(
        WEEKLY, [NOW - HOUR, NOW - 3 * DAY, NOW - 6 * DAY], NOW + DAY, id="both, the week's longer"
    ),
    pytest.param(
        WEEKLY, [NOW - HOUR, NOW - 3 * DAY, NOW - 7 * DAY], NOW + 23 * HOUR, id="only the day's"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("caps", "sent_at", "until"), CAPS)
def test_caps_roll(caps: Any, sent_at: list[datetime], until: datetime | None) -> None:
    """Over the cap it waits until the oldest mail leaves the period, and not a minute longer."""
    decision = decide_sending(a_mail(caps=caps, sent_at=sent_at), NOW)
    if until is None:
        assert decision == Go()
    else:
        assert isinstance(decision, Defer)
        assert decision.until == until


@pytest.mark.parametrize(
    ("cap", "why"),
    [
        (Cap(1, DAY), "over the cap of 1 per day"),
        (Cap(1, 7 * DAY), "over the cap of 1 per 7 days"),
        (Cap(1, 6 * HOUR), "over the cap of 1 per 6 hours"),
    ],
    ids=["a day", "a week", "hours"],
)
def test_over_the_cap_it_may_be_skipped_instead(cap: Cap, why: str) -> None:
    """`over_cap: skip` leaves it out, and says by which cap."""
    decision = decide_sending(a_mail(caps=[cap], sent_at=[NOW], over_cap="skip"), NOW)
    assert decision == Skip(why)


def test_a_paused_enrollments_mail_waits_and_does_not_expire() -> None:
    """Its clock stands still."""
    decision = decide_sending(a_mail(held=True, expires_at=NOW - DAY), NOW)
    assert isinstance(decision, Defer)
    assert decision.until > NOW


TIMES = st.lists(st.integers(0, 10 * 24 * 60).map(lambda n: NOW - timedelta(minutes=n)), max_size=9)


@given(TIMES, st.integers(1, 4), st.integers(1, 8))
def test_what_is_deferred_by_a_cap_may_go_when_its_time_has_come(
    sent_at: list[datetime], most: int, days: int
) -> None:
    """Asked again at that moment the answer is go; a minute earlier it was not."""
    mail = a_mail(caps=(Cap(most, days * DAY),), sent_at=sent_at)
    decision = decide_sending(mail, NOW)
    if isinstance(decision, Defer):
        assert decide_sending(mail, decision.until) == Go()
        early = decision.until - timedelta(minutes=1)
        assert early < NOW or decide_sending(mail, early) != Go()
