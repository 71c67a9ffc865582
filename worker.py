"""The worker: a process that drives and sweeps, and children of it that send mail and call out.

Several, because Python runs on one core a process, and sending alone fills more than one. A child
ends when its standard input does, so it never outlives its parent by more than a drain.
A composition root: it reads the settings and puts the parts together. Nobody imports it but `cli`.
"""

import asyncio
import itertools
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import uvloop
from temporalio.client import Client, TLSConfig
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig

from activities._apart import Apart
from activities._call import Messenger
from activities._caught import tidy
from activities._mailbox import watch
from activities._send import Courier
from activities._temporal import Carrier, Deliver, Drive
from engine import garbage, tracing
from engine.addresses import Address
from engine.calls.client import Caller
from engine.calls.destinations import Destinations
from engine.errors import EnvironmentFault
from engine.logs import set_up_logs
from engine.mail.inbound.mailbox import parse_imap_url
from engine.mail.links import LinkSigner
from engine.mail.return_path import ReturnSigner
from engine.mail.transports.smtp import SmtpTransport
from engine.mail.transports.speeds import Speeds
from engine.metrics import SENDER_RESTARTS
from engine.metrics_port import Condition, metrics_port, page_of, spare_address
from engine.operations import heartbeats
from engine.operations.exits import Exits
from engine.operations.exposition import CONTENT_TYPE, FOLDER, Exposition, switch_on
from engine.operations.heartbeats import Vitals
from engine.operations.letters import Writer
from engine.operations.requests import CallWriter
from engine.operations.sweeper import neglected
from engine.setting_pages import PREFIX
from engine.settings import Settings, load_settings
from engine.store.database import Store
from workflows.deployment import unversioned, versioned
from workflows.dispatcher import Dispatcher
from workflows.names import (
    APART_EMAIL_QUEUE,
    BULK_APART_EMAIL_QUEUE,
    BULK_CONTROL_QUEUE,
    BULK_EMAIL_QUEUE,
    BULK_NOTIFY_QUEUE,
    BULK_WEBHOOK_QUEUE,
    CONTROL_QUEUE,
    EMAIL_QUEUE,
    NOTIFY_QUEUE,
    WEBHOOK_QUEUE,
)
from workflows.payloads import converter
from workflows.replaying import DRIVERS

SWEEP_EVERY = 2.0
"""Seconds between two looks at what nobody serves."""

_BEAT_EVERY = 5
"""Sweeps between two signs of life."""

CHILDREN = min(2, os.cpu_count() or 1)
"""Processes that send."""

_THREADS = 20
"""For the store in each: more than the lanes of mail, notices and calls take at a time together."""

SENDERS = 3
"""Batches of a lane's mail at a time in each; with windows of 50 at most, 300 are in flight."""

_SWITCH = 0.0005
"""Seconds after which a thread hands the interpreter over to one that waits for it. By default it
is ten times as long, and a write hands it over at every statement, while all wait at the gate."""

BUILD_ID = "longplay-0.1"
"""Given, because the SDK would otherwise hash all code at start: a second of CPU."""

_GRACE = timedelta(seconds=8)
_SPARE = timedelta(seconds=3)
_AGAIN = 1.0
_SENDER = (sys.executable, "-P", "-m", "worker")
_log = logging.getLogger("longplay.worker")


async def connect(settings: Settings, *, patience: float = 30.0, metrics_at: str = "") -> Client:
    """The connection to Temporal, waited for while it starts.

    Args:
        settings: where it is.
        patience: seconds to wait for it.
        metrics_at: where the SDK is to give its own metrics; empty: nowhere.

    Raises:
        EnvironmentFault: it does not answer, or payloads cannot be encrypted.
    """
    deadline = asyncio.get_running_loop().time() + patience
    tls = _tls(settings)
    key = settings.temporal_api_key
    payloads = converter(settings.payload_keys())
    runtime = _runtime(metrics_at) if metrics_at else None
    while True:
        try:
            return await Client.connect(
                settings.temporal_target,
                namespace=settings.temporal_namespace,
                api_key=key.get_secret_value() if key else None,
                tls=tls,
                runtime=runtime,
                data_converter=payloads,
            )
        except (RPCError, RuntimeError) as error:
            if asyncio.get_running_loop().time() > deadline:
                raise EnvironmentFault(
                    f"Temporal does not answer at '{settings.temporal_target}'",
                    help="start it with `longplay up`, or set LONGPLAY_TEMPORAL_ADDRESS",
                ) from error
            await asyncio.sleep(0.3)


