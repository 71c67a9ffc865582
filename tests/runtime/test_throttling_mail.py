"""A destination that throttles is left alone, alone; mail to it goes on by itself, spread."""

from datetime import timedelta
from itertools import pairwise

from engine.mail.transports.memory import MemoryTransport
from engine.mail.transports.port import DeferralClass, Deferred, Envelope, Outcome, Reply
from engine.operations import throttles
from engine.operations.intake import IncomingEvent, take_in
from engine.store import leads as lead_rows
from tests.runtime.stage import Stage, soundness

MAIL = "enroll: {when: [{event: form.submitted}]}\nsteps:\n  - email: note\n"
TOO_FAST = Deferred(
    Reply(450, "4.7.28", "too many messages"), DeferralClass.THROTTLED, timedelta(minutes=15)
)
BUSY = Deferred(Reply(421, "", "try later"), DeferralClass.HOST, timedelta(minutes=1))
FULL = Deferred(Reply(452, "4.2.2", "mailbox full"), DeferralClass.MAILBOX, timedelta(hours=4))


class Provider:
    """Answers for qq.com with `outcome` while it is set, and counts what it was asked."""

    def __init__(self, outcome: Outcome | None) -> None:
        self.outcome = outcome
        self.asked = 0

    def __call__(self, envelope: Envelope) -> Outcome | None:
        if not envelope.recipient.endswith("@qq.com"):
            return None
        self.asked += 1
        return self.outcome


def staged(stage: Stage, outcome: Outcome | None) -> Provider:
    provider = Provider(outcome)
    stage.transport = MemoryTransport(provider)
    stage.__post_init__()
    stage.publish(one=MAIL)
    return provider


def mail_to(stage: Stage, domain: str, count: int, first: int = 0) -> None:
    numbers = range(first, first + count)
    events = [IncomingEvent("form.submitted", {"email": f"lead{n}@{domain}"}) for n in numbers]
    assert not take_in(stage.store, events).rejected


def level(stage: Stage) -> int:
    known = stage.store.read(throttles.standing).get("qq.com")
    return known.level if known else 0


def pass_time(stage: Stage, seconds: int, step: int = 5) -> None:
    for _ in range(0, seconds, step):
        stage.turn(seconds=step)
        stage.work()


def test_a_provider_that_throttles_holds_up_no_other(stage: Stage) -> None:
    """After the first window of it nothing more is tried there; everybody else gets their mail."""
    provider = staged(stage, TOO_FAST)
    mail_to(stage, "qq.com", 60)
    mail_to(stage, "example.com", 40)
    stage.work()
    assert len(stage.jobs(state="accepted")) == 40
    assert 1 <= provider.asked <= 20
    waiting = stage.jobs(state="deferred")
    assert len(waiting) == 60
    assert all("qq.com throttles and is left alone" in job["reason"] for job in waiting)
    assert all("too many messages" in job["reason"] for job in waiting)
    soundness(stage)


def test_waiting_mail_is_spread_behind_the_rest(stage: Stage) -> None:
    """Not all of it comes due in one moment."""
    staged(stage, TOO_FAST)
    mail_to(stage, "qq.com", 50)
    stage.work()
    times = sorted(job["not_before"] for job in stage.jobs(state="deferred"))
    assert times[-1] - times[0] > timedelta(seconds=30)
    assert all(a < b for a, b in pairwise(times))


def test_each_refusal_doubles_the_rest_and_health_returns(stage: Stage) -> None:
    """Levels grow while it refuses; once it takes mail they fall, and all of it has left."""
    provider = staged(stage, TOO_FAST)
    mail_to(stage, "qq.com", 10)
    stage.work()
    assert level(stage) == 1
    pass_time(stage, 120)
    assert level(stage) >= 2
    asked = provider.asked
    provider.outcome = None
    pass_time(stage, 600, step=10)
    assert len(stage.jobs(state="accepted")) == 10
    assert provider.asked > asked
    for n in range(100, 106):
        mail_to(stage, "qq.com", 1, first=n)
        pass_time(stage, 60, step=20)
    assert level(stage) == 0
    mail_to(stage, "qq.com", 30, first=200)
    stage.work()
    assert len(stage.jobs(state="accepted")) == 46


def test_a_full_mailbox_says_nothing_about_its_provider(stage: Stage) -> None:
    """It waits by itself."""
    staged(stage, FULL)
    mail_to(stage, "qq.com", 3)
    stage.work()
    assert level(stage) == 0
    assert {job["reason"][:7] for job in stage.jobs(state="deferred")} == {"mailbox"}


def test_a_host_that_fails_for_all_of_a_window_is_left_alone(stage: Stage) -> None:
    """421 with nothing taken beside it concerns the provider."""
    staged(stage, BUSY)
    mail_to(stage, "qq.com", 30)
    stage.work()
    assert level(stage) == 1


def test_mail_to_a_large_provider_goes_in_batches_of_its_own(stage: Stage) -> None:
    """So that it holds up no window of others; the few to everybody else go together."""
    staged(stage, None)
    mail_to(stage, "qq.com", 400)
    mail_to(stage, "163.com", 400)
    for number in range(5):
        mail_to(stage, f"firm{number}.example", 8)
    stage.open_batches()
    batches: dict[str, set[str]] = {}
    leads = {row["id"]: row["email"].rpartition("@")[2] for row in stage.all(lead_rows.table)}
    for job in stage.jobs():
        batches.setdefault(job["batch"], set()).add(leads[job["lead"]])
    apart = [names for names in batches.values() if names & {"qq.com", "163.com"}]
    assert {"qq.com"} in apart
    assert {"163.com"} in apart
    assert all(len(names) == 1 for names in apart)
    assert any(len(names) > 1 for names in batches.values())
