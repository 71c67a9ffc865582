"""How what drivers are told is written into histories: plainly, or sealed by a codec.

Ids, queues, types, signal names and search attributes are never sealed: Temporal finds by them.
"""

from collections.abc import Sequence
from dataclasses import replace

from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
)

from engine.sealing import Seal

ENCODING = b"binary/encrypted"
_KEY = "encryption-key-id"


class SealingCodec(PayloadCodec):
    """Seals every payload, and opens those that are sealed; plain ones are left as they are."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """The payloads, each sealed."""
        return [self._sealed(one) for one in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """The payloads as they were before; those written before there was a key are plain.

        Raises:
            SealError: one was sealed with a key that is not ours, or was changed.
        """
        return [self._opened(one) for one in payloads]

    def _sealed(self, payload: Payload) -> Payload:
        return Payload(
            metadata={"encoding": ENCODING, _KEY: self._seal.newest.encode()},
            data=self._seal.seal(payload.SerializeToString()),
        )

    def _opened(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return payload
        key = payload.metadata.get(_KEY, b"").decode(errors="replace")
        return Payload.FromString(self._seal.unseal(payload.data, key))


def converter(keys: Sequence[bytes]) -> DataConverter:
    """What clients, workers and replays write and read payloads with: plain without a key.

    Raises:
        EnvironmentFault: there is a key, but nothing to encrypt with.
    """
    if not keys:
        return DataConverter.default
    return replace(
        DataConverter.default,
        payload_codec=SealingCodec(Seal(keys)),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