def _runtime(address: str) -> Runtime:
    """The SDK's runtime with a Prometheus endpoint; made once, because it opens the port."""
    metrics = PrometheusConfig(bind_address=address, durations_as_seconds=True)
    return Runtime(telemetry=TelemetryConfig(metrics=metrics))


def _tls(settings: Settings) -> TLSConfig | bool:
    cert, key, authorities = (
        path.read_bytes() if path else None
        for path in (
            settings.temporal_tls_cert,
            settings.temporal_tls_key,
            settings.temporal_tls_ca,
        )
    )
    if cert is None and authorities is None:
        return settings.temporal_api_key is not None
    return TLSConfig(server_root_ca_cert=authorities, client_cert=cert, client_private_key=key)


async def run(settings: Settings, *, stop: asyncio.Event | None = None) -> None:
    """Works until it is told to stop, then drains within the grace period, its sender too."""
    stop = stop or _stop_on_signals()
    store = Store(settings.store_url, pool_size=settings.pool_of(12))
    condition = Condition()
    turning = asyncio.create_task(_turn(condition))
    with _watched(settings, store, condition) as sdk:
        try:
            client = await connect(settings, metrics_at=sdk)
            await _drive(settings, store, client, stop, condition)
        finally:
            turning.cancel()


async def _turn(condition: Condition) -> None:
    while True:
        condition.turn()
        await asyncio.sleep(SWEEP_EVERY)


@contextmanager
def _watched(settings: Settings, store: Store, condition: Condition) -> Iterator[str]:
    """Gives this worker's metrics, its senders' and those of the SDK on one port, when one is set.

    Yields:
        where the SDK is to give its own; empty: nowhere.
    """
    if settings.metrics_port is None:
        yield ""
        return
    sdk = spare_address()
    with tempfile.TemporaryDirectory(prefix="longplay-metrics-") as folder:
        exposition = Exposition(store, Path(folder), beside=lambda: page_of(sdk))
        address = Address(settings.web.host, settings.metrics_port)
        with metrics_port(address, exposition.page, CONTENT_TYPE, condition):
            yield sdk


async def _drive(
    settings: Settings, store: Store, client: Client, stop: asyncio.Event, condition: Condition
) -> None:
    dispatcher = Dispatcher(client, asyncio.get_running_loop())
    store.on_commit(dispatcher.nudge)
    threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="drive")
    bulk_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="drive-bulk")
    sweeping = asyncio.create_task(sweep(store, dispatcher, settings.build_id or BUILD_ID))
    watching = asyncio.create_task(_watch_mailbox(settings, store))
    tidying = asyncio.create_task(_tidy_caught(settings, store))
    sending = asyncio.gather(*(_keep_sender(settings, stop) for _ in range(CHILDREN)))
    try:
        build = settings.build_id
        version = await versioned(client, build) if build else unversioned(BUILD_ID)
        lone = _driver(client, store, threads, version, CONTROL_QUEUE, 4)
        many = _driver(client, store, bulk_threads, version, BULK_CONTROL_QUEUE, 2)
        await _work([lone, many], stop, condition)
    finally:
        stop.set()
        sweeping.cancel()
        watching.cancel()
        tidying.cancel()
        await asyncio.gather(sweeping, watching, tidying, sending, return_exceptions=True)
        threads.shutdown(wait=True)
        bulk_threads.shutdown(wait=True)
        store.close()


async def _watch_mailbox(settings: Settings, store: Store) -> None:
    """Takes in what comes back by mail, where a mailbox is set."""
    if settings.bounce_imap_url is not None:
        address = parse_imap_url(settings.bounce_imap_url.get_secret_value())
        await watch(store, address, ReturnSigner([settings.signing_key()]))


