"""The guard: a tiny process that outlives a killed supervisor just long enough to end its children.

It reads `+PID` and `-PID` lines from standard input. When that ends while children are left, the
supervisor is gone without having stopped them (kill -9, or out of memory): the guard asks each to
end, then kills what is left. It holds the home's lock meanwhile, so that a new `longplay up` waits
until the ports are free. Run by path, with the standard library alone, to start in no time; it
works the same on Linux and macOS.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

GRACE = 8.0
_PAUSE = 0.05


class Guard:
    """The supervisor's end of the guard.

    Args:
        lock: the descriptor of the home's lock, which the guard keeps while it has work to do.
    """

    def __init__(self, lock: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).resolve())],
            stdin=subprocess.PIPE,
            # Who reads the supervisor's output must see its end when the supervisor ends.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(lock,),
            start_new_session=True,
            bufsize=0,
        )

    def watch(self, pid: int) -> None:
        """From now on the process group `pid` does not outlive the supervisor."""
        self._tell(f"+{pid}\n")

    def forget(self, pid: int) -> None:
        """The process `pid` has ended; its number may soon be another's."""
        self._tell(f"-{pid}\n")

    def dismiss(self) -> None:
        """Ends the guard; it ends what it still watches first."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        # A guard that was killed guards no longer; that is no reason to stop the servers.
        with contextlib.suppress(BrokenPipeError):
            if self._process.stdin is not None:
                self._process.stdin.write(line.encode())


def watch_over(lines: Iterable[str]) -> list[int]:
    """The processes that were left when `lines` ended, in the order of their start."""
    wards: dict[int, None] = {}
    for line in lines:
        pid = int(line[1:])
        if line[0] == "+":
            wards[pid] = None
        else:
            wards.pop(pid, None)
    return list(wards)


def end_all(pids: list[int], grace: float = GRACE) -> None:
    """Asks the processes to end, the last one first, and kills those that have not in `grace`."""
    for pid in reversed(pids):
        _send(pid, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while time.monotonic() < deadline and any(_is_alive(pid) for pid in pids):
        time.sleep(_PAUSE)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Whether it has ended and nobody has taken note: containers often lack an init that does."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False  # macOS, where orphans are always taken note of; or it has just gone
    return stat.rpartition(")")[2].split()[0] == "Z"


def main() -> None:
    """Runs the guard until its supervisor has gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    end_all(watch_over(sys.stdin))


if __name__ == "__main__":
    main()
