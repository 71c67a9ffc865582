"""The mail catcher as a process of its own, so that a flood of test mail slows nobody else."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from engine.addresses import Address
from engine.embedded.child import ChildSpec
from engine.embedded.ports import answers
from engine.errors import LongplayError
from engine.mail.catcher import run_catcher
from engine.settings import Settings

HOST = "127.0.0.1"


def catcher(settings: Settings, environment: Mapping[str, str]) -> ChildSpec:
    """How the catcher of `settings` is run."""
    address = Address(HOST, settings.catcher_port)
    return ChildSpec(
        name="catcher",
        argv=(
            *(sys.executable, "-P", "-m", "engine.embedded.catcher_process"),
            *(str(settings.mail_folder), str(settings.catcher_port)),
        ),
        environment=environment,
        drain=timedelta(seconds=1),
        is_ready=lambda: answers(address),
    )


async def serve(folder: Path, port: int, host: str = HOST) -> None:
    """Catches mail until SIGTERM."""
    task = asyncio.ensure_future(run_catcher(folder, host, port))
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def main(arguments: list[str]) -> int:
    """Runs the catcher; called with the folder, the port, and an address other than loopback."""
    folder, port, *host = arguments
    try:
        asyncio.run(serve(Path(folder), int(port), *host))
    except LongplayError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
