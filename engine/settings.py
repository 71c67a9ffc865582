"""The settings: every environment variable that Longplay heeds, checked before anything starts.

They come from the environment, else from `.env` in the workspace folder. Only the composition
roots (`cli`, `worker`) load them; everything else is given what it needs. A secret is never shown.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode, SettingsConfigDict

from engine.addresses import Address, read_address
from engine.calls.signing import SecretError, new_secret, read_secret
from engine.errors import EnvironmentFault
from engine.inbound_settings import InboundSettings
from engine.mail.transports.smtp_url import parse_smtp_url
from engine.place_settings import variables
from engine.playbook.spelling import closest
from engine.secret_key import kept_key
from engine.setting_files import SUFFIX, values_in_files
from engine.setting_pages import (
    PREFIX,
    Port,
    SettingPage,
    fault,
    pages,
    secret_variables,
    split_keys,
    variable,
)
from engine.temporal_settings import UI_PORT_OFFSET, TemporalSettings

_SHORTEST_SECRET = 16


class Settings(InboundSettings, TemporalSettings):
    """How this installation is set up. Made by `load_settings`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True
    )

    smtp_url: SecretStr | None = Field(
        default=None,
        description="The mail server: `smtp://user:pass@host:587?starttls=required` or "
        "`smtps://…`. When not set, `longplay up` catches all mail and shows it in the dashboard.",
        examples=["smtp://user:password@mail.example:587?starttls=required"],
    )
    public_url: str | None = Field(
        default=None,
        description="How recipients reach the web server: the beginning of every link in a mail. "
        "`http://` and `LONGPLAY_WEB_ADDRESS` when not set.",
        examples=["https://mail.example.com"],
    )
    web_address: str = Field(
        default="127.0.0.1:8080",
        description="Where the web server listens. Anywhere but loopback, `/v1` asks for a key.",
        examples=["127.0.0.1:8080"],
    )
    catcher_port: Port = Field(
        default=1025,
        description="The port of the local SMTP catcher.",
        examples=["1025"],
    )
    catcher_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Where the SMTP catcher is when it is not `longplay up` that starts it: in a "
        "container of its own, say, that shares `LONGPLAY_HOME` with the web server.",
        examples=["127.0.0.1"],
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description="Signs links and sessions. Made and kept in `LONGPLAY_HOME` when not set; "
        "machines that share a database need the same one.",
        examples=["3f1c9b7ad04e4f0e9d5a6b8c7e2f1a90"],
    )
    webhook_secret: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(),
        description="What webhooks are signed with: `whsec_` and the Base64 of 24 to 64 random "
        "bytes. Several, with commas between them, while an old one is being replaced: then each "
        "signs. Made and kept in `LONGPLAY_HOME/webhook.key` when not set.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )
    webhook_allow_private: bool = Field(
        default=False,
        description="Whether webhooks may call addresses of your own network (loopback, private, "
        "link-local). Off, they reach the public internet only.",
        examples=["true"],
    )
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(),
        description="Keys that open everything, as `Authorization: Bearer KEY`, with commas "
        "between them. Better are those of `longplay keys create`: each opens what it must, can be "
        "replaced alone, and is kept as a hash.",
        examples=["key-of-the-shop,key-of-the-crm"],
    )
    api_rate: int = Field(
        default=6000,
        ge=0,
        description="How many requests one key may make in a minute; 0: as many as it likes. An "
        "event may be sent with a hundred others in one request.",
        examples=["6000"],
    )
    proxies: int = Field(
        default=0,
        ge=0,
        le=10,
        description="How many proxies of yours stand before the web server, each of which adds to "
        "`X-Forwarded-For`: so that wrong keys are counted by who sent them.",
        examples=["1"],
    )
    log: Literal["text", "json"] = Field(
        default="text",
        description="How log lines are written: `text` or `json`.",
        examples=["json"],
    )
    metrics_port: Port | None = Field(
        default=None,
        description="The port on which a worker gives its metrics, with those of its senders and "
        "of Temporal's SDK. None when not set.",
        examples=["9464"],
    )

    _warnings: tuple[str, ...] = PrivateAttr(default=())

    @field_validator("api_keys", "webhook_secret", mode="before")
    @classmethod
    def _split_keys(cls, value: object) -> object:
        return split_keys(value)

    @field_validator("webhook_secret")
    @classmethod
    def _usable_secrets(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for one in value:
            read_secret(one.get_secret_value())
        return value

    @field_validator("smtp_url")
    @classmethod
    def _readable_smtp_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            try:
                parse_smtp_url(value.get_secret_value())
            except EnvironmentFault as fault:
                raise ValueError(fault.message) from None
        return value

    @field_validator("web_address")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        return str(read_address(value))

    @field_validator("public_url")
    @classmethod
    def _web_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it is not an http:// or https:// address")
        if parts.query or parts.fragment:
            raise ValueError("it has something after the path")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _agree(self) -> "Settings":
        taken: dict[int, str] = {}
        for name, port in self.listening_ports():
            if port in taken:
                raise ValueError(f"{taken[port]} and {name} are both '{port}'")
            taken[port] = name
        return self

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is not wrong, but probably not meant."""
        return self._warnings

    @property
    def catches_mail(self) -> bool:
        """Whether mail goes to the local catcher instead of to people."""
        return self.smtp_url is None

    @property
    def runs_catcher(self) -> bool:
        """Whether `longplay up` brings the catcher: mail is caught, and nobody else does it."""
        return self.catches_mail and Address(self.catcher_host, self.catcher_port).is_loopback

    @property
    def mail_url(self) -> str:
        """The SMTP address to send through, with its password: the catcher's when none is set."""
        if self.smtp_url is None:
            host = Address(self.catcher_host, self.catcher_port)
            return f"smtp://{host}?starttls=never"
        return self.smtp_url.get_secret_value()

    @property
    def web(self) -> Address:
        """Where the web server listens."""
        return read_address(self.web_address)

    @property
    def link_url(self) -> str:
        """The beginning of every link that leaves the house, without a slash at its end."""
        if self.public_url is not None:
            return self.public_url
        listens = self.web
        anywhere = listens.host in ("0.0.0.0", "::")
        return f"http://{Address('127.0.0.1', listens.port) if anywhere else listens}"

    def listening_ports(self) -> tuple[tuple[str, int], ...]:
        """The ports that `longplay up` opens, each with the setting that says so."""
        ports = [(f"{PREFIX}WEB_ADDRESS", self.web.port)]
        if self.runs_embedded_temporal:
            name = f"{PREFIX}EMBEDDED_TEMPORAL_PORT"
            ports += [
                (name, self.embedded_temporal_port),
                (f"{name} + {UI_PORT_OFFSET}", self.temporal_ui_port),
            ]
        if self.runs_catcher:
            ports.append((f"{PREFIX}CATCHER_PORT", self.catcher_port))
        if self.metrics_port is not None:
            ports.append((f"{PREFIX}METRICS_PORT", self.metrics_port))
        return tuple(ports)

    def signing_key(self) -> str:
        """The key that signs links: the one that is set, else the one kept, else a new one."""
        if self.secret_key is not None:
            return self.secret_key.get_secret_value()
        return kept_key(self.home / "secret.key")

    def webhook_keys(self) -> tuple[bytes, ...]:
        """The keys that sign webhooks: those that are set, else the one kept, else a new one."""
        written = [one.get_secret_value() for one in self.webhook_secret]
        if not written:
            path = self.home / "webhook.key"
            loss = "whoever checks our signatures then needs the new one"
            setting = f"{PREFIX}WEBHOOK_SECRET"
            written = [kept_key(path, new_secret, setting=setting, loss=loss)]
        try:
            return tuple(map(read_secret, written))
        except SecretError as error:
            raise EnvironmentFault(
                f"the key in '{self.home / 'webhook.key'}' signs nothing: {error}",
                help="bring its backup back, or delete the file",
            ) from error

    def secrets(self) -> tuple[str, ...]:
        """What must not stand in any log."""
        several = (*self.api_keys, *self.webhook_secret, *self.payload_key)
        found = (*several, self.secret_key, self.temporal_api_key, *self.inbound_secrets())
        return tuple(one.get_secret_value() for one in found if one is not None)


def load_settings(workspace: Path | None = None) -> Settings:
    """The settings of `workspace`, else of `LONGPLAY_WORKSPACE`, else of the current folder.

    Raises:
        EnvironmentFault: a value is wrong; all of them are named.
    """
    folder = workspace or Path(os.environ.get(f"{PREFIX}WORKSPACE") or ".")
    env_file = folder.expanduser() / ".env"
    try:
        settings = Settings(
            _env_file=env_file,
            _env_file_encoding="utf-8",
            workspace=folder,
            **_from_files(folder.expanduser()),
        )
    except ValidationError as error:
        raise fault(error, Settings.model_fields) from None
    except UnicodeDecodeError:
        raise EnvironmentFault(
            f"'{env_file}' is not a UTF-8 text file", help="save it as UTF-8"
        ) from None
    settings._warnings = (*_unknown_variables(env_file), *_doubts(settings))
    return settings


def setting_pages() -> tuple[SettingPage, ...]:
    """What the reference says of each setting, in the order of the contract."""
    return pages(Settings.model_fields)


def _from_files(folder: Path) -> dict[str, Any]:
    """The fields whose values are in files: `LONGPLAY_…_FILE` names them."""
    names = {variable(name): name for name in Settings.model_fields}
    found = values_in_files(secret_variables(Settings.model_fields), variables(folder), folder)
    return {names[each]: value for each, value in found.items()}


def _unknown_variables(env_file: Path) -> list[str]:
    known = {variable(name) for name in Settings.model_fields}
    known |= {f"{name}{SUFFIX}" for name in secret_variables(Settings.model_fields)}
    given = {*os.environ, *dotenv_values(env_file, encoding="utf-8", interpolate=False)}
    return [
        f"no setting is named '{name}', it is ignored{_guess(name, known)}"
        for name in sorted(given)
        if name.startswith(PREFIX) and name not in known
    ]


def _guess(name: str, known: Iterable[str]) -> str:
    words = [each.removeprefix(PREFIX) for each in known]
    near = closest(name.removeprefix(PREFIX), words)
    return f"; did you mean '{PREFIX}{near}'?" if near else ""


def _doubts(settings: Settings) -> list[str]:
    doubts = []
    key = settings.secret_key
    if key is not None and len(key.get_secret_value()) < _SHORTEST_SECRET:
        doubts.append(
            f"{PREFIX}SECRET_KEY has fewer than {_SHORTEST_SECRET} characters; "
            "a guessed key lets strangers unsubscribe your leads"
        )
    if not settings.web.is_loopback and not settings.api_keys:
        doubts.append(
            f"{PREFIX}WEB_ADDRESS is '{settings.web_address}' and {PREFIX}API_KEYS is empty: "
            "only keys of `longplay keys create` open /v1 and the dashboard"
        )
    return doubts
