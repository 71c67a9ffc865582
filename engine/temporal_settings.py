"""The settings of Temporal: which server runs the drivers, and how workers speak to it."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import NoDecode

from engine.addresses import HIGHEST_PORT, read_address
from engine.place_settings import PlaceSettings, inside_workspace
from engine.sealing import read_payload_key
from engine.setting_pages import PREFIX, Port, split_keys

UI_PORT_OFFSET = 1000
"""Temporal's own web UI listens this much above its port."""


class TemporalSettings(PlaceSettings):
    """What `engine.settings.Settings` has for Temporal."""

    temporal_address: str | None = Field(
        default=None,
        description="Host and port of a Temporal cluster. The embedded server when not set.",
        examples=["temporal.example:7233"],
    )
    temporal_namespace: str = Field(
        default="default",
        min_length=1,
        description="The Temporal namespace to work in.",
        examples=["marketing.a1b2c"],
    )
    temporal_api_key: SecretStr | None = Field(
        default=None,
        description="The API key of Temporal Cloud; switches TLS on.",
        examples=["eyJhbGciOi…"],
    )
    temporal_tls_cert: Path | None = Field(
        default=None,
        description="The client certificate for mutual TLS with Temporal, a PEM file.",
        examples=["/etc/longplay/temporal.pem"],
    )
    temporal_tls_key: Path | None = Field(
        default=None,
        description="The private key that belongs to `LONGPLAY_TEMPORAL_TLS_CERT`, a PEM file.",
        examples=["/etc/longplay/temporal.key"],
    )
    temporal_tls_ca: Path | None = Field(
        default=None,
        description="The certificates that Temporal's own must be signed by, a PEM file; switches "
        "TLS on. Those that the system trusts when not set.",
        examples=["/etc/longplay/temporal-ca.pem"],
    )
    build_id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._-]{1,60}$",
        description="Switches worker versioning on, and names this build of the workers in it: "
        "Temporal gives drivers to the build that is current. Off when not set.",
        examples=["longplay-0.1-1"],
    )
    payload_key: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(),
        description="Encrypts what Temporal keeps: the Base64 of 32 random bytes. Several, with "
        "commas between them, while an old one is being replaced: the first encrypts, all of them "
        "decrypt. Workers, web servers and commands need the same ones. Plain when not set.",
        examples=["q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="],
    )
    embedded_temporal_port: Port = Field(
        default=7233,
        description="The port of the embedded Temporal server; its own web UI is 1000 above.",
        examples=["7233"],
    )

    @field_validator("payload_key", mode="before")
    @classmethod
    def _split_payload_keys(cls, value: object) -> object:
        return split_keys(value)

    @field_validator("payload_key")
    @classmethod
    def _usable_payload_keys(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for one in value:
            read_payload_key(one.get_secret_value())
        return value

    @field_validator("temporal_tls_cert", "temporal_tls_key", "temporal_tls_ca")
    @classmethod
    def _file_inside_workspace(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is None:
            return None
        path = inside_workspace(value, info)
        if not path.is_file():
            raise ValueError("there is no such file")
        return path

    @field_validator("temporal_address")
    @classmethod
    def _temporal_host_and_port(cls, value: str | None) -> str | None:
        return None if value is None else str(read_address(value))

    @field_validator("embedded_temporal_port")
    @classmethod
    def _room_for_the_ui(cls, value: int) -> int:
        if value > HIGHEST_PORT - UI_PORT_OFFSET:
            raise ValueError(
                f"Temporal's web UI is {UI_PORT_OFFSET} above it, which is no port any more"
            )
        return value

    @model_validator(mode="after")
    def _tls_has_both(self) -> "TemporalSettings":
        if (self.temporal_tls_cert is None) != (self.temporal_tls_key is None):
            there, missing = "CERT", "KEY"
            if self.temporal_tls_cert is None:
                there, missing = missing, there
            raise ValueError(
                f"{PREFIX}TEMPORAL_TLS_{there} is set, {PREFIX}TEMPORAL_TLS_{missing} is not: "
                "mutual TLS needs both"
            )
        return self

    @property
    def runs_embedded_temporal(self) -> bool:
        """Whether `longplay up` brings its own Temporal server."""
        return self.temporal_address is None

    @property
    def temporal_target(self) -> str:
        """Host and port of the Temporal server to talk to."""
        return self.temporal_address or f"127.0.0.1:{self.embedded_temporal_port}"

    @property
    def temporal_ui_port(self) -> int:
        """Where the embedded Temporal server shows its own web UI."""
        return self.embedded_temporal_port + UI_PORT_OFFSET

    def payload_keys(self) -> tuple[bytes, ...]:
        """The keys that seal what Temporal keeps, the newest first; none: it is kept plainly."""
        return tuple(read_payload_key(one.get_secret_value()) for one in self.payload_key)
