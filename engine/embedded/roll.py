"""The roll: which children run, on disk, for the case that supervisor and guard died together.

`kill -9` of both leaves the servers running with nobody to end them, and their ports taken. The
next start reads the roll and ends them. A process counts as ours only if it still has the command
line that we gave it: numbers are used again.
"""

import contextlib
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from engine.embedded.guard import end_all


class Roll:
    """The children that run, by process id.

    Args:
        path: the file that remembers them.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._commands: dict[int, str] = {}

    def note(self, pid: int, argv: Sequence[str]) -> None:
        """A child was started."""
        self._commands[pid] = " ".join(argv)
        self._write()

    def strike(self, pid: int) -> None:
        """A child has ended."""
        self._commands.pop(pid, None)
        self._write()

    def end_remnants(self) -> int:
        """Ends what an earlier supervisor left running, and answers how many that were."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            before = json.loads(self._path.read_text(encoding="utf-8"))
            left = [int(pid) for pid, command in before.items() if _command(int(pid)) == command]
            end_all(left)
            return len(left)
        return 0

    def _write(self) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(self._commands), encoding="utf-8")
        fresh.replace(self._path)


def _command(pid: int) -> str:
    """The command line of a process, its words parted by spaces; empty if there is none."""
    proc = Path(f"/proc/{pid}/cmdline")
    if proc.parent.parent.joinpath("self").exists():
        with contextlib.suppress(OSError):
            return proc.read_text(errors="replace").rstrip("\0").replace("\0", " ")
        return ""
    shown = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return shown.stdout.strip()
