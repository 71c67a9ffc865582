"""A whole embedded set-up for load and fault tests, each part a process of its own.

It starts Temporal's real dev server on a file, a mail sink, workers and web servers, on free ports
of the loopback, in a folder that is thrown away; it ends only what it started, by pid.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.operations import editions, publish
from engine.store.database import Store
from engine.store.schema import migrate

ROOT = Path(__file__).resolve().parents[1]
PYTHON = sys.executable
_WORKER = "import worker; from engine.settings import load_settings; worker.main(load_settings())"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def free_pair() -> int:
    """A port that is free, and so is the one 1000 above it."""
    while True:
        port = free_port()
        if port > 60_000:
            continue
        with socket.socket() as above:
            try:
                above.bind(("127.0.0.1", port + 1000))
            except OSError:
                continue
            return port


def cpu_seconds(pid: int) -> float:
    """CPU time that a process and its children have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = sum(int(fields[n]) for n in (11, 12, 13, 14)) / os.sysconf("SC_CLK_TCK")
    return own + sum(cpu_seconds(child) for child in children(pid))


def children(pid: int) -> list[int]:
    """The processes that a process has started and that live, in order of their start."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sorted(
        int(child) for thread in threads for child in (thread / "children").read_text().split()
    )


def resident(pid: int) -> float:
    """Megabytes of memory that a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@dataclass
class Arena:
    """The parts, by name; `start_*` may be called again after a kill."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="longplay-arena-")))
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    temporal_port: int = field(default_factory=free_pair)
    sink_port: int = field(default_factory=free_port)
    web_port: int = field(default_factory=free_port)
    web_ports: dict[str, int] = field(default_factory=dict)
    hooks_port: int = field(default_factory=free_port)
    smtp_url: str = ""
    database_url: str = ""
    spent: dict[str, float] = field(default_factory=dict)

    def __enter__(self) -> "Arena":
        (self.folder / ".longplay").mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self.processes):
            self.kill(name, signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def store_url(self) -> str:
        return self.database_url or f"sqlite:///{self.folder}/.longplay/longplay.db"

    @property
    def sink_log(self) -> Path:
        return self.folder / "accepted.tsv"

    @property
    def fault_log(self) -> Path:
        return self.folder / "misdeeds.tsv"

    @property
    def hooks_log(self) -> Path:
        return self.folder / "calls.tsv"

    def web_port_of(self, name: str) -> int:
        """The port of a web server; the first one's is `web_port`."""
        first = not self.web_ports
        return self.web_ports.setdefault(name, self.web_port if first else free_port())

    def environment(self) -> dict[str, str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("LONGPLAY_")}
        return clean | {
            "PYTHONPATH": str(ROOT),
            "LONGPLAY_WORKSPACE": str(self.folder),
            "LONGPLAY_DATABASE_URL": self.store_url,
            "LONGPLAY_EMBEDDED_TEMPORAL_PORT": str(self.temporal_port),
            "LONGPLAY_SMTP_URL": self.smtp_url
            or f"smtp://127.0.0.1:{self.sink_port}?starttls=never",
            "LONGPLAY_WEB_ADDRESS": f"127.0.0.1:{self.web_port}",
            "LONGPLAY_SECRET_KEY": "a-key-for-the-arena-and-nothing-else",
        }

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def publish(self) -> Store:
        """Migrates the store and publishes the folder."""
        store = Store(self.store_url)
        migrate(store)
        folder = editions.read_folder(self.folder)
        checked = editions.check(folder)
        for found in checked.diagnostics:
            print(found, file=sys.stderr)
        publish.publish(store, editions.edition_of(folder, checked))
        return store

    def start(
        self, name: str, argv: list[str], environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                argv,
                env=self.environment() | dict(environment or {}),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes[name] = process
        return process

    def start_temporal(self) -> None:
        binary = str(Path(PYTHON).with_name("temporal"))
        argv = [binary, "server", "start-dev", "--ip", "127.0.0.1", "--disable-config-file"]
        argv += ["--port", str(self.temporal_port), "--headless", "--log-level", "error"]
        argv += ["--db-filename", str(self.folder / ".longplay" / "temporal.db")]
        for pragma in ("journal_mode=wal", "synchronous=normal"):
            argv += ["--sqlite-pragma", pragma]
        for attribute in ("Playbook", "PlaybookVersion", "Lane"):
            argv += ["--search-attribute", f"{attribute}=Keyword"]
        self.start("temporal", argv)
        wait_for_port(self.temporal_port)

    def start_sink(self, *rules: str, delay: float = 0.0) -> None:
        argv = [PYTHON, str(ROOT / "bench" / "sink.py"), "--port", str(self.sink_port)]
        argv += ["--log", str(self.sink_log), "--faults", str(self.fault_log)]
        argv += ["--delay", str(delay)]
        for rule in rules:
            argv += ["--rule", rule]
        self.start("sink", argv)
        wait_for_port(self.sink_port)

    def start_hooks(self, *rules: str) -> None:
        argv = [PYTHON, str(ROOT / "bench" / "hooks.py"), "--port", str(self.hooks_port)]
        argv += ["--log", str(self.hooks_log)]
        for rule in rules:
            argv += ["--rule", rule]
        self.start("hooks", argv)
        wait_for_port(self.hooks_port)

    def start_worker(self, name: str = "worker") -> None:
        self.start(name, [PYTHON, "-P", "-c", _WORKER])

    def start_web(self, name: str = "web") -> None:
        port = self.web_port_of(name)
        address = {"LONGPLAY_WEB_ADDRESS": f"127.0.0.1:{port}"}
        self.start(name, [PYTHON, "-P", "-m", "cli", "web"], address)
        wait_for_port(port)

    def kill(
        self, name: str, number: signal.Signals = signal.SIGKILL, *, alone: bool = False
    ) -> None:
        """Ends a part; `alone`: a kill -9 spares its children, who notice by themselves."""
        process = self.processes.pop(name)
        if process.poll() is None:
            self.spent[name] = self.spent.get(name, 0.0) + cpu_seconds(process.pid)
            if number == signal.SIGKILL and not alone:
                os.killpg(process.pid, number)  # its children, too
            else:
                process.send_signal(number)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def cpu(self) -> dict[str, float]:
        """CPU seconds by part, the killed ones included."""
        now = dict(self.spent)
        for name, process in self.processes.items():
            if process.poll() is None:
                now[name] = now.get(name, 0.0) + cpu_seconds(process.pid)
        return now

    def accepted_count(self) -> int:
        """How many messages the sink took: cheap enough to ask again and again."""
        if not self.sink_log.exists():
            return 0
        return self.sink_log.read_bytes().count(b"\n")

    def accepted(self) -> list[tuple[str, str]]:
        """What the sink took: (Message-ID, recipient), in order."""
        if not self.sink_log.exists():
            return []
        lines = self.sink_log.read_text().splitlines()
        return [(one, two) for one, _, two in (line.partition("\t") for line in lines)]


def wait_for_port(port: int, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing answers on port {port}")


def wait_until(what: object, seconds: float, look: float = 0.2) -> bool:
    """Asks `what` (a callable) until it is true or the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if callable(what) and what():
            return True
        time.sleep(look)
    return False
