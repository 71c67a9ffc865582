"""One `longplay up` per home: a lock that dies with its holders, and says who holds it."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import EnvironmentFault

_PATIENCE = 15.0
_PAUSE = 0.1


@contextmanager
def hold(path: Path) -> Iterator[int]:
    """Holds the lock at `path`, and gives its descriptor for a guard to share.

    A lock whose holder has died is still held by its guard while that ends what was left over:
    this waits for it.

    Raises:
        EnvironmentFault: another one runs.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(descriptor, path)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield descriptor
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(descriptor)
            if _is_alive(holder) or time.monotonic() > deadline:
                raise EnvironmentFault(
                    f"longplay is already running in '{path.parent}' (process {holder or '?'})",
                    help="stop it first (Ctrl-C there), or give this one a LONGPLAY_HOME "
                    "and ports of its own",
                ) from None
            time.sleep(_PAUSE)
        else:
            return


def _holder(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else None


def _is_alive(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