async def _tidy_caught(settings: Settings, store: Store) -> None:
    """Lets caught mails go in time, where mail is caught."""
    if settings.catches_mail:
        await tidy(store, settings.mail_folder)


async def send(settings: Settings, *, stop: asyncio.Event | None = None) -> None:
    """Sends until it is told to stop, then drains: what the worker's child does."""
    stop = stop or _stop_on_signals()
    if folder := os.environ.get(FOLDER):
        switch_on(Path(folder))
    store = Store(settings.store_url, pool_size=settings.pool_of(_THREADS))
    client = await connect(settings)
    store.on_commit(Dispatcher(client, asyncio.get_running_loop()).nudge)
    # Whoever is to send a lone lead's mail must not wait for a thread behind those of a bulk.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "store"))
    outside = settings.environment()
    speeds = Speeds()
    opened = partial(SmtpTransport, speeds=speeds)
    exits = [
        Exits(opened(settings.mail_url), outside, settings.catches_mail, opened) for _ in range(2)
    ]
    key = settings.signing_key()
    writer = Writer(LinkSigner([key]), settings.link_url, ReturnSigner([key]))
    caller = Caller(allow_private=settings.webhook_allow_private)
    call_writer = CallWriter(
        settings.environment(), settings.webhook_keys(), LinkSigner([key]), settings.link_url
    )
    messengers = [Messenger(store, call_writer, Destinations(caller)) for _ in range(2)]
    beating = asyncio.create_task(_keep_beating(store, settings.build_id or BUILD_ID))
    try:
        couriers = [
            Courier(store, writer, each.default, exits=each, speeds=speeds) for each in exits
        ]
        await _work(_senders(client, couriers, messengers), stop)
    finally:
        beating.cancel()
        await caller.close()
        await asyncio.gather(*(each.close() for each in exits))
        store.close()


async def _keep_sender(settings: Settings, stop: asyncio.Event) -> None:
    """Keeps one sender running until told to stop, and waits for its end."""
    stopped = asyncio.create_task(stop.wait())
    while not stop.is_set():
        sender = await asyncio.create_subprocess_exec(
            *_SENDER, stdin=asyncio.subprocess.PIPE, env=_environment(settings)
        )
        ended = asyncio.create_task(sender.wait())
        await asyncio.wait([ended, stopped], return_when=asyncio.FIRST_COMPLETED)
        if sender.stdin is not None:
            sender.stdin.close()
        try:
            await asyncio.wait_for(ended, (_GRACE + _SPARE).total_seconds())
        except TimeoutError:
            sender.kill()
            await sender.wait()
        if not stop.is_set():
            SENDER_RESTARTS.count()
            _log.error("the sender ended (exit status %s); starting it again", sender.returncode)
            await asyncio.wait([stopped], timeout=_AGAIN)


def _environment(settings: Settings) -> dict[str, str]:
    paths = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        f"{PREFIX}WORKSPACE": str(settings.workspace),
    }


async def _work(
    workers: list[Worker], stop: asyncio.Event, condition: Condition | None = None
) -> None:
    """Runs them side by side; on `stop` all of them drain at once.

    Raises:
        BaseException: what ended one of them, for instance a server that does not know us.
    """
    running = [asyncio.create_task(one.run()) for one in workers]
    stopped = asyncio.create_task(stop.wait())
    _log.info("the worker is ready")
    condition = condition or Condition()
    condition.is_ready = True
    await asyncio.wait([*running, stopped], return_when=asyncio.FIRST_COMPLETED)
    condition.is_ready = False
    _log.info("the worker drains")
    stopped.cancel()
    await asyncio.gather(*(one.shutdown() for one in workers))
    await asyncio.gather(*running)


