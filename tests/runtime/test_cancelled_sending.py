"""A sending that is told to stop: the window in hand is ended and recorded, no other is begun."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities import _send
from activities._temporal import Deliver
from engine.mail.transports.memory import MemoryTransport
from engine.mail.transports.port import Accepted, Envelope, Outcome, Reply
from engine.operations.windows import WIDE, WINDOW
from tests.runtime.stage import Stage, soundness

MAIL = "enroll: {when: [{event: form.submitted}]}\nsteps:\n  - email: note\n"


class Slow:
    """A transport that answers when it is let."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answers = asyncio.Event()

    async def send(
        self,
        envelope: Envelope,
        *,
        within: timedelta | None = None,
        start_within: timedelta | None = None,
    ) -> Outcome:
        self.asked.set()
        await self.answers.wait()
        return Accepted(Reply(250, "2.0.0", "ok"))

    async def close(self) -> None:
        """Nothing is held."""


async def cancel_while_sending(stage: Stage, batch: str) -> bool:
    """Cancels the activity while a window is on its way; answers whether it ended as cancelled."""
    transport = Slow()
    [send] = Deliver(replace(stage.courier, transport=transport)).activities()
    environment = ActivityEnvironment()
    running = asyncio.create_task(environment.run(send, batch))
    await transport.asked.wait()
    environment.cancel()
    await asyncio.sleep(0.05)
    transport.answers.set()
    done = await asyncio.gather(running, return_exceptions=True)
    return isinstance(done[0], asyncio.CancelledError)


def test_a_cancelled_sending_leaves_nothing_in_doubt(stage: Stage) -> None:
    """Temporal is lost in the middle of a window: what was sent is recorded, the rest is queued."""
    stage.publish(one=MAIL)
    stage.crowd(4 * (WINDOW + 5))
    batch = max(stage.open_batches(), key=lambda one: len(stage.jobs(batch=one)))
    size = len(stage.jobs(batch=batch))
    assert size > WINDOW
    assert asyncio.run(cancel_while_sending(stage, batch))
    states = [job["state"] for job in stage.jobs(batch=batch)]
    assert states.count("accepted") == WINDOW
    assert states.count("queued") == size - WINDOW
    stage.work()
    assert {job["state"] for job in stage.jobs()} == {"accepted"}
    soundness(stage)


@pytest.mark.parametrize(("brisk", "widest"), [(60.0, WIDE), (0.0, WINDOW)], ids=["fast", "slow"])
def test_windows_are_wide_only_while_they_go_fast(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, brisk: float, widest: int
) -> None:
    """What is in flight at a time can come to be in doubt, and is beyond the reach of a brake."""
    monkeypatch.setattr(_send, "BRISK", brisk)
    stage.publish(one=MAIL)
    stage.crowd(4 * (WIDE + WINDOW))
    batch = max(stage.open_batches(), key=lambda one: len(stage.jobs(batch=one)))
    size = len(stage.jobs(batch=batch))
    assert size > WIDE + WINDOW
    seen: list[int] = []
    transport = MemoryTransport(lambda _: seen.append(len(stage.jobs(state="in_flight"))))
    asyncio.run(replace(stage.courier, transport=transport).deliver(batch))
    assert seen[0] == WINDOW
    assert max(seen) <= widest
    assert (max(seen) > WINDOW) == (widest > WINDOW)
    assert len(transport.sent) == size


def test_stragglers_of_a_wide_window_leave_no_room_for_more(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where more are under way than a window holds, nothing is taken until they have ended."""
    monkeypatch.setattr(_send, "BRISK", 60.0)
    monkeypatch.setattr(_send, "_PATIENCE", 0.05)
    stage.publish(one=MAIL)
    stage.crowd(4 * (WIDE + WINDOW))
    batch = max(stage.open_batches(), key=lambda one: len(stage.jobs(batch=one)))
    size = len(stage.jobs(batch=batch))
    slow = Slow()

    class Stumbling:
        """It takes the first window at once, and but one of the next before it is let."""

        began = 0

        async def send(self, envelope: Envelope, **limits: timedelta | None) -> Outcome:
            self.began += 1
            if self.began > WINDOW + 1:
                await slow.send(envelope)
            return Accepted(Reply(250, "2.0.0", "ok"))

        async def close(self) -> None:
            """Nothing is held."""

    stumbling = Stumbling()

    async def deliver() -> int:
        going = asyncio.create_task(replace(stage.courier, transport=stumbling).deliver(batch))
        await slow.asked.wait()
        await asyncio.sleep(0.5)
        begun = stumbling.began
        slow.answers.set()
        await going
        return begun

    assert asyncio.run(deliver()) <= WINDOW + 2 * WINDOW
    assert stumbling.began == size
