"""May it enter? One decision with its reason, as a table of histories and conditions."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.playbook.plan import End, Enroll, Exit, Plan
from engine.runtime.enrolling import Decline, Enter, Entry, Former, decide_entry

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def entry(*former: Former, lead: dict[str, Any] | None = None, **options: Any) -> Entry:
    """The decision about a lead that a trigger would enroll now."""
    given: dict[str, Any] = {"suppressed": False, "now": NOW, "zone": UTC, "key": None}
    given |= {"exits": ()}
    given |= {"kind": "nurture", "exit_on_unsubscribe": True, "event": {}} | options
    plan = Plan(
        playbook="tour",
        kind=given["kind"],
        exits=given["exits"],
        exit_on_unsubscribe=given["exit_on_unsubscribe"],
        enroll=Enroll(
            cond=options.get("cond", ""),
            key=options.get("by", ""),
            again=options.get("again", "never"),
        ),
        ops=(End(step="end", outcome="completed"),),
    )
    scope = {"lead": lead or {"email": "ann@example.com"}, "event": given["event"], "now": NOW}
    return decide_entry(
        plan,
        scope,
        "event:now",
        former,
        suppressed=given["suppressed"],
        now=given["now"],
        zone=given["zone"],
        key=given["key"],
    )


def reason(found: Entry) -> str:
    return found.reason if isinstance(found, Decline) else ""


def ended(ago: timedelta, key: str = "") -> Former:
    return Former(key, f"event:{ago}", NOW - ago)


OPEN = Former("", "event:before", None)

AGAIN: list[Any] = [
    pytest.param("never", [], "", id="never, and it never was"),
    pytest.param("never", [ended(900 * DAY)], "again-never", id="never, and it was"),
    pytest.param("always", [ended(DAY)], "", id="always"),
    pytest.param("always", [OPEN], "already-in", id="always, but it is in"),
    pytest.param("always", [ended(9 * DAY), OPEN], "already-in", id="was and is in"),
    pytest.param("after 90 days", [ended(89 * DAY)], "again-later", id="a day too soon"),
    pytest.param("after 90 days", [ended(90 * DAY)], "", id="to the minute"),
    pytest.param(
        "after 90 days", [ended(200 * DAY), ended(5 * DAY)], "again-later", id="the last end counts"
    ),
    pytest.param("after 90 days", [OPEN], "already-in", id="after, but it is in"),
]


@pytest.mark.parametrize(("again", "former", "declined"), AGAIN)
def test_how_often_it_may_enter(again: str, former: list[Former], declined: str) -> None:
    """Never, always, or some time after the end of the last one."""
    assert reason(entry(*former, again=again)) == declined


KEYED: list[Any] = [
    pytest.param([Former("A-1", "x", None)], "", id="another order is in"),
    pytest.param([Former("A-2", "x", None)], "already-in", id="this order is in"),
    pytest.param([ended(DAY, "A-1")], "", id="another order was"),
    pytest.param([ended(DAY, "A-2")], "again-never", id="this order was"),
]


@pytest.mark.parametrize(("former", "declined"), KEYED)
def test_again_is_counted_per_key(former: list[Former], declined: str) -> None:
    """One open enrollment per record and key; each key has its own history."""
    found = entry(*former, by="event.order_id", event={"order_id": "A-2"})
    assert reason(found) == declined
    assert declined or found == Enter("A-2")


def test_a_key_that_is_missing_is_the_empty_key() -> None:
    """All events without one share it."""
    assert entry(by="event.order_id", event={}) == Enter("")


def test_a_key_that_is_given_by_hand_wins_over_the_playbooks() -> None:
    """`longplay enroll --key` says it."""
    assert entry(by="event.order_id", event={"order_id": "A-2"}, key="B") == Enter("B")


def test_the_same_cause_enrolls_once_under_whatever_key() -> None:
    """A repeated page of a cron firing, or an event sent twice, changes nothing."""
    former = Former("other", "event:now", NOW - DAY)
    assert reason(entry(former, again="always")) == "same-cause"


def test_the_zone_of_the_record_counts_its_days() -> None:
    """90 days are calendar days: across a change of clocks the hour of the day stays."""
    zone = ZoneInfo("Europe/Berlin")
    last = Former("", "x", datetime(2026, 3, 28, 9, 0, tzinfo=zone))
    early = datetime(2026, 3, 29, 8, 59, tzinfo=zone)
    options: dict[str, Any] = {"again": "after 1 day", "zone": zone}
    assert reason(entry(last, now=early, **options)) == "again-later"
    assert reason(entry(last, now=early + timedelta(minutes=1), **options)) == ""


def test_the_condition_of_enroll_must_hold_at_the_trigger() -> None:
    """And the reason says which part did not."""
    found = entry(cond="lead.email is defined", lead={"score": 5})
    assert reason(found) == "condition"
    assert isinstance(found, Decline)
    assert "lead.email" in found.why


def test_an_exit_that_holds_already_keeps_it_out() -> None:
    """Nobody is enrolled only to leave."""
    assert reason(entry(exits=(Exit(cond="lead.email is defined"),))) == "exit-holds"


@pytest.mark.parametrize(
    ("options", "declined"),
    [
        ({}, "suppressed"),
        ({"exit_on_unsubscribe": False}, ""),
        ({"kind": "escalation"}, ""),
    ],
    ids=["a nurture", "with tasks to do", "an escalation"],
)
def test_who_must_not_be_mailed_enters_no_nurture(options: dict[str, Any], declined: str) -> None:
    """But is served by what does more than mail."""
    assert reason(entry(suppressed=True, **options)) == declined