def _driver(
    client: Client,
    store: Store,
    threads: ThreadPoolExecutor,
    version: WorkerDeploymentConfig,
    queue: str,
    at_once: int,
) -> Worker:
    return Worker(
        client,
        task_queue=queue,
        workflows=DRIVERS,
        activities=Drive(store).activities(),
        activity_executor=threads,
        max_concurrent_workflow_tasks=at_once,
        max_concurrent_local_activities=at_once,
        max_concurrent_activities=at_once,
        # The sandbox guards nothing that it is told to pass through, and takes a third of a drive's
        # time; lint keeps clocks and chance out of `workflows`, and recorded histories replay.
        workflow_runner=UnsandboxedWorkflowRunner(),
        # A killed worker holds a driver up for this long at most.
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
        deployment_config=version,
        graceful_shutdown_timeout=_GRACE,
    )


def _senders(
    client: Client, couriers: Sequence[Courier], messengers: Sequence[Carrier]
) -> list[Worker]:
    """One for each queue, with slots of its own; what is a bulk's has connections of its own, too.

    Args:
        client: the connection to Temporal.
        couriers: for mail: of lone leads, and of bulks.
        messengers: for calls, in the same way.
    """
    (courier, bulk_courier), (messenger, bulk_messenger) = couriers, messengers
    apart, bulk_apart = (Apart(replace(one, apart=True)) for one in couriers)
    carriers: list[tuple[str, Carrier]] = [
        (EMAIL_QUEUE, courier),
        (BULK_EMAIL_QUEUE, bulk_courier),
        (APART_EMAIL_QUEUE, apart),
        (BULK_APART_EMAIL_QUEUE, bulk_apart),
        (NOTIFY_QUEUE, courier),
        (BULK_NOTIFY_QUEUE, bulk_courier),
        (WEBHOOK_QUEUE, messenger),
        (BULK_WEBHOOK_QUEUE, bulk_messenger),
    ]
    return [
        Worker(
            client,
            task_queue=queue,
            activities=Deliver(carrier).activities(),
            max_concurrent_activities=SENDERS,
            build_id=BUILD_ID,
            graceful_shutdown_timeout=_GRACE,
        )
        for queue, carrier in carriers
    ]


def main(settings: Settings) -> None:
    """Runs the worker, with its sender, until SIGINT or SIGTERM."""
    garbage.settle()
    sys.setswitchinterval(_SWITCH)
    uvloop.run(run(settings))


def _send_for_parent() -> None:
    settings = load_settings()
    set_up_logs(settings.log, secrets=settings.secrets())
    tracing.switch_on(settings.environment())

    async def until_parent_ends() -> None:
        stop = _stop_on_signals()
        loop, tie = asyncio.get_running_loop(), sys.stdin.fileno()

        def look() -> None:
            if not os.read(tie, 1):
                loop.remove_reader(tie)
                stop.set()

        loop.add_reader(tie, look)
        await send(settings, stop=stop)

    garbage.settle()
    sys.setswitchinterval(_SWITCH)
    uvloop.run(until_parent_ends())
    tracing.end()


async def sweep(store: Store, dispatcher: Dispatcher, build: str = BUILD_ID) -> None:
    """Nudges whatever is due and unserved, for as long as the worker lives (I5)."""
    name, vitals = _name(), Vitals(build)
    for turn in itertools.count():
        try:
            if turn % _BEAT_EVERY == 0:
                await asyncio.to_thread(heartbeats.beat, store, name, "worker", vitals.detail())
            dispatcher.nudge(await asyncio.to_thread(neglected, store))
        except Exception:
            # The sweeper is what mends everything else: it outlives a database that is away.
            _log.exception("the sweeper could not look")
        await asyncio.sleep(SWEEP_EVERY)


async def _keep_beating(store: Store, build: str) -> None:
    """A sender's signs of life, for as long as it lives."""
    name, vitals = _name(), Vitals(build)
    while True:
        try:
            await asyncio.to_thread(heartbeats.beat, store, name, "sender", vitals.detail())
        except Exception:
            _log.exception("the sender could not give a sign of life")
        await asyncio.sleep(_BEAT_EVERY * SWEEP_EVERY)


def _name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


if __name__ == "__main__":
    _send_for_parent()
