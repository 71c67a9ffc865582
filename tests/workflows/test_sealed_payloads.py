"""Encrypted payloads on Temporal's real server: nothing readable, and keys that can be replaced."""

import base64
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.worker import Replayer

from engine.sealing import KEY_BYTES, PayloadKeyError, Seal, SealError, read_payload_key
from tests.workflows.fakes import ASLEEP, EMPTY, Fakes, until
from workflows import replaying
from workflows.payloads import SealingCodec, converter

OLD, NEW, OTHER = (bytes([n]) * KEY_BYTES for n in (1, 2, 3))


def sealing(client: Client, *keys: bytes) -> Client:
    """The same connection, with keys."""
    config = client.config()
    config["data_converter"] = converter(keys)
    return Client(**config)


async def a_life(client: Client) -> Any:
    """A driver's whole life: looks, batches, one of them failing, rests and a nudge."""
    fakes = Fakes(failing=1, look_in=1.0)

    def progress(asked: int) -> dict[str, Any]:
        if asked < 3:
            return fakes.batch("batch-of-secret") | {"more": True}
        return fakes.batch("batch-of-secret") if len(fakes.sent) < 3 else EMPTY

    fakes.progress = progress
    async with fakes.serve(client):
        name = "secret-cohort"
        handle = await client.start_workflow(
            "drive_cohort", name, id=f"plain-{fakes.queue}", task_queue=fakes.queue,
            start_signal="look", static_summary="a secret summary",
        )  # fmt: skip
        await handle.result()
    return handle


async def test_nothing_in_a_history_can_be_read(client: Client) -> None:
    """Input, results, failures and summaries are sealed; ids and queues are not, as documented."""
    plainly = str(await (await a_life(client)).fetch_history())
    for told in ("secret-cohort", "secret summary", "wake_in", "the transport fell over"):
        assert told in plainly, "the test looks for what would be there"
    handle = await a_life(sealing(client, NEW))
    history = await handle.fetch_history()
    for told in ("secret-cohort", "secret summary", "wake_in", "the transport fell over",
                 "is_empty", "next member is due", "fakes.py"):  # fmt: skip
        assert told not in str(history), told
    assert "binary/encrypted" in str(history)
    replayer = Replayer(
        workflows=replaying.DRIVERS, data_converter=sealing(client, NEW).data_converter
    )
    await replayer.replay_workflow(history)


async def test_keys_are_replaced_while_drivers_run(client: Client) -> None:
    """What began plainly goes on under a key, then under a newer one, while both are accepted."""
    fakes = Fakes(progress=lambda asked: ASLEEP)
    async with fakes.serve(client):
        handle = await fakes.start(client)
        await until(lambda: len(fakes.asked) == 1)
    for keys in ((OLD,), (NEW, OLD)):
        now = sealing(client, *keys)
        asked = len(fakes.asked)
        async with fakes.serve(now):
            await now.get_workflow_handle(handle.id).signal("look")
            await until(lambda asked=asked: len(fakes.asked) > asked)  # type: ignore[misc]
    fakes.progress = lambda asked: EMPTY
    async with fakes.serve(now):
        await now.get_workflow_handle(handle.id).signal("look")
        await now.get_workflow_handle(handle.id).result()
    assert "encryption-key-id" in str(await handle.fetch_history())


async def test_a_replay_without_the_key_says_which_is_missing(client: Client) -> None:
    """It names the key by its public name, and reads nothing."""
    fakes = Fakes(queue="longplay-sealed", progress=lambda asked: ASLEEP)
    sealed = sealing(client, NEW)
    async with fakes.serve(sealed):
        handle = await fakes.start(sealed)
        await until(lambda: len(fakes.asked) == 1)
        while not (await client.count_workflows(f'WorkflowId = "{handle.id}"')).count:
            pass
    for other, told in ((sealing(client, OLD), Seal([NEW]).newest), (client, "encrypted")):
        found = await replaying.replay(
            other, limit=1000, progress=lambda *_: None, now=datetime.now(UTC)
        )
        (failed,) = [one for one in found.failed if one.id == handle.id]
        assert told in failed.reason
    await handle.terminate()


@pytest.mark.parametrize("keys", [(NEW,), (NEW, OLD), (OLD, NEW)])
async def test_what_is_sealed_is_opened_by_any_accepted_key(keys: Sequence[bytes]) -> None:
    """The first seals; the others open what they sealed once."""
    payload = Payload(metadata={"encoding": b"json/plain"}, data=b'"ann"')
    (sealed,) = await SealingCodec(Seal(keys)).encode([payload])
    assert sealed.metadata["encryption-key-id"].decode() == Seal(keys).newest
    assert b"ann" not in sealed.data
    assert await SealingCodec(Seal([OTHER, *keys])).decode([sealed]) == [payload]
    assert await SealingCodec(Seal(keys)).decode([payload]) == [payload]


async def test_what_was_changed_is_not_opened() -> None:
    """A byte that differs, a key that is not ours, and a text that was cut: each is told."""
    codec = SealingCodec(Seal([NEW]))
    (sealed,) = await codec.encode([Payload(data=b"x")])
    for data in (sealed.data[:-1] + bytes([sealed.data[-1] ^ 1]), sealed.data[:5], b""):
        with pytest.raises(SealError, match="damaged"):
            await codec.decode([Payload(metadata=dict(sealed.metadata), data=data)])
    with pytest.raises(SealError, match="not among"):
        await SealingCodec(Seal([OLD])).decode([sealed])


def test_without_a_key_nothing_is_sealed() -> None:
    """It is an option."""
    assert converter(()).payload_codec is None


@pytest.mark.parametrize(
    ("written", "said"),
    [
        pytest.param("", "0 bytes", id="nothing"),
        pytest.param("not base64!", "no Base64", id="no Base64"),
        pytest.param(base64.b64encode(b"x" * 16).decode(), "16 bytes", id="short"),
        pytest.param("密钥", "no Base64", id="Chinese"),
    ],
)
def test_a_key_that_is_none_is_told(written: str, said: str) -> None:
    """How long it must be, and how long it is."""
    with pytest.raises(PayloadKeyError, match=said):
        read_payload_key(written)


def test_both_alphabets_of_base64_are_read() -> None:
    """Generators of keys differ in two characters."""
    key = os.urandom(KEY_BYTES)
    assert read_payload_key(base64.b64encode(key).decode()) == key
    assert read_payload_key(base64.urlsafe_b64encode(key).decode()) == key
