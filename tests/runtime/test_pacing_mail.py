"""The sender's rate, over the whole runtime: mails wait for their slots, and all leave."""

from datetime import timedelta

from engine.operations import brakes, bulk
from engine.operations.bulk import Driver
from engine.operations.intake import IncomingEvent, take_in
from tests.runtime.stage import WORKSPACE, Stage, soundness

MAIL = "enroll: {when: [{event: form.submitted}]}\nsteps:\n  - email: note\n"
CAMPAIGN = "enroll: {when: [manual]}\nsteps:\n  - email: other\n"
SLOWLY = WORKSPACE.replace("sender:\n", "sender:\n  rate: 20 per minute\n")
WARMING = WORKSPACE.replace(
    "sender:\n", "sender:\n  warm_up: {from: 2020-01-01, start: 24, grow: 1}\n"
)


def accepted(stage: Stage, playbook: str = "one") -> int:
    return len(stage.jobs(state="accepted", playbook=playbook))


def most_in_a_minute(stage: Stage) -> int:
    """However long the test took itself."""
    left = [job["accepted_at"] for job in stage.jobs(state="accepted")]
    return max(sum(1 for b in left if a <= b < a + timedelta(minutes=1)) for a in left)


def pass_time(stage: Stage, seconds: int, step: int = 3) -> None:
    """Lets time pass as drivers see it: they look again and again."""
    for _ in range(0, seconds, step):
        stage.turn(seconds=step)
        stage.work()


def enroll_all(stage: Stage, playbook: str) -> None:
    """A bulk enrollment of every lead there is."""
    driver = Driver(stage.store, bulk.begin(stage.store, playbook).id)
    while driver.step():
        pass


def test_no_more_mails_leave_than_the_rate_allows(stage: Stage) -> None:
    """Of thirty mails three go at once, the others when it is their turn, and none is lost."""
    stage.publish(SLOWLY, one=MAIL)
    stage.crowd(30)
    stage.work()
    assert accepted(stage) == 3
    pass_time(stage, 57)
    assert accepted(stage) >= 16
    assert most_in_a_minute(stage) <= 20
    pass_time(stage, 90)
    assert accepted(stage) == 30
    assert {run["state"] for run in stage.runs()} == {"finished"}
    soundness(stage)


def test_after_a_standstill_mail_leaves_by_the_rate_and_not_in_a_burst(stage: Stage) -> None:
    """Every turn has come while nothing ran for an hour; only a burst of three leaves then."""
    stage.publish(SLOWLY, one=MAIL)
    stage.crowd(30)
    stage.work()
    stage.turn(hours=1)
    stage.work()
    assert accepted(stage) == 6
    pass_time(stage, 57)
    assert accepted(stage) >= 16
    assert most_in_a_minute(stage) <= 20
    pass_time(stage, 120)
    assert accepted(stage) == 30


def test_what_the_brake_held_leaves_by_the_rate(stage: Stage) -> None:
    """Letting go of it makes all due at once, and the sender's rate holds still."""
    stage.publish(SLOWLY, one=MAIL)
    stage.store.write(lambda tx: brakes.pull(tx, "*", "ann"))
    stage.crowd(30)
    stage.work()
    assert accepted(stage) == 0
    stage.turn(minutes=10)
    stage.store.write(lambda tx: brakes.let_go(tx, "*"))
    stage.work()
    assert accepted(stage) == 3
    pass_time(stage, 57)
    assert accepted(stage) >= 16
    assert most_in_a_minute(stage) <= 20


