"""One child process: how it is started, when it is ready, how it ends."""

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from engine.embedded.voice import Voice
from engine.errors import EnvironmentFault

_LAST_LINES = 12
_BIGGEST_LOG = 10_000_000
_PAUSE = 0.05


def _at_once() -> bool:
    return True


@dataclass(frozen=True)
class ChildSpec:
    """What to run, and how to live with it."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    drain: timedelta
    """How long it may take to end by itself after it was asked to."""
    log: Path | None = None
    """The file that gets its output; shown with its name in front when None."""
    is_ready: Callable[[], bool] = _at_once
    ready_within: timedelta = timedelta(seconds=60)
    hopeless: frozenset[int] = frozenset()
    """Exit statuses after which starting it again cannot help."""


class Child:
    """A running child process, in a session of its own: Ctrl-C in the terminal spares it."""

    def __init__(self, spec: ChildSpec, voice: Voice) -> None:
        self.spec = spec
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._voice = voice
        self._pump: threading.Thread | None = None
        self._process = self._start()

    @property
    def pid(self) -> int:
        """Its process id, and that of its process group."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._process.poll()

    def last_lines(self) -> str:
        """The end of what it wrote, to explain why it ended."""
        if self.spec.log is not None:
            with self.spec.log.open(encoding="utf-8", errors="replace") as file:
                self._lines.extend(line.rstrip("\n") for line in file)
        return "\n".join(self._lines)

    def wait_until_ready(self, stopping: Callable[[], bool]) -> None:
        """Returns once it can be used, or as soon as `stopping`.

        Raises:
            EnvironmentFault: it ended, or took too long.
        """
        deadline = time.monotonic() + self.spec.ready_within.total_seconds()
        while not stopping():
            if self.status is not None:
                raise self.fault(f"'{self.spec.name}' ended while starting ({self.how_it_ended()})")
            if self.spec.is_ready():
                return
            if time.monotonic() > deadline:
                raise self.fault(
                    f"'{self.spec.name}' was not ready after "
                    f"{self.spec.ready_within.total_seconds():.0f} seconds"
                )
            time.sleep(_PAUSE)

    def fault(self, message: str) -> EnvironmentFault:
        """The fault that `message` tells, with the child's last words as help."""
        self.join_output()
        words = self.last_lines() or "nothing"
        return EnvironmentFault(message, help=f"its last lines were:\n{words}")

    def how_it_ended(self) -> str:
        """`exit status 1` or `signal 9`; empty while it runs."""
        status = self.status
        if status is None:
            return ""
        return f"exit status {status}" if status >= 0 else f"signal {-status}"

    def ask_to_end(self) -> None:
        """Sends SIGTERM, if it still runs."""
        if self.status is None:
            self._process.terminate()

    def kill(self) -> None:
        """Ends it and whatever it started, at once."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            # An ended group; macOS says "not permitted" where only zombies are left in it.
            self._process.kill()
        self._process.wait()

    def join_output(self) -> None:
        """Waits for the end of its output, which a grandchild may hold open."""
        if self._pump is not None:
            self._pump.join(timeout=1)

    def _start(self) -> subprocess.Popen[bytes]:
        if self.spec.log is not None:
            with _fresh_log(self.spec.log).open("ab") as log:
                return self._popen(log.fileno())
        process = self._popen(subprocess.PIPE)
        self._pump = threading.Thread(target=self._repeat, args=(process,), daemon=True)
        self._pump.start()
        return process

    def _popen(self, output: int) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                self.spec.argv,
                env=self.spec.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise EnvironmentFault(
                f"'{self.spec.name}' cannot be started: {error.strerror} ('{self.spec.argv[0]}')"
            ) from error

    def _repeat(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdout is None:
            return
        with process.stdout as output:
            for raw in output:
                line = raw.decode(errors="replace").rstrip("\r\n")
                self._lines.append(line)
                self._voice.repeat(self.spec.name, line)


def _fresh_log(path: Path) -> Path:
    """`path`, after putting a log that grew too big aside."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _BIGGEST_LOG:
        path.replace(path.with_suffix(path.suffix + ".1"))
    return path
