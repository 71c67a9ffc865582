"""The metrics: every name that Longplay gives to Prometheus, with what it means.

Names and labels are promises. A label holds a playbook's name or a word of a small, fixed set:
never an address, an id or anything else of a person. Counting here costs next to nothing and needs
no Prometheus; `engine.operations.exposition` binds what is declared here when a process is asked
for its metrics.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock

_SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LONG = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)

_PLAYBOOK = "the playbook's name"
_KIND = "`email`, `notify` or `webhook`"


@dataclass(slots=True, eq=False)
class Metric:
    """A name with its meaning; `labels`: each with what it holds."""

    name: str
    help: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Gauge(Metric):
    """What the store says at the moment it is asked."""


@dataclass(slots=True, eq=False)
class Counter(Metric):
    """What a process counts from its start on, by its labels."""

    sink: Callable[[tuple[str, ...], float], None] | None = None
    totals: dict[tuple[str, ...], float] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def count(self, *labels: str, by: float = 1) -> None:
        """Counts `by` more; `labels` in the order of their declaration."""
        with self._lock:
            self.totals[labels] = self.totals.get(labels, 0) + by
        if self.sink is not None:
            self.sink(labels, by)


@dataclass(slots=True, eq=False)
class Histogram(Metric):
    """How measurements spread: seconds, or numbers of things."""

    buckets: tuple[float, ...] = _SHORT
    sink: Callable[[tuple[str, ...], float], None] | None = None

    def observe(self, value: float, *labels: str) -> None:
        """Takes one measurement in."""
        if self.sink is not None:
            self.sink(labels, value)


ENROLLMENTS = Gauge(
    "longplay_enrollments",
    "Enrollments that have not finished.",
    {"playbook": _PLAYBOOK, "state": "`pending`, `active`, `waiting`, `held` or `stopped`"},
)
DUE = Gauge(
    "longplay_due_enrollments",
    "Enrollments that are due, and that no worker has taken up yet.",
    {"playbook": _PLAYBOOK},
)
OLDEST_DUE = Gauge(
    "longplay_oldest_due_seconds",
    "For how long the enrollment has been due that has waited longest; 0: none is due.",
    {"playbook": _PLAYBOOK},
)
OLDEST_CLOCK = Gauge(
    "longplay_oldest_clock_seconds",
    "For how long the `cron`, `at` or `date` trigger has been due that has waited longest.",
)
BATCHES = Gauge(
    "longplay_open_batches",
    "Batches of messages that are being sent, or wait for a sender.",
    {"queue": "the task queue in Temporal"},
)
OLDEST_BATCH = Gauge(
    "longplay_oldest_batch_seconds",
    "For how long no sender has touched the open batch that has waited longest.",
    {"queue": "the task queue in Temporal"},
)
DEFERRED = Gauge(
    "longplay_deferred_messages",
    "Messages that are to be looked at again at a later time.",
)
IN_DOUBT = Gauge(
    "longplay_in_doubt_messages",
    "Messages of which nobody knows whether they were delivered, and that a person decides about.",
)
INBOX = Gauge("longplay_inbox_tasks", "Open tasks in the inbox, of every kind.")
BRAKE = Gauge(
    "longplay_brake",
    "1 for everything that the emergency brake holds.",
    {"scope": "the playbook's name, or `*` for everything"},
)
PROCESSES = Gauge(
    "longplay_processes",
    "Processes that have given a sign of life within the last minute.",
    {"kind": "`worker` or `sender`", "build": "the build that they run"},
)
BULK = Gauge(
    "longplay_bulk_enrollments",
    "Bulk enrollments that have not ended.",
    {"state": "`running` or `paused`"},
)
BULK_LEFT = Gauge(
    "longplay_bulk_leads_left",
    "Leads that running bulk enrollments have yet to look at.",
)
RETURNED = Gauge(
    "longplay_returned_messages",
    "Messages that came back within the last day: bounced, or reported as spam.",
    {"kind": "`hard_bounce`, `soft_bounce` or `complaint`"},
)
STORE_UP = Gauge(
    "longplay_store_up",
    "Whether the database answered; with 0, everything that is read from it is left out.",
)
STORE_SECONDS = Gauge(
    "longplay_store_read_seconds",
    "How long it took to read from the database what stands on this page.",
)

STEPS = Counter(
    "longplay_steps_total",
    "Steps that enrollments have passed.",
    {"playbook": _PLAYBOOK},
)
SLICE_MEMBERS = Histogram(
    "longplay_slice_members",
    "Enrollments that were walked in one transaction.",
    buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500),
)
SLICE_SECONDS = Histogram(
    "longplay_slice_seconds",
    "How long such a transaction took, its waiting for the database included.",
)
LATENESS = Histogram(
    "longplay_lateness_seconds",
    "How long the member of a slice had been due that had waited longest.",
    buckets=_LONG,
)
EVENT_TO_ACTION = Histogram(
    "longplay_event_to_action_seconds",
    "From the moment that an event was accepted, or that a wait was over, to the moment that the "
    "message it led to was taken over; messages that had to be deferred are not counted.",
    {"kind": _KIND},
    buckets=_LONG,
)
GATE_WAIT = Histogram(
    "longplay_gate_wait_seconds",
    "How long a transaction waited for its turn to write to SQLite.",
)
MESSAGES = Counter(
    "longplay_messages_total",
    "Messages by what became of them; every attempt counts.",
    {
        "kind": _KIND,
        "outcome": "`accepted`, `deferred`, `bounced`, `rejected`, `in_doubt`, `not_sent`, "
        "`unwritten` or `skipped`",
    },
)
DEFERRALS = Counter(
    "longplay_deferrals_total",
    "Messages that were put off, by why.",
    {
        "kind": _KIND,
        "reason": "`window`, `cap`, `rate`, `room`, `brake`, `enrollment_paused`, `greylisted`, "
        "`throttled`, `host`, `mailbox`, `sender_fault`, `configuration`, `not_sent`, `in_doubt`, "
        "`answer`, `busy` or `other`",
    },
)
SKIPS = Counter(
    "longplay_skips_total",
    "Messages that were not to be sent any more, by why.",
    {
        "kind": _KIND,
        "reason": "`left_step`, `no_address`, `suppressed`, `unsubscribed`, `expired`, `cap` or "
        "`other`",
    },
)
HAND_OVER = Histogram(
    "longplay_hand_over_seconds",
    "How long the mail server, the chat room or the system that is called took to answer.",
    {"kind": _KIND},
    buckets=(*_SHORT, 30.0),
)
SENDER_RESTARTS = Counter(
    "longplay_sender_restarts_total",
    "Sending processes that ended unasked, and were started again.",
)
EVENTS = Counter(
    "longplay_events_total",
    "Events that came in over HTTP.",
    {"outcome": "`accepted`, `duplicate` or `rejected`"},
)
REQUESTS = Counter(
    "longplay_http_requests_total",
    "HTTP requests that were answered.",
    {
        "method": "`GET`, `POST` … or `other`",
        "route": "the route, without what stands for its parameters; `none`: no route was reached",
        "status": "`2xx`, `3xx`, `4xx` or `5xx`",
    },
)
REQUEST_SECONDS = Histogram(
    "longplay_http_request_seconds",
    "How long an HTTP request took.",
    {"route": "the route, without what stands for its parameters; `none`: no route was reached"},
)

METRICS: tuple[Metric, ...] = tuple(
    one for one in list(globals().values()) if isinstance(one, Metric)
)
"""Every metric, in the order of the pages that list them."""
