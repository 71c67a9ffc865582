"""`doctor --replay`: what runs on a real server, replayed by the drivers of this release."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker

from engine.ids import new_id
from tests.workflows.fakes import ASLEEP, EMPTY, Fakes, until
from workflows import replaying

ROOT = Path(__file__).parents[2]


@workflow.defn(name="drive_cohort")
class Changed:
    """A driver of another release: it sleeps before it asks."""

    @workflow.signal(name="look")
    def look(self) -> None:
        """Nothing."""

    @workflow.run
    async def run(self, cohort: str) -> None:
        """Sleeps, then waits for ever."""
        await workflow.sleep(3600)


@workflow.defn(name="drive_to_the_moon")
class Newer:
    """A driver that only a newer release has."""

    @workflow.run
    async def run(self) -> None:
        """Sleeps."""
        await workflow.sleep(3600)


@pytest.fixture
def fakes() -> Fakes:
    return Fakes(queue=f"longplay-{new_id()}", progress=lambda asked: ASLEEP)


def nobody(_done: int, _of: int | None) -> None:
    pass


async def visible(client: Client, id: str) -> None:
    """Waits until Temporal finds it, which it does a moment after it began."""
    for _ in range(100):
        if (await client.count_workflows(f'WorkflowId = "{id}"')).count:
            return
    raise AssertionError(f"{id} is not found")


async def test_what_runs_and_what_ended_replays(client: Client, fakes: Fakes) -> None:
    """Both are replayed, each seen once, and the bar comes to its end."""
    ended = Fakes(queue=fakes.queue, progress=lambda asked: EMPTY)
    seen: list[tuple[int, int | None]] = []
    async with ended.serve(client):
        done = await ended.start(client)
        await done.result()
    async with fakes.serve(client):
        one = await fakes.start(client)
        await until(lambda: len(fakes.asked) == 1)
        await visible(client, one.id)
    found = await replaying.replay(
        client, limit=1000, progress=lambda *at: seen.append(at), now=datetime.now(UTC)
    )
    assert found.failed == ()
    assert found.running >= 1
    assert found.ended >= 1
    assert seen[-1] == (found.running + found.ended, found.running + found.ended)
    assert found.left_out == 0
    await one.terminate()


async def test_a_driver_of_another_release_is_named(client: Client, fakes: Fakes) -> None:
    """Its id, its run and what differs; those that replay are not."""
    async with Worker(client, task_queue=fakes.queue, workflows=[Changed]):
        other = await client.start_workflow(Changed.run, "tour", id=f"o-{new_id()}",
                                            task_queue=fakes.queue)  # fmt: skip
        while (await other.describe()).history_length < 4:
            pass
        await visible(client, other.id)
    found = await replaying.replay(client, limit=1000, progress=nobody, now=datetime.now(UTC))
    (failed,) = [one for one in found.failed if one.id == other.id]
    assert failed.running
    assert failed.type == "drive_cohort"
    assert failed.run == other.first_execution_run_id
    assert failed.reason.startswith("No command scheduled for event")
    assert "source:" not in failed.reason
    said = longplay(client, "doctor", "--replay", "--json")
    assert said.returncode == 1, said.stderr
    assert other.id in [one["id"] for one in json.loads(said.stdout)["failed"]]
    said = longplay(client, "doctor", "--replay")
    assert said.returncode == 1
    assert "do not replay" in said.stdout
    assert "Traceback" not in said.stdout + said.stderr
    await other.terminate()


async def test_a_driver_that_this_release_does_not_have_is_named(
    client: Client, fakes: Fakes
) -> None:
    """After a rollback nobody would serve what only the newer release had begun."""

    async with Worker(client, task_queue=fakes.queue, workflows=[Newer]):
        newer = await client.start_workflow("drive_to_the_moon", id=f"n-{new_id()}",
                                            task_queue=fakes.queue)  # fmt: skip
        while (await newer.describe()).history_length < 4:
            pass
        await visible(client, newer.id)
    found = await replaying.replay(client, limit=1000, progress=nobody, now=datetime.now(UTC))
    (failed,) = [one for one in found.failed if one.id == newer.id]
    assert "drive_to_the_moon" in failed.reason
    await newer.terminate()


async def test_the_limit_holds_and_is_told(client: Client, fakes: Fakes) -> None:
    """Beyond it nothing is looked at, and the answer says how many that are."""
    handles: list[Any] = []
    async with fakes.serve(client):
        for _ in range(3):
            handles.append(await fakes.start(client))
        await until(lambda: len(fakes.asked) == 3)
        for handle in handles:
            await visible(client, handle.id)
    found = await replaying.replay(client, limit=1, progress=nobody, now=datetime.now(UTC))
    assert (found.running, found.ended) == (1, 0)
    assert found.left_out >= 2
    for handle in handles:
        await handle.terminate()


def test_without_temporal_it_says_so(tmp_path: Path) -> None:
    """Status 2: that is the surroundings' fault, not the drivers'."""
    said = run({"LONGPLAY_EMBEDDED_TEMPORAL_PORT": "1"}, "doctor", "--replay")
    assert said.returncode == 2
    assert "does not answer" in said.stderr
    assert "Traceback" not in said.stderr


def longplay(client: Client, *arguments: str) -> subprocess.CompletedProcess[str]:
    target = client.service_client.config.target_host
    return run({"LONGPLAY_TEMPORAL_ADDRESS": target}, *arguments)


def run(settings: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LONGPLAY_")}
    return subprocess.run(
        [sys.executable, "-P", "-m", "cli", *arguments],
        env=clean | settings | {"PYTHONPATH": str(ROOT)},
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
