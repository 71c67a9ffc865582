"""Docker's engine, started by hand where none runs: no bridge, no rules of a firewall, no service.

It keeps everything in a folder of its own that is thrown away, and ends only what it started. What
a machine cannot do, for want of rights or of a network, is `Unable`: that is no fault of the image.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
INCLUDED = "python3,python3-venv,tini,ca-certificates"
_STARTS_WITHIN = 60.0
_ROOM = 6 * 2**30
"""Bytes that base, images and the cache of builds have place in; they take two thirds of it."""
_LEFT_OUT = (
    "var/cache/apt/*", "var/lib/apt/lists/*", "usr/share/doc/*", "usr/share/man/*",
    "usr/share/locale/*", "var/log/*",
)  # fmt: skip


class Unable(Exception):
    """This machine cannot do it; the text says what, and why."""


def system_environment(**more: str) -> dict[str, str]:
    """The environment for the system's own programs: their path, and no Python of ours."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "PATH": SYSTEM_PATH, **more}


class Engine:
    """The engine; as a context it is started, and in the end stopped with all that it ran."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="longplay-docker-"))
        self.address = f"unix://{self.folder}/socket"
        self._log = self.folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Engine":
        """Starts it.

        Raises:
            Unable: it does not start here.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stops it, and removes its folder."""
        self.stop()

    def _start(self) -> None:
        if os.geteuid() != 0:
            raise Unable("Docker's engine wants to be started by root")
        if shutil.which("dockerd", path=SYSTEM_PATH) is None:
            raise Unable("there is no 'dockerd', and it could not be installed")
        if _spare_memory() > 2 * _ROOM:
            # On a disk most of the time would go by with waiting for it, the more so at the end.
            room = ["mount", "-t", "tmpfs", "-o", f"size={_ROOM},mode=700", "tmpfs"]
            self.run([*room, str(self.folder)], check=False)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    "dockerd", "--bridge=none", "--iptables=false", "--ip6tables=false",
                    f"--data-root={self.folder / 'data'}", f"--exec-root={self.folder / 'run'}",
                    f"--pidfile={self.folder / 'pid'}", f"--host={self.address}",
                ],
                env=system_environment(), stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + _STARTS_WITHIN
        while self.docker("version", check=False).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise Unable(f"Docker's engine does not start here; its last words:\n{self.said()}")
            time.sleep(0.3)

    def said(self, lines: int = 12) -> str:
        """The end of the engine's log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])

    def docker(
        self, *arguments: str, check: bool = True, within: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Runs `docker` with this engine.

        Raises:
            subprocess.SubprocessError: it failed, and `check` is on; or it took too long.
        """
        return self.run(["docker", *arguments], check=check, within=within)

    def run(
        self,
        command: Sequence[str],
        *,
        check: bool = True,
        within: float = 120,
        cwd: Path | None = None,
        **more: str,
    ) -> subprocess.CompletedProcess[str]:
        """Runs a program of the system that speaks to this engine; `more`: its variables."""
        done = subprocess.run(
            command, cwd=cwd, env=system_environment(DOCKER_HOST=self.address, **more), check=False,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=within,
        )  # fmt: skip
        if check and done.returncode != 0:
            print(done.stdout[-4000:], done.stderr[-4000:], sep="\n", flush=True)
            done.check_returncode()
        return done

    def stop(self) -> None:
        """Ends the engine that was started here, and removes what it kept."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                # Its session holds what it started besides, its containerd above all.
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        for mount in reversed(_mounts_at(self.folder)):
            subprocess.run(["umount", "--lazy", mount], env=system_environment(), check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def make_base(self, name: str) -> None:
        """Makes a base image of Debian's own packages, as small as debootstrap makes it.

        Raises:
            Unable: the packages cannot be fetched, or no container runs on this machine.
        """
        root = self.folder / "base"
        for _ in range(2):
            made = self.run(
                ["debootstrap", "--variant=minbase", f"--include={INCLUDED}", _suite(), str(root)],
                check=False, within=900,
            )  # fmt: skip
            if made.returncode == 0:
                break
            shutil.rmtree(root, ignore_errors=True)
        else:
            raise Unable(f"debootstrap made no system:\n{made.stdout[-600:]}{made.stderr[-600:]}")
        archive = self.folder / "base.tar"
        left_out = [f"--exclude=./{each}" for each in _LEFT_OUT]
        self.run(["tar", "-C", str(root), *left_out, "-cf", str(archive), "."], within=300)
        shutil.rmtree(root, ignore_errors=True)
        self.docker("import", str(archive), name, within=300)
        archive.unlink()
        tried = self.docker("run", "--rm", "--network=host", name, "true", check=False)
        if tried.returncode != 0:
            raise Unable(f"no container runs here: {tried.stderr.strip()[-600:]}")


def _suite() -> str:
    lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    known = dict(line.split("=", 1) for line in lines if "=" in line)
    return known.get("VERSION_CODENAME", "bookworm").strip('"')


def _mounts_at(folder: Path) -> list[str]:
    """What is mounted there and below, the outermost first."""
    lines = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    paths = [line.split(" ")[1] for line in lines]
    return [path for path in paths if path == str(folder) or path.startswith(f"{folder}/")]


def _spare_memory() -> int:
    """Bytes that can be had without swapping; 0 where nobody knows."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="utf-8")
    except OSError:
        return 0
    known = dict(line.split(":", 1) for line in text.splitlines())
    return int(known.get("MemAvailable", "0").split()[0]) * 1024
