"""`date` triggers: each record at its own moment, nothing twice and nothing lost."""

import threading
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from engine.operations import clocks, firing
from engine.store import leads
from tests.runtime.clockwork import (
    ALWAYS,
    FIELDS,
    SOON,
    YEARLY,
    causes,
    fire,
    in_,
    moments,
    pages_of,
    put,
    turn,
)
from tests.runtime.stage import NOON, Stage


def test_a_record_enters_at_its_own_moment(stage: Stage) -> None:
    """Two days before its trial ends, and not a look earlier; then the moment is gone."""
    stage.publish(FIELDS, soon=SOON)
    put(stage, "ann", trial_ends_at=in_(stage, days=9))
    put(stage, "bob", trial_ends_at=in_(stage, days=12))
    turn(stage, days=6, hours=23)
    assert fire(stage) == 0
    turn(stage, hours=1, seconds=1)
    assert fire(stage) == 1
    assert len(moments(stage)) == 1
    assert stage.run()["record"] == stage.lead("ann")["id"]


def test_leads_that_were_there_before_have_moments_too(stage: Stage) -> None:
    """Applying fills them in, page by page, and only those that are still to come."""
    stage.publish(FIELDS)
    put(stage, "ann", trial_ends_at=in_(stage, days=9))
    put(stage, "bob", trial_ends_at=in_(stage, days=1))
    put(stage, "cid")
    stage.publish(FIELDS, soon=SOON)
    assert fire(stage) == 0
    assert len(moments(stage)) == 1


