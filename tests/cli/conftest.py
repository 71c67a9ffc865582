"""The command line in process, in a workspace of its own: what it says, and its exit status."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import cli


@dataclass(frozen=True)
class Said:
    """What one command said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output."""
        return json.loads(self.out)


Longplay = Callable[..., Said]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("LONGPLAY_")]:
        monkeypatch.delenv(name)
    # Nothing listens there: what is told of to Temporal is told to nobody, at once.
    monkeypatch.setenv("LONGPLAY_EMBEDDED_TEMPORAL_PORT", "1")
    monkeypatch.setenv("LONGPLAY_CATCHER_PORT", "2")


@pytest.fixture(scope="session")
def _published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("starter") / "acme"
    assert cli.run(["init", str(folder)]) == 0
    assert cli.run(["-C", str(folder), "apply"]) == 0
    return folder


@pytest.fixture
def workspace(_published: Path, tmp_path: Path) -> Path:
    """The starter workspace, published."""
    return Path(shutil.copytree(_published, tmp_path / "acme"))


@pytest.fixture
def bare(capsys: pytest.CaptureFixture[str]) -> Iterator[Longplay]:
    """`longplay`, in no workspace."""

    def run(*arguments: str) -> Said:
        capsys.readouterr()
        status = cli.run(list(arguments))
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return Said(status, captured.out, captured.err)

    yield run


@pytest.fixture
def longplay(bare: Longplay, workspace: Path) -> Longplay:
    """`longplay`, in the published starter workspace."""

    def run(*arguments: str) -> Said:
        return bare("-C", str(workspace), *arguments)

    return run


@pytest.fixture
def ann(longplay: Longplay) -> str:
    """A lead in the trial playbook; the enrollment's id."""
    said = longplay(
        "event", "form.submitted", "--lead", "ann@example.com", "--data", '{"form": "trial"}'
    )
    assert said.status == 0, said.err
    (row,) = longplay("enrollments", "list", "--json").json
    return str(row["id"])
