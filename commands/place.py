"""Where a command works: the workspace's folder, its settings and its store.

A database that is still empty is set up on first use; one of another release is left alone.
"""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from commands import rendering
from engine.errors import EnvironmentFault, InputError, LongplayError

if TYPE_CHECKING:
    from engine.settings import Settings
    from engine.store.database import Store

_chosen: list[Path] = []


def choose(folder: Path | None) -> None:
    """Keeps what `-C` said, for the one command of this process.

    Raises:
        EnvironmentFault: there is no such folder.
    """
    if folder is not None and not folder.is_dir():
        raise EnvironmentFault(
            f"there is no folder '{folder}'", help=f"begin a workspace with: longplay init {folder}"
        )
    _chosen[:] = [folder] if folder is not None else []


def settings() -> "Settings":
    """The workspace's settings; doubts about them go to standard error.

    Raises:
        EnvironmentFault: a value is wrong.
    """
    from engine.settings import load_settings

    found = load_settings(_chosen[0] if _chosen else None)
    for warning in found.warnings:
        rendering.note(f"warning: {warning}")
    return found


@contextmanager
def opened(given: "Settings | None" = None, *, nudges: bool = True) -> Iterator["Store"]:
    """The store, ready for use; afterwards the drivers concerned are told to look.

    Args:
        given: the settings, where the command has read them already.
        nudges: whether to tell them; a process with a worker of its own need not.

    Raises:
        EnvironmentFault: it cannot be reached, or is of another release.
    """
    from engine.store.database import Store

    found = given or settings()
    _require_workspace(found)
    waiting: set[str] = set()
    with reaching_database():
        store = Store(found.store_url, pool_size=2)
        store.on_commit(waiting.update)
        try:
            require_schema(store)
            yield store
        finally:
            store.close()
            if waiting and nudges:
                from commands.nudging import nudge

                nudge(found, waiting)


@contextmanager
def reaching_database() -> Iterator[None]:
    """Says in our words what a database says that cannot be used."""
    try:
        yield
    except LongplayError:
        raise
    except OSError as error:
        raise EnvironmentFault(
            f"'{error.filename}' cannot be used: {error.strerror}",
            help="check LONGPLAY_HOME and LONGPLAY_DATABASE_URL",
        ) from error
    except Exception as error:
        from engine.store.faults import fault_of

        fault = fault_of(error)
        if fault is None:
            raise
        raise fault from error


def actor() -> str:
    """Who runs this command, as the log of changes knows him."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError, ImportError):  # a container's user need not have a name
        return "cli"


def require_schema(store: "Store") -> None:
    """Sets an empty database up.

    Raises:
        EnvironmentFault: its tables are another release's, and do not suit this one.
    """
    from engine.store.schema import Fit, fit, head_revision, migrate

    how, revision = fit(store)
    told = f"the database is at revision '{revision}', this release works with '{head_revision()}'"
    match how:
        case Fit.EMPTY:
            migrate(store)
        case Fit.TOO_OLD:
            raise EnvironmentFault(told, help="run: longplay migrate")
        case Fit.TOO_NEW:
            raise EnvironmentFault(
                f"{told}, which does without what is there now",
                help="run the newer release: it is the one that brought the database there",
            )


def _require_workspace(found: "Settings") -> None:
    """Keeps a command in the wrong folder from making an empty database there."""
    if found.database_url is not None or (found.home / "longplay.db").exists():
        return
    if not (found.workspace / "longplay.yaml").is_file():
        raise InputError(
            f"there is no 'longplay.yaml' in '{found.workspace}'",
            help="go to the workspace, name it with -C, or begin one with: longplay init",
        )


def home() -> Path | None:
    """The folder for data and logs, if the settings can be read at all."""
    try:
        return settings().home
    except Exception:  # whatever is wrong with them is being told already
        return None
