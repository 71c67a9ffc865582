"""`longplay up`: everything on one machine, from an empty folder to the printed addresses."""

import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from engine.addresses import Address
from engine.embedded.catcher_process import catcher
from engine.embedded.child import ChildSpec
from engine.embedded.ports import answers, require_free
from engine.embedded.supervisor import Supervisor, run_until_stopped
from engine.embedded.temporal_server import HOST, temporal_server
from engine.embedded.voice import Voice
from engine.setting_pages import PREFIX
from engine.settings import Settings

WRONG_ENVIRONMENT = 2
"""The exit status of a command whose surroundings are wrong: starting it again cannot help."""

_CODE = Path(__file__).resolve().parents[2]


def up(
    settings: Settings,
    *,
    prepare: Callable[[], None],
    demo: bool = False,
    voice: Voice | None = None,
) -> None:
    """Starts everything and returns after it was asked to stop and has stopped.

    Args:
        settings: how and where.
        prepare: migrates the store and publishes the workspace; called while Temporal starts,
            before any worker or web server does.
        demo: whether sample leads are at work, which the greeting then says.
        voice: where to speak, standard output when None.

    Raises:
        EnvironmentFault: a port is taken, another one runs here, or a child cannot be kept alive.
    """
    said = voice or Voice(json=settings.log == "json")
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)

    def start(supervisor: Supervisor) -> None:
        require_free(_addresses(settings))
        settings.signing_key()  # made before two children look for it at once
        settings.webhook_keys()
        _start_all(settings, supervisor, prepare)
        if not supervisor.stopping:
            _greet(settings, said, demo)

    run_until_stopped(settings.home, said, start)


def _start_all(settings: Settings, supervisor: Supervisor, prepare: Callable[[], None]) -> None:
    if settings.runs_embedded_temporal:
        supervisor.start(temporal_server(settings))
    if settings.runs_catcher:
        supervisor.start(catcher(settings, _environment(settings)))
    prepare()
    supervisor.wait_until_ready()
    for spec in (_command(settings, "worker", drain=timedelta(seconds=13)), _web(settings)):
        if not supervisor.stopping:
            supervisor.start(spec)
    supervisor.wait_until_ready()


def _web(settings: Settings) -> ChildSpec:
    listens = settings.web
    reached = Address(HOST if listens.host in ("0.0.0.0", "::") else listens.host, listens.port)
    return _command(settings, "web", drain=timedelta(seconds=3), is_ready=lambda: answers(reached))


def _command(
    settings: Settings,
    name: str,
    *,
    drain: timedelta,
    is_ready: Callable[[], bool] = lambda: True,
) -> ChildSpec:
    """`longplay NAME` in the same workspace, by the same Python."""
    return ChildSpec(
        name=name,
        # -P: a cli.py in the workspace must not be taken for ours.
        argv=(sys.executable, "-P", "-m", "cli", "-C", str(settings.workspace), name),
        environment=_environment(settings),
        drain=drain,
        is_ready=is_ready,
        hopeless=frozenset({WRONG_ENVIRONMENT}),
    )


def _environment(settings: Settings) -> dict[str, str]:
    paths = [str(_CODE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
        f"{PREFIX}WORKSPACE": str(settings.workspace),
        f"{PREFIX}HOME": str(settings.home),
    }


def _addresses(settings: Settings) -> list[tuple[str, Address]]:
    web = settings.web
    return [
        (name, web if name == f"{PREFIX}WEB_ADDRESS" else Address(HOST, port))
        for name, port in settings.listening_ports()
    ]


def _greet(settings: Settings, voice: Voice, demo: bool) -> None:
    rows = [("dashboard", settings.link_url)]
    if settings.catches_mail:
        rows.append(
            (
                "mail",
                f"caught, not sent: see the dashboard (SMTP on {HOST}:{settings.catcher_port})",
            )
        )
    if settings.runs_embedded_temporal:
        rows.append(("temporal", f"http://{HOST}:{settings.temporal_ui_port}"))
    rows += [("workspace", str(settings.workspace)), ("data", str(settings.home))]
    if demo:
        rows.append(("demo", "sample leads are on their way; the first mails come within seconds"))
    voice.announce("Longplay is up. Ctrl-C stops it.", rows)
