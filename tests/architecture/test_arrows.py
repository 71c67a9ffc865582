"""Who may import whom: the contracts in pyproject.toml, and what no import tells."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parents[2]
PURE = ("engine/playbook", "engine/runtime")
REPLAYED = "workflows"

# Moments and files that are had without an import that a contract could forbid.
CLOCKS = {"now", "utcnow", "today", "fromtimestamp"}
FILES = {"open", "input", "print", "read_text", "write_text", "read_bytes", "write_bytes"}


def test_the_arrows_go_one_way(capsys: pytest.CaptureFixture[str]) -> None:
    """Every import contract of the architecture is kept."""
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_the_contracts_cover_every_package() -> None:
    """A new top-level package is under contract from its first day."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    shipped = tools["hatch"]["build"]["targets"]["wheel"]["only-include"]
    packages = {name for name in shipped if not name.endswith(".py")} - {"migrations"}
    assert set(tools["importlinter"]["root_packages"]) == packages
    assert all((ROOT / name / "__init__.py").exists() for name in packages)


def calls(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line, receiver and name of every call in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Attribute(value=receiver, attr=name):
                    yield node.lineno, ast.unparse(receiver), name
                case ast.Name(id=name):
                    yield node.lineno, "", name


def is_impure(receiver: str, name: str) -> bool:
    """Whether a call asks a clock or touches a file."""
    asks_a_clock = name in CLOCKS and receiver.rsplit(".", maxsplit=1)[-1] in ("datetime", "date")
    return asks_a_clock or name in FILES


def impure(path: Path) -> list[str]:
    """The calls in a file that it should not make, with their places."""
    return [
        f"{path.name}:{line}: {receiver}.{name}()"
        for line, receiver, name in calls(path)
        if is_impure(receiver, name)
    ]


@pytest.mark.parametrize("folder", PURE)
def test_the_pure_core_asks_no_clock_and_opens_no_file(folder: str) -> None:
    """`now` is a parameter, and text comes in as text."""
    assert [call for path in sorted((ROOT / folder).rglob("*.py")) for call in impure(path)] == []


def test_workflows_ask_no_wall_clock() -> None:
    """A replay must see the time of the recording: `workflow.now()`, never `datetime.now()`."""
    paths = sorted((ROOT / REPLAYED).rglob("*.py"))
    assert [call for path in paths for call in impure(path)] == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("datetime.now(UTC)", True),
        ("date.today()", True),
        ("dt.datetime.utcnow()", True),
        ("open('x')", True),
        ("path.read_text()", True),
        ("workflow.now()", False),
        ("moment.now", False),
    ],
)
def test_what_counts_as_impure(tmp_path: Path, code: str, found: bool) -> None:
    """The check above sees what it claims to see."""
    path = tmp_path / "module.py"
    path.write_text(code)
    assert bool(impure(path)) is found
