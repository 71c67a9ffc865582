"""Builds the image for real, and runs it: the check behind `deploy/check_image.sh`.

Exit status 0: the image is well, or this machine cannot run Docker's engine, which is said loudly,
and then what the image would hold was installed and tried without it. 1: the image is not well.
"""

import configparser
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from deploy.docker_by_hand import Engine, Unable
from deploy.image_drill import Drill, Failed

ROOT = Path(__file__).resolve().parents[1]
BASE = "longplay-base:check"
SMALL, EMBEDDED = "longplay:check", "longplay:embedded-check"
_BEGAN = time.monotonic()
_CERTIFICATES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


def tell(text: str) -> None:
    """A line for people, with the seconds since the beginning."""
    print(f"[{time.monotonic() - _BEGAN:5.0f} s] {text}", flush=True)


def main() -> int:
    """Checks it with an engine, or without."""
    try:
        with_engine()
    except Unable as reason:
        loudly(f"the image was NOT built and NOT run, because this machine cannot:\n{reason}")
        without_engine()
        loudly("the image was NOT built and NOT run; only what it would hold was installed")
    except (Failed, subprocess.SubprocessError) as error:
        print(f"the image is not well: {error}", file=sys.stderr)
        return 1
    return 0


def with_engine() -> None:
    """Builds and drills.

    Raises:
        Unable: no engine starts here, or no base image can be made.
        Failed: the image does not do what it must.
        subprocess.SubprocessError: a command of Docker failed.
    """
    with Engine() as engine:
        tell("Docker's engine stands, started by hand")
        engine.make_base(BASE)
        tell("a base image was made by debootstrap")
        build(engine, EMBEDDED, "--target=embedded")
        build(engine, SMALL)
        look_into(engine)
        drill = Drill(engine, EMBEDDED, tell)
        drill.run()
        for name, image in (("base", BASE), ("longplay", SMALL), ("embedded", EMBEDDED)):
            size = engine.docker("image", "inspect", "--format={{.Size}}", image).stdout
            tell(f"figure: {name}: {int(size) / 1e6:.0f} MB")
        for name, value in drill.figures.items():
            tell(f"figure: {name}: {value}")
    tell("the image is well, and everything is stopped")


def build(engine: Engine, name: str, *more: str) -> None:
    """Builds an image of this folder, with this machine's certificates and package index."""
    secrets = [f"--secret=id=pip.conf,src={_pip_settings(engine.folder)}"]
    if certificates := _certificates():
        secrets.append(f"--secret=id=ca.pem,src={certificates}")
    command = ["docker", "build", "--network=host", f"--build-arg=BASE={BASE}", *secrets, *more]
    for left in (2, 1, 0):
        # A network that is away for a moment is no fault of the image.
        done = engine.run(
            [*command, f"--tag={name}", str(ROOT)], within=900, check=not left, DOCKER_BUILDKIT="1"
        )
        if done.returncode == 0:
            break
        tell(f"the build failed; once more: {done.stderr.strip()[-300:]}")
    tell(f"'{name}' was built")


def look_into(engine: Engine) -> None:
    """The image as it lies there: who runs it, what begins it, and that no secret stayed in it.

    Raises:
        Failed: it is not as it must be.
    """
    form = "{{.Config.User}} {{.Config.Entrypoint}} {{.Config.StopSignal}} {{.Config.Healthcheck}}"
    told = engine.docker("image", "inspect", f"--format={form}", SMALL).stdout
    for expected in ("10001:10001", "[tini -- longplay]", "SIGTERM", "longplay-health"):
        if expected not in told:
            raise Failed(f"the image is said to be '{told.strip()}', without '{expected}'")
    hardened = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--network=none")
    strangers = ("--user=4321:4321", "--security-opt=no-new-privileges:true")
    said = engine.docker("run", "--rm", *hardened, *strangers, SMALL, "--version").stdout
    if not said.startswith("longplay 0"):
        raise Failed(f"'longplay --version' says '{said}'")
    look = "command -v temporal pip; ls /run/secrets /opt/pip; find / -xdev -name 'pip.conf'"
    found = engine.docker(
        "run", "--rm", *hardened, "--entrypoint=sh", SMALL, "-c", look, check=False
    )
    if found.stdout.strip():
        raise Failed(f"the image holds what it should not: {found.stdout}")
    tell("any user runs it, on a read-only file system and without rights")


def without_engine() -> None:
    """Installs from the image's locks and the wheel into an empty environment, and tries that.

    Raises:
        subprocess.SubprocessError: it does not install, or does not run.
    """
    with tempfile.TemporaryDirectory(prefix="longplay-wheel-") as name:
        folder = Path(name)
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
        wheel = ("wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", str(folder))
        _run(*pip, *wheel, str(ROOT))
        (built,) = folder.glob("*.whl")
        _run(sys.executable, "-m", "venv", "--without-pip", str(folder / "venv"))
        into = (*pip, f"--python={folder / 'venv/bin/python'}", "install")
        _run(*into, "--require-hashes", "-r", str(ROOT / "deploy/requirements.txt"))
        _run(*into, "--no-deps", "--no-index", str(built))
        for command in (("--version",), ("init", "acme"), ("-C", "acme", "validate")):
            _run(str(folder / "venv/bin/longplay"), *command, cwd=folder)
    tell("what the image would hold installs from its locks, and runs")


def _run(*command: str, cwd: Path | None = None) -> None:
    clean = {name: text for name, text in os.environ.items() if not name.startswith("LONGPLAY_")}
    subprocess.run(command, cwd=cwd, env=clean, check=True, stdin=subprocess.DEVNULL, timeout=900)


def _certificates() -> Path | None:
    named = (os.environ.get(name) for name in _CERTIFICATES)
    paths = [Path(each) for each in (*filter(None, named), "/etc/ssl/certs/ca-certificates.crt")]
    return next((path for path in paths if path.is_file()), None)


def _pip_settings(folder: Path) -> Path:
    """Which package index this machine asks; its folders mean nothing while an image is built."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    known = dict(line.split("=", 1) for line in listed.splitlines() if "=" in line)
    settings = configparser.RawConfigParser()
    settings["global"] = {"timeout": "180", "retries": "8"}
    for name in ("index-url", "extra-index-url"):
        written = (known.get(f":env:.{name}") or known.get(f"global.{name}") or "").strip("'")
        remote = [each for each in written.split() if each.startswith(("http://", "https://"))]
        if remote:
            settings["global"][name] = " ".join(remote)
    path = folder / "pip.conf"
    with path.open("w", encoding="utf-8") as file:
        settings.write(file)
    return path


def loudly(text: str) -> None:
    """What nobody may overlook."""
    line = "!" * 100
    print(f"{line}\n{text}\n{line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
