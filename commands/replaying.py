"""`longplay doctor --replay`: before a deployment, whether its drivers can go on with what runs."""

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from commands import place, rendering
from engine.errors import EnvironmentFault

if TYPE_CHECKING:
    from engine.settings import Settings
    from workflows.replaying import Verdict


def tell(*, limit: int, as_json: bool) -> None:
    """Replays and tells; leaves with status 1 when a history does not replay."""
    found = _replayed(place.settings(), limit=limit, quiet=as_json)
    ok = not found.failed
    if as_json:
        rendering.document({
            "ok": ok, "running": found.running, "ended": found.ended, "left_out": found.left_out,
            "failed": [one.as_json() for one in found.failed],
        })  # fmt: skip
    else:
        _tell(found)
    if not ok:
        raise typer.Exit(1)


def _tell(found: "Verdict") -> None:
    if found.failed:
        rendering.table(("id", "run", "type", "reason"), [one.as_json() for one in found.failed])
    many = found.running + found.ended
    if found.left_out:
        rendering.note(f"{found.left_out} drivers under way were not looked at: raise --limit")
    told = f"{found.running} under way, {found.ended} that ended within a day"
    if found.failed:
        rendering.say(
            f"{len(found.failed)} of {many} drivers do not replay ({told}): they would stand still "
            "under this release; do not deploy it", style="red",
        )  # fmt: skip
    else:
        rendering.say(f"all of {many} drivers replay ({told})", style="green")


def _replayed(settings: "Settings", *, limit: int, quiet: bool) -> "Verdict":
    from temporalio.service import RPCError

    from worker import connect
    from workflows.replaying import replay

    for name in ("temporalio.worker", "temporalio.workflow"):
        logging.getLogger(name).setLevel(logging.CRITICAL)

    async def ask() -> "Verdict":
        client = await connect(settings, patience=0)
        with rendering.progress("histories", quiet=quiet) as bar:
            return await replay(client, limit=limit, progress=bar, now=datetime.now(UTC))

    try:
        return asyncio.run(ask())
    except RPCError as error:
        raise EnvironmentFault(
            f"Temporal at '{settings.temporal_target}' does not give its histories: "
            f"{error.message or error.status.name}",
            help="try again, or look at it with: longplay doctor",
        ) from error
