"""The page that Prometheus reads: what this process has counted, and what the store says.

Sending processes count in files that their worker reads with its own. What is read from the store
is kept for a moment, longer the longer it takes, so that being watched never costs much.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import prometheus_client
from prometheus_client import CollectorRegistry, values
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from engine import metrics
from engine.metrics import METRICS, Counter, Gauge, Histogram
from engine.operations.pulse import Pulse, pulse
from engine.store.database import Store

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable by which a worker tells its senders where to count."""

KEPT = 5.0
"""Seconds for which a look at the store is kept at least."""

_SHARE = 20
"""It is kept this many times as long as it took: looking takes a twentieth of a core at most."""

_registry = CollectorRegistry()
_bound: list[str] = []
_log = logging.getLogger(__name__)


def switch_on(folder: Path | None = None) -> None:
    """Has this process count; from then on, and once for all.

    Args:
        folder: where processes that count together keep their counts; None: this one is alone.
    """
    if _bound:
        return
    if folder is not None:
        os.environ[FOLDER] = str(folder)
        values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
    prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
    for one in METRICS:
        if isinstance(one, Counter | Histogram):
            _bind(one)
            _bound.append(one.name)


def _bind(one: Counter | Histogram) -> None:
    names = tuple(one.labels)
    if isinstance(one, Counter):
        counter = prometheus_client.Counter(one.name, one.help, names, registry=_registry)
        one.sink = _calling(counter, "inc")
        return
    histogram = prometheus_client.Histogram(
        one.name, one.help, names, buckets=one.buckets, registry=_registry
    )
    one.sink = _calling(histogram, "observe")


def _calling(metric: Any, verb: str) -> Callable[[tuple[str, ...], float], None]:
    def call(labels: tuple[str, ...], value: float) -> None:
        getattr(metric.labels(*labels) if labels else metric, verb)(value)

    return call


@dataclass(slots=True)
class Exposition:
    """The page of one process.

    Args:
        store: what gauges are read from.
        folder: what `switch_on` was given.
        beside: the pages of others that belong to it, such as those of Temporal's SDK.
    """

    store: Store
    folder: Path | None = None
    beside: Callable[[], bytes] = bytes
    _read: "StoreReading" = field(init=False)

    def __post_init__(self) -> None:
        """Binds what is declared, and makes the reader of the store."""
        switch_on(self.folder)
        self._read = StoreReading(self.store)

    def page(self) -> bytes:
        """Everything, as text."""
        own = CollectorRegistry() if self.folder is not None else _registry
        if self.folder is not None:
            MultiProcessCollector(own, str(self.folder))  # type: ignore[no-untyped-call]
        around = CollectorRegistry()
        around.register(self._read)
        prometheus_client.ProcessCollector(registry=around)
        pages = (prometheus_client.generate_latest(one) for one in (around, own))
        return b"".join(pages) + self.beside()


class StoreReading(Collector):
    """What the store says, kept for a moment.

    Args:
        store: the workspace's store.
        clock: seconds that never go back.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._lock = Lock()
        self._families: list[GaugeMetricFamily] = []
        self._until = float("-inf")

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing: being registered must not read the store."""
        return ()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The gauges; without those of the store while it does not answer."""
        with self._lock:
            began = self._clock()
            if began < self._until:
                return self._families
            try:
                found = self._store.read(pulse)
            except Exception:
                # Whatever is wrong with the store, what was counted here must still be told.
                _log.exception("the store cannot be read for metrics")
                return [_family(metrics.STORE_UP, [((), 0)])]
            took = self._clock() - began
            told = list(_gauges(found))
            told += [
                _family(metrics.STORE_UP, [((), 1)]),
                _family(metrics.STORE_SECONDS, [((), took)]),
            ]
            self._families, self._until = told, began + max(KEPT, _SHARE * took)
            return told


def _family(gauge: Gauge, samples: Iterable[tuple[tuple[str, ...], float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(gauge.name, gauge.help, labels=tuple(gauge.labels))
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _gauges(found: Pulse) -> Iterator[GaugeMetricFamily]:
    books = sorted(found.playbooks.items())
    yield _family(
        metrics.ENROLLMENTS,
        (((name, state), n) for name, one in books for state, n in sorted(one.states.items())),
    )
    yield _family(metrics.DUE, (((name,), one.due) for name, one in books))
    yield _family(metrics.OLDEST_DUE, (((name,), found.age(one.oldest)) for name, one in books))
    yield _family(metrics.OLDEST_CLOCK, [((), found.age(found.oldest_clock))])
    queues = sorted(found.queues.items())
    yield _family(metrics.BATCHES, (((name,), one.batches) for name, one in queues))
    yield _family(metrics.OLDEST_BATCH, (((name,), found.age(one.oldest)) for name, one in queues))
    for gauge, number in (
        (metrics.DEFERRED, found.deferred),
        (metrics.IN_DOUBT, found.in_doubt),
        (metrics.INBOX, found.inbox),
        (metrics.BULK_LEFT, found.bulk_left),
    ):
        yield _family(gauge, [((), number)])
    yield _family(metrics.BULK, (((state,), n) for state, n in sorted(found.bulk.items())))
    came_back = sorted(found.returned.items())
    yield _family(metrics.RETURNED, (((kind,), n) for kind, n in came_back))
    yield _family(metrics.BRAKE, (((scope,), 1) for scope in sorted(found.brake)))
    processes: dict[tuple[str, ...], int] = {}
    for one in found.processes:
        processes[(one.kind, one.build)] = processes.get((one.kind, one.build), 0) + 1
    yield _family(metrics.PROCESSES, sorted(processes.items()))
