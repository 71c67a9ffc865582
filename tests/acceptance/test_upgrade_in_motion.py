"""A release replaced while leads come in: two builds of real workers, with sealed payloads."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.client import Client

from bench import shapes
from bench.arena import Arena, wait_until
from bench.client import Web
from bench.reckoning import Mails, reckon, unfinished
from engine.store.database import Store
from engine.store.schema import migrate
from tests.next_release import NEXT, release
from workflows.deployment import DEPLOYMENT

KEY = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="
pytestmark = [pytest.mark.xdist_group("up"), pytest.mark.timeout(300)]
SLOW = """\
playbook: slow
enroll:
  when:
    - event: form.submitted
steps:
  - email: first
  - wait: 5 seconds
  - tag: waited
  - email: second
"""


class Sealed(Arena):
    """An arena whose processes have a key, and whose workers are of the build set last."""

    build = ""

    def environment(self) -> dict[str, str]:
        return super().environment() | {
            "LONGPLAY_PAYLOAD_KEY": KEY, "LONGPLAY_BUILD_ID": self.build,
        }  # fmt: skip


@pytest.fixture
def arena() -> Iterator[Sealed]:
    made = Sealed()
    with made:
        files = shapes.files_under_fire() | {"playbooks/slow.yaml": SLOW}
        del files["playbooks/under-fire.yaml"]
        made.write(files)
        made.start_temporal()
        made.start_sink()
        yield made


def worker(arena: Sealed, build: str) -> None:
    arena.build = build
    arena.start_worker(build)
    assert wait_until(lambda: b"the worker is ready" in (arena.folder / f"{build}.log")
                      .read_bytes(), 60)  # fmt: skip


def feed(web: Web, crowd: str) -> None:
    web.post_events([
        {"id": f"{crowd}{n}", "name": "form.submitted",
         "lead": {"email": f"{crowd}{n}@example.com"}}
        for n in range(20)
    ])  # fmt: skip


def make_current(arena: Sealed, build: str) -> None:
    command = [str(Path(sys.executable).with_name("temporal")), "worker", "deployment"]
    command += ["set-current-version", "--deployment-name", DEPLOYMENT, "--build-id", build]
    command += ["--yes", "--address", f"127.0.0.1:{arena.temporal_port}"]
    assert wait_until(lambda: subprocess.run(command, check=False, capture_output=True)
                      .returncode == 0, 30, 0.5)  # fmt: skip


def mails(arena: Sealed, store: Store) -> Mails:
    found = Mails()
    store.read(lambda tx: reckon(tx, arena.accepted(), found))
    return found


def test_leads_go_on_through_rollout_and_rollback(
    arena: Sealed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits under one build is served by the next, and by the old one when it is back;
    tables are expanded meanwhile, under workers of before, and processes of before start on them.
    """
    store = arena.publish()
    worker(arena, "one")
    arena.start_web()
    web = Web(arena.web_port)
    feed(web, "early")
    assert wait_until(lambda: len(arena.accepted()) == 20, 60)
    worker(arena, "two")
    make_current(arena, "two")
    arena.kill("one")
    feed(web, "middle")
    with release(tmp_path, monkeypatch, NEXT.format(more="")):
        assert migrate(store) == "0002"
    arena.kill("web")
    arena.start_web()
    assert wait_until(lambda: store.read(unfinished) == 0, 90), store.read(unfinished)
    worker(arena, "one")
    make_current(arena, "one")
    feed(web, "late")
    arena.kill("two")
    assert wait_until(lambda: len(arena.accepted()) == 120, 90), len(arena.accepted())
    assert wait_until(lambda: store.read(unfinished) == 0, 30)
    assert mails(arena, store).faults == []
    assert mails(arena, store).accepted_twice == 0
    said = subprocess.run(
        [sys.executable, "-P", "-m", "cli", "doctor", "--replay"],
        env=arena.environment(), cwd=arena.folder, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert said.returncode == 0, said.stdout + said.stderr
    assert "drivers replay" in said.stdout
    asyncio.run(nothing_readable(arena))
    store.close()


async def nothing_readable(arena: Sealed) -> None:
    client = await Client.connect(f"127.0.0.1:{arena.temporal_port}")
    seen = 0
    async for history in client.list_workflows().map_histories():
        seen += 1
        for event in history.events:
            started = event.workflow_execution_started_event_attributes
            assert history.workflow_id not in str(started.input)
            assert "wake_in" not in str(event)
            assert "is_empty" not in str(event)
    assert seen > 0
