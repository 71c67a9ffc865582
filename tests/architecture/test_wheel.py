"""The package as others get it: built, installed somewhere else, and run from another folder."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by hatchling from this folder."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new virtual environment in which only Longplay is new.

    Its dependencies are those that are here already, lent by a path file; a path file's own path
    files are not read, so an editable Longplay does not come along.
    """
    home = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", str(home))
    (site,) = home.glob("lib/python*/site-packages")
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin/python")]
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", "--ignore-installed", str(wheel))
    return home / "bin"


def run(*command: str, cwd: Path | None = None) -> str:
    """What a command that must succeed prints."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LONGPLAY_", "PYTHONPATH", "COV_", "PYTEST_"))
    }
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_wheel_carries_code_and_starter_and_nothing_else(wheel: Path) -> None:
    """Tests, benchmarks and documents stay at home."""
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {
        *("engine", "workflows", "activities", "rehearsal", "web", "commands", "migrations"),
        *("cli.py", "worker.py"),
    }
    assert "engine/starter/longplay.yaml" in names
    assert any(name.startswith("engine/starter/playbooks/") for name in names)
    assert any(name.startswith("engine/starter/templates/") for name in names)
    assert "engine/starters/saas/longplay.yaml" in names
    assert not [name for name in names if "/.longplay/" in name or name.endswith(".pyc")]


def test_the_wheel_carries_every_file_of_its_packages(wheel: Path) -> None:
    """Pages, styles, translations, revisions: nothing that is kept here is left behind."""
    names = set(zipfile.ZipFile(wheel).namelist())
    packages = ("engine", "workflows", "activities", "rehearsal", "web", "commands", "migrations")
    kept = subprocess.run(
        ["git", "ls-files", "--", *packages], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if kept.returncode != 0:
        pytest.skip("this is no clone: nobody knows which files are kept")
    here = {name for name in kept.stdout.splitlines() if (ROOT / name).exists()}
    assert len(here) > 300
    assert here - names == set()


def test_the_installed_command_runs_elsewhere(installed: Path, tmp_path: Path) -> None:
    """`longplay` explains itself from a folder that has nothing to do with us."""
    assert "validate" in run(str(installed / "longplay"), "--help", cwd=tmp_path)


def test_the_installed_package_brings_its_starter(installed: Path, tmp_path: Path) -> None:
    """`longplay init` writes a workspace that `longplay validate` finds nothing wrong with."""
    run(str(installed / "longplay"), "init", "acme", cwd=tmp_path)
    assert (tmp_path / "acme" / "longplay.yaml").is_file()
    run(str(installed / "longplay"), "-C", "acme", "validate", cwd=tmp_path)
