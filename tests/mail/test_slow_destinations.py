"""Who is slow among destinations, and who gets the next connection: one that is slow never all."""

import asyncio
import random

import pytest

from engine.mail.transports.admission import Admission
from engine.mail.transports.speeds import TELL_AGAIN, Speeds


class Seconds:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def watched(**took: float) -> tuple[Speeds, Seconds]:
    """Speeds after four mails to each destination that took so many seconds each."""
    clock = Seconds()
    speeds = Speeds(clock=clock)
    for name, seconds in took.items():
        for _ in range(4):
            deliver(speeds, clock, name, seconds)
    return speeds, clock


def deliver(speeds: Speeds, clock: Seconds, name: str, seconds: float) -> None:
    ticket = speeds.begin(name)
    clock.now += seconds
    speeds.end(name, ticket)


@pytest.mark.parametrize(
    ("took", "slow"),
    [
        ({"a": 0.1, "b": 0.1}, set()),
        ({"a": 3.0}, {"a"}),
        ({"a": 3.0, "b": 0.1}, {"a"}),
        ({"a": 3.0, "b": 0.1, "c": 4.0}, {"a", "c"}),
        ({"a": 3.0, "b": 2.5, "c": 2.8}, set()),
        ({"a": 12.0, "b": 2.5, "c": 2.8}, {"a"}),
    ],
    ids=["all-fast", "alone", "beside-another", "two", "all-alike", "slower-than-all"],
)  # fmt: skip
def test_slow_is_who_takes_long_and_longer_than_others(
    took: dict[str, float], slow: set[str]
) -> None:
    """Where the mail server is slow for everybody, nobody is to blame."""
    speeds, clock = watched(**took)
    clock.now += 1
    assert {name for name in took if speeds.is_slow(name)} == slow


def test_a_mail_under_way_counts_before_it_has_ended() -> None:
    """A destination that hangs is known before it has answered once."""
    speeds, clock = watched(b=0.1)
    for _ in range(4):
        speeds.begin("a")
    assert not speeds.is_slow("a")
    clock.now += 1.5
    assert speeds.is_slow("a")


def test_a_slow_mail_now_and_then_blames_nobody() -> None:
    """One mail in ten takes five seconds wherever it goes: no destination of a hundred is slow."""
    speeds, clock = watched(quick=0.1)
    chance = random.Random(1)
    for _ in range(20):
        for n in range(100):
            deliver(speeds, clock, f"firm{n}", 5.0 if chance.random() < 0.1 else 0.1)
            if n % 10 == 0:
                assert not speeds.is_slow(f"firm{n}")
    assert not [n for n in range(100) if speeds.is_slow(f"firm{n}")]


def test_one_mail_that_takes_long_is_no_proof() -> None:
    """Not even when it is the first: four are asked for."""
    speeds, clock = watched(b=0.1)
    for _ in range(3):
        deliver(speeds, clock, "a", 5.0)
        assert not speeds.is_slow("a")
    deliver(speeds, clock, "a", 5.0)
    assert speeds.is_slow("a")


def test_who_becomes_quick_again_is_slow_no_more() -> None:
    """After a few quick mails; one alone proves nothing."""
    speeds, clock = watched(a=3.0, b=0.1)
    assert speeds.is_slow("a")
    seen = []
    for _ in range(12):
        speeds.end("a", speeds.begin("a"))
        seen.append(speeds.is_slow("a"))
    assert seen[0]
    assert not seen[-1]
    clock.now += 1
    assert not speeds.is_slow("a")


def test_news_are_told_once_and_again_after_a_while() -> None:
    """What is written down is said again while it lasts, and taken back when it is over."""
    speeds, clock = watched(a=3.0, b=0.1)
    news = speeds.news(["a", "b"])
    assert news == {"a": pytest.approx(3.0)}
    speeds.told(news)
    assert speeds.news(["a", "b"]) == {}
    clock.now += TELL_AGAIN + 1
    assert set(speeds.news(["a"])) == {"a"}
    for _ in range(12):
        speeds.end("a", speeds.begin("a"))
    assert speeds.news(["a"]) == {"a": None}
    speeds.told({"a": None})
    assert speeds.news(["a"]) == {}


def test_many_destinations_are_forgotten_but_those_under_way() -> None:
    """Memory does not grow with the number of domains."""
    speeds, _ = watched(first=5.0)
    assert speeds.is_slow("first")
    speeds.begin("under-way")
    for n in range(2_000):
        speeds.end(f"firm{n}", speeds.begin(f"firm{n}"))
    assert not speeds.is_slow("first")
    assert len(speeds._known) <= 501
    assert "under-way" in speeds._known


async def entered(doors: Admission, *names: str) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(doors.enter(name)) for name in names]
    await asyncio.sleep(0)
    return tasks


def inside(tasks: list[asyncio.Task[None]]) -> int:
    return sum(one.done() for one in tasks)


async def test_one_destination_never_has_the_spare_places() -> None:
    """Eight of one are let in, the ninth waits, and another destination gets in at once."""
    doors = Admission(8, 2, Speeds())
    mine = await entered(doors, *["slow.example"] * 12)
    assert inside(mine) == 8
    others = await entered(doors, "a.example", "b.example", "c.example")
    assert inside(others) == 2
    doors.leave("a.example")
    await asyncio.sleep(0)
    assert inside(others) == 3
    for task in [*mine, *others]:
        task.cancel()


async def test_slow_ones_share_what_one_may_have() -> None:
    """Three slow ones at once leave the spare places to whoever is quick."""
    speeds, _ = watched(quick=0.1, brisk=0.1, fast=0.1, prompt=0.1, a=3.0, b=3.0, c=3.0)
    doors = Admission(4, 2, speeds)
    slow = await entered(doors, *"aaabbbccc")
    assert inside(slow) == 4
    quick = await entered(doors, "quick", "quick", "quick")
    assert inside(quick) == 2
    for task in [*slow, *quick]:
        task.cancel()


async def test_destinations_take_turns() -> None:
    """Who came with very many lets others in between."""
    doors = Admission(1, 0, Speeds())
    order: list[str] = []

    async def go(name: str) -> None:
        await doors.enter(name)
        order.append(name)
        await asyncio.sleep(0)
        doors.leave(name)

    await asyncio.gather(*(go(name) for name in ["a"] * 5 + ["b"] * 2 + ["c"]))
    assert order == ["a", "a", "b", "c", "a", "b", "a", "a"]


async def test_who_gives_up_waiting_takes_no_place_along() -> None:
    """Cancelled at any moment, also just when it was let in."""
    doors = Admission(1, 0, Speeds())
    await doors.enter("a")
    waiting = await entered(doors, "a", "b", "b", "a")
    waiting[1].cancel()
    doors.leave("a")
    waiting[0].cancel()
    waiting[2].cancel()
    await asyncio.gather(*waiting[:3], return_exceptions=True)
    await asyncio.wait_for(waiting[3], 1)
    doors.leave("a")
    await asyncio.wait_for(doors.enter("b"), 1)
