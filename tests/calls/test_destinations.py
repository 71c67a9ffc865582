"""Manners: a host that hangs delays nobody, and no host gets more than a few calls at a time."""

import time
from datetime import timedelta

import pytest

from activities import _call
from engine.calls.destinations import AT_A_TIME
from tests.calls.conftest import Listening
from tests.calls.listener import Says
from tests.runtime.stage import Stage, soundness

ON_FORM = "enroll: {when: [{event: form.submitted}]}\n"
TWO = ON_FORM + (
    "steps:\n"
    "  - if: (lead.email | length) % 2 == 0\n"
    "    then: [{webhook: '${SLOW}/hook'}]\n"
    "    else: [{webhook: '${FAST}/hook'}]\n"
)


def test_a_host_that_hangs_delays_no_other(
    stage: Stage, listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a hundred calls in one batch half go to a dead host; the other half arrive at once."""
    monkeypatch.setattr(_call, "ONE_CALL", timedelta(seconds=4))
    slow, fast = listening(Says(hangs=60)), listening(Says(200))
    stage.environment = {"SLOW": slow.url().rstrip("/"), "FAST": fast.url().rstrip("/")}
    stage.publish(call=TWO)
    stage.crowd(100)
    began = time.monotonic()
    (batch,) = stage.open_batches()
    stage.deliver(batch)
    assert len(fast.heard) == sum(1 for n in range(100) if len(f"lead{n}@example.com") % 2)
    assert max(one.at for one in fast.heard) - began < 4
    assert slow.most_at_once <= AT_A_TIME
    assert time.monotonic() - began < 9
    waiting = stage.jobs(state="deferred")
    assert all("answer" in one["reason"] or "busy" in one["reason"] for one in waiting)
    assert not stage.jobs(state="in_flight")
    # Those that were not even tried have used up no attempt.
    assert sum(one["attempt"] for one in waiting) == len(slow.heard)
    soundness(stage)


def test_a_few_calls_at_a_time(stage: Stage, listening: Listening) -> None:
    """A host is called side by side, but never by a whole window at once."""
    server = listening(Says(200, hangs=0.1))
    stage.publish(call=ON_FORM + f"steps:\n  - webhook: {server.url()}\n")
    stage.crowd(30)
    for batch in stage.open_batches():
        stage.deliver(batch)
    assert 2 <= server.most_at_once <= AT_A_TIME
    assert len(stage.jobs(state="accepted")) == 30


def test_a_batch_is_bounded_and_taken_up_again(
    stage: Stage, listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the time is over what is going ends, and the rest stays queued for the next attempt."""
    monkeypatch.setattr(_call, "TIME", timedelta(seconds=0.5))
    server = listening(Says(200, hangs=0.3))
    stage.publish(call=ON_FORM + f"steps:\n  - webhook: {server.url()}\n")
    stage.crowd(60)
    (batch,) = stage.open_batches()
    began = time.monotonic()
    first = stage.deliver(batch)
    assert time.monotonic() - began < 4
    assert 0 < first.taken < 60
    assert stage.jobs(state="queued")
    assert not stage.jobs(state="in_flight")
    for _ in range(30):
        stage.work()
        stage.turn(seconds=10)
    assert len(stage.jobs(state="accepted")) == 60
    assert len({one.headers["webhook-id"] for one in server.heard}) == 60 == len(server.heard)
    soundness(stage)


def test_a_host_that_comes_back_is_called_again(
    stage: Stage, listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silence is forgotten; everything arrives in the end, each once."""
    monkeypatch.setattr(_call, "ONE_CALL", timedelta(seconds=0.4))
    server = listening(*[Says(hangs=1)] * 4, Says(200))
    stage.publish(call=ON_FORM + f"steps:\n  - webhook: {server.url()}\n")
    stage.crowd(20)
    for _ in range(20):
        stage.work()
        stage.turn(seconds=20)
    assert len(stage.jobs(state="accepted")) == 20
    assert {run["state"] for run in stage.runs()} == {"finished"}
