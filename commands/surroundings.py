"""What `doctor` asks of everything around the store: settings, database, Temporal, mail server."""

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from commands import place
from commands.nudging import connect, is_there
from engine.errors import LongplayError

if TYPE_CHECKING:
    from engine.operations.doctor import Check
    from engine.settings import Settings

_PATIENCE = 3.0


def checks(
    settings: "Settings", bar: Callable[[int, int | None], None] = lambda done, every: None
) -> "list[Check]":
    """Every check, the surroundings first; `bar` hears how many of the store's are done."""
    from engine.operations.doctor import Check, examine

    found = [Check("settings", True, "; ".join(settings.warnings) or str(settings.workspace))]
    try:
        with place.opened(settings, nudges=False) as store:
            found.append(Check("database", True, "reached, and of this release"))
            examined = examine(store, tell=lambda _, done, every: bar(done, every))
    except LongplayError as error:
        detail = f"{error.message}; {error.help}" if error.help else error.message
        found.append(Check("database", False, detail))
        examined = []
    return [*found, _temporal(settings), _mail(settings), *examined]


def _temporal(settings: "Settings") -> "Check":
    from engine.operations.doctor import Check

    target = settings.temporal_target
    away = Check(
        "temporal", False, f"does not answer at '{target}': start it with longplay up, or set "
        "LONGPLAY_TEMPORAL_ADDRESS",
    )  # fmt: skip
    if not is_there(target):
        return away

    async def ask() -> bool:
        client = await asyncio.wait_for(connect(settings), _PATIENCE)
        return await asyncio.wait_for(client.service_client.check_health(), _PATIENCE)

    try:
        well = asyncio.run(ask())
    except Exception as error:  # whatever a server at that address may do is a finding
        return Check("temporal", False, f"'{target}' is not well: {type(error).__name__}")
    return Check("temporal", True, f"answers at '{target}'") if well else away


def _mail(settings: "Settings") -> "Check":
    from engine.mail.transports.smtp_url import parse_smtp_url
    from engine.operations.doctor import Check

    server = parse_smtp_url(settings.mail_url)
    where = f"'{server.host}:{server.port}'"
    caught = " (mail is caught, not sent)" if settings.catches_mail else ""
    try:
        with socket.create_connection((server.host, server.port), timeout=_PATIENCE) as line:
            line.settimeout(_PATIENCE)
            greeting = b"220" if server.tls else line.recv(512)
    except OSError as error:
        reason = error.strerror or str(error)
        return Check("mail", False, f"no mail server answers at {where}: {reason}{caught}")
    if not greeting.startswith(b"220"):
        return Check("mail", False, f"what answers at {where} is no mail server")
    return Check("mail", True, f"answers at {where}{caught}")
