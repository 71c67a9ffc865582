"""A worker's metrics port, for real: what its senders do is counted there, too."""

import time
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bench import shapes
from bench.arena import Arena, free_port
from bench.mail_rate import whole_path
from engine.metrics import METRICS
from engine.operations.pulse import glance

pytestmark = pytest.mark.xdist_group("house")

MAILS = 40


@pytest.fixture
def arena(monkeypatch: pytest.MonkeyPatch) -> Iterator[Arena]:
    port = str(free_port())
    environment = Arena.environment
    monkeypatch.setattr(
        Arena, "environment", lambda self: environment(self) | {"LONGPLAY_METRICS_PORT": port}
    )
    with Arena() as made:
        made.write(shapes.files_of_one_mail())
        made.start_temporal()
        made.start_sink()
        yield made


def page(arena: Arena) -> str:
    url = f"http://127.0.0.1:{arena.environment()['LONGPLAY_METRICS_PORT']}/metrics"
    with urllib.request.urlopen(url, timeout=5) as answer:
        found: bytes = answer.read()
    return found.decode()


def total(text: str, name: str, **labels: str) -> float:
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def until(what: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_one_port_tells_of_worker_senders_and_sdk(arena: Arena) -> None:
    """Mails that two other processes sent are on the worker's page; so is what Temporal's SDK says;
    and `longplay top` sees all of them at work."""
    store = arena.publish()
    arena.start_worker()
    whole_path(arena, store, MAILS, 1)
    text = page(arena)
    accepted = total(text, "longplay_messages_total", kind="email", outcome="accepted")
    assert accepted == MAILS
    assert total(text, "longplay_hand_over_seconds_count", kind="email") == MAILS
    assert total(text, "longplay_event_to_action_seconds_count", kind="email") == MAILS
    assert total(text, "longplay_steps_total") >= MAILS
    assert total(text, "longplay_gate_wait_seconds_count") > 0
    assert total(text, "longplay_store_up") == 1
    assert "temporal_workflow_task" in text
    assert "@" not in text
    named = {family.name for family in text_string_to_metric_families(text)}
    gauges = {one.name.removesuffix("_total") for one in METRICS}
    assert {name for name in named if name.startswith("longplay_")} <= gauges
    until(lambda: {one.kind for one in glance(store).pulse.processes} == {"worker", "sender"})
    until(lambda: glance(store).pulse.mails > 0)
    store.close()
