"""A sending that is told to stop: the window in hand is ended and recorded, no other is begun."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from temporalio.testing import ActivityEnvironment

from activities._temporal import Deliver
from engine.mail.transports.port import Accepted, Envelope, Outcome, Reply
from engine.operations.windows import WINDOW
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
