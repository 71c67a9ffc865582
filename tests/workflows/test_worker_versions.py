"""Builds of the drivers side by side on Temporal's real server: rollout, rollback, nobody stuck."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from engine.errors import EnvironmentFault
from tests.workflows.fakes import ASLEEP, EMPTY, Fakes, until
from workflows.deployment import DEPLOYMENT, unversioned, versioned
from workflows.replaying import DRIVERS

TEMPORAL = str(Path(sys.executable).with_name("temporal"))
QUEUE = "longplay-control"


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    """A server of its own: a namespace has one deployment."""
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=TEMPORAL, dev_server_log_level="error"
    )
    yield environment.client
    await environment.shutdown()


@asynccontextmanager
async def serving(client: Client, build: str, fakes: Fakes) -> AsyncIterator[None]:
    """A worker of a build, as `longplay worker` makes it."""
    config = await versioned(client, build) if build else unversioned("longplay-0.1")
    worker = Worker(
        client, task_queue=QUEUE, workflows=DRIVERS, activities=fakes.activities(),
        deployment_config=config,
    )  # fmt: skip
    async with worker:
        yield


async def temporal(client: Client, *words: str) -> str:
    """The command of the pages, on this server, until it is done: a build registers by polling."""
    address = client.service_client.config.target_host
    for _ in range(40):
        said = await asyncio.to_thread(
            subprocess.run,
            [TEMPORAL, "worker", "deployment", *words, "--address", address],
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        if said.returncode == 0:
            return said.stdout
        await asyncio.sleep(0.25)
    raise AssertionError(said.stderr)


async def make_current(client: Client, build: str) -> None:
    await temporal(client, "set-current-version", "--deployment-name", DEPLOYMENT, "--build-id",
                   build, "--yes")  # fmt: skip


async def begin(client: Client, name: str) -> Any:
    return await client.start_workflow("drive_cohort", name, id=name, task_queue=QUEUE)


async def look(handle: Any, served: Callable[[], bool]) -> None:
    """Nudges until somebody whom it should be has looked: what is current spreads in a moment."""
    for _ in range(100):
        await handle.signal("look")
        await asyncio.sleep(0.2)
        if served():
            return
    raise AssertionError("nobody served it")


def asleep() -> Fakes:
    return Fakes(queue=QUEUE, progress=lambda asked: ASLEEP)


async def test_drivers_go_to_the_new_build_and_back(client: Client) -> None:
    """Old and new side by side; a rollback takes running drivers back, and they end there."""
    old, new = asleep(), asleep()
    async with serving(client, "one", old):
        first = await begin(client, "tour@1/live/0")
        await until(lambda: len(old.asked) == 1)
        async with serving(client, "two", new):
            await look(first, lambda: len(old.asked) >= 2)
            assert new.asked == [], "a build that is not current serves nothing"
            await make_current(client, "two")
            await look(first, lambda: len(new.asked) >= 1)
            second = await begin(client, "tour@2/live/0")
            await until(lambda: len(new.asked) >= 2)
            await make_current(client, "one")
            asked = len(old.asked)
            await look(first, lambda: len(old.asked) > asked)
            asked = len(old.asked)
            await look(second, lambda: len(old.asked) > asked)
        old.progress = lambda asked: EMPTY
        for handle in (first, second):
            await handle.signal("look")
            await asyncio.wait_for(handle.result(), 20)


async def test_a_build_that_dies_in_the_middle_is_rolled_back(client: Client) -> None:
    """Its worker is gone while it had a look in hand; set back, the old build does all of it."""
    old, new = asleep(), asleep()
    new.looking.clear()
    async with serving(client, "one", old):
        handles = [await begin(client, f"tour@{n}/live/0") for n in range(5)]
        await until(lambda: len(old.asked) == 5)
        async with serving(client, "two", new):
            await make_current(client, "two")
            for handle in handles:
                await look(handle, lambda: len(new.asked) > 0)
            new.looking.set()
        await make_current(client, "one")
        old.progress = lambda asked: EMPTY
        for handle in handles:
            await handle.signal("look")
        await asyncio.wait_for(asyncio.gather(*(one.result() for one in handles)), 40)


async def test_drivers_begun_without_versions_follow_and_may_go_back(client: Client) -> None:
    """Switching versions on, and off again, moves what runs: neither is a one-way street."""
    plain, versions = asleep(), asleep()
    async with serving(client, "", plain):
        handle = await begin(client, "tour@1/live/0")
        await until(lambda: len(plain.asked) == 1)
    async with serving(client, "one", versions):
        await look(handle, lambda: len(versions.asked) > 0)
    await temporal(client, "set-current-version", "--deployment-name", DEPLOYMENT, "--unversioned",
             "--yes")  # fmt: skip
    plain.progress = lambda asked: EMPTY
    async with serving(client, "", plain):
        await handle.signal("look")
        await asyncio.wait_for(handle.result(), 30)


async def test_the_first_build_is_current_at_once_and_a_second_one_waits(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing has to be set before the first start; afterwards the log says what to do."""
    await versioned(client, "one")
    assert "one" in await temporal(client, "describe", "--name", DEPLOYMENT)
    assert caplog.text == ""
    await versioned(client, "two")
    assert "set-current-version --deployment-name longplay --build-id two" in caplog.text


async def test_a_cluster_without_versions_is_served_without(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of the question is no fault of the worker: it serves as it always did."""
    config = client.config()
    config["namespace"] = "nobody-made-this"
    assert not (await versioned(Client(**config), "one")).use_worker_versioning
    assert "serves without" in caplog.text


async def test_a_server_that_is_away_is_no_cluster_without_versions() -> None:
    """Serving without versions there would serve nobody: the worker ends, and is started again."""
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=TEMPORAL, dev_server_log_level="error"
    )
    client = environment.client
    await environment.shutdown()
    with pytest.raises(EnvironmentFault, match="does not say which build"):
        await versioned(client, "one")