def test_a_lone_leads_mail_goes_before_those_of_a_bulk(stage: Stage) -> None:
    """Sixty mails of a bulk wait for their turn; lone leads' leave at once all the while."""
    stage.publish(SLOWLY, one=MAIL, many=CAMPAIGN)
    stage.crowd(60, "page.viewed")
    enroll_all(stage, "many")
    stage.work()
    assert accepted(stage, "many") == 2
    assert {job["queue"] for job in stage.jobs()} == {"longplay-email-bulk"}
    pass_time(stage, 30)
    for name, seconds in (("ann", 12), ("sam", 12), ("bo", 12)):
        before = accepted(stage)
        stage.event("form.submitted", name)
        stage.work()
        assert accepted(stage) == before + 1
        pass_time(stage, seconds)
    pass_time(stage, 180)
    assert accepted(stage, "many") == 60
    soundness(stage)


def test_a_bulk_never_waits_for_longer_than_a_day_to_be_looked_at_again(stage: Stage) -> None:
    """A warm-up grows while its mail waits: nothing is put off by a month."""
    stage.publish(WARMING, many=CAMPAIGN)
    stage.crowd(100, "page.viewed")
    enroll_all(stage, "many")
    stage.work()
    now = stage.store.read(lambda tx: tx.now)
    places = [job["not_before"] for job in stage.jobs(state="deferred")]
    assert len(places) >= 97
    assert max(places) <= now + timedelta(days=1)
    assert max(places) > now + timedelta(hours=20)


def test_a_deferred_mail_says_that_it_waits_for_its_turn(stage: Stage) -> None:
    """The reason and the time are in the ledger."""
    stage.publish(SLOWLY, one=MAIL)
    stage.crowd(4)
    stage.work()
    [waiting] = stage.jobs(state="deferred")
    assert "rate" in waiting["reason"]
    assert waiting["not_before"] > stage.store.read(lambda tx: tx.now) - timedelta(minutes=1)


def test_a_warm_up_spreads_the_days_volume_over_the_day(stage: Stage) -> None:
    """Of 24 a day three go at once, and all ten within half a day."""
    stage.publish(WARMING, one=MAIL)
    stage.crowd(10)
    stage.work()
    assert accepted(stage) == 3
    pass_time(stage, 12 * 3600, step=600)
    assert accepted(stage) == 10


def mail_to(stage: Stage, *addresses: str) -> None:
    """A form of each of these leads."""
    events = [IncomingEvent("form.submitted", {"email": one}) for one in addresses]
    assert not take_in(stage.store, events).rejected


def with_rates(rates: str) -> str:
    return WORKSPACE.replace("sender:\n", f"sender:\n  destinations: {rates}\n")


def sent_to(stage: Stage) -> list[str]:
    return sorted(one.recipient for one in stage.transport.sent)


def test_a_mailbox_provider_has_one_rate_for_all_its_domains(stage: Stage) -> None:
    """qq.com and foxmail.com share six a minute, of which two leave at once; others go freely."""
    stage.publish(with_rates("{qq.com: 6 per minute}"), one=MAIL)
    mail_to(stage, "a@qq.com", "b@foxmail.com", "c@vip.qq.com", "d@example.com", "e@163.com")
    stage.work()
    assert len(sent_to(stage)) == 4
    assert {"d@example.com", "e@163.com"} < set(sent_to(stage))
    waiting = stage.jobs(state="deferred")
    assert {job["reason"] for job in waiting} == {
        "waits for its turn: qq.com gets 6 mails per minute"
    }
    pass_time(stage, 15)
    assert len(sent_to(stage)) == 5


def test_a_rate_of_every_other_destination_is_each_ones_own(stage: Stage) -> None:
    """Two mails to each of two domains under three a minute each: one of each leaves at once."""
    stage.publish(with_rates('{"*": 3 per minute, qq.com: 100 per minute}'), one=MAIL)
    mail_to(
        stage, "a@acme.example", "b@acme.example", "c@other.example", "d@other.example",
        "e@qq.com", "f@qq.com",
    )  # fmt: skip
    stage.work()
    domains = [one.rpartition("@")[2] for one in sent_to(stage)]
    assert sorted(domains) == ["acme.example", "other.example", "qq.com", "qq.com"]
    pass_time(stage, 33)
    assert len(sent_to(stage)) == 6