def test_pages_fill_in_everybody(sqlite_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the pages, and whatever is left over at the end."""
    stage = sqlite_stage
    monkeypatch.setattr(firing, "_Limit", pages_of(3))
    stage.publish(FIELDS)
    for number in range(9):
        put(stage, f"lead{number}", trial_ends_at=NOON + timedelta(days=9))
    stage.publish(FIELDS, soon=SOON)
    fire(stage)
    assert len(moments(stage)) == 9
    turn(stage, days=7)
    assert fire(stage) == 9


FOLLOWED = [
    ({"days": 20}, 0, 1),
    ({"days": 4}, 1, 1),
    ({"days": 1}, 0, 0),
    (None, 0, 0),
]


@pytest.mark.parametrize(
    ("moved", "after_three_days", "after_three_weeks"),
    FOLLOWED,
    ids=["later", "earlier", "into the past", "taken away"],
)
def test_the_moment_follows_the_field(
    stage: Stage, moved: dict[str, float] | None, after_three_days: int, after_three_weeks: int
) -> None:
    """It moves in the transaction that changes the field; past is past, and none is none."""
    stage.publish(FIELDS, soon=SOON)
    put(stage, trial_ends_at=in_(stage, days=9))
    put(stage, trial_ends_at=in_(stage, **moved) if moved else None)
    turn(stage, days=3)
    assert fire(stage) == after_three_days
    turn(stage, days=16)
    fire(stage)
    assert len(stage.runs()) == after_three_weeks


def test_a_moment_that_is_due_and_moved_away_does_not_fire(stage: Stage) -> None:
    """What counts is the field at the firing, not the row that was made for it."""
    stage.publish(FIELDS, soon=SOON)
    put(stage, trial_ends_at=in_(stage, days=9))
    turn(stage, days=8)
    put(stage, trial_ends_at=in_(stage, days=30))
    assert fire(stage) == 0
    assert len(moments(stage)) == 1


def test_a_step_of_a_playbook_moves_the_moment_too(stage: Stage) -> None:
    """Whoever changes the record: a form, an import, a person, or a playbook."""
    extend = (
        "enroll: {when: [{event: form.submitted}]}\nsteps:\n"
        "  - update: {trial_ends_at: \"lead.trial_ends_at | plus('10 days')\"}\n"
    )
    stage.publish(FIELDS, soon=SOON, extend=extend)
    put(stage, trial_ends_at=in_(stage, days=9))
    (before,) = moments(stage)
    stage.event("form.submitted")
    stage.work()
    assert moments(stage) == [before + timedelta(days=10)]


def test_a_renewed_contract_fires_again_if_the_playbook_says_so(stage: Stage) -> None:
    """With `again: always` a field that moved on makes a new moment; one moment fires once."""
    stage.publish(FIELDS, soon=ALWAYS)
    for _ in range(2):
        put(stage, trial_ends_at=in_(stage, days=3))
        turn(stage, days=1, seconds=1)
        assert fire(stage) == 1
        stage.work()
        assert fire(stage) == 0
    assert len(stage.runs()) == 2


def test_the_triggers_own_condition_is_asked_at_the_moment(stage: Stage) -> None:
    """Who does not meet it then is passed over, and the moment is gone."""
    asked = SOON.replace("trial_ends_at}", "trial_ends_at, if: lead.stage == 'mql'}")
    stage.publish(FIELDS, soon=asked)
    put(stage, "ann", trial_ends_at=in_(stage, days=3), stage="mql")
    put(stage, "bob", trial_ends_at=in_(stage, days=3), stage="mql")
    put(stage, "bob", stage="customer")
    turn(stage, days=2)
    assert fire(stage) == 1
    assert moments(stage) == []


BIRTHDAYS = [
    ("1990-05-03", ["2026-05-03", "2027-05-03", "2028-05-03"]),
    ("1992-02-29", ["2027-02-28", "2028-02-29"]),
    ("2026-12-24", ["2026-12-24", "2027-12-24"]),
    ("1990-03-01", ["2027-03-01", "2028-03-01"]),
]


@pytest.mark.parametrize(("born", "days"), BIRTHDAYS, ids=[born for born, _ in BIRTHDAYS])
def test_a_birthday_comes_every_year(sqlite_stage: Stage, born: str, days: list[str]) -> None:
    """At the beginning of the day in the lead's zone; the 29th of February is the 28th between."""
    stage = sqlite_stage
    assert stage.clock is not None
    stage.publish(FIELDS, happy=YEARLY)
    put(stage, birthday=date.fromisoformat(born), timezone="America/New_York")
    for day in days:
        (at,) = moments(stage)
        stage.clock.now = at - timedelta(seconds=1)
        assert fire(stage) == 0
        turn(stage, seconds=1)
        assert fire(stage) == 1
        stage.work()
        assert causes(stage)[-1] == f"{day}T00:00:00"


def test_what_was_missed_fires_late_within_a_week(sqlite_stage: Stage) -> None:
    """Nobody was there: six days late it still fires, eight days late it does not."""
    stage = sqlite_stage
    stage.publish(FIELDS, soon=SOON)
    put(stage, "ann", trial_ends_at=NOON + timedelta(days=4))
    put(stage, "bob", trial_ends_at=NOON + timedelta(days=6))
    turn(stage, days=10)
    assert fire(stage) == 1
    assert stage.run()["record"] == stage.lead("bob")["id"]
    assert moments(stage) == []


def test_a_birthday_missed_for_long_waits_for_the_next_year(sqlite_stage: Stage) -> None:
    """Left out once, it comes again."""
    stage = sqlite_stage
    stage.publish(FIELDS, happy=YEARLY)
    put(stage, birthday=date(1990, 3, 10))
    turn(stage, days=60)
    assert fire(stage) == 0
    assert moments(stage) == [datetime(2027, 3, 9, 16, tzinfo=UTC)]


VERSIONS = [
    (SOON, 1),
    (SOON.replace("tag: soon", "tag: later"), 1),
    (SOON.replace("ends_at}", "ends_at, if: lead.score >= 0}"), 1),
    (SOON.replace("2 days", "1 day"), 1),
    (SOON.replace("[{date: 2 days before lead.trial_ends_at}]", "[manual]"), 1),
    (None, 0),
]


@pytest.mark.parametrize(
    ("version", "entered"),
    VERSIONS,
    ids=["the same", "other steps", "another if", "another moment", "no such trigger", "retired"],
)
def test_a_new_version_loses_nothing_that_was_due(
    stage: Stage, version: str | None, entered: int
) -> None:
    """The worker is down over the moment, and meanwhile somebody applies."""
    stage.publish(FIELDS, soon=SOON)
    put(stage, trial_ends_at=in_(stage, days=3))
    turn(stage, days=2)
    stage.publish(FIELDS, **({"soon": version} if version else {}))
    assert fire(stage) == entered
    stage.work()
    assert fire(stage) == 0


@pytest.mark.parametrize(
    "version",
    [SOON.replace("tag: soon", "tag: later"), SOON.replace("{date", "manual, {date")],
    ids=["other steps", "another place"],
)
def test_a_new_version_fires_nothing_a_second_time(stage: Stage, version: str) -> None:
    """What has fired under one version has fired, though it may enter again."""
    stage.publish(FIELDS, soon=ALWAYS)
    put(stage, trial_ends_at=in_(stage, days=3))
    turn(stage, days=2)
    assert fire(stage) == 1
    stage.work()
    stage.publish(FIELDS, soon=version.replace("\nsteps", "\n  again: always\nsteps"))
    assert fire(stage) == 0
    assert len(stage.runs()) == 1


def test_a_trigger_that_is_not_said_any_more_is_cleared_away(stage: Stage) -> None:
    """Its moments go, its clock goes, and the playbook's other trigger stays."""
    twin = SOON.replace("}]", "}, {date: lead.twin_at}]")
    stage.publish(FIELDS, soon=twin)
    put(stage, trial_ends_at=in_(stage, days=9), twin_at=in_(stage, days=9))
    assert len(moments(stage)) == 2
    stage.publish(FIELDS, soon=SOON)
    fire(stage)
    assert len(moments(stage)) == 1
    stage.publish(FIELDS)
    fire(stage)
    assert moments(stage) == []
    assert stage.all(clocks.table) == []


def test_a_retired_playbook_that_comes_back_is_filled_in_anew(stage: Stage) -> None:
    """Whatever of its moments was left, and whatever changed in the meantime."""
    stage.publish(FIELDS, soon=SOON)
    put(stage, "ann", trial_ends_at=in_(stage, days=9))
    stage.publish(FIELDS)
    put(stage, "bob", trial_ends_at=in_(stage, days=9))
    stage.publish(FIELDS, soon=SOON)
    fire(stage)
    assert len(moments(stage)) == 2


def test_another_zone_of_the_workspace_moves_every_moment(sqlite_stage: Stage) -> None:
    """A date begins with the day of whoever has no zone of their own."""
    stage = sqlite_stage
    stage.publish(FIELDS, soon=SOON.replace("trial_ends_at", "renews_on"))
    put(stage, renews_on=date(2026, 4, 10))
    assert moments(stage) == [datetime(2026, 4, 7, 16, tzinfo=UTC)]
    moved = FIELDS.replace("Asia/Shanghai", "Europe/Berlin")
    stage.publish(moved, soon=SOON.replace("trial_ends_at", "renews_on"))
    fire(stage)
    assert moments(stage) == [datetime(2026, 4, 7, 22, tzinfo=UTC)]


def test_a_lead_that_moves_keeps_the_clock_time(sqlite_stage: Stage) -> None:
    """A date is the day where the lead is; a birthday already kept is not kept twice."""
    stage = sqlite_stage
    stage.publish(FIELDS, happy=YEARLY)
    put(stage, birthday=date(1990, 3, 10), timezone="Asia/Shanghai")
    turn(stage, days=8)
    assert fire(stage) == 1
    stage.work()
    put(stage, timezone="America/New_York")
    turn(stage, days=1)
    assert fire(stage) == 0
    assert len(moments(stage)) == 1


def test_what_mail_and_people_move_on_is_followed(stage: Stage) -> None:
    """`last_sent_at` is written for many leads at once, without a look at them."""
    idle = SOON.replace("2 days before lead.trial_ends_at", "30 days after lead.last_sent_at")
    mail = "enroll: {when: [{event: form.submitted}], again: always}\nsteps:\n  - email: note\n"
    stage.publish(FIELDS, idle=idle, mail=mail)
    stage.event("form.submitted")
    stage.work()
    assert len(moments(stage)) == 1
    turn(stage, days=20)
    stage.event("form.submitted")
    stage.work()
    turn(stage, days=20)
    assert fire(stage) == 0
    turn(stage, days=11)
    assert fire(stage) == 1


def test_a_date_at_the_end_of_time_harms_nobody(stage: Stage) -> None:
    """It has no moment; the lead is written all the same."""
    stage.publish(FIELDS, soon=SOON.replace("2 days before", "24 months after"), happy=YEARLY)
    put(stage, trial_ends_at=datetime(9999, 12, 31, tzinfo=UTC), birthday=date(1, 1, 1))
    put(stage, birthday=date(9999, 12, 31))
    assert len(moments(stage)) <= 1


def test_a_lead_that_is_gone_has_no_moment(stage: Stage) -> None:
    """Its row is swept away."""
    stage.publish(FIELDS, soon=SOON)
    put(stage, trial_ends_at=in_(stage, days=3))
    stage.store.write(lambda tx: tx.conn.execute(sa.delete(leads.table)))
    turn(stage, days=2)
    assert fire(stage) == 0
    assert moments(stage) == []


def test_two_workers_fire_each_moment_once(stage: Stage) -> None:
    """Both sweep the same pages at the same time."""
    stage.publish(FIELDS, soon=ALWAYS)
    for number in range(60):
        put(stage, f"lead{number}", trial_ends_at=in_(stage, days=3, seconds=number))
    turn(stage, days=2)
    workers = [threading.Thread(target=fire, args=[stage]) for _ in range(3)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    fire(stage)
    assert len(stage.runs()) == 60
    assert max(Counter(run["record"] for run in stage.runs()).values()) == 1
