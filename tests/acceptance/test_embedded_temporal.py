"""The embedded Temporal server, for real: it starts, survives kill -9, and names a taken port."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from engine.addresses import Address
from engine.embedded.child import Child
from engine.embedded.ports import is_free, require_free
from engine.embedded.temporal_server import temporal_server
from engine.embedded.voice import Voice
from engine.errors import EnvironmentFault
from engine.settings import Settings, load_settings

pytestmark = pytest.mark.xdist_group("house")

PLAYBOOK = SearchAttributeKey.for_keyword("Playbook")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.startswith("LONGPLAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LONGPLAY_EMBEDDED_TEMPORAL_PORT", str(a_free_port()))
    return load_settings(tmp_path)


def a_free_port() -> int:
    """A port that is free now, and whose neighbor for the web UI is, too."""
    while True:
        with socket.socket() as first:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
        if port < 64000 and is_free(Address("127.0.0.1", port + 1000)):
            return port


@contextmanager
def running(settings: Settings) -> Iterator[Child]:
    child = Child(temporal_server(settings), Voice())
    try:
        child.wait_until_ready(lambda: False)
        yield child
    finally:
        child.kill()


async def start_sleeper(settings: Settings, workflow_id: str) -> None:
    """Starts a workflow that no worker serves, so that it stays open."""
    client = await Client.connect(settings.temporal_target)
    await client.start_workflow(
        "sleeper",
        id=workflow_id,
        task_queue="nobody",
        search_attributes=TypedSearchAttributes([SearchAttributePair(PLAYBOOK, "trial")]),
    )


async def open_workflows(settings: Settings) -> list[str]:
    client = await Client.connect(settings.temporal_target)
    found = [each.id async for each in client.list_workflows("Playbook = 'trial'")]
    return sorted(found)


async def test_what_it_was_told_survives_kill_9(settings: Settings) -> None:
    """Workflows started before a kill are there after the next start, with their attributes."""
    with running(settings) as child:
        await start_sleeper(settings, "trial@1/live/0")
        child.kill()
    with running(settings):
        for _ in range(100):
            if await open_workflows(settings) == ["trial@1/live/0"]:
                break
            await asyncio.sleep(0.1)
        assert await open_workflows(settings) == ["trial@1/live/0"]


async def test_it_remembers_for_a_month(settings: Settings) -> None:
    """The retention is set before anybody works with it, also for a namespace of one's own."""
    settings = settings.model_copy(update={"temporal_namespace": "marketing"})
    with running(settings):
        client = await Client.connect(settings.temporal_target, namespace="marketing")
        answer = await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace="marketing")
        )
        kept = answer.config.workflow_execution_retention_ttl.ToTimedelta()
        assert kept >= timedelta(days=30)


def test_its_file_has_a_write_ahead_log(settings: Settings) -> None:
    """The default journal of the dev server would be many times slower."""
    with running(settings):
        assert settings.temporal_file.with_name("temporal.db-wal").stat().st_size > 0


def test_it_ends_when_it_is_asked_to(settings: Settings) -> None:
    """SIGTERM is enough, and gives the port back."""
    with running(settings) as child:
        child.ask_to_end()
        child._process.wait(timeout=10)
        assert child.how_it_ended() == "exit status 0"
    assert is_free(Address("127.0.0.1", settings.embedded_temporal_port))


def test_a_taken_port_is_named_with_its_setting_and_a_free_one(settings: Settings) -> None:
    """Who finds a port taken is told which setting to change, and to what."""
    port = settings.embedded_temporal_port
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", port))
        squatter.listen()
        with pytest.raises(EnvironmentFault) as caught:
            require_free([("LONGPLAY_EMBEDDED_TEMPORAL_PORT", Address("127.0.0.1", port))])
    assert f"port '{port}' is taken by another program" in caught.value.message
    variable, _, suggested = caught.value.help.rpartition(" ")[2].partition("=")
    assert variable == "LONGPLAY_EMBEDDED_TEMPORAL_PORT"
    assert is_free(Address("127.0.0.1", int(suggested)))


def test_a_taken_port_of_its_web_ui_moves_both(settings: Settings) -> None:
    """The UI's port follows from the server's: the suggestion is for the server's setting."""
    port = settings.temporal_ui_port
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", port))
        squatter.listen()
        with pytest.raises(EnvironmentFault) as caught:
            require_free([("LONGPLAY_EMBEDDED_TEMPORAL_PORT + 1000", Address("127.0.0.1", port))])
    variable, _, suggested = caught.value.help.rpartition(" ")[2].partition("=")
    assert variable == "LONGPLAY_EMBEDDED_TEMPORAL_PORT"
    assert is_free(Address("127.0.0.1", int(suggested) + 1000))


def test_a_foreign_host_cannot_be_listened_on() -> None:
    """An address that is not this machine's is a fault of its setting, not a taken port."""
    with pytest.raises(EnvironmentFault, match="LONGPLAY_WEB_ADDRESS: '192"):
        require_free([("LONGPLAY_WEB_ADDRESS", Address("192.0.2.1", 80))])


def test_a_server_that_cannot_start_says_why(settings: Settings) -> None:
    """The fault carries the last lines of the log."""
    settings.home.mkdir()
    settings.temporal_file.write_bytes(b"this is no database" * 100)
    with pytest.raises(EnvironmentFault) as caught, running(settings):
        pass
    assert "'temporal' ended while starting" in caught.value.message
    assert "file is not a database" in caught.value.help


def test_it_gets_none_of_our_secrets(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's environment carries no setting of ours, and nothing that leads it astray."""
    monkeypatch.setenv("LONGPLAY_SECRET_KEY", "hunter2")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "elsewhere.example:7233")
    given = temporal_server(settings).environment
    assert not {"LONGPLAY_SECRET_KEY", "TEMPORAL_ADDRESS"} & given.keys()
