"""The settings of places: the workspace, what is kept beside it, and the store."""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from engine.database_url import check_database_url, in_folder
from engine.setting_files import WithFiles


class PlaceSettings(BaseSettings):
    """Where an installation keeps what it has."""

    workspace: Path = Field(
        default=Path(),
        description="The folder of playbooks, templates and `longplay.yaml`; `-C DIR` wins over "
        "it. The current folder when not set.",
        examples=["/srv/longplay/acme"],
    )
    home: Path = Field(
        default=Path(".longplay"),
        description="Where data, logs and the secret key are kept; relative to the workspace.",
        examples=[".longplay"],
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="The store: `sqlite:///PATH` or `postgresql://…`. "
        "`longplay.db` in `LONGPLAY_HOME` when not set.",
        examples=["postgresql://longplay:secret@db.example:5432/longplay"],
    )
    database_connections: int = Field(
        default=10,
        ge=2,
        le=200,
        description="How many connections to PostgreSQL one process may have. A worker is three "
        "processes, a web server one; what all of them may have must be below `max_connections`.",
        examples=["10"],
    )

    @field_validator("workspace")
    @classmethod
    def _existing_folder(cls, value: Path) -> Path:
        path = value.expanduser().resolve()
        if not path.is_dir():
            raise ValueError("there is no such folder")
        return path

    @field_validator("home")
    @classmethod
    def _folder_inside_workspace(cls, value: Path, info: ValidationInfo) -> Path:
        path = inside_workspace(value, info)
        if path.exists() and not path.is_dir():
            raise ValueError("it is a file, not a folder")
        return path

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            check_database_url(value.get_secret_value())
        return value

    @property
    def store_url(self) -> str:
        """The database's address, with its password; SQLite paths are absolute."""
        if self.database_url is None:
            return f"sqlite:///{self.home / 'longplay.db'}"
        return in_folder(self.database_url.get_secret_value(), self.workspace)

    def pool_of(self, size: int) -> int:
        """Connections for a process that has use for `size` of them; SQLite's cost nothing."""
        is_sqlite = self.store_url.startswith("sqlite")
        return size if is_sqlite else min(size, self.database_connections)

    @property
    def logs_folder(self) -> Path:
        """Where log files are kept."""
        return self.home / "logs"

    @property
    def mail_folder(self) -> Path:
        """Where the catcher keeps what it caught."""
        return self.home / "mail"

    @property
    def temporal_file(self) -> Path:
        """The embedded Temporal server's database."""
        return self.home / "temporal.db"

    def environment(self) -> Mapping[str, str]:
        """What `${NAME}` is read from: the environment, else `.env` in the workspace folder."""
        return environment(self.workspace)


def inside_workspace(path: Path, info: ValidationInfo) -> Path:
    """The path as it is meant: relative to the workspace, which is validated before."""
    workspace: Path = info.data.get("workspace", Path())
    return (workspace / path.expanduser()).resolve()


def environment(workspace: Path) -> Mapping[str, str]:
    """What playbooks and `longplay.yaml` may name as `${NAME}`; `NAME_FILE` may hold it."""
    return WithFiles(variables(workspace), workspace)


def variables(workspace: Path) -> dict[str, str]:
    """The environment, and what `.env` in the workspace folder sets besides."""
    kept = dotenv_values(workspace / ".env", encoding="utf-8", interpolate=False)
    return {**{name: value for name, value in kept.items() if value is not None}, **os.environ}
